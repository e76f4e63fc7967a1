"""Grounding scores that are known by hand, for ten records of each format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.benchmarks import grounding
from model.computer_use import call, system_prompt
from model.families import QWEN2_5_VL, QWEN2_VL, TINY
from model.messages import ImagePart, Message
from model.vlm import PromptTooLarge, Reply, Sampling
from tests.scripted import ScriptedModel
from tests.test_annotations import FILES, FIXTURES, NEWS, written
from tools.errors import UserError
from tools.geometry import Size


def click(*coordinate: float) -> str:
    return call("left_click", coordinate=list(coordinate))


# phone.png and web.png are seen as they are, desk.png (480x300) as 476x308. What is said, and is it right?
SCREENSPOT = [
    (click(154, 70), True),  # the corner of its box
    (click(155, 100), False),  # one pixel to the right of it
    (click(130, 0, 168, 36), True),  # a box, of which the centre counts
    (click(124, 21), True),
    (click(476, 308), True),  # the last corner of the picture
    ("I see no such thing.", False),
    (click(64, 20), False),  # right before it is scaled: 64.5 in the picture, and the box ends at 64
    ('```json\n[{"bbox_2d": [240, 24, 280, 40], "label": "Go"}]\n```', True),
    (click(60, 125), True),  # in [10, 80, 100, 90] as x, y, width, height only
    (click(0.5, 0.1), False),  # half a pixel, not half the picture: that is in the box
]
PRO = [
    (click(124, 21), True),
    (click(188, 21), True),
    (click(35, 21), False),
    (call("mouse_move", coordinate=[51, 20]), True),
    (call("wait", time=2), False),
    (click(220, 44), True),
    (click(291, 30), False),
    (click(40, 64), True),
    (click(60, 125), True),
    ("<tool_call>\n{", False),
]
OSWORLD = [
    (click(-1, -1), False),  # it is there
    (click(84, 288), True),
    (click(60, 125), True),
    (click(10, 10), False),
    (click(80, 180), True),  # in the arm that hangs down
    (click(150, 180), False),  # in the box around the shape, not in the shape
    (click(337, 180), True),
    (click(-1, -1), True),
    (click(100, 100), False),  # points at something that is not there
    ("[-1, -1]", True),
]
ANSWERS: dict[Any, list[tuple[str, bool]]] = {
    "screenspot": SCREENSPOT,
    "screenspot-v2": SCREENSPOT,
    "screenspot-pro": PRO,
    "osworld-g": OSWORLD,
}
# The first ScreenSpot averages six scores: 1/2, 1, 1, 0, 1/2 and 1.
SCORES = {"screenspot": 4 / 6, "screenspot-v2": 0.6, "screenspot-pro": 0.6, "osworld-g": 0.6}
UNREADABLE = {"screenspot": 1, "screenspot-v2": 1, "screenspot-pro": 2, "osworld-g": 0}


def qwen(answers: Iterable[str], name: str = "scripted") -> ScriptedModel:
    return ScriptedModel(answers, QWEN2_5_VL, name)


def score(format: Any, out: Path, model: Any = None, **options: Any) -> grounding.Summary:
    model = model or qwen(text for text, _ in ANSWERS[format])
    return grounding.run(model, format=format, annotations=FILES[format], images=FIXTURES, out=out, **options)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("format", ANSWERS)
def test_each_format_scores_as_counted_by_hand(format: Any, tmp_path: Path) -> None:
    summary = score(format, tmp_path)
    assert [line["correct"] for line in lines(tmp_path)] == [right for _, right in ANSWERS[format]]
    assert summary.score == pytest.approx(SCORES[format])
    assert (summary.samples, summary.correct) == (10, sum(right for _, right in ANSWERS[format]))
    assert summary.wrong_format == UNREADABLE[format]


def test_the_table_is_by_platform_and_type(tmp_path: Path) -> None:
    assert score("screenspot", tmp_path).table.splitlines() == [
        "          text   icon  mean %   n",
        "---------------------------------",
        "mobile    50.0  100.0    66.7   3",
        "desktop  100.0    0.0    50.0   4",
        "web       50.0  100.0    66.7   3",
        "all       66.7   50.0    60.0  10",
        "over all 10 samples: 60.0 % [31.3, 83.2]",
        "mean of the 6 platform x type scores: 66.7 %",
        "answers without a readable point (counted as wrong): 1",
    ]


def test_osworld_is_by_kind_of_target(tmp_path: Path) -> None:
    table = score("osworld-g", tmp_path).table.splitlines()
    assert [row.split()[:2] for row in table[2:6]] == [
        ["bbox", "50.0"],
        ["polygon", "66.7"],
        ["refusal", "66.7"],
        ["all", "60.0"],
    ]


def test_a_line_tells_all_that_a_reader_needs(tmp_path: Path) -> None:
    score("screenspot", tmp_path)
    assert lines(tmp_path)[4] == {
        "id": "screenspot_desktop-1",
        "instruction": "confirm",
        "bbox_xyxy_px": [420, 270, 480, 300],
        "image_size": [480, 300],
        "model_size": [476, 308],
        "point_px": [480, 300],
        "raw_text": click(476, 308),
        "correct": True,
        "wrong_format": False,
        "group": "desktop",
        "ui_type": "text",
    }


@pytest.mark.parametrize(("bbox_format", "right"), [(None, True), ("xywh", True), ("xyxy", False)])
def test_the_box_format_decides(bbox_format: Any, right: bool, tmp_path: Path) -> None:
    summary = grounding.run(
        qwen([click(60, 125)]),
        format="screenspot",
        annotations=written(tmp_path, NEWS),
        images=FIXTURES,
        out=tmp_path / "out",
        bbox_format=bbox_format,
    )
    assert summary.correct == right


def test_thousandths_of_another_family_reach_the_same_pixels(tmp_path: Path) -> None:
    score("osworld-g", tmp_path, ScriptedModel([click(500, 935)] * 2, QWEN2_VL), limit=2)
    assert [line["correct"] for line in lines(tmp_path)] == [False, True]
    assert lines(tmp_path)[0]["point_px"] == pytest.approx([84, 287.98])


def test_the_model_is_told_the_size_it_sees_then_the_task_then_the_picture(tmp_path: Path) -> None:
    model = qwen([text for text, _ in PRO])
    score("screenspot-pro", tmp_path, model, limit=1)
    said, asked = model.asked[0]
    assert said.text == system_prompt(QWEN2_5_VL, Size(476, 308))
    instruction, picture = asked.parts
    assert instruction == "open the File menu"
    assert isinstance(picture, ImagePart) and picture.image.size == (480, 300)


def test_tiny_is_asked_in_the_words_it_learned(tmp_path: Path) -> None:
    model = ScriptedModel([click(100, 20)], TINY)
    score("screenspot-pro", tmp_path, model, limit=1)
    assert model.asked[0][1].parts[0] == 'Click "open the File menu".'


def test_only_osworld_offers_a_refusal(tmp_path: Path) -> None:
    model = qwen([text for text, _ in OSWORLD])
    score("osworld-g", tmp_path, model)
    assert all("[-1, -1]" in asked[1].text for asked in model.asked)


def test_answered_samples_are_not_asked_again(tmp_path: Path) -> None:
    score("screenspot", tmp_path, limit=4)
    torn = tmp_path / "results.jsonl"
    torn.write_bytes(torn.read_bytes() + b'{"id": "screenspot_desktop-1", "corr')
    rest = qwen([text for text, _ in SCREENSPOT[4:]])
    assert score("screenspot", tmp_path, rest).score == pytest.approx(4 / 6)
    assert len(rest.asked) == 6
    assert score("screenspot", tmp_path, qwen([])).samples == 10


def test_results_of_another_model_are_not_mixed(tmp_path: Path) -> None:
    score("screenspot", tmp_path, limit=1)
    with pytest.raises(UserError, match="model was 'scripted', now 'other'"):
        score("screenspot", tmp_path, qwen([], name="other"))


def test_bad_records_stop_the_run_before_the_model_is_asked(tmp_path: Path) -> None:
    model = qwen([])
    with pytest.raises(UserError, match="reaches outside"):
        grounding.run(
            model,
            format="screenspot",
            annotations=written(tmp_path, NEWS, {**NEWS, "bbox": [300, 80, 100, 90]}),
            images=FIXTURES,
            out=tmp_path / "out",
        )
    assert not model.asked and not (tmp_path / "out").exists()


def test_a_picture_too_large_for_the_model_is_named(tmp_path: Path) -> None:
    class Small(ScriptedModel):
        def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
            raise PromptTooLarge("187 tokens, and there is room for 100")

    with pytest.raises(UserError, match=r"g0 .*phone\.png.*187 tokens"):
        score("osworld-g", tmp_path, Small([]))
