"""The model's own arithmetic over a batch of equal-sized pictures: windows in one call, dense places for extra losses.

Same weights, same result as transformers' forward (tests/test_forward.py holds that); what differs is that a batch of
pictures of one size shares its layout, and that the attention of chosen heads can be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]) * 255
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]) * 255
LONG = 1200  # from here on the fused attention is the faster one in bf16 on a CPU too


@dataclass(frozen=True)
class Layout:
    """How the patches of one picture size are ordered inside the tower."""

    order: Tensor  # (N,) patch in merge order -> place in the tower, windows of equal length beside each other
    back: Tensor  # (T,) token of the tower -> token in reading order
    groups: tuple[tuple[int, int], ...]  # (how many windows, patches in each), in the tower's order
    cos: Tensor  # (N, head_dim)
    sin: Tensor


@lru_cache(maxsize=64)
def layout(rows: int, columns: int, window: int, head_dim: int) -> Layout:
    """rows, columns: of merged tokens. window: tokens along one side of an attention window."""
    r, c = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    owner = ((r // window) * ((columns + window - 1) // window) + c // window).flatten()
    sizes = owner.bincount()
    order = torch.argsort(sizes[owner] * 10_000 + owner, stable=True)  # (T,) by window length, then window
    groups = tuple((int((sizes == size).sum()), int(size) * 4) for size in sorted({*sizes.tolist()} - {0}))
    place = torch.stack([r.flatten(), c.flatten()], 1)[order]  # (T, 2)
    inner = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    at = (place[:, None] * 2 + inner).reshape(-1, 2).float()  # (N, 2) row and column of every patch
    half = head_dim // 2
    frequencies = 1.0 / (10000.0 ** (torch.arange(0, half, 2).float() / half))
    angles = torch.cat([at[:, :1] * frequencies, at[:, 1:] * frequencies], 1)  # (N, head_dim / 2)
    angles = torch.cat([angles, angles], 1)
    patches = (order[:, None] * 4 + torch.arange(4)).flatten()
    return Layout(patches, torch.argsort(order), groups, angles.cos(), angles.sin())


def patchify(pixels: Tensor) -> Tensor:
    """(B, H, W, 3) -> (B, N, 588) in merge order, each row channel by channel."""
    b, h, w, _ = pixels.shape
    x = pixels.view(b, h // 28, 2, 14, w // 28, 2, 14, 3)
    return x.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(b, -1, 588)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return x * cos.to(x.dtype) + torch.cat([-b, a], -1) * sin.to(x.dtype)


def norm(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x, (x.shape[-1],), weight.to(x.dtype), 1e-6)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """q, k, v: (B, heads, length, hd); mask: True where a row may look at a column.

    In bf16 on a CPU, two plain products are several times faster than the fused kernel unless the sequence is long.
    """
    if q.is_cuda or q.dtype != torch.bfloat16 or q.shape[2] > LONG:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    seen: Tensor = scores.softmax(-1) @ v
    return seen


def feed_forward(mlp: Any, x: Tensor) -> Tensor:
    return mlp.down_proj(F.silu(mlp.gate_proj(x)) * mlp.up_proj(x))  # type: ignore[no-any-return]


def see(tower: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The tower over equal-sized pictures, or pairs of video frames.

    pixels: (B, F, H, W, 3) uint8, F 1 or 2, sides multiples of 28. Returns what every picture token holds, (B, T, D),
    in reading order, and the last hidden state of every patch in merge order, (B, N, d).
    """
    config = tower.config
    heads = config.num_heads
    hd = config.hidden_size // heads
    rows, columns = pixels.shape[2] // 28, pixels.shape[3] // 28
    plan = layout(rows, columns, config.window_size // 28, hd)
    order, back, cos, sin = (t.to(pixels.device) for t in (plan.order, plan.back, plan.cos, plan.sin))
    seen_as = (pixels - MEAN.to(pixels.device)) / STD.to(pixels.device)
    kernel = tower.patch_embed.proj.weight  # (d, 3, 2, 14, 14)
    if pixels.shape[1] == 1:
        kernel = kernel.sum(2, keepdim=True)  # one frame stands for both
    frames = torch.cat([patchify(frame)[:, order] for frame in seen_as.unbind(1)], -1)
    x = F.linear(frames, kernel.transpose(1, 2).reshape(config.hidden_size, -1))
    b, n, d = x.shape
    for index, block in enumerate(tower.blocks):
        qkv = block.attn.qkv(norm(x, block.norm1.weight)).view(b, n, 3, heads, hd)
        q, k, v = qkv.unbind(2)  # (B, N, heads, hd)
        q, k = (rotate(y, cos[None, :, None], sin[None, :, None]) for y in (q, k))
        groups = ((1, n),) if index in config.fullatt_block_indexes else plan.groups
        seen, start = [], 0
        for count, length in groups:
            span = slice(start, start + count * length)
            start += count * length
            a, c, e = (y[:, span].reshape(b * count, length, heads, hd).transpose(1, 2) for y in (q, k, v))
            out = attend(a, c, e)  # (B * windows, heads, length, hd)
            seen.append(out.transpose(1, 2).reshape(b, count * length, d))
        x = x + block.attn.proj(torch.cat(seen, 1))
        x = x + feed_forward(block.mlp, norm(x, block.norm2.weight))
    tokens = tower.merger.mlp(norm(x, tower.merger.ln_q.weight).view(b, n // 4, 4 * d))[:, back]
    return tokens, x.view(b, n // 4, 4, d)[:, back].reshape(b, n, d)


@dataclass(frozen=True)
class Look:
    """Attention that is wanted: of one head of one block, at given places of every sequence."""

    block: int
    head: int
    places: Tensor  # (B, P)


@dataclass(frozen=True)
class Thought:
    """What the language model made of a batch."""

    hidden: Tensor  # (B, S, D) after the last norm
    layers: list[Tensor]  # hidden states after each block, (B, S, D)
    attention: list[Tensor]  # for each Look in its order: log attention from its places, (B, P, S)


def think(language: Any, x: Tensor, positions: Tensor, mask: Tensor, looks: Sequence[Look] = ()) -> Thought:
    """The language model over embeddings.

    x: (B, S, D). positions: (3, B, S). mask: (B, S, S) bool, True where a row may look at a column.
    """
    config = language.config
    heads, kv = config.num_attention_heads, config.num_key_value_heads
    hd = config.hidden_size // heads
    section = config.rope_parameters["mrope_section"]
    angles = positions[..., None].float() * language.rotary_emb.inv_freq.float()  # (3, B, S, hd / 2)
    angles = torch.cat([part[i % 3] for i, part in enumerate(angles.split(section, -1))], -1)
    angles = torch.cat([angles, angles], -1)[:, None]  # (B, 1, S, hd)
    cos, sin = angles.cos(), angles.sin()
    b, s, _ = x.shape
    every = torch.arange(b, device=x.device)[:, None]
    layers: list[Tensor] = []
    attention: list[Tensor | None] = [None] * len(looks)
    for index, block in enumerate(language.layers):
        h, attn = norm(x, block.input_layernorm.weight), block.self_attn
        q = attn.q_proj(h).view(b, s, heads, hd).transpose(1, 2)
        k = attn.k_proj(h).view(b, s, kv, hd).transpose(1, 2)
        v = attn.v_proj(h).view(b, s, kv, hd).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if kv != heads:
            k, v = (y.repeat_interleave(heads // kv, 1) for y in (k, v))
        for number, look in enumerate(looks):
            if look.block == index:
                scores = (q[every, look.head, look.places] @ k[:, look.head].mT).float() * hd**-0.5  # (B, P, S)
                scores = scores.masked_fill(~mask[every, look.places], float("-inf"))
                attention[number] = scores.log_softmax(-1)
        out = attend(q, k, v, mask[:, None])
        x = x + attn.o_proj(out.transpose(1, 2).reshape(b, s, heads * hd))
        x = x + feed_forward(block.mlp, norm(x, block.post_attention_layernorm.weight))
        layers.append(x)
    return Thought(norm(x, language.norm.weight), layers, [one for one in attention if one is not None])
