from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from model.training.dom import Element, Snapshot
from model.training.episodes import Played
from model.training.experts import EXPERTS
from model.training.experts.steps import Lost, Want, aim, decide, thought
from model.training.hasty import HastyBrowser
from tools.actions import Click, Type
from tools.geometry import Box
from tools.miniwob import WINDOW

SAVE = Element("button", "Save", Box(10, 20, 50, 40))
NAME = Element("field", "Name", Box(10, 60, 90, 80))
SCREEN = Snapshot((SAVE, NAME, Element("close", "×", Box(0, 0, 9, 9))), ())

OWN = [task for task in EXPERTS if task.startswith("page-")]
CORE = ["click-test", "click-test-2", "click-button", "click-link", "click-dialog", "click-tab", "focus-text"]
CORE += ["enter-text", "click-checkboxes", "click-tab-2", "enter-password", *OWN]


@pytest.fixture(scope="module")
def browser() -> Iterator[HastyBrowser]:
    one = HastyBrowser(viewport=WINDOW, scale=2.0)
    yield one
    one.close()


@pytest.mark.parametrize(
    ("want", "said"),
    [
        (Want("click", "Save"), 'Click "Save".'),
        (Want("check", "red"), 'Check "red".'),
        (Want("field", "Name"), 'Click the field "Name".'),
        (Want("field"), "Click the text field."),
        (Want("close"), "Click the close button."),
        (Want("type", "Kim"), 'Type "Kim".'),
        (Want("done"), "Done."),
    ],
)
def test_a_thought_names_the_target_as_the_page_does(want: Want, said: str) -> None:
    assert thought(want) == said


def test_a_click_lands_in_the_middle_half_of_its_target() -> None:
    for seed in range(200):
        at = aim(SAVE.box, random.Random(seed))
        assert 19 <= at.x <= 40 and 24 <= at.y <= 35
        assert at.x == int(at.x) and at.y == int(at.y)


def test_a_decision_aims_at_the_element_of_the_right_kind() -> None:
    made = decide(Want("click", "Save"), SCREEN, random.Random(0))
    assert made.target == SAVE.box and isinstance(made.action, Click)
    assert decide(Want("field"), SCREEN, random.Random(0)).target == NAME.box
    assert decide(Want("type", "Kim"), SCREEN, random.Random(0)).action == Type("Kim")
    assert decide(Want("done"), SCREEN, random.Random(0)).action is None


@pytest.mark.parametrize("want", [Want("click", "save"), Want("click", "Name"), Want("check", "Save")])
def test_an_expert_is_lost_rather_than_wrong(want: Want) -> None:
    with pytest.raises(Lost):
        decide(want, SCREEN, random.Random(0))


@pytest.mark.parametrize("task", CORE)
def test_the_expert_solves_by_pixels(browser: HastyBrowser, task: str) -> None:
    world = Played(task, browser)
    steps = [line for line, _ in world.play(7)]
    assert world.solved()
    assert (steps[-1]["thought"] == "Done.") == task.startswith("page-")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("task", EXPERTS)
def test_the_expert_solves_at_least_49_of_50(browser: HastyBrowser, task: str) -> None:
    world = Played(task, browser)
    solved = 0
    for seed in range(50):
        list(world.play(seed))
        solved += world.solved()
    assert solved >= 49
