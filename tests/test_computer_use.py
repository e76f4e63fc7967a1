"""The tool prompt is the official one, character by character."""

import json
from pathlib import Path

import pytest

from model.computer_use import ACTIONS, QWEN3_ACTIONS, call, response, system_prompt
from model.families import QWEN2_5_VL, QWEN2_VL, QWEN3_VL, TINY
from tools.geometry import Size

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the reference data is not here")


@needs_shared
def test_qwen25_prompt_equals_the_official_notebook() -> None:
    official = json.loads((SHARED / "data/qwen_configs/computer_use_system_prompt.json").read_text())
    want = official["tools_system_text_first_block"] + official["tools_system_text_second_block"]
    assert system_prompt(QWEN2_5_VL, Size(2548, 1428)) == want


@needs_shared
def test_qwen25_prompt_is_what_the_notebook_sent() -> None:
    runs = json.loads((SHARED / "data/qwen_outputs/computer_use.json").read_text())
    run = next(run for run in runs if "messages_sent" in run)
    sent = "".join(block["text"] for block in run["messages_sent"][0]["content"])
    assert system_prompt(QWEN2_5_VL, Size(*run["input_size_wh"])) == sent


@needs_shared
def test_qwen3_prompt_frames_its_tool_as_its_official_mobile_prompt_does() -> None:
    runs = json.loads((SHARED / "data/qwen_outputs/mobile_agent.json").read_text())
    official = next(run["system_prompt"] for run in runs if "system_prompt" in run)
    ours = system_prompt(QWEN3_VL, Size(1920, 1088))
    assert without_signature(ours) == without_signature(official)
    assert list(signature(ours)) == list(signature(official))


def test_qwen3_prompt_names_its_own_actions_and_space() -> None:
    function = signature(system_prompt(QWEN3_VL, Size(1920, 1088)))
    assert "resolution is 1000x1000." in function["description"]
    actions = function["parameters"]["properties"]["action"]
    assert actions["enum"] == list(QWEN3_ACTIONS)
    assert set(QWEN3_ACTIONS) - set(ACTIONS) == {"triple_click", "hscroll", "answer"}


def test_qwen2_prompt_is_qwen25s_with_its_own_space_named() -> None:
    assert system_prompt(QWEN2_VL, Size(1932, 1092)) == system_prompt(QWEN2_5_VL, Size(1000, 1000))


def test_tiny_is_told_its_screen_only() -> None:
    assert system_prompt(TINY, Size(1288, 812)) == "The screen's resolution is 1288x812."


def test_calls_and_responses_read_as_the_models_write_them() -> None:
    assert call("left_click", coordinate=[1294, 811]) == (
        '<tool_call>\n{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [1294, 811]}}\n'
        "</tool_call>"
    )
    assert call("type", text="購物") == (
        '<tool_call>\n{"name": "computer_use", "arguments": {"action": "type", "text": "購物"}}\n</tool_call>'
    )
    assert response("") == "<tool_response>\nok\n</tool_response>"


def signature(prompt: str) -> dict:
    return json.loads(prompt.split("<tools>\n")[1].split("\n</tools>")[0])["function"]


def without_signature(prompt: str) -> str:
    head, rest = prompt.split("<tools>\n")
    return head + rest.split("\n</tools>")[1]
