"""Tool calls out of replies: the real ones, their malformations, and whatever hypothesis thinks of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.parsing import (
    ParseError,
    ToolCall,
    ToolCallStream,
    parse_document,
    parse_grounding,
    parse_json,
    parse_reply,
    parse_times,
    parse_tool_calls,
)

SHARED = Path(__file__).parents[2] / "shared" / "data"
CLICK = ToolCall("computer_use", {"action": "left_click", "coordinate": [10, 20]})
GOOD = '{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [10, 20]}}'

# Every piece that the readers look for, so that random texts reach deep into them.
PIECES = [
    *("<tool_call>", "</tool_call>", "<think>", "</think>", "<answer>", "</answer>", "[TOOL_CALL] a", "```json", "```"),
    *('{"name": "computer_use", "arguments": {"action": ', '"left_click"', '"coordinate": [10, 20]', GOOD, '"keys": '),
    *(
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        '"',
        "'",
        ":",
        ",",
        "\\",
        "\\u12",
        "-",
        "1e999",
        "NaN",
        "true",
        "None",
        "12",
        " ",
        "\n",
    ),
    *(
        '"bbox_2d": [1, 2, 3, 4]',
        "<points ",
        'x1="1" ',
        "<|box_start|>(1,2),(3,4)<|box_end|>",
        "<box>",
        "<",
        ">",
        "&amp;",
    ),
    *(
        "<html>",
        '<p data-bbox="1 2 3 4">',
        "<table>",
        "<td>",
        "</table>",
        '<div class="chart">',
        "<li>",
        "<!-- Table (1, 2) -->",
    ),
    *("00:01.00 - 00:06.00", "3.2s", '"start_time": ', "\ud800", "\0", "é", "中"),
]
texts = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared outputs are not here")
def test_published_replies_give_the_published_calls() -> None:
    cases = json.loads((SHARED / "peer_outputs" / "tool_call_outputs.json").read_text())["cases"]
    for case in cases:
        expected, spoken = case["expected"], parse_reply(case["output"])
        found = [{"name": call.name, "arguments": call.arguments} for call in spoken.calls]
        if expected.get("answer"):
            assert spoken.answer == expected["answer"], case["id"]
        elif "calls" in expected:
            assert found == [call for call in expected["calls"] if isinstance(call, dict)], case["id"]
            errors = [spot.error is not None for spot in spoken.spots]
            assert errors == [not isinstance(call, dict) for call in expected["calls"]], case["id"]
        elif case["id"] == "tc-23":  # its keys are mended by the language
            assert found[0]["arguments"]["keys"] == ["['ctrl", "c']"]
        elif "action" in expected:
            assert found == [expected["action"]], case["id"]
        elif "actions" in expected:
            assert [call["arguments"] for call in found] == expected["actions"], case["id"]
        elif "error" in expected:
            with pytest.raises(ParseError):
                parse_tool_calls(case["output"])
        else:
            (point,) = parse_grounding(case["output"])[0].points
            assert [point.x, point.y] == expected["point"], case["id"]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared outputs are not here")
def test_transcript_of_qwen_agent_gives_its_calls() -> None:
    output = json.loads((SHARED / "qwen_outputs" / "think_with_images.json").read_text())[1]["output"]
    assert [call.name for call in parse_tool_calls(output)] == ["image_zoom_in_tool", "image_search"]


@pytest.mark.parametrize(
    "reply",
    [
        f"<tool_call>\n{GOOD}\n</tool_call>",
        f"Thought: click.\n<tool_call>{GOOD}",
        f"<tool_call>{GOOD}<tool_call>",
        f"<tool_call>\n{GOOD[:-1]}\n</tool_call>",
        f"<tool_call>\n{GOOD[:-2]}\n</tool_call>",
        f"<tool_call>\n{GOOD[:-3]}\n</tool_call>",
        f"<tool_call>\n{GOOD}}}}}\n</tool_call>",
        f"<tool_call>\n{GOOD[:-1]}",
        f"<tool_call>{{{GOOD}}}</tool_call>",
        f"<tool_call>```json\n{GOOD}\n```</tool_call>",
        f"```json\n{GOOD}\n```",
        f"{GOOD}</tool_call>",
        f"<tool_call>[{GOOD}]</tool_call>",
        f"< tool_call >{GOOD}</ tool_call >",
        f"<tool_call>{GOOD}<|im_end|>",
        GOOD,
        f"<tool_call>{GOOD.replace(', ', ',,')}</tool_call>",
        f"<tool_call>{GOOD.replace('20]', '20,],')}</tool_call>",
        f"<tool_call>{GOOD.replace(', ', ' ')}</tool_call>",
        f"<tool_call>{GOOD.replace('[', '(').replace(']', ')')}</tool_call>",
        f"<tool_call>{GOOD.replace(']', ']]')}</tool_call>",
        f"<tool_call>{GOOD.replace(']', '')}</tool_call>",
        f"<tool_call>{GOOD.replace(chr(34), chr(39))}</tool_call>",
        f"<tool_call>{GOOD.replace(chr(34), '')}</tool_call>",
        f"<tool_call>{GOOD.replace('arguments', 'parameters')}</tool_call>",
        f"<tool_call>{json.dumps({'name': CLICK.name, 'arguments': json.dumps(CLICK.arguments)})}</tool_call>",
        f"<tool_call>{json.dumps({'type': 'function', 'function': json.loads(GOOD)})}</tool_call>",
        f"<tool_call>{json.dumps({'name': CLICK.name, **CLICK.arguments})}</tool_call>",
        f"<think>Perhaps <tool_call>{GOOD.replace('10', '99')}</tool_call></think><tool_call>{GOOD}</tool_call>",
        f"<tool_call>{GOOD.replace('10', '99')}</tool_call> no. </think> <tool_call>{GOOD}</tool_call>",
    ],
)
def test_malformed_call_is_read_as_meant(reply: str) -> None:
    assert parse_reply(reply).first() == CLICK


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("", "empty"),
        ("I am done.", "no tool call"),
        ('<tool_call>{"name": "bash"', "ended"),
        (f"<tool_call>{GOOD[:-6]}", "ended"),
        ('<tool_call>{"name": "computer_use", "arguments": {"action": "type", "text": "hel', "ended"),
        (GOOD[:-4], "ended"),
        ("<tool_call>not even a dict-like thing</tool_call>", "no JSON"),
        ("<tool_call>[]</tool_call>", "empty"),
        (GOOD.replace("10", "NaN"), "NaN"),
        (GOOD.replace("10", "-Infinity"), "number"),
        (GOOD.replace("10", "1e999"), "too large"),
        (GOOD.replace("10", "1" * 5000), "5000 characters"),
        (GOOD.replace("10", "12px"), "letters"),
        (GOOD.replace("left_click", 'say "hi" now'), "':'"),
        (f"<tool_call>{'[' * 65}1", "brackets"),
    ],
)
def test_unusable_reply_is_told_what_is_wrong(reply: str, told: str) -> None:
    with pytest.raises(ParseError, match=told):
        parse_reply(reply).first()


def test_broken_first_call_does_not_promote_the_second() -> None:
    spoken = parse_reply(f"<tool_call>{{oops</tool_call>{GOOD}<tool_call>{GOOD}</tool_call>")
    assert spoken.calls == [CLICK]
    with pytest.raises(ParseError):
        spoken.first()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"a\"b\\c\/d\n", 'a"b\\c/d\n'),
        (r"C:\Users\new", "C:\\Users\\new"),
        ("line\nbreak", "line\nbreak"),
        ("</tool_call>{<answer>", "</tool_call>{<answer>"),
    ],
)
def test_typed_text_is_literal(written: str, text: str) -> None:
    reply = f'<tool_call>{{"name": "c", "arguments": {{"text": "{written}"}}}}</tool_call>'
    assert parse_reply(reply).first().arguments == {"text": text}
    assert parse_reply(reply).answer is None


@given(texts)
@settings(max_examples=150, deadline=None)
@example("<tool_call>" * 9)
@example("{" * 70)
@example('{"a": <')
def test_parsers_raise_nothing_but_parse_errors(text: str) -> None:
    for parse in (parse_tool_calls, parse_grounding, parse_document, parse_times, parse_json):
        try:
            parse(text)
        except ParseError as error:
            assert str(error)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), json_values, max_size=5), st.booleans())
@settings(max_examples=80, deadline=None)
def test_valid_json_is_read_as_json_is(arguments: dict[str, object], ascii_only: bool) -> None:
    call = json.dumps({"name": "tool", "arguments": arguments}, ensure_ascii=ascii_only)
    found = parse_reply(f"<tool_call>\n{call}\n</tool_call>").first()
    assert found.arguments == json.loads(json.dumps(arguments))
    # repr tells True from 1, which == does not
    assert repr(found.arguments) == repr(json.loads(json.dumps(arguments)))


@given(
    st.lists(st.sampled_from([*PIECES[:2], GOOD, f"<tool_call>{GOOD}</tool_call>", *PIECES[2:24]]), max_size=12),
    st.data(),
)
@settings(max_examples=80, deadline=None)
def test_stream_finds_the_first_call_however_the_text_is_cut(parts: list[str], data: st.DataObject) -> None:
    text = f"<tool_call>\n{GOOD}\n</tool_call>" + "".join(parts)
    cut = data.draw(st.integers(1, 9))
    stream, found = ToolCallStream(), []
    for at in range(0, len(text), cut):
        found += [call] if (call := stream.feed(text[at : at + cut])) else []
    assert found[0] == CLICK


def test_stream_recognises_a_call_with_its_last_brace() -> None:
    stream = ToolCallStream()
    pieces = ["Let me see.\n<tool", "_call>\n", *GOOD]
    assert [stream.feed(piece) for piece in pieces] == [None] * (len(pieces) - 1) + [CLICK]
    assert stream.feed("\n</tool_call>") is None


def test_stream_ignores_thoughts_and_mends_a_missing_brace() -> None:
    stream = ToolCallStream()
    assert stream.feed(f"<think><tool_call>{GOOD}</tool_call></think>") is None
    assert stream.feed(f"<tool_call>{GOOD[:-1]}</tool_call>") == CLICK


@pytest.mark.parametrize(
    "unit",
    [
        "<tool_call>",
        "<tool_call>{",
        "[",
        "{",
        '{"a":',
        '{"',
        "<think>",
        "9",
        "[1,",
        "<points ",
        "<p>",
        "<div>",
        "\\",
        "{'a':[(",
    ],
)
def test_much_noise_is_read_within_bounded_steps(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # without the bounds this would take minutes
    for parse in (parse_tool_calls, parse_grounding, parse_document, parse_times):
        try:
            parse(text)
        except ParseError:
            continue


def test_reply_without_end_is_refused() -> None:
    with pytest.raises(ParseError, match="shorter"):
        parse_tool_calls("a" * 2_000_001)
