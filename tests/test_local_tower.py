"""Our own tower sees what transformers' sees."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from checkpoints import random_model
from torch.utils._python_dispatch import TorchDispatchMode

from model.families import FAMILIES
from model.local.tower import Embedding, Tower, is_known, window_order
from model.preprocess import Patches, picture_patches, video_patches

FAMILY = FAMILIES["qwen2.5-vl"]
SIZES = [(28, 28), (112, 112), (224, 336), (150, 90), (300, 70), (476, 364)]


@pytest.fixture(scope="module")
def inner() -> Any:
    return random_model("qwen2.5-vl").model


def noise(width: int, height: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=generator)


def both(inner: Any, patches: Patches) -> tuple[torch.Tensor, torch.Tensor]:
    """What ours and what transformers' tower make of them."""
    ours = Tower(inner.visual, FAMILY).see(patches.pixels, patches.grid.patches, threading.Event())
    grid = torch.tensor([patches.grid.patches])
    theirs = inner.get_image_features(patches.values(), grid, return_dict=True).pooler_output
    return ours, theirs if isinstance(theirs, torch.Tensor) else torch.cat(theirs)


@pytest.mark.parametrize("size", SIZES)
@torch.inference_mode()
def test_a_picture_is_seen_as_by_transformers(inner: Any, size: tuple[int, int]) -> None:
    ours, theirs = both(inner, picture_patches(noise(*size), FAMILY))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert theirs.abs().mean() > 0.01


@pytest.mark.parametrize("frames", [1, 2, 5])
@torch.inference_mode()
def test_a_video_is_seen_as_by_transformers(inner: Any, frames: int) -> None:
    ours, theirs = both(inner, video_patches([noise(150, 90, seed) for seed in range(frames)], FAMILY))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_four_calls_a_block_are_enough(inner: Any, size: tuple[int, int]) -> None:
    patches = picture_patches(noise(*size), FAMILY)
    tower = Tower(inner.visual, FAMILY)
    calls: list[str] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            calls.extend(["attention"] * ("scaled_dot_product" in str(func)))
            return func(*args, **(kwargs or {}))

    with torch.no_grad(), Watch():
        tower.see(patches.pixels, patches.grid.patches, threading.Event())
    windowed = len(inner.visual.blocks) - len(tower.whole)
    assert len(tower.whole) < len(calls) <= len(tower.whole) + 4 * windowed


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (4, 4), (5, 9), (8, 3), (29, 46)])
def test_windows_hold_their_own_tokens_and_every_token_once(rows: int, columns: int) -> None:
    order, runs = window_order(rows, columns, 4)
    assert sorted(order.tolist()) == list(range(rows * columns))
    assert sum(count * size for count, size in runs) == rows * columns
    assert len({size for _, size in runs}) == len(runs) <= 4
    start = 0
    for size in (size for count, size in runs for _ in range(count)):
        tokens = order[start : start + size]
        assert len({(int(at) // columns // 4, int(at) % columns // 4) for at in tokens}) == 1
        start += size


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bytes_are_embedded_as_their_normalised_values_are(dtype: torch.dtype) -> None:
    kernel = torch.randn(64, 3, 2, 14, 14, generator=torch.Generator().manual_seed(0)).to(dtype)
    still, moving = picture_patches(noise(140, 84), FAMILY), video_patches([noise(140, 84, s) for s in (1, 2)], FAMILY)
    for patches in (still, moving):
        want = F.linear(patches.values().to(dtype), kernel.flatten(1))
        got = Embedding(kernel, FAMILY)(patches.pixels)
        assert (got - want).abs().max() / want.abs().max() < 5e-6


def test_other_towers_are_left_to_transformers(inner: Any) -> None:
    assert is_known(inner.visual)
    assert not is_known(random_model("qwen2-vl").model.visual)
    assert not is_known(random_model("qwen3-vl").model.visual)
