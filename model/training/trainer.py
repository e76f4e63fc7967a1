"""What every stage shares: optimisers, schedule, checkpoints that resume, and a log."""

from __future__ import annotations

import ctypes
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from tqdm import tqdm

from model.training.curves import draw

DRAW_EVERY_S = 60.0
WARMUP = 100  # steps, fewer in a short run
TRIM_THRESHOLD, MMAP_MAX = -1, -4  # of mallopt, from malloc.h
MUON_RATE = 2.0  # orthogonal steps bear a larger rate than AdamW's


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal by five Newton-Schulz steps, for weight matrices; those of one shape go together.

    Source: Keller Jordan et al. 2024, "Muon"; the step is scaled to AdamW's usual size as in arXiv 2502.16982.
    """

    def __init__(
        self, parameters: Iterable[dict[str, Any]], lr: float, momentum: float = 0.95, decay: float = 0.02
    ) -> None:
        super().__init__(parameters, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    speed = self.state[weight].setdefault("speed", torch.zeros_like(weight))
                    speed.lerp_(weight.grad, 1 - group["momentum"])
                    alike[weight.shape].append((weight, weight.grad.lerp(speed, group["momentum"])))
            for shape, pairs in alike.items():
                changes = orthogonal(torch.stack([wanted for _, wanted in pairs]))
                for (weight, _), change in zip(pairs, changes, strict=True):
                    weight.mul_(1 - group["lr"] * group["decay"])
                    weight.add_(change, alpha=-group["lr"] * 0.2 * math.sqrt(max(shape)))


def orthogonal(matrices: Tensor) -> Tensor:
    """For each of (n, rows, columns) the nearest matrix with all singular values about one."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = matrices.mT if tall else matrices
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(fast_dtype(x.device))
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    x = x.mT if tall else x
    return x.to(matrices.dtype)


def fast_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the processor multiplies it itself, several times as fast as float32; float32 elsewhere."""
    has_bf16 = torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if has_bf16 else torch.float32


def fast(device: torch.device) -> torch.autocast:
    """Inside it matrices are multiplied in `fast_dtype`; weights and their updates stay float32."""
    dtype = fast_dtype(device)
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def optimisers(modules: Mapping[nn.Module, float], rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside blocks, AdamW for embeddings, the merger, norms, biases and scaffolding heads.

    modules: each with its share of the rate; those of share 0 are frozen.
    """
    matrices, rest = [], []
    for module, share in modules.items():
        module.requires_grad_(share > 0)
        inner: list[Tensor] = []
        outer: list[Tensor] = []
        for name, parameter in module.named_parameters():
            is_inner = parameter.ndim == 2 and ("blocks." in name or "layers." in name)
            (inner if is_inner else outer).append(parameter)
        matrices.append({"params": inner, "share": share})
        rest.append({"params": outer, "share": share})
    adam = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, eps=1e-9, fused=True)
    return [Muon([group for group in matrices if group["params"]], lr=MUON_RATE * rate), adam]


def keep_memory() -> None:
    """Have the C library keep what is freed: large tensors come and go at each step, and new pages cost a third of it.

    glibc only; elsewhere nothing happens.
    """
    libc: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(libc, "mallopt"):
        libc.mallopt(MMAP_MAX, 0)
        libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)


def schedule(step: int, steps: int, start: int = 0) -> float:
    """Share of the full rate: a linear rise, flat, then a linear fall over the last 40 %. A resumed run rises again."""
    warmup = max(1, min(WARMUP, (steps - start) // 10))
    return min(1.0, (step - start + 1) / warmup, max(0.02, (steps - step) / (0.4 * steps)))


def update(optimisers: list[torch.optim.Optimizer], rate: float) -> float:
    """One step of every optimiser; returns the gradient's norm. A step that is not finite is left out."""
    groups = [(optimiser, group) for optimiser in optimisers for group in optimiser.param_groups]
    parameters = [parameter for _, group in groups for parameter in group["params"]]
    length = float(nn.utils.clip_grad_norm_(parameters, 1.0))
    for optimiser, group in groups:
        group["lr"] = rate * group["share"] * (MUON_RATE if isinstance(optimiser, Muon) else 1.0)
    for optimiser in optimisers:
        if math.isfinite(length):
            optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return length


def save_checkpoint(file: Path, **parts: Any) -> None:
    """Written beside and renamed, so that an interrupted save leaves the last one whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    torch.save(parts, fresh)
    fresh.replace(file)


def manifest(folder: Path, stage: str, **facts: Any) -> None:
    """What a stage was made from, such as seeds, tasks and flags, kept in manifest.json beside the other stages'."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "manifest.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    known[stage] = {"when": time.strftime("%Y-%m-%d"), **versions, **facts}
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(known, indent=2, default=nameable) + "\n")
    fresh.replace(file)


def nameable(value: object) -> str:
    """Of a path its name alone: where it lies on one machine is nobody's business."""
    return value.name if isinstance(value, Path) else str(value)


class Log:
    """A bar on the terminal, one line of numbers per report in log.jsonl, and curves.png of all of them."""

    def __init__(self, folder: Path, name: str, steps: int, start: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self.name, self.steps = folder / "log.jsonl", name, steps
        self.started, self.drawn = time.monotonic(), 0.0
        self.bar = tqdm(total=steps, initial=start, desc=name, unit="step", disable=None, dynamic_ncols=True)

    def tick(self, loss: float) -> None:
        """One more step is done."""
        self.bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
        self.bar.update()

    def write(self, step: int, **numbers: float) -> None:
        seconds = time.monotonic() - self.started
        row = {"stage": self.name, "step": step, "seconds": round(seconds, 1)}
        row |= {key: round(float(value), 4) for key, value in numbers.items()}
        with self.file.open("a") as out:
            out.write(json.dumps(row) + "\n")
        words = "  ".join(f"{key} {value:.3f}" for key, value in numbers.items())
        self.bar.write(f"{self.name} {step}/{self.steps}  {seconds:.0f} s  {words}")
        last = step >= self.steps
        if last or time.monotonic() > self.drawn + DRAW_EVERY_S:
            draw(self.file, self.file.with_name("curves.png"))
            self.drawn = time.monotonic()
        if last:
            self.bar.close()
