"""Steps as the page shows them: every action has its words, and nothing that a page or a model says is markup."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from agent.trajectory import Ask, Ending, Finish, Step
from app import steps
from tools.actions import KINDS, Action, Click, Drag, Goto, Move, Press, Scroll, SwitchTab, Type, Wait
from tools.environment import Screenshot
from tools.geometry import Point

EVIL = '<img src=x onerror="alert(1)">\u202e{0}'
PLACE = Point(30, 20)
ACTIONS: list[Action] = [
    Click(PLACE),
    Click(PLACE, times=2, modifiers=("ctrl",)),
    Click(button="right"),
    Click(PLACE, "middle"),
    Click(times=5),
    Move(PLACE),
    Drag(PLACE),
    Scroll(30, at=PLACE),
    Type(EVIL),
    Press(("ctrl", "c")),
    Wait(1.5),
    Goto("https://example.com"),
    SwitchTab(0),
    *(KINDS[name]() for name in ("back", "forward", "reload", "closetab")),
]


def tell_in(language: int) -> steps.Tell:
    def tell(key: str, **values: Any) -> str:
        return steps.TEXTS[key][language].format(**values)

    return tell


english, chinese = map(tell_in, range(2))


def step(**given: Any) -> Step:
    return Step(0, Screenshot(Image.new("RGB", (60, 40)), EVIL, EVIL), **given)


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_every_action_has_words_in_both_languages(action: Action) -> None:
    words = [steps.deed(action, tell) for tell in (english, chinese)]
    assert all(words) and words[0] != words[1]
    assert all("{" not in word.replace(EVIL, "") for word in words)
    assert steps.item(step(actions=(action,)), english)


def test_the_list_of_actions_here_is_whole() -> None:
    assert {type(action) for action in ACTIONS} == set(KINDS.values())


@pytest.mark.parametrize(
    "shown",
    [
        step(reply=EVIL + "<tool_call>" + EVIL, actions=(Type(EVIL),), result=EVIL, mistake=True),
        step(reply=EVIL, actions=(Goto(EVIL),), by_person=True, corrected=EVIL),
        step(reply=EVIL, ask=Ask(EVIL), result=EVIL),
        step(reply=EVIL, finish=Finish(True, EVIL), ending=Ending("finished", EVIL)),
    ],
)
def test_nothing_that_was_said_is_markup_or_invisible(shown: Step) -> None:
    html = "".join([*steps.view(shown, english), steps.item(shown, english), steps.outcome(shown.ending, english)])
    assert "<img src=x" not in html and "\u202e" not in html and "&lt;img src=x" in html


def test_a_clickable_screen_says_how_large_and_which_it_is() -> None:
    shown = step(actions=(Click(PLACE),))
    stage, _ = steps.view(shown, english, clickable=True)
    assert 'data-width="60" data-height="40"' in stage and shown.screenshot.digest in stage
    assert "data-clickable" in stage and "data-clickable" not in steps.view(shown, english)[0]


def test_no_step_is_drawn_twice() -> None:
    drawn: dict[int, str] = {}
    first = steps.folded([step()], english, drawn)
    drawn[0] = "kept"
    assert "kept" in steps.folded([step()], english, drawn) and "kept" not in first
    assert steps.folded([], english, {}) == ""


def test_every_ending_has_words() -> None:
    for key in ("finished", "failed", "stuck", "unreadable", "budget", "cancelled", "lost", "interrupted"):
        assert steps.outcome(Ending(key), english) != steps.outcome(Ending(key), chinese)  # type: ignore[arg-type]
    assert "bad" in steps.outcome(None, english)
