"""Scores: known values, and what must hold for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.benchmarks.score import chance_corrected, in_polygon, is_hit, mean, table, wilson
from tools.geometry import Box, Point

BEND = tuple(Point(x, y) for x, y in [(60, 80), (200, 80), (200, 120), (100, 120), (100, 220), (60, 220)])


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_gives_the_published_interval(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_holds_the_rate_within_0_and_1(a: int, b: int) -> None:
    successes, trials = min(a, b), max(a, b)
    low, high = wilson(successes, trials)
    rate = successes / trials if trials else 0.5
    assert 0 <= low <= rate + 1e-12 and rate - 1e-12 <= high <= 1


def test_wilson_refuses_more_successes_than_trials() -> None:
    with pytest.raises(ValueError, match="3 successes in 2 trials"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("score", "chance", "corrected"),
    [(1.0, 0.58, 1.0), (0.58, 0.58, 0.0), (0.79, 0.58, 0.5), (0.0, 0.2, -0.25), (0.0, 0.9, -1.0), (0.7, 0.0, 0.7)],
)
def test_chance_corrected_is_0_at_chance_1_at_perfect_and_not_below_minus_1(
    score: float, chance: float, corrected: float
) -> None:
    assert chance_corrected(score, chance) == pytest.approx(corrected)


def test_a_certain_chance_cannot_be_corrected() -> None:
    with pytest.raises(ValueError, match=r"1\.0 cannot"):
        chance_corrected(1.0, 1.0)


def test_mean_of_nothing_is_0() -> None:
    assert mean([]) == 0.0
    assert mean(x / 2 for x in (1, 2, 3)) == 1.0


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        (Point(80, 100), True),
        (Point(180, 100), True),
        (Point(80, 200), True),
        (Point(150, 170), False),  # in the box around it, not in the shape
        (Point(50, 100), False),
        (Point(210, 100), False),
        (Point(80, 230), False),
    ],
)
def test_the_hollow_of_a_bent_polygon_is_outside(point: Point, inside: bool) -> None:
    assert in_polygon(point, BEND) is inside
    assert in_polygon(point, BEND[::-1]) is inside


def test_even_odd_leaves_the_middle_of_a_pentagram_out() -> None:
    star = tuple(Point(x, y) for x, y in [(50, 0), (79, 90), (2, 35), (98, 35), (21, 90)])
    assert in_polygon(Point(50, 15), star)
    assert not in_polygon(Point(50, 50), star)


@given(*[st.integers(0, 60)] * 4, st.floats(-5, 70), st.floats(-5, 70))
def test_a_polygon_of_four_right_angles_is_its_box(a: int, b: int, c: int, d: int, x: float, y: float) -> None:
    box = Box(min(a, b), min(c, d), max(a, b), max(c, d))
    if x in (box.left, box.right) or y in (box.top, box.bottom):
        return  # on the outline the even-odd rule is half open, the box is closed
    outline = (Point(a, c), Point(b, c), Point(b, d), Point(a, d))
    assert in_polygon(Point(x, y), outline) is box.contains(Point(x, y))


@pytest.mark.parametrize(
    ("point", "hit"),
    [(Point(10, 20), True), (Point(110, 70), True), (Point(110.01, 70), False), (Point(60, 19.99), False)],
)
def test_edges_of_a_box_count_as_inside(point: Point, hit: bool) -> None:
    assert is_hit(Box.from_xywh(10, 20, 100, 50), point) is hit


def test_only_a_refusal_hits_where_there_is_nothing() -> None:
    assert is_hit(None, Point(-1, -1))
    assert not is_hit(None, Point(0, 0))
    assert not is_hit(None, Point(-1, 5))
    assert not is_hit(Box(0, 0, 9, 9), Point(-1, -1))


def test_table_aligns_its_columns() -> None:
    assert table(["task", "n"], [["click-test", "5"], ["all", "120"]]) == (
        "task          n\n---------------\nclick-test    5\nall         120"
    )
