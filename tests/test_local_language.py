"""Our own forward says what transformers' says."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import random_model
from transformers import AutoConfig, Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration

from model.local import language
from model.local.arena import Arena
from model.local.language import Language, attention, lower_right, why_not, why_not_of
from model.local.library import Library, slots_of

NAMES = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl")
GOES_ON = threading.Event()


def fed(reader: Language | Library, weights: Any, pieces: list[int], levels: int = 0) -> list[torch.Tensor]:
    """The logits after each of these pieces of one random prompt."""
    generator = torch.Generator().manual_seed(0)
    total, width = sum(pieces), weights.config.text_config.hidden_size
    dtype = weights.get_input_embeddings().weight.dtype
    rows = torch.randn(total, width, generator=generator).to(dtype)
    positions = torch.randint(0, 60, (3, total), generator=generator).cumsum(1) // 40
    deep = [torch.randn(total, width, generator=generator).to(dtype) for _ in range(levels)]
    arena, out, at = Arena(slots_of(weights), dtype, total), [], 0
    for size in pieces:
        part = slice(at, at := at + size)
        out.append(reader.read(arena, rows[part], positions[:, part], [level[part] for level in deep], GOES_ON))
        arena.length = at
    return out


@pytest.mark.parametrize("pieces", [[1], [40], [20, 1, 1, 30, 5, 1]], ids=str)
@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_logits_are_those_of_transformers(name: str, pieces: list[int]) -> None:
    weights = random_model(name)
    levels = 2 if name == "qwen3-vl" else 0
    ours, theirs = (fed(kind(weights), weights, pieces, levels) for kind in (Language, Library))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)
        assert other.std() > 0.1


@torch.inference_mode()
def test_a_large_model_is_not_copied_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = random_model("qwen2.5-vl")
    copied = fed(Language(weights), weights, [20, 3, 1])
    monkeypatch.setattr(language, "FUSED_BYTES", 0)
    for one, other in zip(copied, fed(Language(weights), weights, [20, 3, 1]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_half_precision_says_nearly_the_same() -> None:
    weights = random_model("qwen2.5-vl")
    whole = fed(Language(weights), weights, [30, 20])[-1]
    half = fed(Language(weights.bfloat16()), weights, [30, 20])[-1].float()
    assert torch.cosine_similarity(whole, half, 0) > 0.99


@pytest.mark.parametrize("shared", [1, 2, 4])
@pytest.mark.parametrize(("count", "past"), [(1, 0), (1, 9), (7, 0), (7, 1), (7, 40), (33, 500)])
def test_attention_is_the_masked_one(count: int, past: int, shared: int) -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(4, count, 16, generator=generator, dtype=torch.float64) * 3
    keys, values = torch.randn(2, shared, past + count + 5, 16, generator=generator, dtype=torch.float64).unbind()
    keys, values = keys[:, : past + count], values[:, : past + count]  # a live part of more room
    wide_keys, wide_values = (each.repeat_interleave(4 // shared, 0) for each in (keys, values))
    scores = queries @ wide_keys.transpose(1, 2) / 4
    later = torch.arange(past + count)[None] > torch.arange(past, past + count)[:, None]
    want = scores.masked_fill(later, -torch.inf).softmax(-1) @ wide_values
    for way in (attention(queries, keys, values, past), lower_right(queries, keys, values)):
        torch.testing.assert_close(way.transpose(0, 1), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_plain_checkpoints_are_run_by_us(name: str) -> None:
    assert why_not(random_model(name)) is None


def test_what_is_not_known_is_told() -> None:
    dense = random_model("qwen2.5-vl")
    dense.config.text_config.rope_parameters["rope_type"] = "yarn"
    assert why_not(dense) == "its positions are yarn"
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"num_key_value_heads": 1, "moe_intermediate_size": 16, "num_experts": 2, "vocab_size": 32, "head_dim": 16}
    vision = {"depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 32, "out_hidden_size": 32}
    vision |= {"deepstack_visual_indexes": [0]}
    mixture = Qwen3VLMoeForConditionalGeneration(Qwen3VLMoeConfig(text_config=small, vision_config=vision))
    assert why_not(mixture) == "it is a qwen3_vl_moe"


def test_the_published_checkpoints_are_run_by_us(shared: Path) -> None:
    folders = [file.parent for file in (shared / "data/qwen_configs").glob("*/config.json")]
    assert len(folders) >= 3
    assert {folder.name: why_not_of(AutoConfig.from_pretrained(folder)) for folder in folders} == dict.fromkeys(
        (folder.name for folder in folders), None
    )
