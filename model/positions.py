"""The 3-D rotary position ids of a prompt: time, row and column of every token, by the published rule.

The rule (Qwen2-VL, arXiv 2409.12191, section on M-RoPE; absolute time: Qwen2.5-VL, arXiv 2502.13923): text has its
running number three times; a picture keeps one time and counts rows and columns of tokens; whatever follows starts one
above the largest number so far. transformers 5.23 starts what follows a video at start + max(rows, columns) instead,
which runs into the time ids of every video that lasts longer than it is wide. So we never let it count for us.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model.families import Family

TEXT, IMAGE, VIDEO = 0, 1, 2  # as in transformers' mm_token_type_ids
Patching = tuple[int, int, int]  # patches along time, height and width


def position_ids(
    kinds: Sequence[int], grids: Sequence[Patching], family: Family, seconds_per_grid: Sequence[float] = ()
) -> tuple[Tensor, int]:
    """The position of every token, (3, S) long, and of the token that comes next.

    kinds: TEXT, IMAGE or VIDEO for each of the S tokens. grids: of every picture and video in the order they appear.
    seconds_per_grid: of every video in order; families without absolute time need none.
    Raises ValueError when tokens, grids and seconds do not fit each other.
    """
    grids_left, seconds_left = _runs(grids, family), list(seconds_per_grid)
    parts: list[Tensor] = []
    at = start = 0
    while at < len(kinds):
        if kinds[at] == TEXT:
            part = torch.arange(_text_length(kinds, at)).expand(3, -1)
        else:
            if not grids_left:
                raise ValueError(f"token {at} shows a picture, but there are only {len(grids)} grids")
            part = _vision(grids_left.pop(0), family, _pace(kinds[at], family, seconds_left))
            if any(kind != kinds[at] for kind in kinds[at : at + part.shape[1]]) or at + part.shape[1] > len(kinds):
                raise ValueError(f"the picture at token {at} has not the {part.shape[1]} tokens of its grid")
        parts.append(part + start)
        at += part.shape[1]
        start = int(parts[-1].max()) + 1
    if grids_left:
        raise ValueError(f"{len(grids_left)} grids have no tokens in the prompt")
    return torch.cat(parts, dim=1) if parts else torch.zeros(3, 0, dtype=torch.long), start


def _runs(grids: Sequence[Patching], family: Family) -> list[Patching]:
    """One entry for every unbroken run of vision tokens: written timestamps part the grids of a video."""
    if not family.timestamps:
        return list(grids)
    return [(1, rows, columns) for times, rows, columns in grids for _ in range(times)]


def _text_length(kinds: Sequence[int], at: int) -> int:
    end = at
    while end < len(kinds) and kinds[end] == TEXT:
        end += 1
    return end - at


def _pace(kind: int, family: Family, seconds_left: list[float]) -> float:
    """Time ids from one grid of this picture or video to the next."""
    if kind != VIDEO or family.tokens_per_second is None:
        return 1.0
    if not seconds_left:
        raise ValueError("every video needs its seconds_per_grid")
    return seconds_left.pop(0) * family.tokens_per_second


def _vision(grid: Patching, family: Family, pace: float) -> Tensor:
    """(3, tokens), counted from 0; time ids are rounded down, in float32 as the models were trained."""
    times, rows, columns = grid[0], grid[1] // family.merge, grid[2] // family.merge
    time = (torch.arange(times) * pace).long()
    return torch.stack(torch.meshgrid(time, torch.arange(rows), torch.arange(columns), indexing="ij")).flatten(1)
