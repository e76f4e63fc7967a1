"""What is kept of conversations never changes a reply, and never takes more than its budget."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from checkpoints import WORDS, random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.chat import lay_out
from model.families import FAMILIES
from model.local import asked as prompts
from model.local.arena import Arena, Arenas, Slots
from model.local.runner import LocalModel
from model.messages import ImagePart, Message, VideoPart, assistant, user
from model.vlm import Reply, Sampling

NAMES = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl")
NEW = 6  # tokens of a reply
DEVICE = torch.device("cpu")


def noise(seed: int) -> Image.Image:
    rng = random.Random(seed)
    size = (rng.randrange(60, 200), rng.randrange(60, 120))
    made = torch.randint(0, 256, (*size[::-1], 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(made.numpy())


def said(about: int) -> Message:
    """What a person may say: words, a picture, two frames of a video."""
    match about % 4:
        case 0:
            return user(f"word {about}")
        case 1:
            return user(ImagePart(noise(about)), f"and {about}?")
        case 2:
            return user("look", ImagePart(noise(about)), ImagePart(noise(about - 1)))
        case _:
            return user(VideoPart((noise(about), noise(about)), (0.0, 0.5 + about % 3)), "when?")


@lru_cache
def double(name: str) -> LocalModel:
    """Random weights in double precision, so that what is equal can be told from what is nearly so."""
    return LocalModel(name, FAMILIES[name], random_model(name).double(), WORDS)


def fresh(model: LocalModel, messages: list[Message], sampling: Sampling) -> str:
    """The reply of a model that has seen nothing before."""
    kept, model.arenas = model.arenas, Arenas(model.arenas.make, 0)
    try:
        reply = model.stream(messages, sampling)
        text = reply.read()
        assert reply.usage.cached_tokens == 0 and not model.arenas.kept
        return text
    finally:
        model.arenas = kept


def logits(model: LocalModel, messages: list[Message]) -> tuple[torch.Tensor, int]:
    """Of the first token of the reply; and how many tokens were not read for it."""
    signs = prompts.asked(lay_out(messages, model.tokenizer, model.family)).signs
    kept = max((arena.common(signs) for arena in model.arenas.kept), default=0)
    found = model.first_logits(messages)
    return found, min(kept, len(signs) - 1)


Deed = tuple[str, int, int]  # what is done, to which conversation, with what
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "branch", "crop", "cancel", "edit", "shrink", "restore", "together"]),
        st.integers(0, 9),
        st.integers(0, 11),
    ),
    min_size=2,
    max_size=7,
)


def carry_out(model: LocalModel, deeds: list[Deed], sampling: Sampling) -> Iterator[tuple[list[Message], str]]:
    """Random talk. Yields what was asked and what was replied."""
    talks: list[list[Message]] = [[]]
    asked: list[Message] = []
    for deed, which, about in deeds:
        talk = talks[which % len(talks)]
        match deed:
            case "branch":
                talks.append(talk := list(talk))
            case "crop":
                del talk[len(talk) // 4 * 2 :]
            case "edit" if talk:
                talk[-1] = assistant(f"no, {about}")
            case "restore" if model.arenas.kept:
                saved_and_restored(model, asked)
            case "shrink":
                model.arenas.budget = about * 2**17
        asked = [*talk, said(about)]
        if deed == "cancel":
            reply = model.stream(asked, sampling)
            for _ in reply:
                reply.cancel()
            talk += [said(about), assistant(reply.text)]
            continue
        if deed == "together":  # two replies go on from one beginning, piece by piece
            for each, text in in_turns(model, [asked, [*talk, said(about + 1)]], sampling):
                yield each, text
            continue
        text = model.stream(asked, sampling).read()
        yield asked, text
        talk += [said(about), assistant(text)]
    model.arenas.budget = 2**30


def saved_and_restored(model: LocalModel, messages: list[Message]) -> None:
    """All but what is kept of these is forgotten."""
    with TemporaryDirectory() as folder:
        model.save(messages, Path(folder) / "talk")
        model.forget()
        model.restore(Path(folder) / "talk")


def in_turns(model: LocalModel, asked: list[list[Message]], sampling: Sampling) -> list[tuple[list[Message], str]]:
    """All of them at once, a piece of each at a time."""
    replies: list[Reply] = [model.stream(messages, sampling) for messages in asked]
    running = [iter(reply) for reply in replies]
    while running:
        running = [pieces for pieces in running if next(pieces, None) is not None]
    return [(messages, reply.text) for messages, reply in zip(asked, replies, strict=True)]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(deeds=DEEDS, temperature=st.sampled_from([0.0, 1.0]))
def test_random_conversations_get_the_replies_of_fresh_runs(name: str, deeds: list[Deed], temperature: float) -> None:
    model = double(name)
    model.forget()
    sampling = Sampling(NEW, temperature=temperature, repetition_penalty=1.3)
    for asked, text in carry_out(model, deeds, sampling):
        assert text == fresh(model, asked, sampling)
    assert not any(arena.busy for arena in model.arenas.kept)


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_logits_after_a_kept_beginning_are_those_of_a_fresh_run(name: str) -> None:
    model = double(name)
    talk = [said(1), assistant("It is there."), said(2), assistant("And here."), said(3), assistant("So."), said(4)]
    for end in (1, 3, 5, 7):
        model.forget()
        want, none = logits(model, talk[:end])
        model.forget()
        kept = 0
        for begin in range(1, end + 1, 2):
            found, kept = logits(model, talk[:begin])
        again, all_but_one = logits(model, talk[:end])
        assert none == 0 and (kept > 0 or end == 1)
        assert all_but_one == len(lay_out(talk[:end], model.tokenizer, model.family)) - 1
        torch.testing.assert_close(found, want, rtol=0, atol=1e-10)
        torch.testing.assert_close(again, want, rtol=0, atol=1e-10)


def test_a_video_of_another_pace_is_another_video() -> None:
    model = double("qwen2.5-vl")
    frames = tuple(noise(7) for _ in range(6))

    def signs(seconds: float) -> torch.Tensor:
        layout = lay_out([user(VideoPart(frames, tuple(seconds * i for i in range(6))))], WORDS, model.family)
        return torch.from_numpy(prompts.asked(layout).signs)

    assert torch.equal(signs(0.5), signs(0.5))
    assert not torch.equal(signs(0.5), signs(1.0))


@torch.inference_mode()
def test_a_picture_that_changed_is_seen_again_and_what_stood_before_it_is_kept() -> None:
    model = double("qwen2.5-vl")
    model.forget()
    first, second = ([user("Look", ImagePart(noise(seed).resize((120, 80))))] for seed in (1, 2))
    one, _ = logits(model, first)
    other, kept = logits(model, second)
    layout = lay_out(first, WORDS, model.family)
    assert kept == int((layout.kinds > 0).nonzero()[0])
    assert not torch.equal(one, other)


def test_an_unchanged_screen_needs_neither_tower_nor_prefill() -> None:
    model = double("qwen2.5-vl")
    model.forget()
    ran: list[int] = []
    hook = model.opened().model.visual.merger.register_forward_hook(lambda *_: ran.append(1))
    screen = noise(21)
    talk = [user("Look", ImagePart(screen))]
    texts = {model.stream([user("Look", ImagePart(screen.copy()))], Sampling(NEW)).read() for _ in range(3)}
    reply = model.stream(talk, Sampling(NEW))
    assert {reply.read()} == texts
    assert reply.usage.cached_tokens == reply.usage.prompt_tokens - 1
    assert len(ran) == 1
    hook.remove()


def slots(layers: int = 2) -> list[Slots]:
    return [Slots(2, 8, DEVICE)] * layers


def filled(length: int, seed: int) -> torch.Tensor:
    rows = torch.randint(0, 3, (length, 6), generator=torch.Generator().manual_seed(seed))
    return rows


def test_a_thousand_random_turns_stay_within_the_budget() -> None:
    rng = random.Random(0)
    budget = 5 * Arena(slots(), torch.float32, 256).bytes
    arenas = Arenas(lambda room: Arena(slots(), torch.float32, room), budget)
    talks = [filled(600, seed).numpy() for seed in range(12)]
    most = 0
    for _ in range(1000):
        talk = rng.choice(talks)
        signs = talk[: rng.randrange(1, 500)]
        mine = arenas.take(signs, len(signs) + 20, spare=2**40)
        assert mine.length < len(signs)
        assert (mine.signs[: mine.length] == signs[: mine.length]).all()
        mine.fill(signs[mine.length :])
        arenas.give(mine)
        most = max(most, arenas.bytes)
        assert arenas.bytes <= budget
    assert most > budget / 2


def test_a_conversation_that_goes_on_keeps_its_arena_and_one_that_only_begins_alike_is_left() -> None:
    arenas = Arenas(lambda room: Arena(slots(), torch.float32, room), 2**30)
    long, alike = filled(200, 1).numpy(), filled(200, 2).numpy()
    alike[:30] = long[:30]
    one = arenas.take(long[:150], 200, 2**40)
    one.fill(long[:150])
    arenas.give(one)
    assert arenas.take(long, 200, 2**40) is one
    one.fill(long[one.length :])
    two = arenas.take(alike, 200, 2**40)
    assert two is not one and two.length == 30 and one.length == 200


def test_little_memory_drops_what_is_idle() -> None:
    arenas = Arenas(lambda room: Arena(slots(), torch.float32, room), 2**30)
    for seed in range(4):
        signs = filled(50, seed).numpy()
        arena = arenas.take(signs, 60, 2**40)
        arena.fill(signs[arena.length :])
        arenas.give(arena)
    one = arenas.take(filled(50, 9).numpy(), 60, spare=0)
    assert arenas.kept == [one]


def test_nothing_leaks_over_two_hundred_conversations() -> None:
    model = double("qwen2.5-vl")
    model.forget()
    kept, model.arenas.budget = model.arenas.budget, 3 * model.arenas.make(256).bytes
    seen: list[weakref.ref[Arena]] = []
    for number in range(200):
        reply = model.stream([user(f"{number} times")], Sampling(2))
        reply.read()
        seen += [weakref.ref(arena) for arena in model.arenas.kept]
    del reply
    gc.collect()
    assert len({id(ref()) for ref in seen if ref()}) == len(model.arenas.kept) <= 3
    model.arenas.budget = kept


@pytest.mark.parametrize("count", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_interleaved_conversations_get_no_wrong_token(count: int) -> None:
    model = double("qwen2.5-vl")
    model.forget()
    sampling = Sampling(4, repetition_penalty=1.3)
    talks: list[list[Message]] = [[said(number % 7), assistant("Yes."), user(str(number))] for number in range(count)]
    for _ in range(2):
        for talk, (_, text) in zip(talks, in_turns(model, talks, sampling), strict=True):
            assert text == fresh(model, talk, sampling)
            talk += [assistant(text), user("And then?")]
