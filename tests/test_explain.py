"""Verdicts: one line for every line, whatever comes in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.explain import MAX_LINE, BadQuestion, explain, explain_jsonl, explain_text, family_named
from model.computer_use import call
from model.families import QWEN2_5_VL, QWEN2_VL, QWEN3_VL, TINY
from tools.geometry import Size

SHARED = Path(__file__).parents[2] / "shared" / "data" / "peer_outputs"
ASKED = {
    "reply": call("left_click", coordinate=[2, 4]),
    "family": "qwen2.5-vl",
    "screen": [100, 50],
    "model_screen": [200, 100],
}


def verdicts(*lines: bytes) -> list[dict[str, Any]]:
    out = io.StringIO()
    explain_jsonl(io.BytesIO(b"".join(lines)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def line(**changes: Any) -> bytes:
    return json.dumps({**ASKED, **changes}).encode() + b"\n"


def test_click_becomes_pixels() -> None:
    (verdict,) = verdicts(line())
    click = {"kind": "click", "at": [1, 2], "button": "left", "times": 1, "modifiers": []}
    assert verdict == {"actions": [click], "error": None}


def test_finish_is_told_apart_from_actions() -> None:
    (verdict,) = verdicts(line(reply=call("answer", text="42")))
    assert verdict == {"actions": [{"kind": "finish", "success": True, "answer": "42"}], "error": None}


def test_a_question_is_told_apart_from_actions() -> None:
    (verdict,) = verdicts(line(reply=call("interact", text="Which?")))
    assert verdict == {"actions": [{"kind": "ask", "question": "Which?"}], "error": None}


@pytest.mark.parametrize(
    "bad",
    [
        *(b"\n", b"{\n", b"[]\n", b"5\n", b"null\n", b"\xff\xfe\x00\n", b'{"reply": "\xff"}\n', b"[" * 100_000 + b"\n"),
        *(b"1" * 10_000 + b"\n", b"{}\n", line(reply=None), line(reply=5), line(family="gpt-4"), line(family=None)),
        *(
            line(screen=None),
            line(screen=[0, 5]),
            line(screen=[True, 5]),
            line(screen=[1.5, 5]),
            line(screen=[10**30, 5]),
        ),
        *(
            line(screen=[5]),
            line(model_screen="200x100"),
            line(model_screen=[-1, 5]),
            line(reply=""),
            line(reply="\ud800"),
        ),
        *(line(reply="a" * 3_000_000), line(reply="{" * 100_000), b"a" * (MAX_LINE + 100) + b"\n"),
    ],
)
def test_bad_line_gets_one_verdict_and_the_next_line_is_read(bad: bytes) -> None:
    first, second = verdicts(bad, line())
    assert first["actions"] == [] and first["error"] and set(first) == {"actions", "error"}
    assert second["error"] is None


@given(st.lists(st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")), max_size=5))
@settings(max_examples=100, deadline=None)
def test_as_many_verdicts_as_lines(lines: list[bytes]) -> None:
    assert len(verdicts(*(each + b"\n" for each in lines))) == len(lines)


@given(st.text(max_size=200), st.sampled_from(["qwen2.5-vl", "qwen3-vl"]))
@settings(max_examples=100, deadline=None)
def test_any_reply_gets_a_verdict(reply: str, family: str) -> None:
    (verdict,) = verdicts(line(reply=reply, family=family))
    assert bool(verdict["actions"]) != bool(verdict["error"])


def test_lines_of_text_are_taken_as_well() -> None:
    out = io.StringIO()
    explain_jsonl([json.dumps(ASKED), "no"], out)
    assert [bool(json.loads(each)["error"]) for each in out.getvalue().splitlines()] == [False, True]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        *(("qwen2.5-vl", QWEN2_5_VL), ("qwen2_5_vl", QWEN2_5_VL), ("Qwen/Qwen2.5-VL-7B-Instruct", QWEN2_5_VL)),
        *(("Qwen2-VL", QWEN2_VL), ("qwen3vl", QWEN3_VL), ("Qwen3-VL-8B-Instruct", QWEN3_VL), ("tiny", TINY)),
    ],
)
def test_family_is_known_by_its_usual_spellings(name: str, family: Any) -> None:
    assert family_named(name) is family


@pytest.mark.parametrize("name", ["", "qwen", "qwen-vl", "llava", "/", "2.5"])
def test_unknown_family_is_refused(name: str) -> None:
    with pytest.raises(BadQuestion):
        family_named(name)


def test_second_call_is_noted() -> None:
    verdict = explain(call("wait", time=1) * 2, QWEN2_5_VL, Size(100, 50), Size(200, 100))
    assert len(verdict["actions"]) == 1 and "only the first" in verdict["notes"][0]


def test_story_names_both_spaces() -> None:
    told = explain_text(ASKED["reply"], QWEN2_5_VL, Size(100, 50), Size(200, 100))  # type: ignore[arg-type]
    assert "200x100" in told and "(2, 4) of the model is pixel (1, 2)" in told and '"kind": "click"' in told
    told = explain_text("I do not know.", QWEN2_5_VL, Size(100, 50), Size(200, 100))
    assert "Nothing would be done" in told and "<tool_call>" in told


@pytest.mark.skipif(not SHARED.exists(), reason="the shared outputs are not here")
def test_published_replies_get_the_right_verdict() -> None:
    cases = json.loads((SHARED / "tool_call_outputs.json").read_text())["cases"]
    for case in cases:
        (verdict,) = verdicts(line(reply=case["output"], screen=[1000, 1000], model_screen=[1000, 1000]))
        wanted = case["expected"].get("action", {}).get("arguments", {})
        if not wanted:
            answer = case["expected"].get("answer")
            finish = [{"kind": "finish", "success": True, "answer": answer}] if answer else []
            assert verdict["actions"] == finish and bool(verdict["error"]) == (not answer), case["id"]
            continue
        (action,) = verdict["actions"]
        for name, key in (
            ("coordinate", "at"),
            ("keys", "keys"),
            ("text", "text"),
            ("url", "url"),
            ("time", "seconds"),
        ):
            if name in wanted:
                assert action[key] == wanted[name], case["id"]
