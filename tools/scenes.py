"""Where the picture of a video changes at once, and frames chosen so that every scene is seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.apart import apart
from tools.errors import UserError
from tools.video import STILLS_FPS, film

SMALL = (32, 18)  # pixels; noise and small movements vanish at this size
LEAST = 0.06  # mean change of a pixel, of 1: less is movement within a scene
OVER = 3.0  # times as much as is usual around it
AROUND = 8  # changes before and after that tell what is usual
STEP_S = 0.04  # changes are looked at no more often than this


def cuts(
    path: Path, begin_s: float = 0.0, end_s: float | None = None, *, stills_fps: float = STILLS_FPS
) -> list[float]:
    """Seconds at which a new scene begins; the whole stretch is looked at. Otherwise as tools.video.frames."""
    if not path.exists():
        raise UserError(f"no file at {path}")
    given = {"path": str(path), "begin_s": begin_s, "end_s": end_s, "stills_fps": stills_fps}
    changes = [change for item, _ in apart("tools.scenes:read", given) for change in item["changes"]]
    return found([at for at, _ in changes], [amount for _, amount in changes])


def read(path: str, begin_s: float, end_s: float | None, stills_fps: float) -> Iterator[tuple[dict[str, Any], None]]:
    """What the child process does: how much changed when, each second of the video an item."""
    with film(path, stills_fps=stills_fps) as file:
        before: NDArray[np.int16] | None = None
        changes: list[tuple[float, float]] = []
        told_s = last_s = begin_s
        for at_s, picture in file.small(begin_s, SMALL):
            if end_s is not None and at_s >= end_s:
                break
            if before is not None and at_s - last_s < STEP_S:
                continue
            now = np.asarray(picture, np.int16)  # (rows, columns, 3)
            if before is not None:
                changes.append((at_s, float(np.abs(now - before).mean()) / 255))
            before, last_s = now, at_s
            if at_s - told_s >= 1:
                yield {"changes": changes}, None
                changes, told_s = [], at_s
        yield {"changes": changes}, None


def found(times_s: Sequence[float], amounts: Sequence[float]) -> list[float]:
    """The times of those changes that stand out."""
    cut = []
    for at, amount in enumerate(amounts):
        near = [*amounts[max(0, at - AROUND) : at], *amounts[at + 1 : at + 1 + AROUND]]
        if amount >= LEAST and amount >= OVER * (median(near) if near else 0.0):
            cut.append(times_s[at])
    return cut


def scene_times(cut_s: Sequence[float], begin_s: float, end_s: float, most: int) -> list[float]:
    """At most so many seconds, rising: one in each scene, the rest where a scene is long for its share.

    With more scenes than frames, the longest scenes get one each.
    """
    edges = [begin_s, *(cut for cut in cut_s if begin_s < cut < end_s), end_s]
    scenes = list(pairwise(edges))
    if len(scenes) > most:
        longest = sorted(scenes, key=lambda scene: scene[0] - scene[1])[:most]
        return sorted(start for start, _ in longest)
    shares = [1] * len(scenes)
    for _ in range(most - len(scenes)):
        sparse = max(range(len(scenes)), key=lambda at: (scenes[at][1] - scenes[at][0]) / shares[at])
        shares[sparse] += 1
    return [
        start + (end - start) * index / share
        for (start, end), share in zip(scenes, shares, strict=True)
        for index in range(share)
    ]
