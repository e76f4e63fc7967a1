"""The harness, proven by players whose score is known: an oracle that reads the page, and chance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.benchmarks.episodes import Page, random_clicks
from agent.benchmarks.miniwob import run, summarise
from model.computer_use import call
from model.families import QWEN2_5_VL, QWEN2_VL, Family
from model.vlm import VisionLanguageModel
from tests.scripted import ScriptedModel
from tools.errors import UserError
from tools.geometry import Point

# The middle of the button that the instruction names, in CSS pixels; click-test has one button and names none.
TARGET = """() => {
  const said = document.querySelector('#query').textContent.match(/"(.*)"/);
  const buttons = [...document.querySelectorAll('#area button')];
  const box = buttons.find(b => !said || b.textContent === said[1]).getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""


def clicks(page: Page, family: Family) -> Iterator[str]:
    while True:
        x, y = page.browser.page.evaluate(TARGET)
        screen = page.screenshot().size
        spoken = family.grid(screen).from_pixels(Point(x * page.scale, y * page.scale))
        yield call("left_click", coordinate=[round(number) for number in spoken])


def oracle(page: Page, seed: int) -> VisionLanguageModel:
    return ScriptedModel(clicks(page, QWEN2_5_VL), QWEN2_5_VL)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(1200)  # half a minute on a free machine, many on a busy one
def test_an_oracle_solves_every_episode_through_the_whole_pipeline(tmp_path: Path) -> None:
    summary = run(oracle, ["click-test", "click-button"], range(20), tmp_path, name="oracle")
    assert (summary.episodes, summary.success, summary.corrected) == (40, 1.0, 1.0)
    assert all(line["success"] and line["raw_reward"] == 1.0 and line["steps"] == 1 for line in lines(tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(1200)  # half a minute on a free machine, many on a busy one
def test_random_clicks_are_far_below_the_oracle_and_the_same_for_the_same_seeds(tmp_path: Path) -> None:
    for out in (tmp_path / "a", tmp_path / "b"):
        summary = run(random_clicks, ["click-button"], range(10), out, name="random", max_steps=5)
        assert summary.success <= 0.6
        assert all(line["steps"] <= 5 for line in lines(out))
    assert [line["success"] for line in lines(tmp_path / "a")] == [line["success"] for line in lines(tmp_path / "b")]


def test_thousandths_hit_too(tmp_path: Path) -> None:
    player = lambda page, seed: ScriptedModel(clicks(page, QWEN2_VL), QWEN2_VL)  # noqa: E731
    assert run(player, ["click-button"], range(3), tmp_path, name="oracle").success == 1.0


def test_a_wrong_click_ends_the_episode_without_success(tmp_path: Path) -> None:
    """click-test-2 has two buttons; the oracle of click-button takes the first, whichever it is."""
    wrong = """() => { const box = [...document.querySelectorAll('#area button')].find(b => b.textContent !== 'ONE')
      .getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }"""

    def player(page: Page, seed: int) -> VisionLanguageModel:
        x, y = page.browser.page.evaluate(wrong)
        grid = QWEN2_5_VL.grid(page.screenshot().size)
        return ScriptedModel([call("left_click", coordinate=list(grid.from_pixels(Point(x * 2, y * 2))))], QWEN2_5_VL)

    assert run(player, ["click-test-2"], [0], tmp_path, name="wrong").success == 0.0
    [line] = lines(tmp_path)
    assert (line["success"], line["raw_reward"], line["steps"], line["ending"]) == (False, -1.0, 1, "done")


def test_a_model_that_gives_up_has_not_solved_the_task(tmp_path: Path) -> None:
    model = ScriptedModel([call("terminate", status="success")])
    assert run(model, ["click-test"], [0], tmp_path).success == 0.0
    [line] = lines(tmp_path)
    assert (line["success"], line["steps"], line["ending"]) == (False, 1, "finished")


def test_played_episodes_are_not_played_again_and_a_torn_line_is(tmp_path: Path) -> None:
    run(oracle, ["click-test"], range(3), tmp_path, name="oracle")
    file = tmp_path / "episodes.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    before = file.read_text().splitlines()[:2]
    played: list[int] = []

    def counted(page: Page, seed: int) -> VisionLanguageModel:
        played.append(seed)
        return oracle(page, seed)

    assert run(counted, ["click-test"], range(4), tmp_path, name="oracle").episodes == 4
    assert played == [2, 3]
    assert file.read_text().splitlines()[:2] == before


def test_episodes_of_two_pages_at_a_time_are_the_same_episodes(tmp_path: Path) -> None:
    run(oracle, ["click-button"], range(6), tmp_path, 2, name="oracle")
    assert sorted(line["seed"] for line in lines(tmp_path)) == list(range(6))
    assert all(line["success"] for line in lines(tmp_path))


def test_a_failure_in_one_of_several_threads_ends_the_run(tmp_path: Path) -> None:
    def player(page: Page, seed: int) -> VisionLanguageModel:
        raise UserError("no such model")

    with pytest.raises(UserError, match="no such model"):
        run(player, ["click-test"], range(1000), tmp_path, 2, name="none")


def test_the_run_says_which_browser_and_fonts_drew_the_pages(tmp_path: Path) -> None:
    run(oracle, ["click-test"], [0], tmp_path, name="oracle")
    noted = json.loads((tmp_path / "run.json").read_text())
    assert "Chrom" in noted["browser"] and noted["fonts"]["Arial"]
    with pytest.raises(UserError, match="model was 'oracle', now 'scripted'"):
        run(ScriptedModel([]), ["click-test"], [0], tmp_path)


def test_a_reserved_task_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UserError, match="no task"):
        run(oracle, ["click-test", "no-such-task"], [0], tmp_path, name="oracle")
    assert "no-such-task" in caplog.text and "click-test" not in caplog.text


def test_the_table_has_intervals_and_chance_where_it_is_known() -> None:
    records = [
        {"task": task, "seed": seed, "success": seed < solved, "steps": 2, "seconds": 0.5}
        for task, solved in (("easy", 8), ("odd", 4))
        for seed in range(10)
    ]
    summary = summarise(records, {"easy": 0.6})
    assert (summary.success, summary.corrected) == (pytest.approx(0.6), pytest.approx(0.5))
    assert summary.table.splitlines() == [
        "task            n  solved %       95 %  chance %  above chance %  steps    s",
        "----------------------------------------------------------------------------",
        "easy           10      80.0  49.0-94.3      60.0            50.0    2.0  0.5",
        "odd            10      40.0  16.8-68.7         -               -    2.0  0.5",
        "mean of tasks  20      60.0                                 50.0",
        "above chance: 0 is chance, 100 perfect; over the 1 of 2 tasks whose chance is known",
    ]
