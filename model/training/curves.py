"""The curves of a training run as a picture: losses above, held-out accuracy below, one stage after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

HELD_OUT = ("hit_", "said_", "read14", "read18", "read26", "right", "better")  # what counts something right


def draw(log: Path, picture: Path) -> None:
    """From log.jsonl, one object a line with "stage", "step" and numbers, to a PNG. Nothing to draw draws nothing."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    if not rows:
        return
    figure = Figure(figsize=(10, 8), layout="constrained")
    losses, accuracy = figure.subplots(2, 1, sharex=True)
    at: list[int] = []
    edge = 0
    for index, row in enumerate(rows):  # the stages beside each other, a resumed one goes on
        if index and (row["stage"] != rows[index - 1]["stage"] or row["step"] < rows[index - 1]["step"]):
            edge = at[-1] - (row["step"] if row["stage"] == rows[index - 1]["stage"] else 0)
            for axes in (losses, accuracy):
                axes.axvline(at[-1], color="0.8")
        at.append(edge + row["step"])
    names = sorted({name for row in rows for name in row} - {"stage", "step", "seconds"})
    for name in names:
        axes = accuracy if name.startswith(HELD_OUT) else losses
        places = [place for place, row in zip(at, rows, strict=True) if name in row]
        axes.plot(places, [row[name] for row in rows if name in row], label=name, linewidth=1)
    finish(losses, "loss", "log")
    finish(accuracy, "share right, held out", "linear")
    accuracy.set_ylim(0, 1)
    accuracy.set_xlabel("step")
    figure.savefig(picture, dpi=110)


def finish(axes: Axes, name: str, scale: str) -> None:
    axes.set_ylabel(name)
    axes.set_yscale(scale)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=7, ncols=2, loc="center left", bbox_to_anchor=(1, 0.5))
