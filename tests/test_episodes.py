from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.training.episodes import Played, Shown, call, write
from model.training.hasty import HastyBrowser
from tools.actions import Click, Drag, Press, Scroll, Type
from tools.errors import UserError
from tools.geometry import Point, Size
from tools.miniwob import WINDOW
from tools.pages import PracticePage


@pytest.fixture(scope="module")
def browser() -> Iterator[HastyBrowser]:
    one = HastyBrowser(viewport=WINDOW, scale=2.0)
    yield one
    one.close()


def written(browser: HastyBrowser, task: str, seeds: range, out: Path) -> list[dict[str, Any]]:
    out.mkdir()
    with (out / "index.jsonl").open("w", encoding="utf-8") as index:
        write(task, Shown(browser) if task == "mixed" else Played(task, browser), seeds, out, index)
    return [json.loads(line) for line in (out / "index.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_screen_comes_with_what_was_done_on_it(browser: HastyBrowser, tmp_path: Path) -> None:
    lines = written(browser, "page-form", range(100_000, 100_002), tmp_path / "a")
    for line in lines:
        assert list(Image.open(tmp_path / "a" / line["image"]).size) == line["size"]
        if line["action"]["action"] == "left_click":
            x, y = line["action"]["coordinate"]
            left, top, right, bottom = line["target_box"]
            assert left <= x <= right and top <= y <= bottom
            assert line["target_box"] in [element["box"] for element in line["elements"]]
        assert len(line["history"]) == line["step"]
    episode = [line for line in lines if line["seed"] == 100_000]
    assert episode[-1]["action"] == {"action": "terminate", "status": "success"}
    for before, after in pairwise(episode):
        assert after["history"][-1] == {"thought": before["thought"], "action": before["action"], "result": ""}


@pytest.mark.parametrize("task", ["click-checkboxes", "page-search", "mixed"])
def test_the_same_seeds_give_the_same_screens(browser: HastyBrowser, tmp_path: Path, task: str) -> None:
    seeds = range(100_000, 100_002)
    first, again = (written(browser, task, seeds, tmp_path / name) for name in ("a", "b"))
    assert first == again
    for line in first:
        one, other = (np.asarray(Image.open(tmp_path / name / line["image"])) for name in ("a", "b"))
        assert one.shape == other.shape
        # What lies under the pointer takes its hover shade when Chromium gets to it, in this frame or a later one.
        assert (one != other).any(-1).mean() < 0.01


def test_a_screen_without_a_task_has_much_to_read_and_to_point_at(browser: HastyBrowser, tmp_path: Path) -> None:
    lines = written(browser, "mixed", range(8), tmp_path / "a")
    assert len({tuple(line["size"]) for line in lines}) == len(lines) == 8
    assert sum(len(line["chars"]) for line in lines) > 8 * 50
    kinds = {element["kind"] for line in lines for element in line["elements"]}
    assert {"button", "link", "field", "checkbox", "text"} <= kinds
    for line in lines:
        for _, left, top, right, bottom in line["chars"]:
            assert 0 <= left < right <= line["size"][0] and 0 <= top < bottom <= line["size"][1]


def test_haste_changes_no_pixel(browser: HastyBrowser) -> None:
    """What is trained on looks as what is scored, caret and scroll bars included."""
    patient = PracticePage("form")
    browser.resize(Size(320, 240))
    hasty = PracticePage("form", browser=browser)
    try:
        for page in (patient, hasty):
            page.reset(3)
            field = page.browser.page.locator("input").first.bounding_box()
            assert field is not None
            page.perform(Click(Point((field["x"] + 9) * 2, (field["y"] + 9) * 2)))
            page.perform(Type("Zoë 5"))
        assert patient.screenshot().digest == hasty.screenshot().digest
    finally:
        patient.close()


def test_calls_are_those_of_the_tool() -> None:
    assert call(Click(Point(3, 4))) == {"action": "left_click", "coordinate": [3, 4]}
    assert call(Type("a")) == {"action": "type", "text": "a"}
    assert call(Press(("enter",))) == {"action": "key", "keys": ["enter"]}
    assert call(Drag(Point(1, 1))) == {"action": "left_click_drag", "coordinate": [1, 1]}
    assert call(Click(Point(3, 4), times=2)) == {"action": "double_click", "coordinate": [3, 4]}
    assert call(Scroll(dy=120)) == {"action": "scroll", "pixels": -120}
    with pytest.raises(ValueError, match="drag"):
        call(Drag(Point(1, 1), start=Point(2, 2)))


def test_a_task_without_expert_is_the_users_mistake(browser: HastyBrowser) -> None:
    with pytest.raises(UserError, match="no expert"):
        Played("click-anything", browser)
