"""A frame around what the agent has, so that nobody forgets it. Clicks go through it."""

from __future__ import annotations

from Xlib import X
from Xlib.ext import shape

from tools.display import Display
from tools.geometry import Box
from tools.x11 import connect

WIDTH = 4
COLOUR = 0xE6194B


class Border:
    """There until it is closed, or its process has ended."""

    def __init__(self, display: Display, around: Box) -> None:
        self._x = connect(display)
        left, top, width, height = (round(it) for it in (around.left, around.top, around.width, around.height))
        across, along = (width, WIDTH), (WIDTH, height)
        tops = [((left, top), across), ((left, top + height - WIDTH), across)]
        sides = [((left, top), along), ((left + width - WIDTH, top), along)]
        for (x, y), size in (*tops, *sides):
            window = self._x.screen().root.create_window(
                x, y, *size, 0, X.CopyFromParent, background_pixel=COLOUR, override_redirect=True
            )
            window.shape_rectangles(shape.SO.Set, shape.SK.Input, X.Unsorted, 0, 0, [])
            window.map()
        self._x.sync()

    def close(self) -> None:
        self._x.close()
