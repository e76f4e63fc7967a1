"""Small checkpoints of every family with random weights, written as transformers writes real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from model.training.architecture import VOCABULARY, tokenizer

WORDS = tokenizer()
SPREAD = 0.1  # of the random weights: wide enough that the words chosen depend on all of the prompt


def text_config(**more: Any) -> dict[str, Any]:
    token = WORDS.convert_tokens_to_ids
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [4, 6, 6]}
    return {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 4096,
        "rope_parameters": rope,
        "initializer_range": SPREAD,
        "bos_token_id": token("<|endoftext|>"),
        "eos_token_id": token("<|im_end|>"),
        "pad_token_id": token("<|endoftext|>"),
        **more,
    }


def tokens() -> dict[str, int]:
    token = WORDS.convert_tokens_to_ids
    return {
        "image_token_id": token("<|image_pad|>"),
        "video_token_id": token("<|video_pad|>"),
        "vision_start_token_id": token("<|vision_start|>"),
        "vision_end_token_id": token("<|vision_end|>"),
    }


def random_model(family: str, layers: int = 3, attn_implementation: str = "sdpa") -> Any:
    """family: "qwen2-vl", "qwen2.5-vl" or "qwen3-vl"."""
    torch.manual_seed(0)
    model: Any
    shared = {"depth": 3, "num_heads": 2, "initializer_range": SPREAD}
    match family:
        case "qwen2-vl":
            vision = {**shared, "embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2}
            config = Qwen2VLConfig(text_config=text_config(num_hidden_layers=layers), vision_config=vision, **tokens())
            model = Qwen2VLForConditionalGeneration._from_config(config, attn_implementation=attn_implementation)
        case "qwen2.5-vl":
            vision = {**shared, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64}
            vision |= {"fullatt_block_indexes": [2], "tokens_per_second": 2}
            config = Qwen2_5_VLConfig(
                text_config=text_config(num_hidden_layers=layers), vision_config=vision, **tokens()
            )
            model = Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation=attn_implementation)
        case "qwen3-vl":
            vision = {**shared, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64}
            vision |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1]}
            text = text_config(num_hidden_layers=layers, head_dim=32)
            config = Qwen3VLConfig(text_config=text, vision_config=vision, **tokens())
            model = Qwen3VLForConditionalGeneration._from_config(config, attn_implementation=attn_implementation)
        case _:
            raise ValueError(family)
    return model.eval()


def write_checkpoint(family: str, folder: Path, layers: int = 3, shard: str = "5GB") -> Path:
    """A folder as a hub download has it."""
    model = random_model(family, layers)
    model.generation_config.do_sample = False
    model.save_pretrained(folder, max_shard_size=shard)
    WORDS.save_pretrained(folder)
    patch = 16 if family == "qwen3-vl" else 14
    preprocessor = {"patch_size": patch, "size": {"shortest_edge": 4 * (2 * patch) ** 2, "longest_edge": 1_000_000}}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder
