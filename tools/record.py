"""A screen as it goes on for some seconds: pictures with their times."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import Image

from tools.errors import UserError

Capture = Callable[[], Image.Image]


def record(capture: Capture, seconds: float, fps: float) -> Iterator[tuple[Image.Image, float]]:
    """Pictures and their seconds from the start, at most `fps` a second; the last one ends the recording.

    A slow capture gives fewer pictures, never wrong times. What changes its size is brought back to the first one's.
    """
    begin = time.monotonic()
    first: Image.Image | None = None
    number = 0
    while True:
        at_s = time.monotonic() - begin if first else 0.0
        image = capture()
        first = first or image
        yield image if image.size == first.size else image.resize(first.size), min(at_s, seconds)
        if at_s >= seconds:
            return
        number = max(number + 1, int((time.monotonic() - begin) * fps))
        time.sleep(max(0.0, min(number / fps, seconds) - (time.monotonic() - begin)))


@contextmanager
def screen(number: int = 1) -> Iterator[Capture]:
    """Captures of one monitor, from 1; 0: all of them together. Raises UserError where no screen can be captured."""
    check_display()
    import mss
    from mss.exception import ScreenShotError

    try:
        with mss.MSS() as camera:
            monitors = camera.monitors
            if not 0 <= number < len(monitors):
                raise UserError(f"there is no screen {number}; there are {len(monitors) - 1}, counted from 1")

            def capture() -> Image.Image:
                shot = camera.grab(monitors[number])
                return Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX")

            yield capture
    except ScreenShotError as error:
        raise UserError(f"the screen cannot be captured: {error}; --url ADDRESS records a page instead") from error


def check_display() -> None:
    """Raises UserError where there is no screen, or one that shows only black to others."""
    if not sys.platform.startswith("linux"):
        return
    if os.environ.get("XDG_SESSION_TYPE") == "wayland" or (
        os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("DISPLAY")
    ):
        raise UserError("Wayland lets no program record the screen; log in with X11, or record a page: --url ADDRESS")
    if not os.environ.get("DISPLAY"):
        raise UserError("there is no screen here (DISPLAY is not set); --url ADDRESS records a page instead")
