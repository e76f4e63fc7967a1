"""Whose hand moved the pointer? And corners, into which a person pushes it to stop everything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from tools.geometry import Box, Point


class Watched:
    """The pointer, as far as we have moved it ourselves; any other place is a person's doing.

    place: where it is now; move: puts it somewhere and returns, once it is there, where it was just before. Both in
    desktop units.
    """

    def __init__(self, place: Callable[[], Point], move: Callable[[Point], Point], monitors: Sequence[Box]) -> None:
        self._place, self._move, self._monitors = place, move, monitors
        self._ours = place()
        self._was_pushed = False  # into a corner, and nobody has been told
        self._moving = threading.Lock()  # between a move of ours and knowing where it led, nobody looks

    def move(self, to: Point) -> None:
        with self._moving:
            self._look(self._move(to))
            self._ours = self._place()  # not always `to`: the pointer keeps to the monitors

    def pushed_into_corner(self, place: Callable[[], Point] | None = None) -> bool:
        """Has a person done so since this was last asked? place: for callers on other threads."""
        with self._moving:
            self._look((place or self._place)())
            pushed, self._was_pushed = self._was_pushed, False
            return pushed

    def _look(self, now: Point) -> None:
        if now != self._ours:
            self._ours = now  # what was done once is not a reason to stop twice
            self._was_pushed |= is_corner(now, self._monitors)


def is_corner(at: Point, monitors: Sequence[Box]) -> bool:
    """Is it in the last pixels of a monitor, where no other monitor goes on?"""

    def shown(x: float, y: float) -> bool:
        return any(box.left <= x < box.right and box.top <= y < box.bottom for box in monitors)

    beside = [not shown(at.x - 2, at.y), not shown(at.x + 2, at.y)]
    above = [not shown(at.x, at.y - 2), not shown(at.x, at.y + 2)]
    return any(beside) and any(above)
