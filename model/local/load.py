"""Weights from disk into this process; device, precision and fit are settled before any is read."""

from __future__ import annotations

import logging
import time
from importlib.util import find_spec
from typing import Any, Literal

import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer, BitsAndBytesConfig

from model.families import family_of
from model.local.checkpoint import Checkpoint, open_checkpoint
from model.local.memory import GIB, SPARE, free_bytes
from model.local.runner import LocalModel
from tools.errors import UserError

Quantization = Literal["4bit", "8bit"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
KEPT_WHOLE = ["model.visual", "lm_head"]  # quantising the tower costs grounding dearly and saves little

log = logging.getLogger(__name__)


def load(
    name: str, *, device: str = "auto", dtype: str = "auto", quantization: Quantization | None = None
) -> LocalModel:
    """A model ready to answer. Safetensors only; a checkpoint's own code never runs.

    name: "tiny", a folder, or a hub id. device: "auto", or a torch device such as "cpu" or "cuda:1". dtype: "auto"
    (bfloat16 on a GPU, float32 on the CPU when it fits), "float32", "bfloat16" or "float16". Raises UserError.
    """
    places = devices(device)
    if quantization is not None and find_spec("bitsandbytes") is None:
        raise UserError(f"{quantization} weights need a package that is not installed; run: pip install bitsandbytes")
    checkpoint = open_checkpoint(name)
    family = family_of(checkpoint.config, checkpoint.preprocessor)
    precision = choose_dtype(checkpoint, dtype, places, quantization)
    log.info(
        "loading %s: %s, %.2f billion weights, %s on %s",
        name,
        family.name,
        checkpoint.parameters / 1e9,
        quantization or precision,
        ", ".join(map(str, places)),
    )
    began = time.monotonic()
    weights = read_weights(checkpoint, precision, places, quantization)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, trust_remote_code=False, local_files_only=True)
    log.info("loaded %s in %.1f s", name, time.monotonic() - began)
    return LocalModel(name, family, weights, tokenizer)


def devices(wanted: str) -> list[torch.device]:
    """Where the weights may lie: every GPU there is, or the CPU, or what was asked for."""
    if wanted == "auto":
        gpus = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
        return gpus or [torch.device("cpu")]
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"there is no device {wanted} here ({error}); use --device cpu or --device auto") from error
    return [device]


def choose_dtype(
    checkpoint: Checkpoint, wanted: str, places: list[torch.device], quantization: Quantization | None
) -> torch.dtype:
    """Raises UserError when the weights would not fit in what is free."""
    if wanted != "auto" and wanted not in DTYPES:
        raise UserError(f"dtype {wanted} is not one of auto, {', '.join(DTYPES)}")
    on_cpu = places[0].type == "cpu"
    free = int(free_bytes(places) * SPARE)
    if wanted == "auto":
        fits = checkpoint.parameters * 4 <= free
        precision = torch.float32 if on_cpu and fits and not quantization else torch.bfloat16
    else:
        precision = DTYPES[wanted]
    if not quantization and checkpoint.parameters * precision.itemsize > free:
        raise UserError(
            f"{checkpoint.folder} needs {checkpoint.parameters * precision.itemsize / GIB:.1f} GiB as {precision}, "
            f"{free / GIB:.1f} GiB can be used; take a smaller model, or fewer bits (bfloat16, 8bit, 4bit)",
            f"{checkpoint.folder} 需要 {checkpoint.parameters * precision.itemsize / GIB:.1f} GiB（{precision}），"
            f"可用 {free / GIB:.1f} GiB；请换更小的模型或更低的精度（bfloat16、8bit、4bit）",
        )
    return precision


def read_weights(
    checkpoint: Checkpoint, precision: torch.dtype, places: list[torch.device], quantization: Quantization | None
) -> Any:
    """Raises UserError when the files do not hold what their configuration says."""
    try:
        weights, report = AutoModelForImageTextToText.from_pretrained(
            checkpoint.folder,
            dtype=precision,
            device_map="auto" if len(places) > 1 else {"": places[0]},
            quantization_config=quantization_config(quantization, precision),
            attn_implementation="sdpa",  # does not store the scores: 91 GB in one layer for a large screenshot
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # so that they are told of, below, rather than raised as they come
            output_loading_info=True,
        )
    except ImportError as error:
        raise UserError(f"{checkpoint.folder} needs a package that is not installed: {error}") from error
    wrong = sorted(report["missing_keys"]) + [str(key) for key in report["mismatched_keys"]]
    if wrong:
        raise UserError(
            f"the weights in {checkpoint.folder} do not fit its config.json: {len(wrong)} are missing or of another "
            f"size, {wrong[0]} the first; download the model again"
        )
    return weights.eval().requires_grad_(False)


def quantization_config(quantization: Quantization | None, precision: torch.dtype) -> Any:
    match quantization:
        case None:
            return None
        case "8bit":
            return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=KEPT_WHOLE)
        case "4bit":
            return BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_compute_dtype=precision,
                llm_int8_skip_modules=KEPT_WHOLE,
            )
