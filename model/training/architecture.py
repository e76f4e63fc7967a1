"""The shape of tiny: Qwen2.5-VL in miniature, and a byte-level tokenizer with Qwen's special tokens."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from model.families import TINY

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# Fixed pieces of the action language as one token each: a click costs a dozen forward passes instead of a hundred.
# All other text is one token a byte, so that a label is read letter by letter as it is drawn.
PIECES = (
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "system\n",
    "user\n",
    "assistant\n",
    "The screen's resolution is ",
    '{"name": "computer_use", "arguments": {"action": "',
    'left_click", "coordinate": [',
    'right_click", "coordinate": [',
    'double_click", "coordinate": [',
    'mouse_move", "coordinate": [',
    'left_click_drag", "coordinate": [',
    'type", "text": "',
    'key", "keys": ["',
    'scroll", "pixels": ',
    'wait", "time": ',
    'terminate", "status": "',
    'answer", "text": "',
    "]}}",
    '"}}',
    '"]}}',
    "}}",
)
# How messages become a prompt, for servers that ask the checkpoint; the same text as model/chat.py's.
CHAT_TEMPLATE = """\
{%- if messages[0].role != "system" -%}
{{- "<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n" -}}
{%- endif -%}
{%- for message in messages -%}
{{- "<|im_start|>" + message.role + "\\n" -}}
{%- for part in ([message.content] if message.content is string else message.content) -%}
{%- if part is string -%}
{{- part -}}
{%- elif part.type in ("image", "image_url") -%}
{{- "<|vision_start|><|image_pad|><|vision_end|>" -}}
{%- elif part.type in ("video", "video_url") -%}
{{- "<|vision_start|><|video_pad|><|vision_end|>" -}}
{%- elif part.type == "text" -%}
{{- part.text -}}
{%- endif -%}
{%- endfor -%}
{{- "<|im_end|>\\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- "<|im_start|>assistant\\n" -}}
{%- endif -%}
"""
VOCABULARY = 320  # 256 bytes, 14 special, 24 pieces, and room for more


def tokenizer() -> Qwen2Tokenizer:
    """Byte by byte, with the specials and pieces above as whole tokens."""
    characters = sorted(ByteLevel.alphabet())
    made = Qwen2Tokenizer(
        vocab={character: index for index, character in enumerate(characters)},
        merges=[],
        unk_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=32768,
    )
    made.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    made.add_tokens(list(PIECES))
    made.chat_template = CHAT_TEMPLATE
    return made


def config(words: Qwen2Tokenizer) -> Qwen2_5_VLConfig:
    """About ten million weights; every field is one that the published checkpoints have too."""
    token = words.convert_tokens_to_ids
    made = Qwen2_5_VLConfig(
        text_config=dict(
            hidden_size=256,
            intermediate_size=640,
            num_hidden_layers=8,
            num_attention_heads=4,
            num_key_value_heads=4,
            vocab_size=VOCABULARY,
            max_position_embeddings=32768,
            rms_norm_eps=1e-6,
            tie_word_embeddings=True,
            # A low base: M-RoPE gives columns the slowest frequencies, and from one column to the next, of some 40,
            # they must still turn enough to be told apart.
            rope_parameters={"rope_type": "default", "rope_theta": 10.0, "mrope_section": [8, 12, 12]},
            bos_token_id=token("<|endoftext|>"),
            eos_token_id=token("<|im_end|>"),
            pad_token_id=token("<|endoftext|>"),
            use_sliding_window=False,
        ),
        vision_config=dict(
            depth=6,
            hidden_size=192,
            intermediate_size=512,
            num_heads=6,
            out_hidden_size=256,
            patch_size=14,
            spatial_merge_size=2,
            temporal_patch_size=2,
            window_size=112,
            fullatt_block_indexes=[2, 5],
            tokens_per_second=2,
        ),
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
        handeye_family=TINY.name,
        torch_dtype="float32",
    )
    made.architectures = ["Qwen2_5_VLForConditionalGeneration"]
    return made


def new_model(seed: int = 0) -> Qwen2_5_VLForConditionalGeneration:
    """Freshly initialised weights, float32."""
    torch.manual_seed(seed)
    return Qwen2_5_VLForConditionalGeneration(config(tokenizer()))


def save(model: Qwen2_5_VLForConditionalGeneration, folder: Path) -> None:
    """bf16 safetensors, configuration, tokenizer and preprocessor settings: what transformers loads unchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    half = Qwen2_5_VLForConditionalGeneration(model.config).to(torch.bfloat16)
    half.load_state_dict({name: value.to(torch.bfloat16) for name, value in model.state_dict().items()})
    half.generation_config.do_sample = False
    half.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    preprocessor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "min_pixels": TINY.min_pixels,
        "max_pixels": TINY.max_pixels,
        "patch_size": TINY.patch,
        "temporal_patch_size": TINY.temporal_patch,
        "merge_size": TINY.merge,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
