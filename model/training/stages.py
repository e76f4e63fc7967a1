"""The stages by name, as `launch.py train` runs them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from model.training import dpo, episodes, long, multimodal, sft, vision
from model.training.architecture import save
from model.training.experts import EXPERTS
from model.training.learner import ORDER, load
from tools.errors import UserError

AT_ONE = ("wide", "paper")  # screens that are drawn at a scale of 1 only
TINY_FOLDER = Path(__file__).parents[1] / "tiny"


def pages(out: Path, rest: list[str]) -> None:
    """Screens for the later stages: experts play tasks; pages and papers without a task; into OUT/pages."""
    parser = argparse.ArgumentParser(prog="train --stage pages", description=pages.__doc__)
    parser.add_argument("--seeds", default="100000:100100", metavar="A:B", help="seeds of every task (%(default)s)")
    parser.add_argument("--tasks", help="names with commas between (all there are)")
    asked = parser.parse_args(rest)
    own = [task for task in EXPERTS if task.startswith(episodes.OWN)]
    large, small = [*EXPERTS, "mixed"], [*own, "mixed", *AT_ONE]
    if asked.tasks:
        names = asked.tasks.split(",")
        large, small = ([task for task in names if (task in AT_ONE) == one] for one in (False, True))
    chunk = out / "pages" / asked.seeds.replace(":", "-")
    for scale, tasks in ((2, large), (1, small)):
        if tasks:
            folder = f"{chunk}-x{scale}"
            episodes.main(["--out", folder, "--scale", str(scale), "--tasks", ",".join(tasks), "--seeds", asked.seeds])


def export(out: Path, rest: list[str]) -> None:
    """The newest checkpoint in OUT becomes the embedded model, or goes to --to, with its manifest and curves."""
    parser = argparse.ArgumentParser(prog="train --stage export", description=export.__doc__)
    parser.add_argument("--to", type=Path, default=TINY_FOLDER, help="folder of the checkpoint (the embedded model's)")
    parser.add_argument("--of", choices=ORDER[1:], help="stage (the last there is)")
    asked = parser.parse_args(rest)
    there = [name for name in ORDER[1:] if (out / f"{name}.pt").exists()]
    stage = asked.of or (there[-1] if there else "multimodal")
    if stage not in there:
        raise UserError(f"no {stage}.pt in {out}; run: python3 launch.py train --stage {stage} --out {out}")
    learner = load(out, stage)
    save(learner.model.to(torch.float32), asked.to)
    for name in ("manifest.json", "curves.png"):
        if (out / name).exists():
            shutil.copyfile(out / name, asked.to / name)
    print(f"{stage}, step {learner.step}, written to {asked.to}")


def learning(main: Callable[[list[str] | None], None]) -> Callable[[Path, list[str]], None]:
    """A stage that learns from the screens in OUT/pages."""
    return lambda out, rest: main(["--out", str(out), "--pages", str(out / "pages"), *rest])


STAGES: dict[str, Callable[[Path, list[str]], None]] = {
    "pages": pages,
    "vision": lambda out, rest: vision.main(["--out", str(out), *rest]),
    "multimodal": learning(multimodal.main),
    "long": learning(long.main),
    "sft": learning(sft.main),
    "dpo": learning(dpo.main),
    "export": export,
}


def run(stage: str, out: Path, rest: list[str]) -> None:
    """Raises UserError when there is no stage of that name."""
    if stage not in STAGES:
        raise UserError(f"no stage {stage!r}; there are: {', '.join(STAGES)}")
    STAGES[stage](out, rest)
