"""Hands on a desktop: mouse and keyboard through a driver, stopped between any two events, nothing left pressed."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tools.actions import Button
from tools.driver import Driver
from tools.environment import ActionFailed
from tools.geometry import Box, Point
from tools.keys import parse_keys
from tools.pointer import Watched

MAX_TEXT = 100_000
MAX_CLICKS = 10
MAX_SCROLL = 100_000  # pixels
NOTCH = 53.0  # desktop units that a notch of the wheel scrolls, about three lines; programs differ
DRAG_STEPS = 20  # moves between press and release; programs tell a drag from a click by them
MOVE_S = 0.01  # after each of them
CLICK_S = 0.03  # a button is down, and then up before it is pressed again
APART_S = 0.6  # after a click, one at the same place would make it a double click
NEAR = 6  # desktop units that are the same place
STOP_KEY = {"ctrl", "alt", "escape"}


class Stopped(ActionFailed):
    """By a person, in the middle of an action."""


@dataclass(frozen=True)
class _Click:
    at: Point
    when: float  # time.monotonic


class DesktopHands:
    """All points are in desktop units."""

    def __init__(self, driver: Driver, monitors: Sequence[Box], beat: Callable[[], None]) -> None:
        """beat: called before every event; may raise, and then everything is released."""
        self._driver, self._beat = driver, beat
        self.pointer = Watched(driver.place, driver.move, monitors)
        self._last = _Click(Point(-1e9, -1e9), 0.0)

    def point(self, at: Point | None) -> None:
        """Put the pointer there; None leaves it where it is."""
        self._beat()
        if at is not None:
            self.pointer.move(at)

    def click(self, at: Point | None, button: Button, times: int, modifiers: tuple[str, ...]) -> None:
        if not 1 <= times <= MAX_CLICKS:
            raise ActionFailed(f"{times} clicks at once; give 1 to {MAX_CLICKS}")
        with self._held(known_keys(modifiers) if modifiers else ()):
            self.point(at)
            self._keep_apart()
            for _ in range(times):
                with self._pressed(button):
                    time.sleep(CLICK_S)
                time.sleep(CLICK_S if times > 1 else 0.0)
        self._last = _Click(self._driver.place(), time.monotonic())

    def drag(self, start: Point | None, to: Point, button: Button) -> None:
        self.point(start)
        begin = self._driver.place()
        with self._pressed(button):
            for part in (step / DRAG_STEPS for step in range(1, DRAG_STEPS + 1)):
                time.sleep(MOVE_S)
                self.point(Point(begin.x + (to.x - begin.x) * part, begin.y + (to.y - begin.y) * part))
            time.sleep(MOVE_S)

    def scroll(self, at: Point | None, dx: float, dy: float) -> None:
        """In desktop units, at least one notch in a direction that is asked for."""
        if not (abs(dx) <= MAX_SCROLL and abs(dy) <= MAX_SCROLL):  # NaN too
            raise ActionFailed(f"a scroll of ({dx:.0f}, {dy:.0f}) pixels is too far; stay within {MAX_SCROLL}")
        self.point(at)
        for distance, right, down in ((dy, 0, 1), (dx, 1, 0)):
            sign = 1 if distance > 0 else -1
            for _ in range(max(1, round(abs(distance) / NOTCH)) if distance else 0):
                self._beat()
                self._driver.wheel(right * sign, down * sign)

    def type(self, text: str) -> None:
        """Line ends and tabs are the keys of that name."""
        if len(text) > MAX_TEXT:
            raise ActionFailed(f"{len(text)} characters at once; type at most {MAX_TEXT}")
        refused = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\r\n\t"}
        if refused:
            names = ", ".join(f"U+{ord(letter):04X}" for letter in sorted(refused)[:5])
            raise ActionFailed(f"the text holds control characters that no key types ({names}); leave them out")
        for piece in re.split(r"(\r\n|\r|\n|\t)", text):
            match piece:
                case "":
                    pass
                case "\t":
                    self._tap("tab")
                case "\n" | "\r" | "\r\n":
                    self._tap("enter")
                case _:
                    self._driver.write(piece, self._beat)

    def press(self, names: tuple[str, ...]) -> None:
        keys = known_keys(names)
        if set(keys) >= STOP_KEY:
            raise ActionFailed("ctrl+alt+escape is how a person stops this; use other keys")
        if len(keys) == 1 and len(keys[0]) == 1:
            self._driver.write(keys[0], self._beat)
            return
        with self._held(keys):
            time.sleep(CLICK_S)

    def _keep_apart(self) -> None:
        """Two single clicks at one place are no double click, however fast the second is asked for."""
        at, wait_s = self._driver.place(), APART_S - (time.monotonic() - self._last.when)
        if abs(at.x - self._last.at.x) <= NEAR and abs(at.y - self._last.at.y) <= NEAR and wait_s > 0:
            time.sleep(wait_s)

    def _tap(self, key: str) -> None:
        with self._held((key,)):
            pass

    @contextmanager
    def _held(self, keys: tuple[str, ...]) -> Iterator[None]:
        try:
            for key in keys:
                self._beat()
                self._driver.key(key, True)
            yield
            for key in reversed(keys):
                self._driver.key(key, False)
        finally:
            self._driver.release()

    @contextmanager
    def _pressed(self, button: Button) -> Iterator[None]:
        self._beat()
        try:
            self._driver.button(button, True)
            yield
        finally:
            self._driver.button(button, False)


def known_keys(names: tuple[str, ...]) -> tuple[str, ...]:
    """In our own spelling. Raises ActionFailed that names the unknown one."""
    try:
        return parse_keys(names)
    except ValueError as error:
        raise ActionFailed(str(error)) from error
