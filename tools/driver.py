"""What the hands need of a system's screen, mouse and keyboard; and which one this system has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from tools.actions import Button
from tools.display import Display
from tools.geometry import Box, Point


class Driver(Protocol):
    """Places are in desktop units, of which the first monitor's corner may not be the origin. Any call may raise
    EnvironmentLost."""

    def place(self) -> Point:
        """Of the pointer."""
        ...

    def move(self, to: Point) -> Point:
        """Returns where the pointer was just before."""
        ...

    def button(self, button: Button, down: bool) -> None: ...

    def wheel(self, right: int, down: int) -> None:
        """One notch in one direction; each of them -1, 0 or 1."""
        ...

    def key(self, name: str, down: bool) -> None:
        """name: from tools/keys.py, or one character. Raises ActionFailed for what this keyboard lacks."""
        ...

    def write(self, text: str, beat: Callable[[], None]) -> None:
        """Characters that are no keys of another name; `beat` is called before each and may raise."""
        ...

    def release(self) -> None:
        """Every key and button that was pressed here and is still down."""
        ...

    def title(self) -> str:
        """Of the window in front."""
        ...

    def window(self, title: str) -> Box | None:
        """The newest window with these words in its title; None: there is none."""
        ...

    def watch(self, pushed: Callable[[Callable[[], Point]], bool], stop: Callable[[], None]) -> Callable[[], None]:
        """Call `stop`, from another thread, when a person presses the stop key or `pushed`; returns what ends that.

        pushed: is given a way to ask for the pointer's place that the thread may use.
        """
        ...

    def close(self) -> None: ...


def open_driver(display: Display) -> Driver:
    if sys.platform in ("win32", "darwin"):
        from tools.native import Native

        return Native()
    from tools.x11 import X11

    return X11(display)
