"""The language model's own forward over an arena: fused projections, no mask, keys and values where they lie."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.bias import causal_lower_right

from model.local.arena import Arena
from model.local.turns import Cancelled

FUSED_BYTES = 512 * 2**20  # larger language models are not copied: there the reading of the weights is what takes time
KNOWN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")  # their blocks are plain and dense

Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Block:
    """One layer."""

    norm: Tensor
    qkv: Linear  # (T, D) -> (T, (H + 2 K) * head)
    head_norms: tuple[Tensor, Tensor] | None  # of queries and keys; Qwen3-VL only
    out: Linear
    mlp_norm: Tensor
    mlp: Linear


class Language:
    """Plain Qwen-VL blocks on one device. Copies small weights: the model has to be told when they change."""

    def __init__(self, weights: Any):
        """weights: a `...ForConditionalGeneration` that `why_not` has nothing against."""
        self.weights = weights
        text, config = weights.model.language_model, weights.config.text_config
        self.heads, self.kept_heads = config.num_attention_heads, config.num_key_value_heads
        self.head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.eps = config.rms_norm_eps
        self.norm: Tensor = text.norm.weight
        self.frequencies: Tensor = text.rotary_emb.inv_freq.float()  # (head / 2,)
        self.scaling = float(text.rotary_emb.attention_scaling)
        self.axes = rotary_axes(
            text.rotary_emb.mrope_section, self.head // 2, hasattr(text.layers[0].self_attn, "q_norm")
        )
        small = sum(weight.nbytes for weight in text.layers.parameters()) <= FUSED_BYTES
        self.blocks = [block(layer, small) for layer in text.layers]

    def read(
        self, arena: Arena, rows: Tensor, positions: Tensor, deep: Sequence[Tensor], cancelled: threading.Event
    ) -> Tensor:
        """Feeds T tokens. Returns the logits behind the last, (V,).

        rows: (T, D). positions: (3, T). deep: what each of the first layers adds to its output, each (T, D).
        """
        cos, sin = self.turn(positions.to(rows.device), rows.dtype)
        for index, layer in enumerate(self.blocks):
            if cancelled.is_set():
                raise Cancelled
            rows = rows + layer.out(self.attend(arena, index, layer, rows, cos, sin))
            rows = rows + layer.mlp(self.normed(rows, layer.mlp_norm))
            if index < len(deep):
                rows = rows + deep[index]
        logits: Tensor = self.weights.lm_head(self.normed(rows[-1:], self.norm))
        return logits[0]

    def attend(self, arena: Arena, index: int, layer: Block, rows: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(T, H * head)."""
        mixed = layer.qkv(self.normed(rows, layer.norm)).view(len(rows), -1, self.head)  # (T, H + 2 K, head)
        turned, values = mixed[:, : -self.kept_heads], mixed[:, -self.kept_heads :]
        if layer.head_norms:
            parts = turned[:, : self.heads], turned[:, self.heads :]
            turned = torch.cat([self.normed(*each) for each in zip(parts, layer.head_norms, strict=True)], 1)
        turned = torch.addcmul(turned * cos, turned.roll(self.head // 2, -1), sin)
        queries, keys = turned[:, : self.heads], turned[:, self.heads :]
        past = arena.length
        all_keys, all_values = arena.write(index, keys.transpose(0, 1), values.transpose(0, 1))
        return attention(queries.transpose(0, 1), all_keys, all_values, past).flatten(1)

    def turn(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the rotary angles, each (T, 1, head); the sines have the sign of their half."""
        angles = positions[self.axes].T.float() * self.frequencies  # (T, head / 2)
        cos, sin = angles.cos() * self.scaling, angles.sin() * self.scaling
        return torch.cat([cos, cos], -1)[:, None].to(dtype), torch.cat([-sin, sin], -1)[:, None].to(dtype)

    def normed(self, rows: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(rows, weight.shape, weight, self.eps)


def attention(queries: Tensor, keys: Tensor, values: Tensor, past: int) -> Tensor:
    """Causal attention of T new tokens over `past` + T: (T, H, head), without a mask and without repeating a key.

    queries: (H, T, head). keys, values: (K, past + T, head), where H is a multiple of K.
    """
    heads, count, size = queries.shape
    shared = len(keys)
    packed = queries.reshape(1, shared, heads // shared * count, size)  # heads that share a key are rows of one
    if count == 1:
        return F.scaled_dot_product_attention(packed, keys[None], values[None]).view(1, heads, size)
    if past == 0:
        out = F.scaled_dot_product_attention(queries[None], keys[None], values[None], is_causal=True, enable_gqa=True)
        return out[0].transpose(0, 1)
    if queries.device.type != "cpu":
        return lower_right(queries, keys, values)
    before, before_sum = scored(packed, keys[None, :, :past], values[None, :, :past], causal=False)
    own_keys, own_values = (each[:, past:].repeat_interleave(heads // shared, 0)[None] for each in (keys, values))
    among, among_sum = scored(queries[None], own_keys, own_values, causal=True)
    share = (
        (before_sum.reshape(heads, count) - among_sum[0]).sigmoid()[..., None].to(queries.dtype)
    )  # of what was before
    return torch.lerp(among[0], before.reshape(heads, count, size), share).transpose(0, 1)


def lower_right(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """The same by torch's own words for it, which GPU kernels understand without a mask. Not yet measured on one."""
    mask = causal_lower_right(queries.shape[1], keys.shape[1])
    out = F.scaled_dot_product_attention(queries[None], keys[None], values[None], attn_mask=mask, enable_gqa=True)
    return out[0].transpose(0, 1)


def scored(queries: Tensor, keys: Tensor, values: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    """Attention, and the logarithm of the sum of the weights before they were made to sum to one, (1, H, T)."""
    out, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(queries, keys, values, 0.0, causal)
    return out, total


def rotary_axes(sections: Sequence[int], count: int, interleaved: bool) -> Tensor:
    """Which of the three positions turns each of `count` pairs, (count,)."""
    if not interleaved:
        return torch.tensor([0, 1, 2]).repeat_interleave(torch.tensor(sections))
    axes = torch.zeros(count, dtype=torch.long)
    for axis in (1, 2):
        axes[axis : 3 * sections[axis] : 3] = axis
    return axes


def block(layer: Any, small: bool) -> Block:
    attention = layer.self_attn
    norms = (attention.q_norm.weight, attention.k_norm.weight) if hasattr(attention, "q_norm") else None
    return Block(
        norm=layer.input_layernorm.weight,
        qkv=together([attention.q_proj, attention.k_proj, attention.v_proj], small),
        head_norms=norms,
        out=attention.o_proj,
        mlp_norm=layer.post_attention_layernorm.weight,
        mlp=gated(layer.mlp, small),
    )


def gated(mlp: Any, small: bool) -> Linear:
    both, down = together([mlp.gate_proj, mlp.up_proj], small), mlp.down_proj

    def run(rows: Tensor) -> Tensor:
        gate, up = both(rows).chunk(2, -1)
        out: Tensor = down(F.silu(gate) * up)
        return out

    return run


def together(parts: Sequence[nn.Linear], small: bool) -> Linear:
    """Their outputs side by side; one product where all are plain and small."""
    if small and all(type(part) is nn.Linear for part in parts):
        weight = torch.cat([part.weight.detach() for part in parts])
        biases = [part.bias.detach() for part in parts if part.bias is not None]
        bias = torch.cat(biases) if biases else None
        return lambda rows: F.linear(rows, weight, bias)
    return lambda rows: torch.cat([part(rows) for part in parts], -1)


def why_not(weights: Any) -> str | None:
    """What keeps a checkpoint from our own forward, in words; None when nothing does."""
    if len({weight.device for weight in weights.parameters()}) > 1 or hasattr(weights, "_hf_hook"):
        return "its weights are spread over devices"
    return why_not_of(weights.config)


def why_not_of(config: Any) -> str | None:
    """The same of a configuration, as transformers reads it."""
    text = config.text_config
    rope = text.rope_parameters.get("rope_type", "default")
    if config.model_type not in KNOWN:
        return f"it is a {config.model_type}"
    if rope not in ("default", "mrope"):
        return f"its positions are {rope}"
    if "sliding_attention" in (getattr(text, "layer_types", None) or ()):
        return "it has sliding attention"
    return None if text.hidden_act == "silu" else f"its activation is {text.hidden_act}"
