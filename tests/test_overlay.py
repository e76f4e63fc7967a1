"""tools/overlay.py: marks lie where the action is, on a copy, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tools.actions import Action, Back, Click, Drag, Move, Press, Scroll, Type, Wait
from tools.geometry import Box, Point
from tools.overlay import draw_boxes, mark

AT = Point(300, 200)


def screen(color: str = "#808080") -> Image.Image:
    return Image.new("RGB", (600, 400), color)


def drawn(before: Image.Image, after: Image.Image) -> Box | None:
    """The box of all that differs."""
    rows, columns = np.nonzero((np.asarray(before) != np.asarray(after)).any(axis=2))
    if not len(rows):
        return None
    return Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@pytest.mark.parametrize(
    "action",
    [
        Click(AT),
        Click(AT, button="right"),
        Click(AT, times=2),
        Click(AT, times=3, modifiers=("ctrl",)),
        Move(AT),
        Drag(AT),
    ],
)
def test_a_mark_is_centred_on_the_point(action: Action) -> None:
    box = drawn(screen(), mark(screen(), action))
    assert box is not None
    assert abs(box.center.x - AT.x) <= 1.5
    assert abs(box.center.y - AT.y) <= 1.5
    assert 10 < box.width < 80


def test_each_more_click_is_one_more_ring() -> None:
    widths = [drawn(screen(), mark(screen(), Click(AT, times=times))) for times in (1, 2, 3)]
    assert [box.width for box in widths if box] == sorted({box.width for box in widths if box})


def test_a_drag_reaches_from_its_start_to_its_end() -> None:
    box = drawn(screen(), mark(screen(), Drag(Point(500, 300), start=Point(100, 50))))
    assert box is not None
    assert box.left <= 100 and box.top <= 50
    assert 498 <= box.right <= 520 and 298 <= box.bottom <= 320


@pytest.mark.parametrize(
    ("scroll", "side"),
    [
        (Scroll(300, at=AT), (0, 1)),
        (Scroll(-300, at=AT), (0, -1)),
        (Scroll(0, dx=300, at=AT), (1, 0)),
        (Scroll(0, dx=-300, at=AT), (-1, 0)),
    ],
)
def test_a_scroll_arrow_points_where_the_view_goes(scroll: Scroll, side: tuple[int, int]) -> None:
    box = drawn(screen(), mark(screen(), scroll))
    assert box is not None
    assert np.sign(round(box.center.x - AT.x, -1)) == side[0]
    assert np.sign(round(box.center.y - AT.y, -1)) == side[1]


@pytest.mark.parametrize("action", [Type("secret"), Press(("enter",)), Wait(1), Back(), Click()])
def test_what_has_no_place_leaves_a_clean_copy(action: Action) -> None:
    image = screen()
    copy = mark(image, action)
    assert copy is not image
    assert drawn(image, copy) is None


def test_the_screenshot_itself_is_never_drawn_on() -> None:
    image = screen()
    mark(image, Click(AT))
    draw_boxes(image, [(Box(10, 10, 50, 50), "here")])
    assert drawn(image, screen()) is None


@pytest.mark.parametrize("color", ["white", "black", "#e6194b"])
def test_a_mark_shows_on_any_background(color: str) -> None:
    after = np.asarray(mark(screen(color), Click(AT))).astype(int)
    contrast = np.abs(after - np.asarray(screen(color))).sum(axis=2).max()
    assert contrast > 200


def test_a_box_is_outlined_and_its_inside_left_to_see() -> None:
    box = Box(100, 100, 200, 160)
    after = draw_boxes(screen(), [(box, "")])
    assert drawn(screen(), after.crop((0, 0, 600, 400))) is not None
    inside = (110, 110, 190, 150)
    assert drawn(screen().crop(inside), after.crop(inside)) is None


def test_a_label_stands_above_its_box_or_below_at_the_top() -> None:
    above = drawn(screen(), draw_boxes(screen(), [(Box(100, 100, 200, 160), "name")]))
    below = drawn(screen(), draw_boxes(screen(), [(Box(100, 2, 200, 60), "name")]))
    assert above is not None and above.top < 92
    assert below is not None and below.bottom > 68


@pytest.mark.parametrize(
    "action", [Click(Point(0, 0)), Drag(Point(599, 399), Point(0, 0)), Scroll(900, at=Point(5, 395))]
)
def test_marks_at_the_edge_are_cut_not_refused(action: Action) -> None:
    assert mark(screen(), action).size == (600, 400)
