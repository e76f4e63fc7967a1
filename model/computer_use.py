"""The `computer_use` tool as the Qwen-VL models were trained on it: what is said to them, and a call as text.

Sources: the computer_use notebooks of Qwen2.5-VL and Qwen3-VL. Every character counts, a reworded prompt grounds worse.
"""

from __future__ import annotations

import json
from typing import Any

from model.families import Family
from tools.geometry import Size

COMPACT_PROMPT = "The screen's resolution is {size}."  # tiny learned the tool itself in training

TOOLS_PROMPT = """

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{signature}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""

QWEN3_REPLY_PROMPT = """

# Response format

Response format for every step:
1) Thought: one concise sentence explaining the next move (no multi-step reasoning).
2) Action: a short imperative describing what to do in the UI.
3) A single <tool_call>...</tool_call> block containing only the JSON: \
{"name": <function-name>, "arguments": <args-json-object>}.

Rules:
- Output exactly in the order: Thought, Action, <tool_call>.
- Be brief: one sentence for Thought, one for Action.
- Do not output anything else outside those three parts.
- If finishing, use action=terminate in the tool call."""

DESCRIPTION = (
    "Use a mouse and keyboard to interact with a computer, and take screenshots.\n"
    "* This is an interface to a desktop GUI. You do not have access to a terminal or applications menu. You must "
    "click on desktop icons to start applications.\n"
    "* Some applications may take time to start or process actions, so you may need to wait and take successive "
    "screenshots to see the results of your actions. E.g. if you click on Firefox and a window doesn't open, try wait "
    "and taking another screenshot.\n"
    "* The screen's resolution is {size}.\n"
    "* Whenever you intend to move the cursor to click on an element like an icon, you should consult a screenshot to "
    "determine the coordinates of the element before moving the cursor.\n"
    "* If you tried clicking on a program or link but it failed to load, even after waiting, try adjusting your cursor "
    "position so that the tip of the cursor visually falls on the element that you want to click.\n"
    "* Make sure to click any buttons, links, icons, etc with the cursor tip in the center of the element. Don't click "
    "boxes on their edges unless asked."
)

POINT = "a specified (x, y) pixel coordinate on the screen."
ACTIONS = {
    "key": "Performs key down presses on the arguments passed in order, then performs key releases in reverse order.",
    "type": "Type a string of text on the keyboard.",
    "mouse_move": f"Move the cursor to {POINT}",
    "left_click": "Click the left mouse button.",
    "left_click_drag": f"Click and drag the cursor to {POINT}",
    "right_click": "Click the right mouse button.",
    "middle_click": "Click the middle mouse button.",
    "double_click": "Double-click the left mouse button.",
    "scroll": "Performs a scroll of the mouse scroll wheel.",
    "wait": "Wait specified seconds for the change to happen.",
    "terminate": "Terminate the current task and report its completion status.",
}
QWEN3_ACTIONS = {
    "key": ACTIONS["key"],
    "type": ACTIONS["type"],
    "mouse_move": ACTIONS["mouse_move"],
    "left_click": f"Click the left mouse button at {POINT}",
    "left_click_drag": ACTIONS["left_click_drag"],
    "right_click": f"Click the right mouse button at {POINT}",
    "middle_click": f"Click the middle mouse button at {POINT}",
    "double_click": f"Double-click the left mouse button at {POINT}",
    "triple_click": "Triple-click the left mouse button at a specified (x, y) pixel coordinate on the screen "
    "(simulated as double-click since it's the closest action).",
    "scroll": ACTIONS["scroll"],
    "hscroll": "Performs a horizontal scroll (mapped to regular scroll).",
    "wait": ACTIONS["wait"],
    "terminate": ACTIONS["terminate"],
    "answer": "Answer a question.",
}


def system_prompt(family: Family, screen: Size) -> str:
    """screen: the size the model sees (resized). A family that answers in thousandths is told 1000x1000 instead."""
    size = screen if family.space == "pixels" else Size(1000, 1000)
    if family.tool_prompt == "compact":
        return COMPACT_PROMPT.format(size=size)
    function = _qwen3_function(size) if family.name == "qwen3-vl" else _function(size)
    signature = json.dumps({"type": "function", "function": function}, ensure_ascii=False)
    reply = QWEN3_REPLY_PROMPT if family.name == "qwen3-vl" else ""
    return (family.default_system or "") + TOOLS_PROMPT.format(signature=signature) + reply


def call(action: str, **arguments: Any) -> str:
    """One call as the model writes it: `call("left_click", coordinate=[3, 4])`."""
    content = {"name": "computer_use", "arguments": {"action": action, **arguments}}
    return f"<tool_call>\n{json.dumps(content, ensure_ascii=False)}\n</tool_call>"


def response(result: str) -> str:
    """What an action gave, as the user's turn says it; "" becomes "ok"."""
    return f"<tool_response>\n{result or 'ok'}\n</tool_response>"


def _function(size: Size) -> dict[str, Any]:
    """Qwen2.5-VL's, which Qwen2-VL, trained before the tool existed, is given too."""
    return {
        "name_for_human": "computer_use",
        "name": "computer_use",
        "description": DESCRIPTION.format(size=size),
        "parameters": _parameters(
            ACTIONS,
            text="Required only by `action=type`.",
            point=" Required only by `action=mouse_move` and `action=left_click_drag`.",
            pixels="Required only by `action=scroll`.",
        ),
        "args_format": "Format the arguments as a JSON object.",
    }


def _qwen3_function(size: Size) -> dict[str, Any]:
    return {
        "name": "computer_use",
        "description": DESCRIPTION.format(size=size),
        "parameters": _parameters(
            QWEN3_ACTIONS,
            text="Required only by `action=type` and `action=answer`.",
            point="",  # every click has one
            pixels="Required only by `action=scroll` and `action=hscroll`.",
        ),
    }


def _parameters(actions: dict[str, str], text: str, point: str, pixels: str) -> dict[str, Any]:
    listed = "".join(f"\n* `{name}`: {does}" for name, does in actions.items())
    x_and_y = "The x (pixels from the left edge) and y (pixels from the top edge) coordinates to move the mouse to."
    scrolling = "The amount of scrolling to perform. Positive values scroll up, negative values scroll down."
    return {
        "properties": {
            "action": {
                "description": f"The action to perform. The available actions are:{listed}",
                "enum": list(actions),
                "type": "string",
            },
            "keys": {"description": "Required only by `action=key`.", "type": "array"},
            "text": {"description": text, "type": "string"},
            "coordinate": {"description": f"(x, y): {x_and_y}{point}", "type": "array"},
            "pixels": {"description": f"{scrolling} {pixels}", "type": "number"},
            "time": {"description": "The seconds to wait. Required only by `action=wait`.", "type": "number"},
            "status": {
                "description": "The status of the task. Required only by `action=terminate`.",
                "type": "string",
                "enum": ["success", "failure"],
            },
        },
        "required": ["action"],
        "type": "object",
    }
