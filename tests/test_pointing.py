"""A phrase and a picture: what is asked, what is understood, how good a model is at it."""

from __future__ import annotations

import pytest
from PIL import Image
from scripted import ScriptedModel

from agent.pointing import Calibration, calibrate, drawn, drawn_target, request, understood
from model.computer_use import call
from model.families import QWEN2_5_VL, QWEN3_VL, TINY
from tools.geometry import Point

PICTURE = Image.new("RGB", (560, 280), "white")


def test_each_way_asks_in_the_words_of_the_family() -> None:
    assert request(TINY, PICTURE, "OK", "click")[-1].text == 'Click "OK".'
    assert request(QWEN2_5_VL, PICTURE, "the OK button", "click")[-1].text == "the OK button"
    assert "the OK button" in request(QWEN2_5_VL, PICTURE, "the OK button", "boxes")[-1].text


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("It is not at [3, 4].\n" + call("left_click", coordinate=[500, 250]), [Point(280, 70)]),
        (
            '[{"bbox_2d": [100, 200, 300, 400], "label": "a"}, {"point_2d": [500, 500]}]',
            [Point(112, 84), Point(280, 140)],
        ),
        ("[]", []),
    ],
)
def test_places_are_pixels_of_the_picture(said: str, places: list[Point]) -> None:
    pointed = understood(said, QWEN3_VL, PICTURE)
    assert list(pointed.places) == pytest.approx(places) and not pointed.problem


def test_what_holds_no_place_says_why() -> None:
    assert "no box or point" in understood("I see nothing.", QWEN3_VL, PICTURE).problem


def test_what_was_found_is_drawn() -> None:
    pointed = understood('[{"bbox_2d": [100, 200, 300, 400]}, {"point_2d": [800, 500]}]', QWEN3_VL, PICTURE)
    picture = drawn(PICTURE, pointed)
    assert picture.size == PICTURE.size
    assert picture.getpixel((57, 84)) != (255, 255, 255) and picture.getpixel((448, 140)) != (255, 255, 255)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_targets_are_inside_their_screens_and_the_same_for_the_same_seed(scale: float) -> None:
    for seed in map(str, range(20)):
        image, name, box = drawn_target(seed, scale)
        assert 0 <= box.left < box.right <= image.width and 0 <= box.top < box.bottom <= image.height
        assert (image.tobytes(), name, box) == (drawn_target(seed, scale)[0].tobytes(), name, box)


def test_a_model_that_points_five_pixels_too_far_right_is_found_out() -> None:
    targets = [drawn_target(f"0-{number}", TINY.device_scale) for number in range(4)]
    replies = []
    for image, _, box in targets[:3]:
        seen = understood("[]", TINY, image).grid
        x, y = seen.from_pixels(Point(box.center.x + 5, box.center.y))
        replies.append(call("left_click", coordinate=[round(x), round(y)]))
    trials = list(calibrate(ScriptedModel([*replies, "hm"]), count=4))
    found = Calibration.of(trials)
    assert [trial.is_hit for trial in trials] == [True, True, True, False]
    assert (found.trials, found.hits) == (4, 3) and found.offset is not None
    assert found.offset[0] == pytest.approx(5, abs=0.8) and found.offset[1] == pytest.approx(0, abs=0.8)


def test_nothing_tried_or_hit_has_no_offset() -> None:
    assert Calibration.of([]) == Calibration(0, 0, None)
