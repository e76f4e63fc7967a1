"""A prompt as it is looked for among what is kept: what makes each of its tokens the one it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.chat import Layout
from model.messages import ImagePart, VideoPart
from model.positions import IMAGE, VIDEO
from model.preprocess import rgb

# (S, 6): id, the two halves of the picture's digest (0 for text), the three positions. Keys and values of a token
# depend on nothing but these numbers of it and of those before it.
Signs = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    layout: Layout
    digests: tuple[bytes, ...]  # of the parts of the layout
    places: tuple[Tensor, ...]  # where in the prompt the tokens of each part stand
    signs: Signs

    def __len__(self) -> int:
        return len(self.layout)


def asked(layout: Layout) -> Asked:
    digests = tuple(digest(part) for part in layout.parts)
    places: list[Tensor] = []
    for kind, grids in ((IMAGE, layout.image_grids), (VIDEO, layout.video_grids)):
        places += torch.split((layout.kinds == kind).nonzero()[:, 0], [grid.tokens for grid in grids])
    signs = np.zeros((len(layout), 6), np.int64)
    signs[:, 0] = layout.ids.numpy()
    signs[:, 3:] = layout.positions.T.numpy()
    for found, place in zip(digests, places, strict=True):
        signs[place.numpy(), 1:3] = np.frombuffer(found, np.int64)
    return Asked(layout, digests, tuple(places), signs)


def word_signs(tokens: Sequence[int], position: int) -> Signs:
    """(T, 6): tokens of text, the first of them at this position."""
    return np.array([[token, 0, 0, *[position + n] * 3] for n, token in enumerate(tokens)], np.int64)


def digest(part: ImagePart | VideoPart) -> bytes:
    """16 bytes that tell a picture or video from every other, taken before any work on its pixels."""
    frames = (part.image,) if isinstance(part, ImagePart) else part.frames
    found = sha256(type(part).__name__.encode())
    for frame in frames:
        pixels = np.asarray(rgb(frame))
        found.update(repr(pixels.shape).encode())
        found.update(pixels.data)
    return found.digest()[:16]
