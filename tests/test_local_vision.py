"""What the tower saw is right, and remembered."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import random_model
from PIL import Image

from model.families import FAMILIES
from model.local import vision
from model.local.asked import digest
from model.local.vision import Seen, Vision
from model.messages import ImagePart, VideoPart
from model.preprocess import video_patches


def picture(seed: int, width: int = 120, height: int = 80) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def counted(name: str) -> tuple[Vision, list[int]]:
    """A random tower, and a list that grows by one with every run of it."""
    model: Any = random_model(name).model
    runs: list[int] = []
    model.visual.merger.register_forward_hook(lambda *_: runs.append(1))
    return Vision(model, FAMILIES[name]), runs


def look(seeing: Vision, seed: int) -> Seen:
    part = ImagePart(picture(seed))
    return seeing.see(part, digest(part), threading.Event())


@torch.inference_mode()
def test_a_picture_seen_before_does_not_run_the_tower_again() -> None:
    seeing, runs = counted("qwen2.5-vl")
    first = look(seeing, 1)
    look(seeing, 2)
    assert torch.equal(look(seeing, 1).tokens, first.tokens)
    assert len(runs) == 2


@torch.inference_mode()
def test_memory_is_bounded_and_keeps_what_was_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    seeing, runs = counted("qwen2.5-vl")
    one = look(seeing, 1).bytes
    monkeypatch.setattr(vision, "REMEMBERED_BYTES", 2 * one)
    for seed in (2, 1, 3, 1):
        look(seeing, seed)
    assert len(runs) == 3
    assert sum(seen.bytes for seen in seeing.remembered.values()) <= 2 * one
    look(seeing, 2)
    assert len(runs) == 4


def test_pictures_that_differ_in_one_value_or_in_shape_or_in_kind_are_told_apart() -> None:
    plain, turned, dotted = (Image.new("RGB", size) for size in ((120, 80), (80, 120), (120, 80)))
    dotted.putpixel((119, 79), (0, 0, 1))
    parts = [*map(ImagePart, (plain, turned, dotted)), VideoPart((plain,), (0.0,)), VideoPart((plain, plain), (0, 1))]
    assert len({digest(part) for part in parts}) == len(parts)


def test_a_picture_is_known_by_what_is_seen_of_it() -> None:
    colours = Image.new("P", (120, 80))
    colours.putpalette([255, 0, 0])
    assert digest(ImagePart(colours)) == digest(ImagePart(Image.new("RGB", (120, 80), (255, 0, 0))))
    colours.putpalette([0, 255, 0])
    assert digest(ImagePart(colours)) == digest(ImagePart(Image.new("RGB", (120, 80), (0, 255, 0))))


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"])
@torch.inference_mode()
def test_a_video_in_pieces_is_the_whole_video(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeing, runs = counted(name)
    video = video_patches([picture(seed) for seed in range(6)], FAMILIES[name])
    whole = seeing.encode(video, threading.Event())
    assert len(runs) == 1
    monkeypatch.setattr(vision, "frames_at_once", lambda patches: 2)
    pieces = seeing.encode(video, threading.Event())
    assert len(runs) == 3
    assert torch.allclose(whole.tokens, pieces.tokens, atol=1e-4)
    assert len(whole.deep) == (2 if name == "qwen3-vl" else 0)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(whole.deep, pieces.deep, strict=True))
