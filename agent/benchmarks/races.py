"""Races of `bench speed` about what a model reads and says: our runner against transformers, same weights and prompts.

Every race first holds the tokens of both sides against each other. Sides take turns, and the best round of each
counts, in CPU time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from shutil import which
from typing import Any

import torch
from PIL import Image
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from agent.benchmarks.baselines import STATIC, Kept, Naive
from agent.benchmarks.preprocess import screenshot
from model.families import QWEN2_5_VL
from model.local.arena import Arenas
from model.local.runner import LocalModel
from model.messages import ImagePart, Message, assistant, system, user
from model.training.architecture import tokenizer
from model.vlm import Sampling

SYSTEM, ASKED, REPLY = 600, 30, 40  # tokens of one step of an agent
COMPILERS = ("c++", "g++", "clang++")
Way = Callable[[], Any]


class Wrong(Exception):
    """The sides did not say the same: what they took is not worth comparing."""


@dataclass(frozen=True)
class Sizes:
    """How large the races are."""

    rounds: int = 5
    steps: int = 20  # of the trajectory; the shorter figure is of its first half
    screen: tuple[int, int] = (1280, 800)
    pages: int = 8
    page: tuple[int, int] = (784, 1120)
    shot: tuple[int, int] = (1920, 1080)
    clip_s: int = 60  # of a video as large as the shot
    contexts: tuple[int, int] = (1300, 13_000)  # tokens
    decoded: int = 32
    calls: int = 5  # that are held to a grammar
    talks: int = 100  # that go on side by side
    compiled: bool = True  # race against a compiled static cache too, which needs minutes and a C++ compiler


QUICK = Sizes(1, 4, (224, 168), 2, (224, 168), (448, 252), 2, (130, 260), 8, 2, 10, compiled=False)


@dataclass
class Told:
    """What a race found: ratios by name (None: not measured), CPU seconds of the sides, and what there is to say."""

    ratios: dict[str, float | None] = field(default_factory=dict)
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Track:
    """The two sides, with random weights of the shape that the reference figures were taken with."""

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        self.words = tokenizer()
        self.weights = random_weights(self.words)
        self.naive = Naive(self.weights, self.words, QWEN2_5_VL)

    @cached_property
    def model(self) -> LocalModel:
        model = LocalModel("random", QWEN2_5_VL, self.weights, self.words)
        model.ends = frozenset()  # every reply has the length that is asked for
        return model

    def kept(self) -> Kept:
        return Kept(self.weights, self.words, QWEN2_5_VL)

    def ours(self, messages: Sequence[Message], count: int) -> list[int]:
        """All but the last of `count` new tokens, as they stand in the arena: the last is never fed."""
        reply = self.model.stream(messages, Sampling(count))
        reply.read()
        latest = max(self.model.arenas.kept, key=lambda arena: arena.used)
        return [int(token) for token in latest.signs[reply.usage.prompt_tokens : latest.length, 0]]

    def screens(self, count: int, size: tuple[int, int]) -> list[Image.Image]:
        """Pictures that differ in a small place each, as screens do."""
        out = [screenshot(*size) for _ in range(count)]
        for index, screen in enumerate(out):
            screen.paste((9 * index % 256, 90, 40), (0, 0, 20 + index, 40))
        return out


def trajectory(track: Track) -> Told:
    """R1: an agent's steps, each with a new screenshot."""
    sizes, sides = track.sizes, {"transformers": track.naive.answer, "its best": track.kept().answer}
    screens = track.screens(sizes.steps, sizes.screen)
    took: dict[str, list[float]] = {name: [] for name in (*sides, "handeye")}
    talk: list[Message] = [system("s" * SYSTEM)]
    track.model.forget()
    for screen in screens:
        talk = [*talk, user("u" * ASKED, ImagePart(screen))]
        said: dict[str, list[int]] = {}
        for name, answer in [*sides.items(), ("handeye", track.ours)]:
            seconds, said[name] = spent(answer, talk, REPLY)
            took[name].append(seconds)
        same("R1", said["transformers"][:-1], said["its best"][:-1], said["handeye"])
        talk = [*talk, assistant("r" * REPLY)]
    half, ours = sizes.steps // 2, took["handeye"]
    naive, best = took["transformers"], took["its best"]
    return Told(
        {
            "R1_10": sum(naive[:half]) / sum(ours[:half]),
            "R1_20": sum(naive) / sum(ours),
            "R1_last": naive[-1] / ours[-1],
            "R1_best": sum(best) / sum(ours),
        },
        {"R1": {name: sum(each) for name, each in took.items()}},
        ["R1: one round, as a trajectory is many steps"],
    )


def pages(track: Track) -> Told:
    """R2: a second question about the same pages, to the first token."""
    shown = [ImagePart(page) for page in track.screens(track.sizes.pages, track.sizes.page)]
    first, second = ([user(*shown, question)] for question in ("What is this about?", "And who wrote it?"))
    tower_only = Arenas(track.model.arenas.make, 0)
    track.model.forget()

    def ours() -> float:
        track.ours(first, 2)
        return spent(track.ours, second, 1)[0]

    def tower() -> float:
        kept, track.model.arenas = track.model.arenas, tower_only
        try:
            return spent(lambda: track.model.stream(second, Sampling(1)).read())[0]
        finally:
            track.model.arenas = kept

    track.ours(first, 2)
    same("R2", track.naive.answer(second, 2)[:-1], track.ours(second, 2))
    rounds = range(track.sizes.rounds)
    runs = [(spent(track.naive.answer, second, 1)[0], tower(), ours()) for _ in rounds]
    naive, cached, mine = (min(each) for each in zip(*runs, strict=True))
    seconds = {"transformers": naive, "tower cache alone": cached, "handeye": mine}
    notes = ["R2: the tower cache alone is our own runner's"]
    return Told({"R2": naive / mine, "R2_tower": cached / mine}, {"R2": seconds}, notes)


def decoding(track: Track) -> Told:
    """R4: one token more, at a short and at a long context."""
    told = Told()
    compiled = track.sizes.compiled and any(map(which, COMPILERS))
    if not compiled:
        told.notes.append("R4: nothing compiled, as that is left out or there is no C++ compiler")
    for length, name in zip(track.sizes.contexts, ("1k", "13k"), strict=True):
        talk = [user("".join(random.Random(0).choices("abcdefgh ", k=length)))]
        count = track.sizes.decoded
        sides = {"transformers": track.naive.answer, "handeye": track.ours}
        if compiled:
            sides["static cache, compiled"] = partial(track.naive.answer, **STATIC)
        said = [answer(talk, count + 1)[:count] for answer in sides.values()]
        same("R4", *said)
        per_token: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(track.sizes.rounds):
            for side, answer in sides.items():
                one, many = (spent(answer, talk, n)[0] for n in (1, count + 1))
                per_token[side].append((many - one) / count)
        best = {side: min(each) for side, each in per_token.items()}
        told.ratios[f"R4_{name}"] = best["transformers"] / best["handeye"]
        if compiled:
            told.ratios[f"R4_{name}_static"] = best["static cache, compiled"] / best["handeye"]
        told.seconds[f"R4_{name}"] = best
    return told


def unchanged(track: Track) -> Told:
    """R8: seeing and reading an unchanged screen against a changed one; and conversations side by side."""
    before, *changed = track.screens(track.sizes.rounds + 1, track.sizes.shot)
    talk = [system("s" * SYSTEM)]
    track.model.forget()
    track.ours([*talk, user("u" * ASKED, ImagePart(before))], 1)
    news, olds = [], []
    for screen in changed:
        asked = [*talk, user("u" * ASKED, ImagePart(screen))]
        news.append(spent(track.ours, asked, 1)[0])
        again = [*talk, user("u" * ASKED, ImagePart(screen.copy()))]
        olds.append(spent(track.ours, again, 1)[0])
    wrong = interleaved(track)
    if wrong:
        raise Wrong(f"R8: {wrong} of {track.sizes.talks} interleaved conversations differ")
    notes = [f"R8: {track.sizes.talks} interleaved conversations, none with a wrong token"]
    return Told({"R8": min(news) / min(olds)}, {"R8": {"changed": min(news), "unchanged": min(olds)}}, notes)


def interleaved(track: Track) -> int:
    """How many of many conversations, a token of each in turn, are not told what each is told alone."""
    pictures = [ImagePart(screen) for screen in track.screens(8, (112, 84))]
    talks = [[user(f"Number {n}", pictures[n % 8]), assistant("Yes."), user("Why?")] for n in range(track.sizes.talks)]
    track.model.forget()
    replies = [track.model.stream(talk, Sampling(8)) for talk in talks]
    running = [iter(reply) for reply in replies]
    while running:
        running = [pieces for pieces in running if next(pieces, None) is not None]
    wrong = 0
    for talk, reply in zip(talks, replies, strict=True):
        track.model.arenas.clear()
        wrong += track.model.stream(talk, Sampling(8)).read() != reply.text
    return wrong


def precision() -> float:
    """The largest difference of a logit, in double precision, between going on from a kept beginning and not."""
    track = Track(QUICK)
    track.weights.double()
    model = LocalModel("double", QWEN2_5_VL, track.weights, track.words)
    pictures = [ImagePart(screen) for screen in track.screens(3, (224, 168))]
    talk: list[Message] = []
    worst = 0.0
    for picture in pictures:
        talk = [*talk, user("Look", picture)]
        going_on = model.first_logits(talk)
        kept, model.arenas = model.arenas, Arenas(model.arenas.make, 0)
        worst = max(worst, float((going_on - model.first_logits(talk)).abs().max()))
        model.arenas = kept
        talk = [*talk, assistant("Yes.")]
    return worst


def race(sides: dict[str, Way], rounds: int) -> dict[str, float]:
    """Seconds of the best round of each side; they take turns, after one round that does not count."""
    for way in sides.values():
        way()
    took = [{name: spent(way)[0] for name, way in sides.items()} for _ in range(rounds)]
    return {name: min(each[name] for each in took) for name in sides}


def spent(way: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    """CPU seconds of this process, and what came of it."""
    began = time.process_time()
    result = way(*given)
    return time.process_time() - began, result


def same(race: str, *said: list[int]) -> None:
    if any(each != said[0] for each in said):
        raise Wrong(f"{race}: the sides did not say the same tokens")


def random_weights(words: Any) -> Any:
    token = words.convert_tokens_to_ids
    spread = 0.08  # wide enough that the words depend on all of the prompt
    text: dict[str, Any] = {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 2048,
        "max_position_embeddings": 65_536,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
        "initializer_range": spread,
        "bos_token_id": token("<|endoftext|>"),
        "eos_token_id": token("<|im_end|>"),
        "pad_token_id": token("<|endoftext|>"),
    }
    vision: dict[str, Any] = {
        "depth": 4,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_heads": 4,
        "out_hidden_size": 128,
    }
    vision |= {"fullatt_block_indexes": [3], "initializer_range": spread}
    ids = {f"{name}_token_id": token(f"<|{name}|>") for name in ("vision_start", "vision_end")}
    ids |= {f"{name}_token_id": token(f"<|{name}_pad|>") for name in ("image", "video")}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids)
    torch.manual_seed(0)
    return Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation="sdpa").eval()
