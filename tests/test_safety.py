"""Nothing is done without a person's leave, nor on another screen than the person saw."""

from __future__ import annotations

import pytest
from PIL import Image

from agent import prompts
from agent.safety import AskPerson, Refused
from tools.actions import Action, Click, Type
from tools.environment import Screenshot
from tools.geometry import Point


def screen(*dots: tuple[int, int]) -> Screenshot:
    image = Image.new("RGB", (200, 100), "white")
    for dot in dots:
        image.putpixel(dot, (0, 0, 0))
    return Screenshot(image)


def said(policy: AskPerson, action: Action) -> str:
    try:
        policy.check(action, screen())
    except Refused as refusal:
        return str(refusal)
    return "done"


def test_the_person_is_asked_about_the_very_action_and_screen() -> None:
    asked: list[tuple[Action, Screenshot]] = []
    shown, action = screen(), Click(Point(50, 50))
    policy = AskPerson(lambda *question: not asked.append(question), screen)
    policy.check(action, shown)
    assert asked == [(action, shown)]


@pytest.mark.parametrize("action", [Click(Point(50, 50)), Type("tea")])
def test_what_is_not_allowed_is_refused(action: Action) -> None:
    assert said(AskPerson(lambda action, screenshot: False, screen), action) == prompts.DENIED


@pytest.mark.parametrize(("dot", "outcome"), [((55, 50), prompts.CHANGED), ((150, 50), "done")])
def test_a_leave_is_void_when_the_place_has_changed_since(dot: tuple[int, int], outcome: str) -> None:
    assert said(AskPerson(lambda action, screenshot: True, lambda: screen(dot)), Click(Point(50, 50))) == outcome
