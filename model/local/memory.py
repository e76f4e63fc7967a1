"""What a request needs and what the machine has, known before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from model.vlm import PromptTooLarge

SPARE = 0.9  # of the free memory may be planned with; the rest is for the allocator and for the neighbours
# Live values per row at the widest point of a block, in hidden and in feed-forward widths. Measured as the growth of
# the resident set over blocks of the 3B shape (bf16: 15.3 and 10.7 beside 3; fp32 needs fewer), scores not stored.
HIDDEN_COPIES, WIDE_COPIES = 16, 3
TOWER_ROWS = 16384  # patches the tower takes at once; a video is cut between frames to stay below
GIB = 2**30


@dataclass(frozen=True)
class Shape:
    """The numbers of a checkpoint that memory depends on."""

    context: int  # tokens the position ids were trained for
    kv_bytes: int  # per token, over all layers
    pixel_bytes: int  # per patch, the picture itself
    tower_bytes: int  # per patch, at the tower's widest point
    prefill_bytes: int  # per token, at the language model's widest point


@dataclass(frozen=True)
class Need:
    tokens: int  # of the prompt
    new_tokens: int
    patches: int  # of all pictures
    largest: int  # patches of what the tower takes at once
    shape: Shape

    @property
    def memory(self) -> int:
        """Bytes at the highest point: keys and values of all tokens, and the wider of tower and prefill."""
        kept = (self.tokens + self.new_tokens) * self.shape.kv_bytes + self.patches * self.shape.pixel_bytes
        return kept + max(self.largest * self.shape.tower_bytes, self.tokens * self.shape.prefill_bytes)


def shape_of(config: Any, dtype: torch.dtype) -> Shape:
    """config: the checkpoint's, as transformers reads it; the same formula for all three families."""
    text, vision = config.text_config, config.vision_config
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    width = getattr(vision, "embed_dim", vision.hidden_size)  # Qwen2-VL calls the output `hidden_size`
    wide = getattr(vision, "intermediate_size", None) or int(width * vision.mlp_ratio)
    pixels = 3 * vision.temporal_patch_size * vision.patch_size**2
    return Shape(
        context=text.max_position_embeddings,
        kv_bytes=2 * text.num_hidden_layers * text.num_key_value_heads * head * dtype.itemsize,
        pixel_bytes=pixels,
        tower_bytes=(HIDDEN_COPIES * width + WIDE_COPIES * wide) * dtype.itemsize + pixels * torch.float32.itemsize,
        prefill_bytes=(HIDDEN_COPIES * text.hidden_size + WIDE_COPIES * text.intermediate_size) * dtype.itemsize,
    )


def need(shape: Shape, tokens: int, new_tokens: int, grids: Sequence[tuple[int, int, int]]) -> Need:
    """grids: patches along time, height and width of every picture and video."""
    largest = max((min(t, frames_at_once(h * w)) * h * w for t, h, w in grids), default=0)
    room = max(0, min(new_tokens, shape.context - tokens))
    return Need(tokens, room, sum(t * h * w for t, h, w in grids), largest, shape)


def frames_at_once(patches: int) -> int:
    """How many frames of this many patches the tower takes together."""
    return max(1, TOWER_ROWS // patches)


def check(wanted: Need, free: int) -> None:
    """Raises PromptTooLarge, with the numbers and the remedy, when the request cannot be answered."""
    context = wanted.shape.context
    if wanted.tokens >= context:
        raise PromptTooLarge(
            f"the prompt has {wanted.tokens:,} tokens, the model reads {context:,}; {remedy(wanted)[0]}",
            f"提示有 {wanted.tokens:,} 个词元，模型最多读 {context:,} 个；{remedy(wanted)[1]}",
        )
    if wanted.memory > free * SPARE:
        raise PromptTooLarge(
            f"the prompt of {wanted.tokens:,} tokens ({wanted.patches:,} image patches) needs about "
            f"{wanted.memory / GIB:.1f} GiB of memory, {free / GIB:.1f} GiB is free; {remedy(wanted)[0]}",
            f"提示有 {wanted.tokens:,} 个词元，约需 {wanted.memory / GIB:.1f} GiB 内存，"
            f"可用 {free / GIB:.1f} GiB；{remedy(wanted)[1]}",
        )


def remedy(wanted: Need) -> tuple[str, str]:
    """In English and in Chinese."""
    if wanted.patches > wanted.tokens:  # four patches make one token: pictures are over a quarter of the prompt
        return "send smaller pictures, or fewer", "请发送更小或更少的图片"
    return "shorten the text or ask for fewer new tokens", "请缩短文字或减少回复词元数"


def free_bytes(devices: Sequence[torch.device]) -> int:
    """What can still be allocated, on all of these together."""
    return sum(free_on(device) for device in devices)


def free_on(device: torch.device) -> int:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    free = int(psutil.virtual_memory().available)
    return min(free, container_room(Path("/sys/fs/cgroup"), free))


def unread(weight_bytes: int) -> int:
    """Of so many bytes of weights on the CPU, what the system still counts as free.

    Weights of the precision they are stored in stay mapped from their files, read as they are needed.
    """
    info = psutil.Process().memory_info()
    mapped = getattr(info, "shared", 0)  # only Linux tells it
    return max(0, weight_bytes - int(info.rss - mapped))


def container_room(cgroup: Path, otherwise: int) -> int:
    """What a container may still take; psutil sees the whole machine, but the kernel kills at the container's limit."""
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    except OSError:
        return otherwise  # no version 2 control group, no limit known
    return otherwise if limit == "max" else int(limit) - used + int(stat["inactive_file"])
