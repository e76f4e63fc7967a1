"""Engine: one Chromium process; how it is started, what happens when it does not answer, and how it ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Playwright, sync_playwright

from tools.chromium import VARIABLE, find_browser
from tools.errors import UserError

ANSWER_S = 30.0  # a page that keeps one click or capture waiting for longer hangs; Chromium itself asks after 15
CLOSE_S = 5.0

FLAGS = (
    "--font-render-hinting=none",  # glyphs as wide at every device scale, so that pages break lines in one way only
    "--disable-smooth-scrolling",  # a wheel turn is done at once; nothing to wait for
)
# Beside a proxy: no way out that would not lead through it.
GUARDED = (
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # names are resolved by the proxy alone
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its name in older ones
    "--disable-quic",
    "--autofill-server-url=about:blank",  # else what fields a page has is told to Chromium's maker
)
# Playwright's own flags that we do not want. Scroll bars are all that a picture says about there being more below, and
# can be dragged. Without the blocker of pop-ups a page can open tabs nobody asked for.
UNWANTED = ("--hide-scrollbars", "--disable-popup-blocking")


class Engine:
    def __init__(self, headed: bool, answer_s: float = ANSWER_S, proxy: str = "") -> None:
        """proxy: the only way out; "": the network is open. Raises UserError when no browser starts."""
        self.answer_s = answer_s
        program = find_browser()
        if program is None:
            chosen = os.environ.get(VARIABLE)
            raise UserError(
                f"{VARIABLE}={chosen} is not a program; correct it or unset it"
                if chosen
                else "no Chrome, Chromium or Edge found; install one, or run: python -m playwright install chromium"
            )
        self.ended_pages = False  # set when a page did not answer in time
        self._driver = _DRIVER
        playwright = self._driver.enter()
        try:
            self.chromium = playwright.chromium.launch(
                executable_path=program,
                headless=not headed,
                args=[*FLAGS, *(GUARDED if proxy else ())],
                proxy={"server": proxy, "bypass": "<-loopback>"} if proxy else None,  # for this machine's own too
                ignore_default_args=list(UNWANTED),
                chromium_sandbox=not _is_root(),  # Chromium refuses its sandbox to root
                handle_sigint=False,  # ours to end: see `interrupts_wait`
                handle_sigterm=False,
                handle_sighup=False,
            )
            session = self.chromium.new_browser_cdp_session()
            processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
            session.detach()
        except PlaywrightError as error:
            self._driver.leave()
            raise UserError(f"{program} did not start: {_reason(error, headed)}") from error
        self.pid = next(int(process["id"]) for process in processes if process["type"] == "browser")

    @contextmanager
    def answers(self, extra_s: float = 0.0) -> Iterator[None]:
        """Around every call that a page could leave unanswered for ever, which Playwright would wait for.

        When time is up the pages' processes are ended, so that the call inside raises Playwright's Error; when that
        does not help, the browser is.
        """
        limit_s = self.answer_s + extra_s
        timers = [threading.Timer(limit_s, self._end_pages), threading.Timer(limit_s + CLOSE_S, self._kill)]
        for timer in timers:
            timer.daemon = True
            timer.start()
        try:
            with interrupts_wait():
                yield
        finally:
            for timer in timers:
                timer.cancel()

    def close(self, interrupted: bool = False) -> None:
        """End the browser, politely if it answers. interrupted: Ctrl-C broke a Playwright call, and none works now."""
        if interrupted:
            self._kill()
            return
        timer = threading.Timer(CLOSE_S, self._kill)
        timer.start()
        try:
            with interrupts_wait(), suppress(PlaywrightError):
                self.chromium.close()
        finally:
            timer.cancel()
            self._driver.leave()

    def _end_pages(self) -> None:
        self.ended_pages = True
        with suppress(psutil.Error):
            for process in psutil.Process(self.pid).children(recursive=True):
                with suppress(psutil.Error):
                    if "--type=renderer" in process.cmdline():
                        process.kill()

    def _kill(self) -> None:
        with suppress(psutil.Error):
            psutil.Process(self.pid).kill()


class _Driver(threading.local):
    """Playwright's own process: one for each thread, which is all it allows, however many browsers there are."""

    users = 0
    playwright: Playwright | None = None

    def enter(self) -> Playwright:
        if self.playwright is None:
            self.playwright = sync_playwright().start()
        self.users += 1
        return self.playwright

    def leave(self) -> None:
        self.users -= 1
        if self.users == 0 and self.playwright is not None:
            with interrupts_wait(), suppress(PlaywrightError):
                self.playwright.stop()
            self.playwright = None


_DRIVER = _Driver()


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Holds Ctrl-C back until the block is left; a second one comes through.

    An exception raised in the middle of a Playwright call leaves its event loop dead, and every later call, closing
    the browser among them, would wait for ever.
    """
    on_interrupt = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(on_interrupt):
        yield
        return
    came: list[FrameType | None] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            on_interrupt(number, frame)
        came.append(frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, on_interrupt)
        if came:
            on_interrupt(signal.SIGINT, came[0])


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _reason(error: PlaywrightError, headed: bool) -> str:
    text = str(error)
    if "No usable sandbox" in text:
        return "this system forbids its sandbox to ordinary users; allow unprivileged user namespaces (sysctl)"
    if headed and ("Missing X server" in text or "ozone_platform_x11" in text or "DISPLAY" in text):
        return "there is no display for its window; leave out --headed, or start Handeye through xvfb-run"
    return text.strip().splitlines()[0]
