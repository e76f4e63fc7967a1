"""The `computer_use` tool as Qwen2.5-VL speaks it: what is said to the model, and a call as text."""

from __future__ import annotations

import json
from typing import Any

from model.families import Family
from tools.geometry import Size

COMPACT_PROMPT = "The screen's resolution is {size}."  # tiny learned the tool itself in training


def system_prompt(family: Family, screen: Size) -> str:
    """screen: the size the model sees (resized), which is the space it answers in."""
    if family.tool_prompt == "compact":
        return COMPACT_PROMPT.format(size=screen)
    raise NotImplementedError


def call(action: str, **arguments: Any) -> str:
    """One call as the model writes it: `call("left_click", coordinate=[3, 4])`."""
    content = {"name": "computer_use", "arguments": {"action": action, **arguments}}
    return f"<tool_call>\n{json.dumps(content, ensure_ascii=False)}\n</tool_call>"


def response(result: str) -> str:
    """What an action gave, as the user's turn says it; "" becomes "ok"."""
    return f"<tool_response>\n{result or 'ok'}\n</tool_response>"
