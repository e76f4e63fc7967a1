"""The language model as transformers runs it, over an arena: for checkpoints that our own forward does not know."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from model.local.arena import Arena, Slots
from model.local.turns import Cancelled


class Library:
    """Takes everything that transformers takes: quantised weights, mixtures of experts, several devices."""

    def __init__(self, weights: Any):
        """weights: a `...ForConditionalGeneration`."""
        self.weights = weights

    def read(
        self, arena: Arena, rows: Tensor, positions: Tensor, deep: Sequence[Tensor], cancelled: threading.Event
    ) -> Tensor:
        """Feeds T tokens. Returns the logits behind the last, (V,).

        rows: (T, D). positions: (3, T). deep: what each of the first layers adds to its output, each (T, D).
        """
        blocks = self.weights.model.language_model.layers if len(rows) > 1 else ()
        with stoppable(blocks, cancelled):
            out = self.weights.model.language_model(
                inputs_embeds=rows[None],
                **deep_inputs(deep),
                position_ids=positions[:, None].to(rows.device),  # (3, 1, T): never left for the library to count
                past_key_values=cache_over(arena),
                use_cache=True,
            )
        logits: Tensor = self.weights.lm_head(out.last_hidden_state[:, -1:])  # only the last row is needed
        return logits[0, -1]


def deep_inputs(deep: Sequence[Tensor]) -> dict[str, Any]:
    """What the first layers add to all of the T tokens, as transformers takes it."""
    if not deep:
        return {}
    everywhere = torch.ones(1, len(deep[0]), dtype=torch.bool, device=deep[0].device)
    return {"visual_pos_masks": everywhere, "deepstack_visual_embeds": list(deep)}


class ArenaLayer(DynamicLayer):  # type: ignore[misc]
    """One layer of an arena as transformers' cache sees it."""

    def __init__(self, arena: Arena, layer: int):
        super().__init__()
        self.arena = arena
        self.layer = layer
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        keys, values = self.arena.write(self.layer, key_states[0], value_states[0])
        return keys[None], values[None]

    def get_seq_length(self, *args: Any) -> int:
        return self.arena.length


def cache_over(arena: Arena) -> DynamicCache:
    cache = DynamicCache()
    cache.layers = [ArenaLayer(arena, layer) for layer in range(len(arena.keys))]
    return cache


def slots_of(weights: Any) -> list[Slots]:
    """What every layer has to keep of a token, and where."""
    text = weights.config.text_config
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    mapped = getattr(weights, "hf_device_map", None)
    return [
        Slots(text.num_key_value_heads, size, device_of(layer, f"model.language_model.layers.{index}", mapped))
        for index, layer in enumerate(weights.model.language_model.layers)
    ]


def device_of(layer: Any, name: str, mapped: dict[str, Any] | None) -> torch.device:
    """Where the layer works. Offloaded weights lie elsewhere, so accelerate's hook is asked where there is one."""
    hook = getattr(layer, "_hf_hook", None)
    stated = getattr(hook, "execution_device", None)
    if stated is not None:
        return torch.device(stated)
    for prefix, device in (mapped or {}).items():
        if prefix == "" or name == prefix or name.startswith(prefix + "."):
            return torch.device(device)
    device = next(layer.parameters()).device
    return torch.device(device)


@contextmanager
def stoppable(blocks: Sequence[Any], cancelled: threading.Event) -> Iterator[None]:
    """While it lasts, a cancel is noticed before every block.

    That leaves the arithmetic as it is, which prefilling in pieces would not. A GPU still finishes what was queued.
    """

    def stop_if_cancelled(*_: Any) -> None:
        if cancelled.is_set():
            raise Cancelled

    hooks = [block.register_forward_pre_hook(stop_if_cancelled) for block in blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
