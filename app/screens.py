"""Where a task is done, as one address: a page's own, desktop:PART or sandbox:APP,APP."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace
from collections.abc import Iterator
from types import FrameType

from tools.errors import UserError

DESKTOP, SANDBOX = "desktop:", "sandbox:"
APPS = "xterm"
COUNTDOWN_S = 3
WARNING = "mouse and keyboard are the agent's; Ctrl+Alt+Esc or the pointer in a corner stops it"


def start_of(arguments: Namespace) -> str:
    """The address that the flags of `act` mean. Raises UserError."""
    if arguments.apps and not arguments.sandbox:
        raise UserError("--apps are programs of the virtual desktop; add --sandbox")
    if arguments.screen and not arguments.desktop:
        raise UserError("--screen is a part of your own screen; add --desktop")
    if arguments.url and (arguments.desktop or arguments.sandbox):
        raise UserError("--url is for the browser; leave it out, or --desktop and --sandbox")
    if arguments.sandbox:
        return SANDBOX + (arguments.apps or APPS)
    return DESKTOP + (arguments.screen or "all") if arguments.desktop else str(arguments.url or "about:blank")


def sandbox_apps(start: str) -> tuple[str, ...]:
    """The command lines; none: it is no virtual desktop."""
    named = start.removeprefix(SANDBOX) if start.startswith(SANDBOX) else ""
    apps = tuple(app.strip() for app in named.split(",") if app.strip())
    return apps or ((APPS,) if start.startswith(SANDBOX) else ())


def desktop_part(start: str) -> str:
    """ "": it is not the person's own desktop."""
    return start.removeprefix(DESKTOP) or "all" if start.startswith(DESKTOP) else ""


def countdown(start: str, stopped: threading.Event) -> Iterator[int]:
    """The seconds that are left before the agent takes a person's own screen; ends early when it is stopped."""
    for left in range(COUNTDOWN_S if desktop_part(start) else 0, 0, -1):
        yield left
        if stopped.wait(1):
            return


def end_when_told() -> None:
    """SIGTERM ends as Ctrl-C does, so that no key stays pressed and no program is left running."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)
