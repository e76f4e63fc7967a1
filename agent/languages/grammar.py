"""The grammar of a reply in the `computer_use` language: free thought, then one call whose names and places exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.languages.arguments import MAX_SCROLL, MAX_WAIT_S
from model.json_grammar import json_rule
from tools.geometry import Size

# A thought may hold anything but the tag that begins a call; a reply without a call is the parser's to judge.
REPLY = r"""start: thought call | WORDS
thought[suffix="<tool_call>"]: /(.|\n)*/
WORDS: /(.|\n)*/ & ~/(.|\n)*<tool_call>(.|\n)*/
"""
ONLY_CALL = 'start: "<tool_call>" call\n'
CALL = 'call: "\\n" json "\\n</tool_call>"\njson: '

Schema = dict[str, Any]
STRING: Schema = {"type": "string"}


def reply_grammar(screen: Size) -> str:
    """screen: the space the model speaks in."""
    return REPLY + call_rule(arguments(screen))


def call_grammar(screen: Size, *actions: str) -> str:
    """One call of one of these actions, without a thought."""
    known = arguments(screen)
    return ONLY_CALL + call_rule({action: known[action] for action in actions})


def call_rule(known: Mapping[str, Schema]) -> str:
    return CALL + json_rule({"anyOf": [call_schema(action, given) for action, given in known.items()]})


def call_schema(action: str, given: Schema) -> Schema:
    """given: the other arguments, of which those that end in "?" may be left out; in the order they are written."""
    named = {name.rstrip("?"): schema for name, schema in given.items()}
    needed = [name for name in given if not name.endswith("?")]
    inner = closed({"action": {"const": action}, **named}, ["action", *needed])
    return closed({"name": {"const": "computer_use"}, "arguments": inner}, ["name", "arguments"])


def closed(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def arguments(screen: Size) -> dict[str, Schema]:
    """What each action takes beside its name, as `ComputerUse.write` orders it."""
    # The far edge itself still counts, as the parser has it.
    sides = [{"type": "integer", "minimum": 0, "maximum": side} for side in (screen.width, screen.height)]
    place: Schema = {"type": "array", "prefixItems": sides, "items": False, "minItems": 2}
    names: Schema = {"type": "array", "items": STRING, "minItems": 1}
    clicks = ("left_click", "right_click", "middle_click", "double_click", "triple_click")
    scroll: Schema = {"pixels": bounded(-MAX_SCROLL, MAX_SCROLL), "coordinate?": place}
    return {
        **{click: {"coordinate?": place, "keys?": names} for click in clicks},
        "mouse_move": {"coordinate": place},
        "left_click_drag": {"start_coordinate?": place, "coordinate": place},
        "scroll": scroll,
        "hscroll": scroll,
        "type": {"text": STRING},
        "key": {"keys": names},
        "wait": {"time": bounded(0, MAX_WAIT_S)},
        "visit_url": {"url": STRING},
        "switch_tab": {"index": {"type": "integer", "minimum": 0, "maximum": 1000}},
        **{alone: {} for alone in ("history_back", "history_forward", "reload", "close_tab")},
        "answer": {"text": STRING},
        "terminate": {"status": {"enum": ["success", "failure"]}, "answer?": STRING},
    }


def bounded(low: float, high: float) -> Schema:
    return {"type": "number", "minimum": low, "maximum": high}
