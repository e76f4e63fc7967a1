"""Position ids follow the published rule; where transformers 5.23 leaves it is written down here."""

import pytest
import torch
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLModel,
    Qwen2VLConfig,
    Qwen2VLModel,
    Qwen3VLConfig,
    Qwen3VLModel,
)

from model.families import FAMILIES, QWEN2_5_VL, QWEN2_VL, QWEN3_VL, TINY, Family
from model.positions import IMAGE, TEXT, VIDEO, position_ids

Part = int | tuple[str, int, int, int, float]  # so many words, or (kind, times, rows, columns, seconds per grid)

PROMPTS: dict[str, list[Part]] = {
    "text": [17],
    "image": [5, ("image", 1, 4, 6, 0), 3],
    "nothing before or after": [("image", 1, 2, 2, 0)],
    "several images": [2, ("image", 1, 2, 9, 0), 2, ("image", 1, 7, 3, 0), 2, ("image", 1, 1, 1, 0), 4],
    "short video": [3, ("video", 2, 5, 4, 1.0), 6],
    "video longer than wide": [3, ("video", 20, 2, 2, 1.0), 4],
    "video at 3 frames a second": [3, ("video", 7, 2, 3, 2 / 3), 4],
    "slow video": [3, ("video", 3, 2, 3, 8.0), 4],
    "mixed": [
        4,
        ("image", 1, 3, 5, 0),
        2,
        ("video", 6, 2, 2, 0.5),
        2,
        ("image", 1, 2, 2, 0),
        1,
        ("video", 2, 4, 2, 2.0),
    ],
}


def by_the_paper(parts: list[Part], absolute_time: float | None) -> list[tuple[int, int, int]]:
    """The rule once more, token by token and with integers and fractions only."""
    out: list[tuple[int, int, int]] = []
    for part in parts:
        start = max((max(place) for place in out), default=-1) + 1
        if isinstance(part, int):
            out += [(start + n,) * 3 for n in range(part)]
            continue
        kind, times, rows, columns, seconds = part
        for t in range(times):
            time = int(t * seconds * absolute_time + 1e-6) if kind == "video" and absolute_time else t
            out += [(start + time, start + row, start + column) for row in range(rows) for column in range(columns)]
    return out


def described(parts: list[Part]) -> tuple[list[int], list[tuple[int, int, int]], list[float]]:
    """kinds, grids and seconds as `position_ids` takes them; one merged token is 2 x 2 patches."""
    kinds, grids, seconds = [], [], []
    for part in parts:
        if isinstance(part, int):
            kinds += [TEXT] * part
            continue
        kind, times, rows, columns, pace = part
        kinds += [IMAGE if kind == "image" else VIDEO] * (times * rows * columns)
        grids.append((times, rows * 2, columns * 2))
        seconds += [pace] if kind == "video" else []
    return kinds, grids, seconds


def with_timestamps(parts: list[Part], words: int = 5) -> list[Part]:
    """Qwen3-VL: every grid of a video is a run of its own behind its written seconds and a start token."""
    out: list[Part] = []
    for part in parts:
        if isinstance(part, tuple) and part[0] == "video":
            for _ in range(part[1]):
                out += [words, ("video", 1, *part[2:])]
        else:
            out.append(part)
    return out


@pytest.mark.parametrize("parts", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(("family", "time"), [(QWEN2_VL, None), (QWEN2_5_VL, 2.0), (TINY, 2.0)], ids=str)
def test_positions_equal_the_published_rule(family: Family, time: float | None, parts: list[Part]) -> None:
    kinds, grids, seconds = described(parts)
    got, following = position_ids(kinds, grids, family, seconds)
    want = by_the_paper(parts, time)
    assert got.T.tolist() == [list(place) for place in want]
    assert following == max(map(max, want)) + 1


@pytest.mark.parametrize("parts", PROMPTS.values(), ids=PROMPTS)
def test_qwen3_grids_of_a_video_stand_between_their_timestamps(parts: list[Part]) -> None:
    kinds, _, _ = described(with_timestamps(parts))
    _, grids, seconds = described(parts)
    got, following = position_ids(kinds, grids, QWEN3_VL, seconds)
    want = by_the_paper(with_timestamps(parts), None)
    assert got.T.tolist() == [list(place) for place in want]
    assert following == max(map(max, want)) + 1


def library_positions(family: Family, parts: list[Part]) -> torch.Tensor:
    kinds, _, _ = described(with_timestamps(parts) if family.timestamps else parts)
    _, whole, seconds = described(parts)
    is_video = [part[0] == "video" for part in parts if isinstance(part, tuple)]
    images = [grid for grid, moves in zip(whole, is_video, strict=True) if not moves]
    videos = [grid for grid, moves in zip(whole, is_video, strict=True) if moves]
    model = library_model(family)
    extra = {"second_per_grid_ts": torch.tensor(seconds)} if family.tokens_per_second else {}
    positions, _ = model.get_rope_index(
        torch.zeros(1, len(kinds), dtype=torch.long),
        mm_token_type_ids=torch.tensor([kinds]),
        image_grid_thw=torch.tensor(images) if images else None,
        video_grid_thw=torch.tensor(videos) if videos else None,
        **extra,
    )
    return positions[:, 0]


def library_model(family: Family) -> Qwen2VLModel | Qwen2_5_VLModel | Qwen3VLModel:
    kind, config = {
        "qwen2-vl": (Qwen2VLModel, Qwen2VLConfig()),
        "qwen2.5-vl": (Qwen2_5_VLModel, Qwen2_5_VLConfig(vision_config={"tokens_per_second": 2})),
        "qwen3-vl": (Qwen3VLModel, Qwen3VLConfig()),
    }[family.name]
    with torch.device("meta"):
        config.text_config.num_hidden_layers = config.vision_config.depth = 1
        return kind(config)


def drifts(family: Family, parts: list[Part]) -> bool:
    """Does a video end at a later time id than its rows and columns reach, with something behind it?"""
    pace = family.tokens_per_second
    lasts = [
        (int((part[1] - 1) * (part[4] * pace if pace else 1)), max(part[2:4]) - 1)
        for part in parts[:-1]
        if isinstance(part, tuple) and part[0] == "video" and not family.timestamps
    ]
    return any(time > side for time, side in lasts)


@pytest.mark.parametrize("parts", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize("family", [QWEN2_VL, QWEN2_5_VL, QWEN3_VL], ids=str)
def test_transformers_agrees_except_behind_videos_that_last_longer_than_they_are_wide(
    family: Family, parts: list[Part]
) -> None:
    kinds, _, _ = described(with_timestamps(parts) if family.timestamps else parts)
    _, grids, seconds = described(parts)
    ours, _ = position_ids(kinds, grids, family, seconds)
    assert torch.equal(ours, library_positions(family, parts)) != drifts(family, parts)


@pytest.mark.parametrize(
    ("kinds", "grids", "seconds"),
    [
        ([TEXT, IMAGE], [], []),  # a picture without a grid
        ([TEXT], [(1, 2, 2)], []),  # a grid without a picture
        ([IMAGE, TEXT], [(1, 2, 4)], []),  # too few tokens
        ([IMAGE], [(1, 2, 4)], []),
        ([VIDEO], [(1, 2, 2)], []),  # no time
    ],
)
def test_tokens_that_do_not_fit_their_grids_are_refused(
    kinds: list[int], grids: list[tuple[int, int, int]], seconds: list[float]
) -> None:
    with pytest.raises(ValueError):
        position_ids(kinds, grids, QWEN2_5_VL, seconds)


def test_an_empty_prompt_starts_at_zero() -> None:
    for family in FAMILIES.values():
        positions, following = position_ids([], [], family)
        assert positions.shape == (3, 0)
        assert following == 0
