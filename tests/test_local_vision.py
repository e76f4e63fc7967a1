"""What the tower saw is right, and remembered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import random_model
from PIL import Image

from model.families import FAMILIES
from model.local import vision
from model.local.vision import Vision, digest
from model.preprocess import Patches, picture_patches, video_patches


def picture(seed: int, width: int = 120, height: int = 80) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def counted(name: str) -> tuple[Vision, list[int]]:
    """A random tower, and a list that grows by one with every run of it."""
    model: Any = random_model(name).model
    runs: list[int] = []
    model.visual.register_forward_hook(lambda *_: runs.append(1))
    return Vision(model), runs


def patches(seed: int, name: str = "qwen2.5-vl") -> Patches:
    return picture_patches(picture(seed), FAMILIES[name])


@torch.inference_mode()
def test_a_picture_seen_before_does_not_run_the_tower_again() -> None:
    seeing, runs = counted("qwen2.5-vl")
    first = seeing.see(patches(1))
    seeing.see(patches(2))
    assert torch.equal(seeing.see(patches(1)).tokens, first.tokens)
    assert len(runs) == 2


@torch.inference_mode()
def test_memory_is_bounded_and_keeps_what_was_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    seeing, runs = counted("qwen2.5-vl")
    one = seeing.see(patches(1)).bytes
    monkeypatch.setattr(vision, "REMEMBERED_BYTES", 2 * one)
    for seed in (2, 1, 3, 1):
        seeing.see(patches(seed))
    assert len(runs) == 3
    assert sum(seen.bytes for seen in seeing.remembered.values()) <= 2 * one
    seeing.see(patches(2))
    assert len(runs) == 4


def test_pictures_that_differ_in_one_value_or_in_shape_are_told_apart() -> None:
    plain = picture_patches(Image.new("RGB", (120, 80)), FAMILIES["qwen2.5-vl"])
    turned = picture_patches(Image.new("RGB", (80, 120)), FAMILIES["qwen2.5-vl"])
    dotted = Patches(plain.pixels.clone(), plain.grid)
    dotted.pixels[-1, -1] += 1
    assert len({digest(plain), digest(turned), digest(dotted)}) == 3


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"])
@torch.inference_mode()
def test_a_video_in_pieces_is_the_whole_video(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeing, runs = counted(name)
    video = video_patches([picture(seed) for seed in range(6)], FAMILIES[name])
    whole = seeing.encode(video)
    assert len(runs) == 1
    monkeypatch.setattr(vision, "frames_at_once", lambda patches: 2)
    pieces = seeing.encode(video)
    assert len(runs) == 3
    assert torch.allclose(whole.tokens, pieces.tokens, atol=1e-4)
    assert len(whole.deep) == (2 if name == "qwen3-vl" else 0)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(whole.deep, pieces.deep, strict=True))
