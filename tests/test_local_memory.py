"""What a request needs is known, near what it takes, and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from checkpoints import random_model
from torch.profiler import ProfilerActivity, profile
from transformers import Qwen2_5_VLConfig, Qwen2VLConfig

from model.local.memory import GIB, Need, check, container_room, frames_at_once, need, shape_of, unread
from model.vlm import PromptTooLarge

SEVEN = Qwen2_5_VLConfig(  # the published 7B's numbers that memory depends on
    text_config={
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128000,
    },
    vision_config={"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16},
)
SCREEN = (1, 78, 138)  # 1920x1080
HUGE = (1, 154, 246)  # 3456x2160


def seven(grids: list[tuple[int, int, int]], dtype: torch.dtype = torch.bfloat16, new: int = 512) -> Need:
    tokens = sum(t * h * w for t, h, w in grids) // 4 + 600
    return need(shape_of(SEVEN, dtype), tokens, new, grids)


def test_keys_and_values_of_the_published_7b_take_57344_bytes_a_token() -> None:
    assert shape_of(SEVEN, torch.bfloat16).kv_bytes == 57344


def test_a_screenshot_on_the_7b_takes_under_a_gibibyte_beside_the_weights() -> None:
    assert 0.5 * GIB < seven([SCREEN]).memory < 1.5 * GIB


def test_memory_rises_with_pictures_tokens_and_precision() -> None:
    one = seven([SCREEN]).memory
    assert seven([SCREEN, SCREEN]).memory > one
    assert seven([SCREEN], dtype=torch.float32).memory > one
    assert seven([SCREEN], new=8192).memory > one


def test_the_tower_takes_one_picture_and_a_few_frames_at_a_time() -> None:
    assert seven([SCREEN, HUGE]).largest == 154 * 246
    assert seven([(60, 38, 68)]).largest == frames_at_once(38 * 68) * 38 * 68 <= 16384


def test_qwen2_vl_is_measured_by_its_tower_not_by_its_output() -> None:
    config = Qwen2VLConfig(vision_config={"embed_dim": 1280, "hidden_size": 3584, "mlp_ratio": 4})
    assert shape_of(config, torch.bfloat16).tower_bytes < 100_000


def test_a_request_that_fits_is_let_through() -> None:
    check(seven([SCREEN]), 4 * GIB)


def test_too_little_memory_is_told_with_numbers_and_remedy() -> None:
    with pytest.raises(PromptTooLarge, match=r"10,071 tokens \(37,884 image patches\).*1\.0 GiB is free; send"):
        check(seven([HUGE]), GIB)


def test_a_long_text_is_told_to_be_shortened() -> None:
    with pytest.raises(PromptTooLarge, match=r"200,000 tokens.*128,000; shorten"):
        check(need(shape_of(SEVEN, torch.bfloat16), 200_000, 10, []), 1000 * GIB)


def test_new_tokens_stop_at_the_context() -> None:
    assert need(shape_of(SEVEN, torch.bfloat16), 127_000, 5000, []).new_tokens == 1000


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"])
def test_the_tower_does_not_store_the_scores_of_full_attention(family: str) -> None:
    tower = random_model(family, attn_implementation="sdpa").model.visual
    pixels = torch.zeros(2304, 3 * 2 * tower.config.patch_size**2)
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        tower(pixels, grid_thw=torch.tensor([[1, 48, 48]]))
    scores = tower.config.num_heads * 2304**2 * 4
    assert 0 < max(event.cpu_memory_usage for event in profiled.events()) < scores / 4


@pytest.mark.parametrize(("limit", "room"), [("1000000", 700_000), ("max", 5_000_000)])
def test_a_containers_limit_is_seen(tmp_path: Path, limit: str, room: int) -> None:
    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text("400000\n")
    (tmp_path / "memory.stat").write_text("anon 300000\ninactive_file 100000\n")
    assert container_room(tmp_path, 5_000_000) == room


def test_weights_that_are_only_mapped_still_count() -> None:
    held = torch.ones(2**26).nbytes
    assert unread(0) == 0
    assert 0 < unread(2**40) < 2**40 - held


def test_without_a_container_the_machine_counts(tmp_path: Path) -> None:
    assert container_room(tmp_path / "none", 123) == 123


def test_the_published_configuration_gives_the_same_numbers(shared: Path) -> None:
    stated = json.loads((shared / "data/qwen_configs/Qwen2.5-VL-7B-Instruct/config.json").read_text())
    assert shape_of(Qwen2_5_VLConfig(**stated), torch.bfloat16) == shape_of(SEVEN, torch.bfloat16)
