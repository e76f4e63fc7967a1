"""Answers of real, small, randomly initialised checkpoints."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import write_checkpoint
from PIL import Image
from prompts import encode

from model.chat import lay_out
from model.local.load import load
from model.local.runner import LocalModel
from model.messages import ImagePart, Message, VideoPart, system, user
from model.vlm import PromptTooLarge, Sampling
from tools.errors import UserError

FAMILIES = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl")


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    made = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(made.numpy())


CONVERSATIONS: dict[str, list[Message]] = {
    "text": [system("Be brief."), user("Where is the button?")],
    "one image": [user("Where is it?", ImagePart(noise(150, 90)))],
    "two images": [user(ImagePart(noise(150, 90)), "before", ImagePart(noise(70, 200, seed=1)), "after")],
    "video": [user(VideoPart(tuple(noise(112, 112, s) for s in range(4)), (0.0, 0.5, 1.0, 1.5)), "What happens?")],
    "image and video": [
        user(VideoPart(tuple(noise(112, 112, s) for s in range(4)), (0.0, 0.5, 1.0, 1.5)), ImagePart(noise(150, 90)))
    ],
}


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    loaded = load(str(write_checkpoint(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return load(str(write_checkpoint("qwen2.5-vl", tmp_path_factory.mktemp("one"))), device="cpu")


def generated(model: LocalModel, messages: list[Message], **settings: Any) -> list[int]:
    """What transformers' own generate answers to the same prompt."""
    prompt = encode(messages, model.tokenizer, model.family)
    inputs: dict[str, Any] = {"input_ids": prompt.ids[None], "mm_token_type_ids": prompt.kinds[None]}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if prompt.images:
        inputs["pixel_values"] = torch.cat([patches.values() for patches in prompt.images])
        inputs["image_grid_thw"] = torch.tensor([patches.grid.patches for patches in prompt.images])
    if prompt.videos:
        inputs["pixel_values_videos"] = torch.cat([patches.values() for patches in prompt.videos])
        inputs["video_grid_thw"] = torch.tensor([patches.grid.patches for patches in prompt.videos])
        if model.family.name == "qwen2.5-vl":
            inputs["second_per_grid_ts"] = torch.tensor(prompt.seconds_per_grid)
    out = model.opened().generate(**inputs, do_sample=False, eos_token_id=sorted(model.ends), **settings)
    return [int(token) for token in out[0, len(prompt) :]]


def shown(model: LocalModel, ids: list[int]) -> str:
    """Their text as the tokenizer decodes it whole, without the special tokens, an unfinished character left out."""
    kept = [token for token in ids if token not in model.token_bytes.hidden]
    return b"".join(model.token_bytes.of(token) for token in kept).decode("utf-8", "replace")


@pytest.mark.parametrize("penalty", [1.0, 1.5])  # the second keeps random weights from saying one word all along
@pytest.mark.parametrize("about", CONVERSATIONS)
def test_greedy_reply_equals_generate(model: LocalModel, about: str, penalty: float) -> None:
    messages = CONVERSATIONS[about]
    want = generated(model, messages, max_new_tokens=24, repetition_penalty=penalty)
    reply = model.stream(messages, Sampling(max_new_tokens=24, repetition_penalty=penalty))
    text = reply.read()
    assert reply.usage.new_tokens == len(want)
    assert shown(model, want).startswith(text)
    assert len(shown(model, want)) - len(text) <= 1
    assert penalty == 1.0 or len(set(want)) > 12


def test_two_replies_in_turns_do_not_touch_each_other(model: LocalModel) -> None:
    first, second = CONVERSATIONS["two images"], CONVERSATIONS["text"]
    sampling = Sampling(max_new_tokens=16)
    alone = [model.stream(messages, sampling).read() for messages in (first, second)]
    one, two = model.stream(first, sampling), model.stream(second, sampling)
    one_pieces, two_pieces = iter(one), iter(two)
    running = True
    while running:
        running = (next(one_pieces, None) is not None) | (next(two_pieces, None) is not None)
    assert [one.text, two.text] == alone


def test_picture_changes_the_reply(model: LocalModel) -> None:
    texts = {model.stream([user(ImagePart(noise(150, 90, seed)))], Sampling(16)).read() for seed in range(3)}
    assert len(texts) > 1


def test_same_seed_gives_the_same_reply_and_another_seed_another(one: LocalModel) -> None:
    def say(seed: int, top_p: float = 1.0) -> str:
        return one.stream([user("Hi")], Sampling(24, temperature=1.0, top_p=top_p, seed=seed)).read()

    assert say(1) == say(1)
    assert say(1) != say(2)
    assert say(1, top_p=0.0) == say(2, top_p=0.0)


def test_usage_is_filled(one: LocalModel) -> None:
    messages = CONVERSATIONS["two images"]
    prompt = encode(messages, one.tokenizer, one.family)
    reply = one.stream(messages, Sampling(max_new_tokens=5))
    assert reply.usage.finish is None
    reply.read()
    assert reply.usage.prompt_tokens == len(prompt)
    assert reply.usage.image_tokens == sum(patches.grid.tokens for patches in prompt.images)
    assert reply.usage.new_tokens == 5
    assert reply.usage.finish == "length"
    assert 0 < reply.usage.prefill_s <= reply.usage.total_s


def test_usage_says_what_of_the_prompt_was_not_read_again(one: LocalModel) -> None:
    one.forget()
    first, second = ImagePart(noise(150, 90, seed=91)), ImagePart(noise(150, 90, seed=92))
    fresh = one.stream([user("Look", first)], Sampling(max_new_tokens=1))
    fresh.read()
    assert fresh.usage.cached_tokens == 0
    more = one.stream([user("Look", first, second)], Sampling(max_new_tokens=1))
    more.read()
    shared = fresh.usage.prompt_tokens - len(one.tokenizer("<|im_end|>\n<|im_start|>assistant\n")["input_ids"])
    assert more.usage.cached_tokens == shared > fresh.usage.image_tokens
    again = one.stream([user("Look", first, second)], Sampling(max_new_tokens=1))
    again.read()
    assert again.usage.cached_tokens == again.usage.prompt_tokens - 1


def test_reply_ends_with_the_stop_word(one: LocalModel) -> None:
    whole = one.stream([user("Hi")], Sampling(24)).read()
    word = whole[6:9]
    reply = one.stream([user("Hi")], Sampling(24, stop=("never said", word)))
    assert reply.read() == whole[: whole.find(word) + len(word)]
    assert reply.usage.finish == "stop"


def test_end_token_ends_the_reply_unseen(one: LocalModel) -> None:
    ids = generated(one, [user("Hi")], max_new_tokens=8)
    one.ends, ends = one.ends | {ids[4]}, one.ends
    try:
        reply = one.stream([user("Hi")], Sampling(8))
        assert reply.read() == shown(one, ids[: ids.index(ids[4])])
        assert reply.usage.finish == "stop"
    finally:
        one.ends = ends


def test_cancel_between_tokens_stops_at_once(one: LocalModel) -> None:
    reply = one.stream([user("Hi")], Sampling(200))
    for _ in reply:
        reply.cancel()
    assert reply.usage.finish == "cancelled"
    assert reply.usage.new_tokens < 10


class Countdown(threading.Event):
    """Becomes set by itself after it was asked so many times; `left` falls on below zero."""

    def __init__(self, left: int):
        super().__init__()
        self.left = left

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("questions", range(9))
def test_cancel_in_the_middle_of_the_prefill_runs_no_further_block(model: LocalModel, questions: int) -> None:
    """Three blocks of the tower and three of the language model are each begun with the question."""
    model.forget()
    reply = model.stream([user(ImagePart(noise(120, 60, seed=9)), "there?")], Sampling(1))
    reply.cancelled = cancelled = Countdown(questions)
    layout = lay_out([user(ImagePart(noise(120, 60, seed=9)), "there?")], model.tokenizer, model.family)
    reply.pieces = model.answer(layout, Sampling(1), model.need(layout, Sampling(1)), reply.usage, cancelled)
    assert reply.read() == "" or questions >= 6
    assert reply.usage.finish == ("cancelled" if questions < 6 else "length")
    assert cancelled.left == -1 or questions >= 6
    assert not any(block._forward_pre_hooks for block in model.opened().model.visual.blocks)


def test_closed_reply_is_cancelled_and_the_next_one_runs(one: LocalModel) -> None:
    reply = one.stream([user("Hi")], Sampling(50))
    pieces = reply.pieces
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert reply.usage.finish == "cancelled"
    assert one.stream([user("Hi")], Sampling(4)).read()


def test_abandoned_reply_does_not_lock_the_model(one: LocalModel) -> None:
    kept = iter(one.stream([user("Hi")], Sampling(50)))
    next(kept)
    assert one.stream([user("Hi")], Sampling(4)).read()


def test_threads_get_what_they_would_get_alone(one: LocalModel) -> None:
    asked = [[user(f"Question {n}", ImagePart(noise(60 + 30 * n, 80, n)))] for n in range(4)]
    want = [one.stream(messages, Sampling(12)).read() for messages in asked]
    got: dict[int, str] = {}

    def ask(n: int) -> None:
        got[n] = one.stream(asked[n], Sampling(12)).read()

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[n] for n in range(4)] == want


def test_a_loop_ends_the_reply(tmp_path: Path) -> None:
    model = load(str(write_checkpoint("qwen2.5-vl", tmp_path, layers=1)), device="cpu")
    with torch.no_grad():
        for layer in model.opened().model.language_model.layers:  # nothing but the last token decides the next
            layer.self_attn.o_proj.weight.zero_()
    model.ends = frozenset()
    reply = model.stream([user("Hi")], Sampling(1500))
    reply.read()
    assert reply.usage.finish == "repetition"
    assert reply.usage.new_tokens < 1500


def test_prompt_longer_than_the_context_is_refused_before_it_runs(one: LocalModel) -> None:
    with pytest.raises(PromptTooLarge, match=r"4,096.*smaller pictures"):
        one.stream([user(*(ImagePart(noise(900, 900)) for _ in range(6)))])


def test_reply_stops_where_the_context_ends(one: LocalModel) -> None:
    tokens = len(lay_out([user("a")], one.tokenizer, one.family))
    reply = one.stream([user("a" * (4096 - tokens - 6))], Sampling(50))
    reply.read()
    assert reply.usage.prompt_tokens + reply.usage.new_tokens <= 4096


def test_closed_model_frees_its_weights_and_says_so(tmp_path: Path) -> None:
    model = load(str(write_checkpoint("qwen2.5-vl", tmp_path)), device="cpu")
    reply = model.stream([user("Hi")], Sampling(50))
    next(iter(reply))
    weights = [weakref.ref(parameter) for parameter in model.opened().parameters()]
    model.close()
    gc.collect()
    assert all(weight() is None for weight in weights)
    with pytest.raises(UserError, match="closed"):
        model.stream([user("Hi")])
