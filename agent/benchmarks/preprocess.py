"""How fast a screenshot becomes patches, beside transformers' own image processor on the same machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image, ImageDraw

from model.families import QWEN2_5_VL, Family
from model.preprocess import picture_patches

FAMILY = QWEN2_5_VL


@dataclass
class Timing:
    """Seconds of every round."""

    wall: list[float]
    cpu: list[float]  # of all threads together

    def line(self, name: str, reference: Timing) -> str:
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        best = min(self.wall)
        return (
            f"{name:32} {wall * 1e3:8.1f} {best * 1e3:8.1f} {cpu * 1e3:8.1f}"
            f" {statistics.median(reference.wall) / wall:7.1f}x {statistics.median(reference.cpu) / cpu:7.1f}x"
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench preprocess", description=__doc__)
    parser.add_argument("--size", default="1920x1080", help="of the screenshot, WxH (default %(default)s)")
    parser.add_argument("--image", type=Path, help="a picture to use instead of the drawn one")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args(argv)
    width, height = (int(side) for side in arguments.size.split("x"))
    image = Image.open(arguments.image).convert("RGB") if arguments.image else screenshot(width, height)
    library = library_processor(FAMILY)
    difference, same = compare(image, library)
    timings = measure(
        {
            "transformers": lambda: library(images=image, return_tensors="pt"),
            "handeye, uint8 rows": lambda: picture_patches(image, FAMILY),
            "handeye, normalised float32 rows": lambda: picture_patches(image, FAMILY).values(),
        },
        arguments.rounds,
    )
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{image.width}x{image.height}, {processors} processors, {arguments.rounds} interleaved rounds")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {platform.machine()}")
    print(f"largest difference after normalisation {difference:.1e}; grids {'equal' if same else 'DIFFER'}")
    print(f"{'ms':32} {'median':>8} {'best':>8} {'cpu':>8} {'wall':>8} {'cpu':>8}")
    for name, timing in timings.items():
        print(timing.line(name, timings["transformers"]))
    return 0 if same and difference <= 1e-2 else 1


def compare(image: Image.Image, library: Any) -> tuple[float, bool]:
    """The largest difference of a value, and whether the grids are equal."""
    ours, theirs = picture_patches(image, FAMILY), library(images=image, return_tensors="pt")
    same = list(ours.grid.patches) == theirs["image_grid_thw"][0].tolist()
    return float((ours.values() - theirs["pixel_values"]).abs().max()) if same else float("inf"), same


def measure(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Round after round of every job, so that what else the machine does falls on all of them alike."""
    timings = {name: Timing([], []) for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(rounds):
        for name, job in jobs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            job()
            timings[name].wall.append(time.perf_counter() - wall)
            timings[name].cpu.append(time.process_time() - cpu)
    return timings


def library_processor(family: Family) -> Any:
    """transformers' processor with the family's own settings."""
    settings = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "size": {"shortest_edge": family.min_pixels, "longest_edge": family.max_pixels},
        "patch_size": family.patch,
        "temporal_patch_size": family.temporal_patch,
        "merge_size": family.merge,
        "image_mean": family.mean,
        "image_std": family.std,
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "preprocessor_config.json").write_text(json.dumps(settings))
        return transformers.AutoImageProcessor.from_pretrained(folder)


def screenshot(width: int, height: int) -> Image.Image:
    """Flat panels, text and a photograph's noise, as screens have them."""
    rng = np.random.default_rng(0)
    image = Image.new("RGB", (width, height), "#f4f4f6")
    draw = ImageDraw.Draw(image)
    for row in range(0, height, 24):
        words = " ".join(f"{word:x}" for word in rng.integers(0, 1 << 20, width // 60))
        draw.text((16, row), words, fill="#202124")
    photo = rng.integers(0, 256, (height // 3, width // 3, 3), np.uint8)
    image.paste(Image.fromarray(photo), (width // 2, height // 3))
    return image


if __name__ == "__main__":
    raise SystemExit(main())
