"""Has the screen come to rest? A pure function of two frames, and the loop that waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.geometry import Box, Size

CELL = 16  # CSS pixels along one side of the squares in which change is looked for
LEVELS = 6  # of 255; less is noise of blending, which no person sees
SMALL = Size(10, 4)  # cells, one more than a clock of 144x48 needs: caret, clock, spinner, seconds left
FEW = 4  # small regions may move at once
ENDLESS_S = 1.0  # what moved in one place for so long, with nothing under way, is decoration
ENDLESS_LOOKS = 4  # at least, where a look takes long
LARGEST = 0.4  # of the screen; what moves more of it is a page on its way to another, however long it takes

Cells = NDArray[np.bool_]  # (rows, columns): did anything change in this square


@dataclass
class Moving:
    """What of the screen is known to move for ever; kept from one wait to the next while the page is the same."""

    cell: int = CELL  # pixels along one side of a square
    cells: Cells | None = None

    def covers(self, changed: Cells) -> bool:
        return self.cells is not None and self.cells.shape == changed.shape and not (changed & ~self.cells).any()

    def add(self, changed: Cells) -> None:
        known = self.cells is not None and self.cells.shape == changed.shape
        self.cells = self.cells | _grown(changed) if known and self.cells is not None else _grown(changed)

    def forget(self) -> None:
        self.cells = None


def settle(
    capture: Callable[[], Image.Image],
    cap_s: float,
    is_busy: Callable[[], bool] = lambda: False,
    moving: Moving | None = None,
) -> Image.Image:
    """The screen once two successive captures are still and nothing is under way, or after `cap_s` seconds.

    is_busy: is a change to be expected that cannot be seen yet (a page loading, a transition)? It may take its time
    to answer, but only a little. A screen at rest costs two captures and two such questions.
    """
    moving = moving or Moving()
    watch = _Watch()
    end = time.monotonic() + cap_s
    while is_busy() and time.monotonic() < end:
        pass
    before = capture()
    while True:
        after = capture()
        still = is_still(before, after, moving) or watch.sees_endless(before, after, moving)
        if time.monotonic() >= end or (still and not is_busy()):
            return after
        before = after


def is_still(before: Image.Image, after: Image.Image, moving: Moving | None = None) -> bool:
    """Are both the same but for a few small regions (caret, clock, spinner) and what is known to move?"""
    moving = moving or Moving()
    if before is after:
        return True
    if before.size != after.size:
        return False
    changed = changed_cells(before, after, moving.cell)
    if not changed.any() or moving.covers(changed):
        return True
    if changed.sum() > FEW * SMALL.width * SMALL.height:
        return False
    found = list(regions(changed))
    return len(found) <= FEW and all(box.width <= SMALL.width and box.height <= SMALL.height for box in found)


def changed_cells(before: Image.Image, after: Image.Image, cell: int = CELL) -> Cells:
    """(rows, columns) of squares of `cell` pixels; both images of one size."""
    a, b = (np.asarray(image if image.mode == "RGB" else image.convert("RGB")) for image in (before, after))
    tops, lefts = range(0, before.height, cell), range(0, before.width, cell)
    most = np.empty((len(tops), before.width, 3), np.uint8)  # of all differences in a column of a square
    for row, top in enumerate(tops):  # row by row of squares, which stay in the processor's cache
        one, other = a[top : top + cell], b[top : top + cell]
        np.subtract(np.maximum(one, other), np.minimum(one, other)).max(axis=0, out=most[row])
    cells: Cells = np.maximum.reduceat(most.max(axis=2), lefts, axis=1) > LEVELS
    return cells


def regions(cells: Cells) -> Iterator[Box]:
    """The box of every group of touching cells (corners touch too), in cells."""
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(cells), strict=True)}
    while left:
        group = [left.pop()]
        for row, column in group:  # grows while it is read
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            group += near
        rows, columns = zip(*group, strict=True)
        yield Box(min(columns), min(rows), max(columns) + 1, max(rows) + 1)


@dataclass
class _Watch:
    """Notices movement that stays in one place."""

    began: float = field(default_factory=time.monotonic)
    seen: list[tuple[float, Cells]] = field(default_factory=list)  # when, and what had changed

    def sees_endless(self, before: Image.Image, after: Image.Image, moving: Moving) -> bool:
        """Has all movement of the last second been where it was before, and not nearly everywhere?"""
        if before.size != after.size:
            return False
        now = time.monotonic()
        self.seen.append((now, changed_cells(before, after, moving.cell)))
        if now - self.began < ENDLESS_S or len(self.seen) < ENDLESS_LOOKS:
            return False
        looks = max(ENDLESS_LOOKS, sum(when > now - ENDLESS_S for when, _ in self.seen))
        recent = np.stack([changed for _, changed in self.seen[-looks:]])  # (looks, rows, columns)
        early: Cells = np.logical_or.reduce(recent[: looks // 2])
        late: Cells = np.logical_or.reduce(recent[looks // 2 :])
        if (late & ~_grown(early)).any() or (early | late).mean() > LARGEST:
            return False
        moving.add(early | late)
        return True


def _grown(cells: Cells) -> Cells:
    """With every neighbour, since what turns or swings touches one more square now and then."""
    padded = np.pad(cells, 1)
    grown = padded.copy()
    for axis in (0, 1):
        grown = grown | np.roll(grown, 1, axis) | np.roll(grown, -1, axis)
    result: Cells = grown[1:-1, 1:-1]
    return result
