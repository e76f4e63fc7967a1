"""Qwen2.5-VL's tower, our own forward: uint8 pixels into one product, windows of one size attended to together.

Nothing in the tower but the windows depends on the order of the patches, so they are put in the order of the windows,
equal sizes side by side: a picture has at most four sizes, where a loop over windows has some hundred calls a block.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.families import Family
from model.local.turns import Cancelled

Runs = list[tuple[int, int]]  # groups of patches side by side that attend within themselves: how many, and their size


class Tower:
    """The blocks of a Qwen2.5-VL tower on one device."""

    def __init__(self, visual: Any, family: Family):
        """visual: a tower that `is_known`."""
        self.visual = visual
        self.merge = family.merge
        self.heads: int = visual.config.num_heads
        self.whole = set(visual.fullatt_block_indexes)  # blocks in which a patch sees all of its frame
        self.window = visual.window_size // visual.patch_size // family.merge  # tokens along its side
        self.embedding = Embedding(visual.patch_embed.proj.weight, family)

    def see(self, pixels: Tensor, grid: tuple[int, int, int], cancelled: threading.Event) -> Tensor:
        """pixels: (N, P) uint8 in the tower's order. grid: patches along time, height, width. Returns (T, D)."""
        times, rows, columns = grid
        order, windows = window_order(rows // self.merge, columns // self.merge, self.window)
        order, unit = order.to(self.embedding.weight.device), self.merge**2
        cos, sin = (each.view(-1, unit, each.shape[-1])[order].flatten(0, 1) for each in self.turn(rows, columns))
        values = self.embedding(pixels).view(times, -1, unit, len(self.embedding.weight))
        values = values[:, order].flatten(1, 2).to(self.visual.dtype)  # (times, patches, E)
        windows = [(count, size * unit) for count, size in windows]
        for index, block in enumerate(self.visual.blocks):
            if cancelled.is_set():
                raise Cancelled
            runs = [(1, rows * columns)] if index in self.whole else windows
            values = values + self.attend(block.attn, block.norm1(values), cos, sin, runs)
            values = values + block.mlp(block.norm2(values))
        tokens: Tensor = self.visual.merger(values.flatten(0, 1)).view(times, len(order), -1)
        return tokens[:, order.argsort()].flatten(0, 1)

    def attend(self, layer: Any, values: Tensor, cos: Tensor, sin: Tensor, runs: Runs) -> Tensor:
        """values: (times, N, E). cos, sin: (N, head)."""
        times, count, _ = values.shape
        queries, keys, own = layer.qkv(values).view(times, count, 3, self.heads, -1).unbind(2)
        queries, keys = (rotated(each, cos, sin) for each in (queries, keys))
        out, start = [], 0
        for groups, size in runs:
            part = slice(start, start := start + groups * size)
            split = [each[:, part].unflatten(1, (groups, size)).flatten(0, 1) for each in (queries, keys, own)]
            mixed = F.scaled_dot_product_attention(*(each.transpose(1, 2) for each in split))  # (_, heads, size, head)
            out.append(mixed.transpose(1, 2).reshape(times, groups * size, -1))
        result: Tensor = layer.proj(torch.cat(out, 1))
        return result

    def turn(self, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the rotary angles of one frame's patches in the tower's order, each (N, head)."""
        rates = self.visual.rotary_pos_emb.inv_freq.float()  # (head / 4,)
        places = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1)
        places = places.view(rows // self.merge, self.merge, columns // self.merge, self.merge, 2).transpose(1, 2)
        angles = (places.reshape(-1, 2, 1).to(rates.device) * rates).flatten(1)  # (N, head / 2): by row, by column
        angles = torch.cat([angles, angles], 1)
        return angles.cos(), angles.sin()


class Embedding:
    """Patches of bytes to values: the normalisation, and the picture that stands for two frames, are in the weights."""

    def __init__(self, kernel: Tensor, family: Family):
        """kernel: (E, 3, frames, patch, patch)."""
        kernel = kernel.detach().float() if kernel.dtype.itemsize < 4 else kernel.detach()
        std, mean = (torch.tensor(each).to(kernel).view(3, 1, 1, 1) for each in (family.std, family.mean))
        scaled = kernel / (255 * std)
        self.weight = scaled.flatten(1)  # (E, 3 * frames * patch * patch), of frames
        self.still = scaled.sum(2).flatten(1)  # (E, 3 * patch * patch), of a picture
        self.bias = -(kernel * mean / std).flatten(1).sum(1)  # (E,)

    def __call__(self, pixels: Tensor) -> Tensor:
        weight = self.still if pixels.shape[1] == self.still.shape[1] else self.weight
        return F.linear(pixels.to(weight.device).to(weight.dtype), weight, self.bias)


def rotated(values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """values: (times, N, heads, head), turned in at least single precision."""
    wide = values.to(torch.promote_types(values.dtype, torch.float32))
    first, second = wide.chunk(2, -1)
    return (wide * cos[:, None] + torch.cat([-second, first], -1) * sin[:, None]).to(values.dtype)


def window_order(rows: int, columns: int, side: int) -> tuple[Tensor, Runs]:
    """The tokens of a frame so that windows lie together, those of one size side by side: (T,), and the windows."""
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    number = (row // side * -(-columns // side) + column // side).flatten()  # of its window
    size = number.bincount()[number]
    order = (size * len(size) + number).argsort(stable=True)
    sizes: Sequence[int] = size[order].tolist()
    return order, [(len(list(group)) // size, size) for size, group in groupby(sizes)]


def is_known(visual: Any) -> bool:
    """Is it a tower that we can run, whole and on one device?"""
    kind = type(visual).__name__ == "Qwen2_5_VisionTransformerPretrainedModel"
    return kind and len({weight.device for weight in visual.parameters()}) == 1 and not hasattr(visual, "_hf_hook")
