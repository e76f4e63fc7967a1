"""R5 of `bench speed`: calls held to a grammar, forced tokens jumped over, against one token after the other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from transformers import Qwen2Tokenizer

from agent.benchmarks.races import Told, Track, Wrong, race, random_weights
from agent.languages.grammar import call_grammar
from model.chat import lay_out
from model.computer_use import call, system_prompt
from model.families import QWEN2_5_VL, QWEN3_VL, Family
from model.local.arena import Arena
from model.local.asked import asked
from model.local.runner import LocalModel
from model.messages import Message, user
from model.training.architecture import SPECIAL
from model.vlm import Sampling
from tools.geometry import Size

MERGED = 1500  # tokens at most; a call is about as many of them as it is of a published tokenizer's
LONGEST = 100  # tokens of a call
# What each call may be: none has free text, which random weights would not end.
PAIRS = (
    ("left_click", "right_click"),
    ("double_click", "mouse_move"),
    ("left_click_drag", "left_click"),
    ("scroll", "hscroll"),
    ("wait", "terminate"),
)


class Counted(LocalModel):
    """Remembers what was fed after the prompt, one entry for each forward pass."""

    def __init__(self, name: str, family: Family, weights: Any, tokenizer: Any):
        super().__init__(name, family, weights, tokenizer)
        self.fed: list[list[int]] = []

    def decode(self, arena: Arena, tokens: Sequence[int], position: int, cancelled: threading.Event) -> Tensor:
        self.fed.append(list(tokens))
        return super().decode(arena, tokens, position, cancelled)


def calls(track: Track) -> Told:
    """R5: both sides on our own runner, so that the ratio is that of the jumps alone."""
    words, screen = merged_words(), Size(*track.sizes.screen)
    model = Counted("random", QWEN2_5_VL, random_weights(words), words)
    asked_for = [
        ([user(f"Task {n}")], Sampling(LONGEST, grammar=call_grammar(screen, *PAIRS[n % len(PAIRS)])))
        for n in range(track.sizes.calls)
    ]
    passes = {"token by token": 0, "handeye": 0}
    count = 0
    for talk, sampling in asked_for:
        tokens = one_by_one(model, talk, sampling)
        count += len(tokens)
        passes["token by token"] += len(tokens)  # the last is not fed, but the prompt is
        model.fed = []
        reply = model.stream(talk, sampling)
        said, fed = reply.read(), [token for each in model.fed for token in each]
        passes["handeye"] += 1 + len(model.fed)
        spelled = b"".join(map(model.token_bytes.of, tokens)).decode()
        if (said, reply.usage.new_tokens, fed) != (spelled, len(tokens), tokens[: len(fed)]):
            raise Wrong("R5: the sides did not say the same tokens")
    sides = {
        "token by token": lambda: [one_by_one(model, *each) for each in asked_for],
        "handeye": lambda: [model.stream(*each).read() for each in asked_for],
    }
    best = race(sides, track.sizes.rounds)
    return Told(
        {
            "R5_time": best["token by token"] / best["handeye"],
            "R5_forwards": passes["token by token"] / passes["handeye"],
        },
        {"R5": best},
        [f"R5: both sides on our own runner; {count} tokens, {passes['handeye']} forward passes with jumps"],
    )


def one_by_one(model: LocalModel, talk: Sequence[Message], sampling: Sampling) -> list[int]:
    """The greedy reply held to the grammar, every token fed by itself."""
    layout, never = lay_out(talk, model.tokenizer, model.family), threading.Event()
    prompt, held = asked(layout), model.vocabulary.held(sampling)
    assert held is not None
    arena = model.take(prompt, model.need(layout, sampling), never)
    try:
        logits, ids = model.prefill(arena, prompt, never), list[int]()
        while len(ids) < sampling.max_new_tokens:
            ids.append(int(held.mask(logits.float()).argmax()))
            held.matcher.consume_token(ids[-1])
            if held.is_over or ids[-1] in model.ends:
                break
            logits = model.decode(arena, ids[-1:], layout.next_position + len(ids) - 1, never)
        return ids
    finally:
        model.arenas.give(arena)


def merged_words() -> Any:
    """A tokenizer with words of several letters, made from the prompts of the action language."""
    letters = {letter: index for index, letter in enumerate(sorted(ByteLevel.alphabet()))}
    base = Qwen2Tokenizer(letters, [], unk_token=None, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    base.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    prompts = [system_prompt(family, Size(1280, 800)) for family in (QWEN2_5_VL, QWEN3_VL)]
    said = [call(action) for pair in PAIRS for action in pair]
    words: Any = base.train_new_from_iterator([*prompts, *said], MERGED, show_progress=False)
    words.add_tokens(["<tool_call>", "</tool_call>"])
    return words
