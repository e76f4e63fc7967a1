"""Messages as everything that transformers wants of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from model.chat import lay_out
from model.families import Family
from model.messages import Message
from model.preprocess import Patches, prepare


@dataclass(frozen=True)
class Prompt:
    """S tokens with their pictures."""

    ids: Tensor  # (S,) long
    kinds: Tensor  # (S,) int
    positions: Tensor  # (3, S) long
    next_position: int
    images: tuple[Patches, ...]
    videos: tuple[Patches, ...]
    seconds_per_grid: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.ids)


def encode(messages: Sequence[Message], tokenizer: Any, family: Family) -> Prompt:
    layout = lay_out(messages, tokenizer, family)
    return Prompt(
        layout.ids,
        layout.kinds,
        layout.positions,
        layout.next_position,
        tuple(prepare(image, family) for image in layout.images),
        tuple(prepare(video, family) for video in layout.videos),
        layout.seconds_per_grid,
    )
