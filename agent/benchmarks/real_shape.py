"""The published 3B shape with random weights: written, loaded, asked about a picture and freed, in seconds and GiB."""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from model.families import QWEN2_5_VL
from model.local.load import load
from model.local.memory import GIB
from model.messages import ImagePart, user
from model.training.architecture import tokenizer
from model.vlm import Sampling

SHARD_BYTES = 2**30
POOL = 2**24  # random numbers, used again and again: drawing 3.75 billion would take longer than all the rest
PUBLISHED = (("model.visual.", "visual."), ("model.language_model.", "model."))  # names in memory -> names in the files


def main(argv: Sequence[str]) -> int:
    """Prints what each part took."""
    parser = argparse.ArgumentParser(prog="real_shape", description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu or a GPU such as cuda:0")
    parser.add_argument("--tokens", type=int, default=8, help="how many to answer with")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="real-shape-") as name:
        folder = Path(name)
        with told("write the checkpoint"):
            write(folder)
        with told("load it as bfloat16"):
            model = load(name, device=options.device, dtype="bfloat16")
        print(f"{model.parameters:,} weights, {model.dtype}, on {model.device}")
        picture = Image.effect_mandelbrot((280, 196), (-2.0, -1.2, 1.0, 1.2), 60).convert("RGB")
        with told(f"answer with {options.tokens} tokens"):
            reply = model.stream([user(ImagePart(picture), "What is this?")], Sampling(options.tokens))
            reply.read()
        print(reply.usage)
        with told("free it"):
            model.close()
            del model, reply
            gc.collect()
    return 0


@contextmanager
def told(part: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{part}: {time.monotonic() - began:.1f} s, then {held()}", flush=True)


def held() -> str:
    """What this process holds: memory of its own, and mapped files, which the system can take back."""
    info = psutil.Process().memory_info()
    mapped = getattr(info, "shared", 0)  # only Linux tells it
    parts = [f"{(info.rss - mapped) / GIB:.2f} GiB of its own", f"{mapped / GIB:.2f} GiB mapped"]
    if torch.cuda.is_available():
        parts.append(f"{torch.cuda.memory_allocated() / GIB:.2f} GiB on the GPU")
    return ", ".join(parts)


def config(token: Any) -> Qwen2_5_VLConfig:
    """The published 3B's. token: name -> id, as the small tokenizer beside it stands in for the published one."""
    text = {
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "max_position_embeddings": 128000,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        "bos_token_id": token("<|endoftext|>"),
        "eos_token_id": token("<|im_end|>"),
        "pad_token_id": token("<|endoftext|>"),
    }
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 2048}
    made = Qwen2_5_VLConfig(
        text_config=text,
        vision_config={**vision, "fullatt_block_indexes": [7, 15, 23, 31], "window_size": 112, "tokens_per_second": 2},
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    made.architectures = ["Qwen2_5_VLForConditionalGeneration"]
    return made


def write(folder: Path) -> None:
    """A folder as a download has it; never holds more than one shard."""
    words = tokenizer()
    words.save_pretrained(folder)
    shape = config(words.convert_tokens_to_ids)
    shape.save_pretrained(folder)
    budget = {"min_pixels": QWEN2_5_VL.min_pixels, "max_pixels": QWEN2_5_VL.max_pixels}
    (folder / "preprocessor_config.json").write_text(json.dumps(budget))
    with torch.device("meta"):
        empty = Qwen2_5_VLForConditionalGeneration(shape).state_dict()
    empty.pop("lm_head.weight")  # tied to the embedding, and so not in the files
    names: dict[str, str] = {}
    for index, shard in enumerate(shards(empty)):
        file = f"model-{index:05}.safetensors"
        names |= dict.fromkeys(shard, file)
        save_file(shard, folder / file, {"format": "pt"})
        shard.clear()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


def shards(empty: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Weights drawn as at the start of a training, by their names in the files."""
    pool = torch.randn(POOL, generator=torch.Generator().manual_seed(0)).mul_(0.02).to(torch.bfloat16)
    shard: dict[str, Tensor] = {}
    for name, shape in ((name, tensor.shape) for name, tensor in empty.items()):
        if sum(tensor.nbytes for tensor in shard.values()) > SHARD_BYTES:
            yield shard
            shard = {}
        for inside, outside in PUBLISHED:
            name = outside + name.removeprefix(inside) if name.startswith(inside) else name
        if len(shape) == 1:  # norms and biases
            shard[name] = torch.full(shape, 0.0 if name.endswith("bias") else 1.0, dtype=torch.bfloat16)
        else:
            shard[name] = pool.repeat(-(-shape.numel() // POOL))[: shape.numel()].reshape(shape).clone()
    yield shard


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
