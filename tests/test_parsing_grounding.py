"""Boxes and points in every written form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.families import QWEN2_5_VL, QWEN2_VL, Grid
from model.parsing import ParseError, parse_grounding, parse_json
from tools.geometry import Box, Point, Size

SHARED = Path(__file__).parents[2] / "shared" / "data" / "qwen_outputs"
real = pytest.mark.skipif(not SHARED.exists(), reason="the shared outputs are not here")


def outputs(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((SHARED / f"{name}.json").read_text())
    return cases


@real
@pytest.mark.parametrize(
    ("name", "index", "count", "label"),
    [
        ("spatial_understanding", 0, 12, "small cake"),
        ("spatial_understanding", 1, 1, "top right brown cake"),
        ("spatial_understanding", 2, 1, "person who acts bravely"),
        ("spatial_understanding", 3, 12, "ice cream"),
        ("spatial_understanding", 4, 1, "cakes"),
        ("spatial_understanding", 5, 4, "巧克力蛋糕，顶部覆盖红色糖霜和彩色糖粒"),
        ("spatial_understanding", 6, 1, "见义勇为的人"),
        ("spatial_understanding_qwen3", 5, 4, "桌子"),
        ("ocr", 2, 39, "UNIHAKKA INTERNATIONAL SDN BHD"),
        ("ocr", 6, 13, "CINNAMON SUGAR"),
        ("universal_recognition", 3, 7, "Rice"),
        ("universal_recognition", 4, 9, "Giyu Tomioka"),
        ("think_with_images", 0, 4, "main hanging sign for Hop Inn"),
    ],
)
def test_real_replies_give_all_their_boxes(name: str, index: int, count: int, label: str) -> None:
    found = parse_grounding(outputs(name)[index]["output"])
    assert (len(found), found[0].label) == (count, label)
    assert not found.truncated and not found.skipped


@real
def test_real_prose_holds_no_box() -> None:
    cases = [*outputs("spatial_understanding_qwen3")[:4], *outputs("long_document"), *outputs("video_understanding")]
    cases += [outputs("ocr")[i] for i in (0, 1, 3, 4, 5)] + outputs("mmcode") + outputs("universal_recognition")[:3]
    for case in cases:
        with pytest.raises(ParseError):
            parse_grounding(case["output"])


@real
def test_boxes_of_the_resized_picture_fit_the_original() -> None:
    case = outputs("spatial_understanding")[3]
    grid = Grid(Size(*case["image_size_wh"]), Size(*case["input_size_wh"]), QWEN2_5_VL)
    glass = parse_grounding(case["output"], grid)[-1]
    assert glass.box is not None and not glass.clamped
    assert (glass.box.right, glass.box.bottom) == (640, 465)
    assert glass.box.left == pytest.approx(548 * 640 / 644)


@pytest.mark.parametrize(
    ("text", "label", "box"),
    [
        ('[{"bbox_2d": [1, 2, 3, 4], "label": "a"}]', "a", (1, 2, 3, 4)),
        ('[{"bbox_2d": [3, 4, 1, 2], "label": "a"}]', "a", (1, 2, 3, 4)),
        ("```json\n[{'bbox': (1, 2, 3, 4), 'description': 'a',},]\n", "a", (1, 2, 3, 4)),
        ('{"objects": {"a": [1, 2, 3, 4]}}', "a", (1, 2, 3, 4)),
        ('[{"bbox_2d": [[1, 2], [3, 4]], "label": "a"}]', "a", (1, 2, 3, 4)),
        ('[{"bbox_2d": "1 2 3 4", "label": "a"}]', "a", (1, 2, 3, 4)),
        ('[{"bbox_2d": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}, "label": "a"}]', "a", (1, 2, 3, 4)),
        ('{"bbox_2d": [1, 2, 3, 4], "label": "a"}\n{"bbox_2d": [5, 6, 7, 8], "label": "b"}', "a", (1, 2, 3, 4)),
        ("1,2,3,4 a", "a", (1, 2, 3, 4)),
        ("Here they are:\n- a: [1, 2, 3, 4]", "a", (1, 2, 3, 4)),
        ("a(1,2),(3,4)", "a", (1, 2, 3, 4)),
        ("<ref>a</ref><box>(1,2),(3,4)</box>", "a", (1, 2, 3, 4)),
        ("<|object_ref_start|>a<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>", "a", (1, 2, 3, 4)),
        ("<ref>a</ref><quad>(1,2),(3,2),(3,4),(1,4)</quad>", "a", (1, 2, 3, 4)),
    ],
)
def test_box_is_read_in_every_form(text: str, label: str, box: tuple[float, ...]) -> None:
    found = parse_grounding(text)[0]
    assert (found.label, found.box) == (label, Box(*box))


@pytest.mark.parametrize(
    "text",
    [
        '[{"point_2d": [1, 2], "label": "a"}, {"point_2d": [3, 4], "label": "a"}]',
        '{"points": [[1, 2], [3, 4]], "label": "a"}',
        '<points x1="1" y1="2" x2="3" y2="4" alt="a">a</points>',
        '< points x1 = "1"\ny1 = "2" x2=\'3\' y2=4 alt = "a" > a < /points>',
        '<points x1="1" y1="2" x2="3" y2="4" alt="a"/>',
        "<points 1 2 3 4>a</points>",
        "<|object_ref_start|>a<|object_ref_end|><|box_start|>(1,2)<|box_end|><|box_start|>(3,4)<|box_end|>",
        "a: (1, 2)\na: (3, 4)",
    ],
)
def test_points_are_read_in_every_form(text: str) -> None:
    found = parse_grounding(text)
    assert [point for item in found for point in item.points] == [Point(1, 2), Point(3, 4)]
    assert {item.label for item in found} == {"a"}


def test_cut_reply_keeps_whole_items_and_says_that_it_was_cut() -> None:
    found = parse_grounding('```json\n[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"bbox_2d": [5, 6, 7')
    assert (len(found), found.truncated) == (1, True)


def test_unreadable_item_is_counted_and_the_others_stay() -> None:
    found = parse_grounding(
        '[{"bbox_2d": [true, 2, 3, 4]}, {"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [1, 2]]}, {"bbox_2d": []}]'
    )
    assert (len(found), found.skipped) == (2, 2)
    broken = parse_grounding('[{"bbox_2d": [NaN, 2, 3, 4]}, {"bbox_2d": [1, 2, 3, 4], "label": "b"}]')
    assert "b" in [item.label for item in broken]


def test_empty_list_means_that_nothing_was_found() -> None:
    assert parse_grounding("```json\n[]\n```") == []
    with pytest.raises(ParseError):
        parse_grounding("There is no such thing.")


def test_key_information_is_read_between_prose() -> None:
    assert parse_json('Here:\n```json\n{"发票代码": "221021325353",}\n```\nDone.').value == {"发票代码": "221021325353"}


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
@settings(max_examples=100, deadline=None)
def test_every_box_lies_inside_the_picture(corners: list[float]) -> None:
    (found,) = parse_grounding(json.dumps({"bbox_2d": corners}), QWEN2_VL.grid(Size(640, 480)))
    assert found.box is not None
    assert 0 <= found.box.left <= found.box.right <= 640
    assert 0 <= found.box.top <= found.box.bottom <= 480
    assert found.clamped == any(not 0 <= value <= 1000 for value in corners)
