"""Scores as pure functions: intervals, correction for chance, hits on boxes and polygons, and tables of plain text."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

from tools.geometry import Box, Point

Target = Box | tuple[Point, ...] | None  # a box, a polygon, or None: nothing to point at


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a success rate, 95 % by default; (0, 1) when nothing was tried.

    Source: E. B. Wilson, JASA 1927. Unlike rate +- z * sigma it stays inside 0..1 and is honest at 0 and at 1.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return (0.0, 1.0)
    rate = successes / trials
    middle = rate + z * z / (2 * trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return (max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def bootstrap(pairs: Sequence[tuple[float, float]], rounds: int = 1000) -> tuple[float, float]:
    """95 % interval of sum(first) / sum(second) when the samples are drawn anew, `rounds` times; same pairs, same ends.

    Source: B. Efron, Annals of Statistics 1979; the percentile interval. Raises ValueError when there are no pairs.
    """
    if not pairs:
        raise ValueError("no samples")
    rng = random.Random(0)
    found = []
    for _ in range(rounds):
        drawn = rng.choices(pairs, k=len(pairs))
        found.append(sum(above for above, _ in drawn) / sum(below for _, below in drawn))
    found.sort()
    return found[round(0.025 * (rounds - 1))], found[round(0.975 * (rounds - 1))]


def chance_corrected(score: float, chance: float) -> float:
    """0 at chance, 1 at perfect: (score - chance) / (1 - chance), not less than -1.

    Below chance it goes negative: were it cut at 0, noise around chance could only lift a mean over tasks.
    The floor of -1 keeps one task of high chance from outweighing all the others.
    """
    if not 0 <= chance < 1:
        raise ValueError(f"a chance of {chance} cannot be corrected for")
    return max(-1.0, (score - chance) / (1 - chance))


def mean(values: Iterable[float]) -> float:
    """0.0 of nothing."""
    known = list(values)
    return sum(known) / len(known) if known else 0.0


def in_polygon(point: Point, corners: Sequence[Point]) -> bool:
    """Even-odd rule: inside when a ray to the right crosses the outline an odd number of times."""
    inside = False
    for a, b in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (a.y > point.y) != (b.y > point.y):
            crossing = a.x + (b.x - a.x) * (point.y - a.y) / (b.y - a.y)
            inside ^= point.x < crossing
    return inside


def is_hit(target: Target, point: Point) -> bool:
    """In the box (edges count), in the polygon, or, where there is nothing to point at, the refusal (-1, -1)."""
    match target:
        case Box():
            return target.contains(point)
        case None:
            return point.x < 0 and point.y < 0
        case _:
            return in_polygon(point, target)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns aligned by spaces: the first to the left, the others to the right. No line break at the end."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]

    def join(cells: Sequence[str]) -> str:
        first, *others = cells
        return "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))])

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([join(lines[0]).rstrip(), rule, *(join(line).rstrip() for line in lines[1:])])
