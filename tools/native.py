"""Mouse and keyboard of Windows and macOS, through pyautogui."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tools.actions import Button
from tools.environment import ActionFailed
from tools.errors import UserError
from tools.geometry import Box, Point
from tools.keys import PYAUTOGUI

LOOK_S = 0.03
PASTE_S = 0.3  # for a program to read the clipboard before it is given back
MAC = sys.platform == "darwin"
NAMES = {**PYAUTOGUI, "ctrl": "command", "meta": "ctrl"} if MAC else PYAUTOGUI


class Native:
    def __init__(self) -> None:
        self._hand = load()
        self._down: list[str] = []

    def place(self) -> Point:
        return Point(*self._hand.position())

    def move(self, to: Point) -> Point:
        before = self.place()
        self._hand.moveTo(round(to.x), round(to.y))
        return before

    def button(self, button: Button, down: bool) -> None:
        (self._hand.mouseDown if down else self._hand.mouseUp)(button=button)

    def wheel(self, right: int, down: int) -> None:
        if right:
            self._hand.hscroll(right * self._notch())
        else:
            self._hand.scroll(-down * self._notch())

    def key(self, name: str, down: bool) -> None:
        name = NAMES.get(name, name)
        if name not in self._hand.KEYBOARD_KEYS:
            raise ActionFailed(f"this keyboard has no key {name}; use another way")
        (self._hand.keyDown if down else self._hand.keyUp)(name)
        self._down = [key for key in self._down if key != name] + [name] * down

    def write(self, text: str, beat: Callable[[], None]) -> None:
        """Pasted, since keys reach only what the layout has; the text that was on the clipboard is put back."""
        import pyperclip

        beat()
        before = pyperclip.paste()
        pyperclip.copy(text)
        try:
            self._hand.hotkey("command" if MAC else "ctrl", "v")
            time.sleep(PASTE_S)
        finally:
            pyperclip.copy(before)

    def release(self) -> None:
        for name in reversed(self._down):
            self._hand.keyUp(name)
        self._down = []

    def title(self) -> str:
        return str(self._hand.getActiveWindowTitle() or "")

    def window(self, title: str) -> Box | None:
        if MAC:
            raise UserError("on macOS name a monitor or a region, not a window")
        found = self._hand.getWindowsWithTitle(title)
        return Box.from_xywh(found[0].left, found[0].top, found[0].width, found[0].height) if found else None

    def watch(self, pushed: Callable[[Callable[[], Point]], bool], stop: Callable[[], None]) -> Callable[[], None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOK_S):
                if pushed(self.place) or stop_key_is_down():
                    stop()

        threading.Thread(target=look, daemon=True, name="stop").start()
        return over.set

    def close(self) -> None:
        for button in ("left", "right", "middle"):
            self._hand.mouseUp(button=button)
        self.release()

    def _notch(self) -> int:
        return 1 if MAC else 120


def load() -> Any:
    """pyautogui, without its own ways to stop and to dawdle. Raises UserError."""
    try:
        import pyautogui
    except (ImportError, KeyError, SystemExit) as error:  # it ends the program where Python has no tkinter
        raise UserError("mouse and keyboard cannot be used; run: pip install pyautogui pyperclip") from error
    pyautogui.FAILSAFE, pyautogui.PAUSE = False, 0.0
    return pyautogui


def stop_key_is_down() -> bool:
    """Are Ctrl, Alt (Option) and Esc down at this moment?"""
    if MAC:
        import Quartz

        source = Quartz.kCGEventSourceStateCombinedSessionState
        return all(Quartz.CGEventSourceKeyState(source, code) for code in (0x3B, 0x3A, 0x35))
    import ctypes

    state = ctypes.windll.user32.GetAsyncKeyState  # type: ignore[attr-defined,unused-ignore]
    return all(state(code) & 0x8000 for code in (0x11, 0x12, 0x1B))
