from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.actions import Click
from tools.errors import UserError
from tools.geometry import Point
from tools.miniwob import PATIENCE_MS, MiniWob

CENTRE = "name => { const r = [...document.querySelectorAll('#area button')].find(b => b.innerText === name)"
CENTRE += ".getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }"
SEED = 4  # its two buttons do not overlap


@pytest.fixture(scope="module")
def two_buttons() -> Iterator[MiniWob]:
    task = MiniWob("click-test-2", scale=2.0)
    yield task
    task.close()


def press(task: MiniWob, name: str) -> str:
    x, y = task.browser.page.evaluate(CENTRE, name)
    return task.perform(Click(Point(x * task.scale, y * task.scale)))


def test_the_right_button_is_worth_one_and_the_wrong_one_minus_one(two_buttons: MiniWob) -> None:
    assert two_buttons.reset(SEED) == "Click button ONE."
    assert (two_buttons.done, two_buttons.raw_reward) == (False, 0.0)
    press(two_buttons, "ONE")
    assert (two_buttons.done, two_buttons.raw_reward) == (True, 1.0)
    two_buttons.reset(SEED)
    press(two_buttons, "TWO")
    assert (two_buttons.done, two_buttons.raw_reward) == (True, -1.0)


def test_a_seed_fixes_the_pixels_and_another_seed_changes_them(two_buttons: MiniWob) -> None:
    seen = []
    for seed in (SEED, SEED + 1, SEED):
        two_buttons.reset(seed)
        seen.append(two_buttons.screenshot().digest)
    assert seen[0] == seen[2] != seen[1]


def test_the_picture_is_the_task_area_at_the_scale(two_buttons: MiniWob) -> None:
    two_buttons.reset(SEED)
    image = two_buttons.screenshot().image
    assert image.size == (320, 420)
    assert image.getpixel((319, 0)) == (255, 255, 0)  # the instruction's bar reaches to the right edge
    assert image.getpixel((319, 419)) == (255, 255, 255)


def test_after_the_end_a_click_does_not_start_another_episode(two_buttons: MiniWob) -> None:
    two_buttons.reset(SEED)
    press(two_buttons, "TWO")
    assert two_buttons.perform(Click(Point(160, 210))) == "The episode is over."
    assert (two_buttons.done, two_buttons.raw_reward) == (True, -1.0)


def test_a_slow_player_is_not_cut_off(two_buttons: MiniWob) -> None:
    two_buttons.reset(SEED)
    assert two_buttons.browser.page.evaluate("() => core.EPISODE_MAX_TIME") == PATIENCE_MS


def test_without_reload_the_first_screen_is_the_same(two_buttons: MiniWob) -> None:
    two_buttons.reset(SEED)
    fresh = two_buttons.screenshot().digest
    press(two_buttons, "ONE")
    two_buttons.reset(SEED, reload=False)
    assert two_buttons.screenshot().digest == fresh
    assert not two_buttons.done


@pytest.mark.parametrize("name", ["click-nothing", "../core/core", ""])
def test_an_unknown_task_is_the_users_mistake(name: str) -> None:
    with pytest.raises(UserError, match="no task"):
        MiniWob(name)
