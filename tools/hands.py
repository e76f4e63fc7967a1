"""Hands: mouse and keyboard on one page; what is pressed is released whatever happens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Mouse, Page

from tools.actions import Button
from tools.engine import Engine
from tools.environment import ActionFailed
from tools.geometry import Point
from tools.keys import parse_keys, playwright_name

MAX_TEXT = 100_000
MAX_CLICKS = 10
MAX_SCROLL = 100_000  # pixels
PASTED = 1000  # characters; a longer text is put in at once, since keys take 3 ms each
DRAG_STEPS = 10  # moves between press and release; pages tell a drag from a click by them


class Hands:
    """All points are pixels of the screenshot, `scale` of them to one CSS pixel."""

    def __init__(self, engine: Engine, page: Callable[[], Page], scale: float, pointer: Point) -> None:
        """page: the one in front. pointer: where it is taken to be before anything has moved it."""
        self._engine, self._page, self._scale = engine, page, scale
        self._pointer = self._css(pointer)

    def point(self, at: Point | None) -> None:
        """Put the pointer there; None leaves it where it is."""
        if at is not None:
            self._pointer = self._css(at)
        with self._engine.answers():
            self._page().mouse.move(self._pointer.x, self._pointer.y)

    def click(self, at: Point | None, button: Button, times: int, modifiers: tuple[str, ...]) -> None:
        if not 1 <= times <= MAX_CLICKS:
            raise ActionFailed(f"{times} clicks at once; give 1 to {MAX_CLICKS}")
        mouse = self._page().mouse  # a press may bring another tab to the front; the release belongs to this one
        with self._held(known_keys(modifiers) if modifiers else ()):
            self.point(at)
            for count in range(1, times + 1):
                with self._pressed(mouse, button, count):
                    pass

    def drag(self, start: Point | None, to: Point, button: Button) -> None:
        self.point(start)
        begin, end = self._pointer, self._css(to)
        mouse = self._page().mouse
        with self._pressed(mouse, button):
            for part in (step / DRAG_STEPS for step in range(1, DRAG_STEPS + 1)):
                with self._engine.answers():
                    mouse.move(begin.x + (end.x - begin.x) * part, begin.y + (end.y - begin.y) * part)
        self._pointer = end

    def scroll(self, at: Point | None, dx: float, dy: float) -> None:
        if not (abs(dx) <= MAX_SCROLL and abs(dy) <= MAX_SCROLL):  # NaN too
            raise ActionFailed(f"a scroll of ({dx:.0f}, {dy:.0f}) pixels is too far; stay within {MAX_SCROLL}")
        self.point(at)
        with self._engine.answers():
            self._page().mouse.wheel(dx / self._scale, dy / self._scale)

    def type(self, text: str) -> None:
        """Line ends and tabs are the keys of that name."""
        if len(text) > MAX_TEXT:
            raise ActionFailed(f"{len(text)} characters at once; type at most {MAX_TEXT}")
        if re.search("[\0\ud800-\udfff]", text):
            raise ActionFailed("the text holds characters that cannot be typed; leave them out")
        for piece in re.split(r"(\r\n|\r|\n|\t)", text):
            match piece:
                case "":
                    pass
                case "\t":
                    self.press(("tab",))
                case "\n" | "\r" | "\r\n":
                    self.press(("enter",))
                case _:
                    self._write(piece)

    def press(self, keys: tuple[str, ...]) -> None:
        """keys: as `known_keys` gives them."""
        if len(keys) == 1 and len(keys[0]) == 1 and not keys[0].isascii():
            self._write(keys[0])  # on no keyboard that Chromium's driver knows
            return
        with self._held(keys):
            pass

    def _css(self, point: Point) -> Point:
        """Screenshot pixels -> CSS pixels: the one place where points are converted."""
        return Point(point.x / self._scale, point.y / self._scale)

    def _write(self, piece: str) -> None:
        keyboard = self._page().keyboard
        if len(piece) > PASTED:
            with self._engine.answers():
                keyboard.insert_text(piece)
            return
        for start in range(0, len(piece), 100):  # in parts, so that a slow page is not taken for a dead one
            with self._engine.answers():
                keyboard.type(piece[start : start + 100])

    @contextmanager
    def _held(self, keys: tuple[str, ...]) -> Iterator[None]:
        keyboard = self._page().keyboard
        with ExitStack() as held:
            for key in map(playwright_name, keys):
                with self._engine.answers():
                    keyboard.down(key)
                held.callback(self._let_go, keyboard.up, key)
            yield

    @contextmanager
    def _pressed(self, mouse: Mouse, button: Button, count: int = 1) -> Iterator[None]:
        try:
            with self._engine.answers():
                mouse.down(button=button, click_count=count)
            yield
        finally:
            self._let_go(lambda: mouse.up(button=button, click_count=count))

    def _let_go(self, release: Callable[..., None], *arguments: str) -> None:
        with self._engine.answers():
            release(*arguments)


def known_keys(names: tuple[str, ...]) -> tuple[str, ...]:
    """In our own spelling. Raises ActionFailed that names the unknown one."""
    try:
        return parse_keys(names)
    except ValueError as error:
        raise ActionFailed(str(error)) from error
