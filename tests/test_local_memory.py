"""What a request needs is known, near what it takes, and told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import Qwen2_5_VLConfig, Qwen2VLConfig

from model.local.memory import GIB, Need, check, container_room, frames_at_once, need, shape_of
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

# Runs one tower block with full attention over 4,096 patches and prints how much the process grew, in bytes.
GROWTH = """
import resource, torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
torch.set_num_threads(1)
text = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
            vocab_size=8, pad_token_id=0, rope_parameters=dict(rope_type="default", rope_theta=1e4, mrope_section=[4, 6, 6]))
vision = dict(depth=1, hidden_size=256, intermediate_size=256, num_heads=16, out_hidden_size=64, fullatt_block_indexes=[0])
config = Qwen2_5_VLConfig(text_config=text, vision_config=vision)
model = Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation="sdpa").eval()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
with torch.inference_mode():
    model.model.get_image_features(torch.randn(64, 1176), torch.tensor([[1, 8, 8]]))
    before = peak()
    model.model.get_image_features(torch.randn(4096, 1176), torch.tensor([[1, 64, 64]]))
print(peak() - before)
"""


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
    with pytest.raises(
        PromptTooLarge, match=r"10,071 tokens \(37,884 image patches\).*GiB.*1\.0 GiB is free; send small"
    ):
        check(seven([HUGE]), GIB)


def test_a_long_text_is_told_to_be_shortened() -> None:
    with pytest.raises(PromptTooLarge, match=r"200,000 tokens.*128,000; shorten"):
        check(need(shape_of(SEVEN, torch.bfloat16), 200_000, 10, []), 1000 * GIB)


def test_new_tokens_stop_at_the_context() -> None:
    assert need(shape_of(SEVEN, torch.bfloat16), 127_000, 5000, []).new_tokens == 1000


def test_the_tower_does_not_store_the_scores_of_full_attention() -> None:
    grown = int(subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True).stdout)
    scores = 16 * 4096**2 * 4
    assert grown < scores / 4


@pytest.mark.parametrize(("limit", "room"), [("1000000", 700_000), ("max", 5_000_000)])
def test_a_containers_limit_is_seen(tmp_path: Path, limit: str, room: int) -> None:
    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text("400000\n")
    (tmp_path / "memory.stat").write_text("anon 300000\ninactive_file 100000\n")
    assert container_room(tmp_path, 5_000_000) == room


def test_without_a_container_the_machine_counts(tmp_path: Path) -> None:
    assert container_room(tmp_path / "none", 123) == 123


def test_the_published_configuration_gives_the_same_numbers(shared: Path) -> None:
    stated = json.loads((shared / "data/qwen_configs/Qwen2.5-VL-7B-Instruct/config.json").read_text())
    assert shape_of(Qwen2_5_VLConfig(**stated), torch.bfloat16) == shape_of(SEVEN, torch.bfloat16)
