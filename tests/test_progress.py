"""Repeats, circles and standing still are seen, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from agent import prompts
from agent.progress import CIRCLES_STOP, REPEATS_STOP, STILL_STOP, STILL_WARN, UNREADABLE_STOP, stuck, warning
from agent.trajectory import Finish, Step
from tools.actions import Action, Click, Press, Scroll, Type, Wait
from tools.environment import Screenshot
from tools.geometry import Point

A, B, C = Click(Point(1, 1)), Click(Point(2, 2)), Press(("enter",))


def steps(*seen: tuple[Action | None, int]) -> list[Step]:
    """(what was done, number of the screen it was done on); None: nothing readable was said."""
    return [
        Step(index, Screenshot(Image.new("RGB", (8, 8), (screen, 0, 0))), actions=(action,) if action else ())
        for index, (action, screen) in enumerate(seen)
    ]


def first(rule: object, run: Sequence[Step]) -> int:
    """After how many steps the rule has something to say; 0: never."""
    assert callable(rule)
    return next((count for count in range(1, len(run) + 1) if rule(run[:count])), 0)


def test_the_same_action_on_the_same_screen_is_warned_about_then_stopped() -> None:
    run = steps(*[(A, 0)] * 6)
    assert first(warning, run) == 2 and first(stuck, run) == REPEATS_STOP == 4
    assert warning(run[:2]) == prompts.REPEATED
    ending = stuck(run[:4])
    assert ending and ending.reason == "stuck" and "4 times" in ending.text


def test_the_same_action_on_new_screens_is_progress() -> None:
    run = steps(*[(Scroll(400), screen) for screen in range(30)])
    assert not first(warning, run) and not first(stuck, run)


def test_a_repeat_counts_only_without_a_break() -> None:
    run = steps((A, 0), (B, 0), (A, 0), (A, 1), (A, 0))
    assert not first(warning, run)


def test_waiting_on_one_screen_is_no_repeat_but_does_not_go_on_for_ever() -> None:
    run = steps(*[(Wait(1), 0)] * 12)
    assert first(warning, run) == STILL_WARN + 1 and first(stuck, run) == STILL_STOP + 1


def test_circles_of_two_and_three_steps_are_warned_about_then_stopped() -> None:
    for circle in ([(A, 0), (B, 1)], [(A, 0), (B, 1), (C, 2)], [(A, 0), (A, 1), (B, 1)]):
        run = steps(*circle * 4)
        assert first(warning, run) == 2 * len(circle) and first(stuck, run) == CIRCLES_STOP * len(circle)
        assert warning(run[: 2 * len(circle)]) == prompts.CIRCLES


def test_a_circle_through_new_screens_is_progress() -> None:
    run = steps(*[(action, 2 * turn + i) for turn in range(6) for i, action in enumerate((A, B))])
    assert not first(warning, run) and not first(stuck, run)


def test_different_actions_that_change_nothing_are_warned_about_then_stopped() -> None:
    run = steps(*[(Type(str(number)), 0) for number in range(12)])
    assert first(warning, run) == STILL_WARN + 1 and first(stuck, run) == STILL_STOP + 1
    assert warning(run[: STILL_WARN + 1]) == prompts.still(STILL_WARN)


def test_a_screen_that_changes_in_time_ends_the_count() -> None:
    run = steps(*[(Type(str(number)), number // STILL_WARN) for number in range(40)])
    assert not first(warning, run) and not first(stuck, run)


def test_only_unreadable_replies_in_a_row_stop_the_run() -> None:
    run = steps((None, 0), (None, 1), (A, 2), (None, 3), (None, 4), (None, 5))
    assert first(stuck, run) == 6
    ending = stuck(run)
    assert ending and ending.reason == "unreadable" and str(UNREADABLE_STOP) in ending.text


def test_no_steps_and_a_finish_are_no_trouble() -> None:
    assert not warning([]) and not stuck([])
    done = Step(0, Screenshot(Image.new("RGB", (8, 8))), finish=Finish(True))
    assert not warning([done]) and not stuck([done])
