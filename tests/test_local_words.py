"""Tokens become text one by one, and the text is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checkpoints import WORDS

from model.local.words import TokenBytes, Writer

TEXTS = (
    "Click the button.",
    "naïve café, 北京 → 東京, Привет",
    "👩‍🚀🏽 family 👨‍👩‍👧‍👦",
    '<tool_call>\n{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [3, 4]}}\n</tool_call>',
    "tabs\tand  spaces\r\n\u00a0",
)


@pytest.fixture(scope="module", params=["small", "published"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    if request.param == "small":
        return WORDS
    folder: Path = request.getfixturevalue("shared") / "data/qwen_configs/Qwen2.5-VL-7B-Instruct"
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def pieces(tokenizer: Any, ids: list[int], *stop: str) -> list[str]:
    writer = Writer(TokenBytes(tokenizer), stop)
    out = []
    for token in ids:
        out.append(writer.add(token))
        if writer.stopped:
            break
    return out


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_make_up_the_text_and_none_is_broken(tokenizer: Any, text: str) -> None:
    said = pieces(tokenizer, tokenizer(text)["input_ids"])
    assert "".join(said) == text
    assert not any("\ufffd" in piece for piece in said)


def test_every_token_is_written_as_the_tokenizer_decodes_it(tokenizer: Any) -> None:
    tokens = TokenBytes(tokenizer)
    hidden = tokens.hidden
    for token in range(0, len(tokenizer), 1 + len(tokenizer) // 3000):
        decoded = "" if token in hidden else tokenizer.decode([token], clean_up_tokenization_spaces=False)
        assert tokens.of(token).decode("utf-8", "replace") == decoded, token


def test_marks_that_parsing_reads_are_shown_and_other_special_tokens_are_not(tokenizer: Any) -> None:
    text = "<|box_start|>(1,2),(3,4)<|box_end|><|vision_start|><|im_end|><tool_call>"
    assert "".join(pieces(tokenizer, tokenizer(text)["input_ids"])) == "<|box_start|>(1,2),(3,4)<|box_end|><tool_call>"


def test_a_row_of_the_embedding_without_a_token_says_nothing(tokenizer: Any) -> None:
    assert pieces(tokenizer, [len(tokenizer) + 5]) == [""]


def test_half_a_character_at_the_end_is_left_out() -> None:
    assert "".join(pieces(WORDS, WORDS("ok 北")["input_ids"][:-1])) == "ok "


@pytest.mark.parametrize("stop", ["</tool_call>", "}}", '"left_click"', "ck"])
def test_nothing_comes_after_the_stop_word_and_it_stays(tokenizer: Any, stop: str) -> None:
    text = TEXTS[3] + " and then more, 北京"
    said = "".join(pieces(tokenizer, tokenizer(text)["input_ids"], "not said", stop))
    assert said == text[: text.find(stop) + len(stop)]


def test_a_stop_word_is_heard_letter_by_letter() -> None:
    said = pieces(WORDS, WORDS("one full stop, two")["input_ids"], "full stop")
    assert "".join(said) == "one full stop" and len(said) == 13


def test_the_earliest_stop_word_counts() -> None:
    assert "".join(pieces(WORDS, WORDS("one two three")["input_ids"], "three", "two")) == "one two"


def test_an_empty_stop_word_stops_nothing() -> None:
    assert "".join(pieces(WORDS, WORDS("one two")["input_ids"], "")) == "one two"
