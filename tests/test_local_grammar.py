"""model/local/grammar.py: replies keep to their grammar, and jumping over forced tokens changes none of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from checkpoints import WORDS, write_checkpoint
from jsonschema import validate
from PIL import Image

from agent.benchmarks.constrained import one_by_one
from model.chat import lay_out
from model.local.grammar import Vocabulary
from model.local.load import load
from model.local.runner import LocalModel
from model.local.words import TokenBytes
from model.messages import ImagePart, Message, assistant, user
from model.vlm import Sampling

BILL: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "paid": {"type": ["boolean", "null"]},
        "kind": {"enum": ["invoice", "invitation", "in"]},
        "size": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 640}, "maxItems": 3},
        "code": {"type": "string", "pattern": "^[a-f]{1,6}$"},
    },
    "required": ["paid", "kind", "size", "code"],
    "additionalProperties": False,
}
ASKS: list[list[Message]] = [
    [user(f"Page {n}", ImagePart(Image.new("RGB", (112, 84), (40 * n, 90, 200 - 40 * n))))] for n in range(5)
]


@pytest.fixture(scope="module", params=["qwen2.5-vl", "qwen3-vl"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return load(str(write_checkpoint(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")


@pytest.fixture(scope="module", params=["small", "published"])
def words(request: pytest.FixtureRequest) -> TokenBytes:
    if request.param == "small":
        return TokenBytes(WORDS)
    folder: Path = request.getfixturevalue("shared") / "data/qwen_configs/Qwen2.5-VL-7B-Instruct"
    from transformers import AutoTokenizer

    return TokenBytes(AutoTokenizer.from_pretrained(folder))


def vocabulary(words: TokenBytes) -> Vocabulary:
    end = words.tokenizer.convert_tokens_to_ids("<|im_end|>")
    return Vocabulary(words, len(words.tokenizer) + 100, [end])


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_a_reply_is_json_of_the_schema(model: LocalModel, temperature: float) -> None:
    sampling = Sampling(200, temperature, schema=BILL)
    said = [model.stream(messages, sampling) for messages in ASKS]
    for reply in said:
        validate(json.loads(reply.read()), BILL)
        assert reply.usage.finish == "stop"
    assert temperature == 0.0 or len({reply.text for reply in said}) > 1


def test_jumping_changes_no_token(model: LocalModel) -> None:
    sampling = Sampling(200, schema=BILL)
    for messages in ASKS:
        want = one_by_one(model, messages, sampling)
        reply = model.stream(messages, sampling)
        assert reply.read() == b"".join(map(model.token_bytes.of, want)).decode()
        assert reply.usage.new_tokens == len(want)


def test_what_a_held_reply_leaves_behind_serves_the_next(model: LocalModel) -> None:
    first = model.stream(ASKS[0], Sampling(200, schema=BILL)).read()
    after = [*ASKS[0], assistant(first), user("And now?")]
    reply = model.stream(after, Sampling(24))
    kept = reply.read()
    assert reply.usage.cached_tokens > model.need(lay_out(ASKS[0], model.tokenizer, model.family)).tokens + 10
    model.forget()
    assert model.stream(after, Sampling(24)).read() == kept


def test_what_is_forced_is_what_the_tokenizer_makes_of_the_whole(words: TokenBytes) -> None:
    bills = [
        {"paid": None, "kind": "in", "size": [], "code": "a"},
        {"paid": True, "kind": "invoice", "size": [1, 640, 12], "code": "fade"},
        {"paid": False, "kind": "invitation", "size": [7], "code": "abcdef"},
    ]
    for bill in bills:
        held = vocabulary(words).held(Sampling(schema=BILL))
        assert held is not None
        want = words.tokenizer(json.dumps(bill))["input_ids"]
        said: list[int] = []
        chosen = 0
        while len(said) < len(want):
            chosen += 1
            said += [want[len(said)], *held.take(want[len(said)])]
        assert said == want and held.is_over
        assert chosen < len(want) / 1.5


def test_a_schema_that_no_grammar_can_be_made_of_holds_to_nothing(model: LocalModel) -> None:
    impossible = {"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}, "required": ["a"]}
    free, reply = model.stream(ASKS[0], Sampling(8)), model.stream(ASKS[0], Sampling(8, schema=impossible))
    assert reply.read() == free.read()


def test_a_reply_ends_where_it_has_to(model: LocalModel) -> None:
    whole = model.stream(ASKS[0], Sampling(200, schema=BILL))
    cut = model.stream(ASKS[0], Sampling(12, schema=BILL))
    stopped = model.stream(ASKS[0], Sampling(200, schema=BILL, stop=('"kind"',)))
    assert whole.read().startswith(cut.read()) and cut.usage.new_tokens == 12 and cut.usage.finish == "length"
    assert stopped.read() == whole.text[: whole.text.index('"kind"') + 6] and stopped.usage.finish == "stop"
