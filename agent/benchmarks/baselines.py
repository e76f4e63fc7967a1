"""transformers called in its documented ways, for the same weights and the same prompts as our runner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import CompileConfig, DynamicCache

from agent.benchmarks.preprocess import library_processor
from model.chat import Layout, lay_out
from model.families import Family
from model.messages import Message

COMPILED = CompileConfig(fullgraph=True, mode="default")
COMPILED._compile_all_devices = True  # else only GPUs get what `cache_implementation="static"` promises
STATIC: dict[str, Any] = {"cache_implementation": "static", "compile_config": COMPILED}


class Naive:
    """The processor and `generate` on the whole conversation, every time."""

    def __init__(self, weights: Any, tokenizer: Any, family: Family):
        self.weights = weights
        self.tokenizer = tokenizer
        self.family = family
        self.processor = library_processor(family)

    def answer(self, messages: Sequence[Message], count: int, **how: Any) -> list[int]:
        """`count` new tokens, greedily."""
        layout = lay_out(messages, self.tokenizer, self.family)
        return self.generate(layout, [part.image for part in layout.images], count, **how)

    def generate(self, layout: Layout, images: list[Image.Image], count: int, **how: Any) -> list[int]:
        """images: those that are not in the cache yet, if there is one."""
        inputs: dict[str, Any] = {"input_ids": layout.ids[None], "attention_mask": torch.ones(1, len(layout)).long()}
        if "position_ids" not in how:
            inputs["mm_token_type_ids"] = layout.kinds[None]
        if images:
            inputs |= self.processor(images=images, return_tensors="pt")
        out = self.weights.generate(
            **inputs, **how, do_sample=False, min_new_tokens=count, max_new_tokens=count, eos_token_id=None
        )
        return [int(token) for token in out[0, len(layout) :]]


class Kept(Naive):
    """Its best: one cache for the conversation, only new pictures, and all positions said."""

    def __init__(self, weights: Any, tokenizer: Any, family: Family):
        super().__init__(weights, tokenizer, family)
        self.cache = DynamicCache(config=weights.config.text_config)
        self.ids: Tensor = torch.zeros(0, dtype=torch.long)
        self.images = 0

    def answer(self, messages: Sequence[Message], count: int, **how: Any) -> list[int]:
        layout = lay_out(messages, self.tokenizer, self.family)
        most = min(len(self.ids), len(layout) - 1)
        different = (self.ids[:most] != layout.ids[:most]).nonzero()
        same = int(different[0]) if len(different) else most
        if (extra := self.cache.get_seq_length() - same) > 0:
            self.cache.crop(-extra)
        new = [part.image for part in layout.images[self.images :]]
        said = self.generate(
            layout, new, count, past_key_values=self.cache, position_ids=layout.positions[:, None], **how
        )
        self.images = len(layout.images)
        self.ids = torch.cat([layout.ids, torch.tensor(said)])[: self.cache.get_seq_length()]
        return said
