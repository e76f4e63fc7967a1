"""Steps in words."""

from __future__ import annotations

import pytest
from PIL import Image

from agent.trajectory import Ask, Ending, Finish, Step, describe, in_words
from tools.actions import (
    KINDS,
    Action,
    Back,
    Click,
    CloseTab,
    Drag,
    Forward,
    Goto,
    Move,
    Press,
    Reload,
    Scroll,
    SwitchTab,
    Type,
    Wait,
)
from tools.environment import Screenshot
from tools.geometry import Point

WORDS: list[tuple[Action, str]] = [
    (Click(Point(0, 12)), "click at (0, 12)"),
    (Click(None, "right", 2, ("ctrl",)), "ctrl+right double click at the pointer"),
    (Click(Point(1, 2), times=5), "click 5 times at (1, 2)"),
    (Move(Point(3, 4)), "move to (3, 4)"),
    (Drag(Point(5, 6)), "drag from the pointer to (5, 6)"),
    (Drag(Point(5, 6), Point(1, 2), "middle"), "middle drag from (1, 2) to (5, 6)"),
    (Scroll(300), "scroll 300 px down at the pointer"),
    (Scroll(-300, at=Point(1, 1)), "scroll 300 px up at (1, 1)"),
    (Scroll(0, -20), "scroll 20 px left at the pointer"),
    (Scroll(1, 2), "scroll 1 px down and 2 px right at the pointer"),
    (Type("é 😀"), "type “é 😀”"),
    (Press(("ctrl", "c")), "press ctrl+c"),
    (Wait(1.5), "wait 1.5 s"),
    (Goto("http://x/"), "go to http://x/"),
    (Back(), "go back"),
    (Forward(), "go forward"),
    (Reload(), "reload"),
    (SwitchTab(0), "switch to tab 1"),
    (CloseTab(), "close the tab"),
]


@pytest.mark.parametrize(("action", "words"), WORDS)
def test_an_action_in_words(action: Action, words: str) -> None:
    assert describe(action) == words


def test_every_kind_of_action_has_words() -> None:
    assert {type(action) for action, _ in WORDS} == set(KINDS.values())


def test_a_step_in_words() -> None:
    blank = Screenshot(Image.new("RGB", (8, 8)))
    assert in_words(Step(0, blank)) == "nothing was done"
    assert in_words(Step(0, blank, actions=(Click(Point(1, 2)), Type("a")))) == "click at (1, 2), then type “a”"
    assert in_words(Step(0, blank, finish=Finish(True, "42"))) == "finish: 42"
    assert in_words(Step(0, blank, finish=Finish(False))) == "give up"
    assert in_words(Step(0, blank, ask=Ask("Which?"))) == "ask: Which?"


def test_only_a_finished_run_is_a_success() -> None:
    assert Ending("finished").success and not Ending("failed", "no such page").success
    assert str(Ending("failed", "no such page")) == "failed: no such page" and str(Ending("lost")) == "lost"
