"""agent/languages/grammar.py: what a call may be, and that a model which speaks the language says the same with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from checkpoints import WORDS

from agent.languages.computer_use import ComputerUse
from agent.languages.grammar import call_grammar, reply_grammar
from agent.trajectory import Finish
from model.computer_use import call
from model.families import TINY
from model.local.grammar import Held, Vocabulary
from model.local.words import TokenBytes
from model.vlm import Sampling
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
)
from tools.geometry import Point, Size

SCREEN = Size(644, 448)
GRID = TINY.grid(SCREEN)
VOCABULARY = Vocabulary(TokenBytes(WORDS), len(WORDS), [WORDS.convert_tokens_to_ids("<|im_end|>")])
AT = Point(10, 20)
ACTIONS: list[Action | Finish] = [
    *[Click(AT, button, times) for button, times in (("left", 1), ("left", 2), ("left", 3), ("right", 1))],  # type: ignore[arg-type]
    *[Click(AT, "middle", 1), Click(None, "left", 1), Click(AT, "left", 1, ("ctrl",))],
    *[Move(AT), Drag(AT), Drag(AT, Point(3, 4)), Scroll(-300.0), Scroll(4.5, at=AT), Scroll(0.0, 70.0)],
    *[Type('say "北京"\n\\ and <tool_call>'), Press(("ctrl", "c")), Wait(2.5), Wait(3.0)],
    *[Goto("https://example.com/"), SwitchTab(2), Back(), Forward(), Reload(), CloseTab()],
    *[Finish(True, ""), Finish(False, ""), Finish(False, "no such button"), Finish(True, "42")],
]


def held(grammar: str) -> Held:
    made = VOCABULARY.held(Sampling(grammar=grammar))
    assert made is not None
    return made


def taken(grammar: str, text: str) -> tuple[bool, bool]:
    """Does the grammar let a reply begin so, and end there?"""
    matcher = held(grammar).matcher
    ids = VOCABULARY(text)
    begins = matcher.validate_tokens(ids) == len(ids)
    return begins, begins and matcher.consume_tokens(ids) and matcher.is_accepting()


@pytest.mark.parametrize("action", ACTIONS, ids=str)
@pytest.mark.parametrize("thought", ["", "I click < it, a <tool.\n"])
def test_every_action_can_be_said(action: Action | Finish, thought: str) -> None:
    said = thought + ComputerUse(TINY).write(action, GRID)
    assert taken(reply_grammar(GRID.spoken), said) == (True, True)


@pytest.mark.parametrize(
    "wrong",
    [
        call("left_clack", coordinate=[1, 2]),
        call("left_click", coordinate=[645, 2]),
        call("left_click", coordinate=[1, 449]),
        call("left_click", coordinate=[-1, 2]),
        call("left_click", coordinate=[1]),
        call("left_click", coordinate=[1, 2, 3]),
        call("mouse_move"),
        call("wait", time=301),
        call("terminate", status="done"),
        "<tool_call>\nnothing\n</tool_call>",
        call("type", text="a").replace("computer_use", "bash"),
        call("type", text="a") + call("type", text="b"),
    ],
)
def test_what_the_language_lacks_cannot_be_said(wrong: str) -> None:
    assert taken(reply_grammar(GRID.spoken), "So: " + wrong) == (False, False)


def test_the_far_edge_can_be_named_as_the_parser_takes_it() -> None:
    assert taken(reply_grammar(SCREEN), call("left_click", coordinate=[644, 448])) == (True, True)


def test_a_reply_without_a_call_can_be_said() -> None:
    assert taken(reply_grammar(SCREEN), "<answer>It is <b>7</b></answer>, see < there") == (True, True)


def test_a_half_call_cannot_end() -> None:
    for end in range(11, len(said := call("key", keys=["a"]))):
        assert taken(reply_grammar(SCREEN), said[:end]) == (True, False)


def test_only_the_named_actions_can_be_called() -> None:
    grammar = call_grammar(SCREEN, "scroll", "wait")
    assert taken(grammar, call("wait", time=1)) == (True, True)
    assert taken(grammar, call("key", keys=["a"])) == (False, False)
    assert taken(grammar, "First " + call("wait", time=1)) == (False, False)


def test_the_text_typed_is_what_json_says() -> None:
    text: Any = "".join(map(chr, [*range(32, 127), 9, 10, 0xE9, 0x4E00, 0x1F600]))
    assert json.loads(json.dumps(text)) == text
    assert taken(reply_grammar(SCREEN), call("type", text=text)) == (True, True)
