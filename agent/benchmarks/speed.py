"""`bench speed`: how much less a step costs than with transformers called in its documented way, on this machine.

One process, one thread, sides in turn, CPU time unless a note says the clock. A ratio counts only after both sides said
the same tokens, or gave the same pixels; what was not measured is null, with the reason.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import torch
import transformers
from matplotlib.figure import Figure

from agent.benchmarks import captures, constrained, races
from agent.benchmarks.races import QUICK, Sizes, Told, Track, Wrong

BARS: dict[str, float] = {  # what Handeye wants to reach at least
    "R1_10": 5,
    "R1_20": 9,
    "R1_last": 12,
    "R1_best": 1.4,
    "R2": 100,
    "R2_tower": 40,
    "R3": 6,
    "R4_1k": 1.8,
    "R4_1k_static": 1.5,
    "R4_13k": 1.6,
    "R4_13k_static": 1.8,
    "R5_time": 2.2,
    "R5_forwards": 3.3,
    "R6_pyav": 5,
    "R6_opencv": 8,
    "R6_dense": 0.95,
    "R7": 6,
    "R7_browser": 1.5,
    "R8": 100,
}
ABOUT = {
    "R1_10": "agent, first half of the steps, against generate",
    "R1_20": "agent, all steps, against generate",
    "R1_last": "agent, last step, against generate",
    "R1_best": "agent, all steps, against the best of transformers",
    "R2": "second question about the same pages, first token",
    "R2_tower": "the same, against a cache of the tower alone",
    "R3": "screenshot to patches, against the PIL processor",
    "R4_1k": "decoding at 1.3k tokens, against generate",
    "R4_1k_static": "the same, against a static cache, compiled",
    "R4_13k": "decoding at 13k tokens, against generate",
    "R4_13k_static": "the same, against a static cache, compiled",
    "R5_time": "calls held to a grammar, against token by token",
    "R5_forwards": "the same, in forward passes",
    "R6_pyav": "8 frames of a video, against PyAV reading",
    "R6_opencv": "the same, against OpenCV reading",
    "R6_dense": "32 frames of a video",
    "R7": "screen capture to patches",
    "R7_browser": "browser capture",
    "R8": "unchanged screen, against a changed one",
}
RACES: dict[str, Callable[[Track], Told]] = {
    "R1": races.trajectory,
    "R2": races.pages,
    "R3": captures.patches,
    "R4": races.decoding,
    "R5": constrained.calls,
    "R6": captures.films,
    "R7": captures.seen,
    "R8": races.unchanged,
}


def run(quick: bool, only: Sequence[str]) -> dict[str, Any]:
    """All that is known afterwards, as JSON. quick: small sizes, to see that it works; the ratios mean nothing then."""
    ratios = dict[str, float | None].fromkeys(BARS)
    seconds: dict[str, dict[str, float]] = {}
    began = time.monotonic()
    notes: list[str] = []
    with one_thread():
        track = Track(QUICK if quick else Sizes())
        for name in only or RACES:
            told = ran(RACES[name], track)
            ratios |= told.ratios
            seconds |= told.seconds
            notes += told.notes
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        notes.append(
            f"largest difference of a logit in double precision, kept beginning or not: {races.precision():.1e}"
        )
    return {
        "ratios": ratios,
        "seconds": seconds,
        "machine": machine(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "date": date.today().isoformat(),
        "notes": notes,
    }


def ran(race: Callable[[Track], Told], track: Track) -> Told:
    try:
        return race(track)
    except Wrong as wrong:
        return Told(notes=[str(wrong)])


def table(found: dict[str, Any]) -> str:
    lines = [f"{'':14}{'ratio':>8}{'bar':>7}"]
    for name, bar in BARS.items():
        ratio = found["ratios"][name]
        mark = "" if ratio is None else "ok" if ratio >= bar else "below"
        lines.append(f"{name:14}{'-' if ratio is None else f'{ratio:.2f}':>8}{bar:>7g} {mark:6}{ABOUT[name]}")
    for name, sides in found["seconds"].items():
        lines.append(f"{name}: " + ", ".join(f"{side} {seconds:.4g} s" for side, seconds in sides.items()))
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return "\n".join([*lines, *found["notes"], f"{found['machine']}; {versions}; {found['date']}"])


def draw(found: dict[str, Any], picture: Path) -> None:
    """Every ratio as a bar, and the line it should reach."""
    names = [name for name in BARS if found["ratios"][name] is not None]
    figure = Figure(figsize=(9, 0.4 * len(names) + 1), layout="constrained")
    axes = figure.subplots()
    axes.barh(names, [found["ratios"][name] for name in names], color="#4878a8")
    for at, name in enumerate(names):
        axes.plot([BARS[name]] * 2, [at - 0.4, at + 0.4], color="#c44e52")
        axes.annotate(f" {found['ratios'][name]:.1f}", (found["ratios"][name], at), va="center")
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_xlabel("times less than transformers (red: wanted)")
    figure.savefig(picture, dpi=110)


def machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{platform.machine()}, {os.cpu_count()} processors, one thread used{load}"


@contextmanager
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def main(quick: bool, only: Sequence[str], as_json: bool, picture: Path | None) -> int:
    found = run(quick, only)
    if picture:
        draw(found, picture)
    print(json.dumps(found, indent=2) if as_json else table(found))
    return 0
