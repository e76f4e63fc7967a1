"""tools/sandbox.py: a drawn computer that does what a person would expect of it."""

from __future__ import annotations

import pytest

from tools.actions import Click, Drag, Goto, Move, Press, Scroll, Type, Wait
from tools.environment import ActionFailed
from tools.geometry import Box, Point, Size
from tools.sandbox import Sandbox, Screen, Widget


@pytest.fixture
def sandbox() -> Sandbox:
    widgets = [
        Widget("label", "Form", Box(10, 10, 60, 30)),
        Widget("field", "Name", Box(10, 40, 150, 70)),
        Widget("field", "City", Box(10, 80, 150, 110)),
        Widget("checkbox", "Agree", Box(10, 120, 100, 142)),
        Widget("button", "Send", Box(10, 150, 80, 180)),
        Widget("link", "Help", Box(100, 150, 150, 172)),
    ]
    return Sandbox(Screen(widgets, Size(200, 200)))


def click(sandbox: Sandbox, name: str, times: int = 1) -> None:
    sandbox.perform(Click(sandbox.screen.find(name).box.center, times=times))


def test_a_button_counts_its_presses(sandbox: Sandbox) -> None:
    click(sandbox, "Send")
    click(sandbox, "Help")
    click(sandbox, "Send")
    assert [sandbox.screen.find(name).presses for name in ("Send", "Help")] == [2, 1]


def test_a_checkbox_is_ticked_and_cleared(sandbox: Sandbox) -> None:
    click(sandbox, "Agree")
    assert sandbox.screen.find("Agree").checked
    click(sandbox, "Agree")
    assert not sandbox.screen.find("Agree").checked


def test_text_goes_to_the_field_in_focus_and_nowhere_else(sandbox: Sandbox) -> None:
    sandbox.perform(Type("lost"))
    click(sandbox, "Name")
    sandbox.perform(Type("Zoë"))
    click(sandbox, "Form")
    sandbox.perform(Type("lost"))
    assert [widget.value for widget in sandbox.screen.widgets if widget.kind == "field"] == ["Zoë", ""]


def test_tab_and_enter_work_typed_and_pressed(sandbox: Sandbox) -> None:
    click(sandbox, "Name")
    sandbox.perform(Type("Ann\tOslo\n"))
    assert sandbox.screen.find("City").value == "Oslo"
    assert sandbox.entered == ["City"]
    sandbox.perform(Press(("tab",)))
    sandbox.perform(Press(("space",)))
    assert sandbox.screen.find("Agree").checked
    sandbox.perform(Press(("tab",)))
    sandbox.perform(Press(("Return",)))
    assert sandbox.screen.find("Send").presses == 1


@pytest.mark.parametrize("select", ["ctrl+a", "three clicks", "shift+tab"])
def test_selected_text_is_replaced(sandbox: Sandbox, select: str) -> None:
    click(sandbox, "Name")
    sandbox.perform(Type("old"))
    if select == "ctrl+a":
        sandbox.perform(Press(("ctrl+a",)))
    elif select == "three clicks":
        click(sandbox, "Name", times=3)
    else:
        click(sandbox, "City")
        sandbox.perform(Press(("shift", "tab")))
    sandbox.perform(Type("new"))
    assert sandbox.screen.find("Name").value == "new"


def test_backspace_takes_one_letter(sandbox: Sandbox) -> None:
    click(sandbox, "Name")
    sandbox.perform(Type("abc"))
    sandbox.perform(Press(("backspace",)))
    assert sandbox.screen.find("Name").value == "ab"


def test_a_right_click_and_idle_actions_change_nothing(sandbox: Sandbox) -> None:
    before = sandbox.screenshot().digest
    middle = sandbox.screen.find("Send").box.center
    for action in (Click(middle, button="right"), Move(middle), Scroll(100, at=middle), Drag(middle), Wait(100)):
        assert sandbox.perform(action) == ""
    assert sandbox.screenshot().digest == before


def test_what_cannot_be_done_is_refused_with_the_reason(sandbox: Sandbox) -> None:
    with pytest.raises(ActionFailed, match="200x200"):
        sandbox.perform(Click(Point(200, 5)))
    with pytest.raises(ActionFailed, match="no browser"):
        sandbox.perform(Goto("https://example.org"))
    with pytest.raises(ActionFailed, match="qqq"):
        sandbox.perform(Press(("qqq",)))


def test_every_change_shows(sandbox: Sandbox) -> None:
    seen = {sandbox.screenshot().digest}
    for name in ("Name", "Agree", "Send", "Help"):
        click(sandbox, name)
        seen.add(sandbox.screenshot().digest)
    click(sandbox, "Name")
    sandbox.perform(Type("x"))
    seen.add(sandbox.screenshot().digest)
    assert len(seen) == 6


def test_a_seed_gives_one_screen() -> None:
    first, again, other = (Sandbox.random(seed).screenshot().digest for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("size", [Size(320, 240), Size(640, 480), Size(1280, 800)])
def test_random_widgets_lie_on_the_screen_and_apart(size: Size) -> None:
    for seed in range(20):
        widgets = Sandbox.random(seed, size).screen.widgets
        assert len(widgets) >= 3
        assert len({widget.name for widget in widgets}) == len(widgets)
        for index, a in enumerate(widgets):
            assert a.box.left >= 0 and a.box.top >= 0
            assert a.box.right <= size.width and a.box.bottom <= size.height
            for b in widgets[:index]:
                apart = a.box.left >= b.box.right or b.box.left >= a.box.right
                assert apart or a.box.top >= b.box.bottom or b.box.top >= a.box.bottom


def test_a_click_on_the_box_of_a_random_widget_reaches_it() -> None:
    sandbox = Sandbox.random(5)
    for widget in sandbox.screen.widgets:
        assert sandbox.screen.at(widget.box.center) is widget
