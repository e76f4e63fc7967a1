"""A checkpoint's own files choose its family; resizing is the official rule; Grid maps both ways."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.families import FAMILIES, QWEN2_5_VL, QWEN2_VL, QWEN3_VL, TINY, Family, family_of, smart_resize
from tools.errors import UserError
from tools.geometry import Point, Size

CONFIGS = Path(__file__).parents[2] / "shared" / "data" / "qwen_configs"
needs_shared = pytest.mark.skipif(not CONFIGS.exists(), reason="the reference data is not here")


def read(name: str) -> Any:
    return json.loads((CONFIGS / name).read_text())


@needs_shared
def test_resize_equals_every_official_case() -> None:
    cases = read("smart_resize_golden.json")
    assert len(cases) == 192
    for case in cases:
        size = Size(case["width"], case["height"])
        got = smart_resize(size, case["factor"], case["min_pixels"], case["max_pixels"])
        assert [got.height, got.width] == case["qwen_vl_utils_hw"], case
        assert got.width * got.height // case["factor"] ** 2 == case["visual_tokens"], case


@needs_shared
def test_official_checkpoints_are_recognised() -> None:
    preprocessor = read("Qwen2.5-VL-7B-Instruct/preprocessor_config.json")
    assert family_of(read("Qwen2.5-VL-7B-Instruct/config.json"), preprocessor) == QWEN2_5_VL
    assert family_of(read("Qwen2.5-VL-3B-Instruct/config.json"), preprocessor) == QWEN2_5_VL
    assert family_of(read("Qwen2.5-VL-72B-Instruct-AWQ/config.json"), preprocessor) == QWEN2_5_VL
    assert family_of(read("Qwen2-VL-7B-Instruct/config.json"), preprocessor) == QWEN2_VL


@pytest.mark.parametrize("model_type", ["qwen3_vl", "qwen3_vl_moe"])
def test_qwen3_budget_is_read_from_its_size_field(model_type: str) -> None:
    vision = {"patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
    size = {"size": {"shortest_edge": 65536, "longest_edge": 16777216}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    assert family_of({"model_type": model_type, "vision_config": vision}, size) == QWEN3_VL


@pytest.mark.parametrize(
    "preprocessor",
    [
        {"min_pixels": 6272, "max_pixels": 1003520},
        {"size": {"shortest_edge": 6272, "longest_edge": 1003520}},
        {"size": {"min_pixels": 6272, "max_pixels": 1003520}},
        {"min_pixels": None, "max_pixels": None, "size": {"shortest_edge": 6272, "longest_edge": 1003520}},
        {"image_processor": {"size": {"shortest_edge": 6272, "longest_edge": 1003520}}},
    ],
)
def test_every_spelling_of_the_pixel_budget_counts(preprocessor: dict[str, Any]) -> None:
    family = family_of({"model_type": "qwen2_5_vl"}, preprocessor)
    assert (family.min_pixels, family.max_pixels) == (6272, 1003520)


def test_a_missing_preprocessor_file_means_the_published_budget_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert family_of({"model_type": "qwen2_5_vl"}).max_pixels == 12845056
    assert "12845056" in caplog.text


def test_tiny_is_known_by_its_own_mark() -> None:
    config = {"model_type": "qwen2_5_vl", "handeye_family": "tiny", "vision_config": {"tokens_per_second": 2}}
    assert family_of(config, {"max_pixels": TINY.max_pixels}) == TINY


@pytest.mark.parametrize("config", [{}, {"model_type": "llava"}, {"model_type": None}, {"model_type": ["qwen2_vl"]}])
def test_another_model_is_refused_with_the_names_of_those_that_run(config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="qwen2_vl, qwen2_5_vl, qwen3_vl"):
        family_of(config)


def test_an_impossible_budget_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="max_pixels"):
        family_of({"model_type": "qwen2_5_vl"}, {"min_pixels": 5000, "max_pixels": 4000})


@pytest.mark.parametrize("family", FAMILIES.values(), ids=str)
@given(width=st.integers(30, 4000), height=st.integers(30, 4000), x=st.floats(0, 1), y=st.floats(0, 1))
def test_grid_maps_back_to_the_same_pixel(family: Family, width: int, height: int, x: float, y: float) -> None:
    grid = family.grid(Size(width, height))
    point = Point(x * width, y * height)
    back = grid.to_pixels(*grid.from_pixels(point))
    assert back.x == pytest.approx(point.x, abs=1e-6)
    assert back.y == pytest.approx(point.y, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=str)
@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_a_resized_picture_is_whole_tokens_within_the_budget(family: Family, width: int, height: int) -> None:
    if max(width, height) > 200 * min(width, height):
        with pytest.raises(ValueError, match="200 times"):
            family.grid(Size(width, height))
        return
    grid = family.grid(Size(width, height))
    assert grid.resized.width % family.factor == grid.resized.height % family.factor == 0
    assert family.min_pixels <= grid.resized.width * grid.resized.height <= family.max_pixels
    assert grid.tokens * family.factor**2 == grid.resized.width * grid.resized.height


@pytest.mark.parametrize(
    ("frames", "height", "width", "tokens"), [(60, 532, 952, 19380), (768, 140, 252, 17280), (530, 168, 308, 17490)]
)
def test_video_frames_are_sized_as_in_the_official_notebook(frames: int, height: int, width: int, tokens: int) -> None:
    family = Family("qwen2.5-vl", "pixels", video_min_tokens=16, video_tokens=20480)
    grid = family.video_grid(Size(1920, 1080), frames)
    assert grid.resized == Size(width, height)
    assert grid.tokens == tokens


def test_an_odd_frame_at_the_end_of_a_video_counts_as_two() -> None:
    assert QWEN2_5_VL.video_grid(Size(640, 480), 5).patches[0] == 3


def test_a_page_of_the_usual_size_is_seen_pixel_for_pixel() -> None:
    for family in FAMILIES.values():
        shot = Size(*(round(side * family.device_scale) for side in (family.viewport.width, family.viewport.height)))
        assert family.grid(shot).resized == shot
