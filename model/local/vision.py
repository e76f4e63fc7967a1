"""Pictures -> what the language model reads of them, remembered while the same picture comes again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.families import Family
from model.local.library import stoppable
from model.local.memory import frames_at_once
from model.local.tower import Tower, is_known
from model.messages import ImagePart, VideoPart
from model.preprocess import Patches, prepare

REMEMBERED_BYTES = 256 * 2**20  # some twenty 1920x1080 screenshots at the width of the 3B model


@dataclass(frozen=True)
class Seen:
    """One picture or video, T tokens of width D."""

    tokens: Tensor  # (T, D), in the place of its placeholder tokens
    # Qwen3-VL adds these to the first layers' output at the same tokens (DeepStack, arXiv 2406.04334); else empty.
    deep: tuple[Tensor, ...]  # each (T, D)

    @property
    def bytes(self) -> int:
        return sum(part.nbytes for part in (self.tokens, *self.deep))


class Vision:
    """The tower of a checkpoint, and what it saw lately."""

    def __init__(self, model: Any, family: Family):
        """model: the inner model of a `...ForConditionalGeneration`."""
        self.model = model
        self.family = family
        self.tower = Tower(model.visual, family) if is_known(model.visual) else None  # None: as transformers runs it
        self.remembered: OrderedDict[bytes, Seen] = OrderedDict()  # by digest of the pixels, least lately used first

    def see(self, part: ImagePart | VideoPart, key: bytes, cancelled: threading.Event) -> Seen:
        """What the tower makes of a picture or video; it depends on no position, so it is remembered.

        key: its digest.
        """
        known = self.remembered.pop(key, None)
        if known is None:
            known = self.encode(prepare(part, self.family), cancelled)
        self.remembered[key] = known
        while len(self.remembered) > 1 and sum(old.bytes for old in self.remembered.values()) > REMEMBERED_BYTES:
            self.remembered.popitem(last=False)
        return known

    def encode(self, patches: Patches, cancelled: threading.Event) -> Seen:
        """A long video goes through in pieces: no frame attends to another in the tower."""
        times, rows, columns = patches.grid.patches
        step = frames_at_once(rows * columns)
        parts = [self.encode_frames(patches, at, min(at + step, times), cancelled) for at in range(0, times, step)]
        deep = zip(*(part.deep for part in parts), strict=True)
        return Seen(torch.cat([part.tokens for part in parts]), tuple(torch.cat(level) for level in deep))

    def encode_frames(self, patches: Patches, start: int, end: int, cancelled: threading.Event) -> Seen:
        _, rows, columns = patches.grid.patches
        pixels = patches.pixels[start * rows * columns : end * rows * columns]
        if self.tower:
            return Seen(self.tower.see(pixels, (end - start, rows, columns), cancelled), ())
        device = self.model.visual.patch_embed.proj.weight.device
        grid = torch.tensor([[end - start, rows, columns]], device=device)
        values = Patches(pixels, patches.grid).values().to(device)
        with stoppable(self.model.visual.blocks, cancelled):
            out = self.model.get_image_features(values, grid, return_dict=True)
        return Seen(whole(out.pooler_output), tuple(whole(level) for level in getattr(out, "deepstack_features", ())))


def whole(part: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Versions differ in whether they cut this by picture; there is one."""
    return part if isinstance(part, Tensor) else torch.cat(part)
