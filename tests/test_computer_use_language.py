"""Qwen's computer_use and mobile_use: replies to actions and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.languages import Decision
from agent.languages.computer_use import ACTIONS, ASKS, ComputerUse
from agent.languages.mobile_use import MobileUse
from agent.trajectory import Ask, Finish
from model.computer_use import call
from model.families import FAMILIES, QWEN2_5_VL, QWEN3_VL, Grid
from model.parsing import ParseError
from tools.actions import (
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
    points,
)
from tools.geometry import Point, Size

SHARED = Path(__file__).parents[2] / "shared" / "data"
SCREEN = Size(1000, 500)
GRID = Grid(SCREEN, Size(2000, 1000), QWEN2_5_VL)  # the model's numbers are twice the pixels
QWEN = ComputerUse(QWEN2_5_VL)


def read(action: str, **arguments: Any) -> Decision:
    return QWEN.read(call(action, **arguments), SCREEN, GRID)


@pytest.mark.parametrize(
    ("action", "arguments", "meant"),
    [
        ("left_click", {"coordinate": [20, 40]}, Click(Point(10, 20))),
        ("click", {"coordinate": [20, 40]}, Click(Point(10, 20))),
        ("left_click", {}, Click()),
        ("right_click", {"coordinate": [20, 40]}, Click(Point(10, 20), "right")),
        ("middle_click", {"coordinate": [20, 40]}, Click(Point(10, 20), "middle")),
        ("double_click", {"coordinate": [20, 40]}, Click(Point(10, 20), times=2)),
        ("triple_click", {"coordinate": [20, 40]}, Click(Point(10, 20), times=3)),
        ("left_click", {"coordinate": [20, 40], "keys": ["ctrl"]}, Click(Point(10, 20), modifiers=("ctrl",))),
        ("left_click", {"coordinate": [20, 40], "keys": "", "approved": True}, Click(Point(10, 20))),
        ("mouse_move", {"coordinate": [20, 40]}, Move(Point(10, 20))),
        ("left_click_drag", {"coordinate": [20, 40]}, Drag(Point(10, 20))),
        ("left_click_drag", {"start_coordinate": [0, 0], "coordinate": [20, 40]}, Drag(Point(10, 20), Point(0, 0))),
        ("drag", {"coordinate": [0, 0], "coordinate2": [20, 40]}, Drag(Point(10, 20), Point(0, 0))),
        ("drag", {"coordinate": [[0, 0], [20, 40]]}, Drag(Point(10, 20), Point(0, 0))),
        ("scroll", {"pixels": -300}, Scroll(300)),
        ("scroll", {"pixels": 300, "coordinate": [20, 40]}, Scroll(-300, at=Point(10, 20))),
        ("hscroll", {"pixels": 300}, Scroll(0, 300)),
        ("type", {"text": " a\n"}, Type(" a\n")),
        ("type", {"text": "a", "coordinate": None, "press_enter": False}, Type("a")),
        ("key", {"keys": ["Control_L", "c"]}, Press(("ctrl", "c"))),
        ("key", {"keys": "ctrl+c"}, Press(("ctrl", "c"))),
        ("key", {"text": "Return"}, Press(("enter",))),
        ("wait", {"time": 2.5}, Wait(2.5)),
        ("terminate", {"status": "success"}, Finish(True)),
        ("terminate", {"status": "failure"}, Finish(False)),
        ("terminate", {"answer": "42"}, Finish(True, "42")),
        ("answer", {"text": "42"}, Finish(True, "42")),
        ("interact", {"text": "Which?"}, Ask("Which?")),
        ("ask_user_question", {"question": "Which?"}, Ask("Which?")),
        ("visit_url", {"url": "https://github.com"}, Goto("https://github.com")),
        ("visit_url", {"url": "github.com/a"}, Goto("https://github.com/a")),
        ("history_back", {}, Back()),
    ],
)
def test_every_action_is_understood(action: str, arguments: dict[str, Any], meant: Action | Finish | Ask) -> None:
    assert read(action, **arguments) == meant


def test_one_call_may_mean_several_actions() -> None:
    given = read("type", text="a", coordinate=[20, 40], press_enter=True, delete_existing_text=True)
    assert given == (Click(Point(10, 20)), Press(("ctrl", "a")), Press(("delete",)), Type("a"), Press(("enter",)))
    assert read("type", text="", clear=True) == (Press(("ctrl", "a")), Press(("delete",)), Type(""))


@pytest.mark.parametrize(
    "coordinate",
    [
        *([20, 40], [20.0, 40.0], ["20", "40"], "[20, 40]", "(20,40)", "20 40", "20, 40", ["20, 40"], [[20, 40]]),
        *({"x": 20, "y": 40}, [10, 30, 30, 50], [[10, 30], [30, 50]], "<point>20 40</point>"),
        "<|box_start|>(20,40)<|box_end|>",
    ],
)
def test_coordinate_is_read_in_every_spelling(coordinate: Any) -> None:
    assert read("left_click", coordinate=coordinate) == Click(Point(10, 20))


@pytest.mark.parametrize(
    "coordinate",
    [
        *(
            None,
            [],
            [1],
            [1, 2, 3],
            [1, 2, 3, 4, 5],
            [None, None],
            [True, 2],
            ["a", 2],
            {"x": 1},
            {},
            5,
            "near the top",
        ),
        *([-1, 5], [5, -0.1], [2000.5, 5], [5, 1001], [10, 10, 3000, 20], "1,2,3", [[1, 2], [3]], [10**30, 5], [{}, 1]),
    ],
)
def test_other_coordinates_are_refused(coordinate: Any) -> None:
    for action in ("left_click", "mouse_move", "left_click_drag"):
        with pytest.raises(ParseError):
            read(action, coordinate=coordinate)


def test_far_edge_is_the_last_pixel() -> None:
    assert read("left_click", coordinate=[2000, 1000]) == Click(Point(999, 499))
    assert read("left_click", coordinate=[0, 0]) == Click(Point(0, 0))


@pytest.mark.parametrize(
    ("action", "arguments", "told"),
    [
        ("mouse_move", {}, "coordinate"),
        ("left_click_drag", {"coordinate": [1, 2, 3, 4]}, "start_coordinate"),
        ("scroll", {}, "pixels"),
        ("scroll", {"pixels": True}, "pixels"),
        ("scroll", {"pixels": 100_001}, "between"),
        ("type", {}, "text"),
        ("type", {"text": 5}, "string"),
        ("type", {"text": "a" * 100_001}, "characters"),
        ("type", {"text": "a\0"}, "NUL"),
        ("type", {"text": "\ud800"}, "half a character"),
        ("key", {}, "keys"),
        ("key", {"keys": []}, "at least one"),
        ("key", {"keys": ["a"] * 11}, "at most"),
        ("key", {"keys": ["nosuch"]}, "nosuch"),
        ("key", {"keys": [True]}, "keys"),
        ("wait", {"time": 301}, "between"),
        ("wait", {"time": -1}, "between"),
        ("terminate", {"status": "done"}, "success"),
        ("answer", {}, "text"),
        ("interact", {}, "text"),
        ("visit_url", {"url": "javascript:alert(1)"}, "https"),
        ("visit_url", {"url": "file:///etc/passwd"}, "https"),
        ("web_search", {"query": "x"}, "visit_url"),
        ("screenshot", {}, "after every step"),
        ("LEFT_CLICK", {"coordinate": [1, 2]}, "left_click"),
    ],
)
def test_unusable_arguments_are_told_what_to_write(action: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ParseError, match=told):
        read(action, **arguments)


@pytest.mark.parametrize(
    "keys",
    [
        ["['ctrl", "c']"],
        ["keys=[ctrl", "c]"],
        ["['ctrl', 'c']"],
        "['ctrl', 'c']",
        ['["ctrl"', '"c"]'],
        ["keys=['ctrl", "c']"],
    ],
)
def test_list_written_into_its_own_items_is_mended(keys: Any) -> None:
    assert read("key", keys=keys) == Press(("ctrl", "c"))


@pytest.mark.parametrize("key", ["[", "]", "'", '"', ",", "=", "+"])
def test_punctuation_keys_stay_themselves(key: str) -> None:
    assert read("key", keys=["ctrl", key]) == Press(("ctrl", key))


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "computer", "arguments": {"action": "left_click", "coordinate": [20, 40]}}',
        '{"name": "computer_use", "arguments": {"type": "left_click", "coordinate": [20, 40]}}',
        '{"name": "left_click", "arguments": {"coordinate": [20, 40]}}',
        '{"action": "left_click", "coordinate": [20, 40]}',
        '{"name": "ComputerUse", "arguments": {"action": " left_click ", "x": 20, "y": 40}}',
    ],
)
def test_misplaced_names_are_understood(text: str) -> None:
    assert QWEN.read(f"<tool_call>{text}</tool_call>", SCREEN, GRID) == Click(Point(10, 20))


@pytest.mark.parametrize(
    "reply", ["", "Done.", '<tool_call>{"name": "bash", "arguments": {"command": "ls"}}</tool_call>']
)
def test_reply_without_its_call_is_shown_one(reply: str) -> None:
    with pytest.raises(ParseError) as told:
        QWEN.read(reply, SCREEN, GRID)
    example = str(told.value)[str(told.value).index("<tool_call>") :]
    assert isinstance(QWEN.read(example, SCREEN, GRID), Click)


def test_only_the_first_call_counts() -> None:
    assert QWEN.read(call("wait", time=1) + "\n" + call("left_click"), SCREEN, GRID) == Wait(1)


def test_answer_in_tags_ends_the_task() -> None:
    assert QWEN.read("<answer>42</answer>", SCREEN, GRID) == Finish(True, "42")
    assert QWEN.read(f"<answer>{call('wait', time=1)}</answer>", SCREEN, GRID) == Wait(1)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared outputs are not here")
def test_real_replies_click_where_they_should() -> None:
    click = json.loads((SHARED / "qwen_outputs" / "computer_use.json").read_text())[0]
    action = QWEN.read(click["output"], Size(*click["image_size_wh"]), Size(*click["input_size_wh"]))
    assert action == Click(Point(1294 * 2560 / 2548, 811 * 1440 / 1428))
    for case in json.loads((SHARED / "qwen_outputs" / "mobile_agent.json").read_text()):
        screen, family = Size(*case["image_size_wh"]), QWEN3_VL if "qwen3" in case["model"] else QWEN2_5_VL
        action = MobileUse(family).read(case["output"], screen, family.grid(screen))
        x, y, w, h = (447, 81, 1000, 1000) if family is QWEN3_VL else (639, 1095, 728, 1288)
        assert action == Click(Point(x * screen.width / w, y * screen.height / h))


def test_mobile_swipes_and_says_what_it_cannot() -> None:
    def mobile(**arguments: Any) -> Decision:
        text = json.dumps({"name": "mobile_use", "arguments": arguments})
        return MobileUse(QWEN2_5_VL).read(f"<tool_call>{text}</tool_call>", SCREEN, GRID)

    assert mobile(action="swipe", coordinate=[0, 0], coordinate2=[20, 40]) == Drag(Point(10, 20), Point(0, 0))
    assert mobile(action="system_button", button="Back") == Back()
    assert mobile(action="terminate", status="success") == Finish(True)
    assert mobile(action="interact", text="Which?") == Ask("Which?")
    for action in (
        {"action": "long_press", "coordinate": [1, 1]},
        {"action": "open", "text": "X"},
        {"action": "dance"},
    ):
        with pytest.raises(ParseError):
            mobile(**action)


places = st.builds(Point, st.integers(0, 999).map(float), st.integers(0, 499).map(float))
typed = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
actions = st.one_of(
    st.builds(
        Click,
        st.none() | places,
        st.just("left"),
        st.integers(1, 3),
        st.sampled_from([(), ("ctrl",), ("ctrl", "shift")]),
    ),
    st.builds(Click, st.none() | places, st.sampled_from(["right", "middle"])),
    st.builds(Move, places),
    st.builds(Drag, places, st.none() | places),
    st.builds(Scroll, st.integers(-5000, 5000).map(float), st.just(0.0), st.none() | places),
    st.builds(Scroll, st.just(0.0), st.integers(1, 5000).map(float), st.none() | places),
    st.builds(Type, typed),
    st.builds(Press, st.sampled_from([("enter",), ("ctrl", "c"), ("'",), ("ctrl", "shift", "[")])),
    st.builds(Wait, st.integers(0, 300).map(float)),
    st.builds(Goto, st.sampled_from(["https://a.b/c?d=e#f", "about:blank", "http://localhost:8000/x"])),
    st.builds(SwitchTab, st.integers(0, 20)),
    st.sampled_from([Back(), Forward(), Reload(), CloseTab()]),
)


@given(actions | st.builds(Finish, st.booleans(), typed), st.sampled_from(list(FAMILIES.values())))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(action: Action | Finish, family: Any) -> None:
    grid = Grid(SCREEN, Size(2000, 1000), family)
    language = ComputerUse(family)
    back = language.read(language.write(action, grid), SCREEN, grid)
    # Thousandths of this screen are whole pixels across and half pixels down, so that nothing is lost.
    assert back == action


def test_unspeakable_action_is_refused() -> None:
    for action in (Click(button="right", times=2), Scroll(1, 1), Drag(Point(1, 1), button="right")):
        with pytest.raises(ValueError, match="no word"):
            QWEN.write(action, GRID)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    "coordinate",
    "coordinate2",
    "start_coordinate",
    "keys",
    "text",
    "pixels",
    "time",
    "status",
    "url",
    "index",
    "clear",
)


@given(
    st.sampled_from([*ACTIONS, *ASKS, "nosuch"]),
    st.dictionaries(st.sampled_from(NAMES), junk | st.lists(st.floats(-10, 2100), min_size=2, max_size=2), max_size=5),
    st.sampled_from(list(FAMILIES.values())),
)
@settings(max_examples=150, deadline=None)
def test_any_arguments_give_points_on_the_screen_or_a_parse_error(action: str, arguments: Any, family: Any) -> None:
    screen = Size(777, 333)
    try:
        decision = ComputerUse(family).read(call(action, **arguments), screen, family.grid(screen))
    except ParseError:
        return
    for each in decision if isinstance(decision, tuple) else (decision,):
        assert isinstance(each, Finish | Ask) or all(point.inside(screen) for point in points(each))
