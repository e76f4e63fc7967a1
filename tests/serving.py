"""A page with a model that repeats what it is told, and the browser to look at it with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.serve import Door, served
from app.settings import Settings
from model.families import TINY, Family
from model.messages import ImagePart, Message
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.chromium import find_browser

READY = "#chat-box textarea"
LOADED = "#chat-past .past, #chat-past .empty"


class Echo:
    """Says the last words it was told, again and again when they begin with "long", a piece every 20 ms."""

    name = "echo"
    family: Family = TINY

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        reply = Reply(iter(()))
        reply.usage.prompt_tokens = sum(len(message.text) for message in messages)
        reply.usage.image_tokens = sum(isinstance(part, ImagePart) for message in messages for part in message.parts)
        reply.pieces = self.pieces(messages[-1].text, reply, sampling)
        return reply

    def pieces(self, text: str, reply: Reply, sampling: Sampling) -> Iterator[str]:
        usage, began = reply.usage, time.monotonic()
        usage.prefill_s = 0.01
        words = text.split(" ") * (1000 if text.startswith("long") else 1)
        for word in words:
            if reply.cancelled.wait(0.02):
                usage.finish = "cancelled"
                break
            if usage.new_tokens == sampling.max_new_tokens:
                usage.finish = "length"
                break
            usage.new_tokens += 1
            usage.total_s = time.monotonic() - began
            yield f"{word} "
        usage.finish = usage.finish or "stop"
        usage.total_s = time.monotonic() - began


@contextmanager
def page_of(folder: Path, model: VisionLanguageModel | None = None, **door: str) -> Iterator[str]:
    """The address that lets a browser in. model: answers; None: Echo."""
    with served(Settings(runs=folder / "runs"), folder / "data", Door(port=0, **door), model or Echo()) as address:
        yield address


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_browser()), args=["--no-sandbox", *flags])
        yield browser
        browser.close()


def enter(browser: Browser, address: str, **settings: str) -> Page:
    """A new person's page, ready."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}, **settings).new_page()  # type: ignore[arg-type]
    page.goto(address)
    page.wait_for_selector(LOADED)
    return page
