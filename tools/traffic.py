"""Which requests of the pages are under way, so far as the screen may change when they end."""

from __future__ import annotations

import time

from playwright.sync_api import BrowserContext, Request

VISIBLE = {"document", "stylesheet", "image", "font", "script", "xhr", "fetch"}
STALE_S = 30.0  # a page asked for so long ago is not what the last action brought


class Traffic:
    def __init__(self, context: BrowserContext) -> None:
        self.pages_asked = 0  # how often a page was requested, in any tab or frame
        self._under_way: dict[Request, float] = {}  # -> when it began
        self._endless: set[str] = set()  # addresses that once kept us waiting in vain
        context.on("request", self._begin)
        context.on("requestfinished", self._end)
        context.on("requestfailed", self._end)

    def forget_earlier(self) -> None:
        """From now on only what begins later counts, and pages that are still on their way."""
        fresh = time.monotonic() - STALE_S
        self._under_way = {
            request: since for request, since in self._under_way.items() if _is_page(request) and since > fresh
        }

    @property
    def is_busy(self) -> bool:
        return bool(self._under_way)

    @property
    def awaits_page(self) -> bool:
        return any(_is_page(request) for request in self._under_way)

    def give_up(self) -> None:
        """The wait ended without them: never wait for these again (long polls, streams), pages excepted."""
        self._endless |= {_place(request) for request in self._under_way if not _is_page(request)}
        self.forget_earlier()

    def _begin(self, request: Request) -> None:
        self.pages_asked += _is_page(request)
        if request.resource_type in VISIBLE and _place(request) not in self._endless:
            self._under_way[request] = time.monotonic()

    def _end(self, request: Request) -> None:
        self._under_way.pop(request, None)


def _is_page(request: Request) -> bool:
    return request.resource_type == "document"


def _place(request: Request) -> str:
    """The address without its query, in which long polls carry a counter."""
    return request.url.partition("?")[0]
