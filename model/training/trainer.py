"""What every stage shares: optimisers, schedule, checkpoints that resume, a log and its curves as a picture."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

MUON_RATE = 2.0  # orthogonal steps bear a larger rate than AdamW's


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal by five Newton-Schulz steps, for weight matrices; in float32, which a CPU does best.

    Source: Keller Jordan et al. 2024, "Muon"; the step is scaled to AdamW's usual size as in arXiv 2502.16982.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, decay: float = 0.02) -> None:
        super().__init__(parameters, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                speed = self.state[weight].setdefault("speed", torch.zeros_like(weight))
                speed.lerp_(weight.grad, 1 - group["momentum"])
                change = orthogonal(weight.grad.lerp(speed, group["momentum"]))
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.add_(change, alpha=-group["lr"] * 0.2 * math.sqrt(max(weight.shape)))


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with all singular values about one."""
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


def optimisers(modules: Iterable[nn.Module], rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside blocks, AdamW for embeddings, the merger, norms, biases and scaffolding heads."""
    matrices: list[Tensor] = []
    rest: list[Tensor] = []
    for module in modules:
        for name, parameter in module.named_parameters():
            inner = parameter.ndim == 2 and ("blocks." in name or "layers." in name)
            (matrices if inner else rest).append(parameter)
    adam = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, eps=1e-9)
    return [Muon(matrices, lr=MUON_RATE * rate), adam]


def schedule(step: int, steps: int, warmup: int = 100) -> float:
    """Share of the full rate: a linear rise, flat, then a linear fall over the last 40 %."""
    if step < warmup:
        return (step + 1) / warmup
    return min(1.0, max(0.02, (steps - step) / (0.4 * steps)))


def update(optimisers: list[torch.optim.Optimizer], rate: float, parameters: list[Tensor]) -> float:
    """One step of every optimiser; returns the gradient's norm. A step that is not finite is left out."""
    length = float(nn.utils.clip_grad_norm_(parameters, 1.0))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate * (MUON_RATE if isinstance(optimiser, Muon) else 1.0)
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


class Log:
    """One line of numbers per report in log.jsonl, and the same on the terminal."""

    def __init__(self, folder: Path, name: str, steps: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self.name, self.steps = folder / "log.jsonl", name, steps
        self.started = time.monotonic()

    def write(self, step: int, **numbers: float) -> None:
        seconds = time.monotonic() - self.started
        row = {"stage": self.name, "step": step, "seconds": round(seconds, 1)}
        row |= {key: round(float(value), 4) for key, value in numbers.items()}
        with self.file.open("a") as out:
            out.write(json.dumps(row) + "\n")
        words = "  ".join(f"{key} {value:.3f}" for key, value in numbers.items())
        print(f"{self.name} {step}/{self.steps}  {seconds:.0f} s  {words}", flush=True)
