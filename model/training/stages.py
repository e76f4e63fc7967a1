"""The stages by name, as `launch.py train` runs them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from model.training import episodes, multimodal, vision
from model.training.architecture import save
from tools.errors import UserError

TINY_FOLDER = Path(__file__).parents[1] / "tiny"
TASKS = (
    "click-test,click-test-2,click-button,click-link,click-dialog,click-tab,focus-text,enter-text,click-checkboxes,"
    "page-buttons,page-links,page-form,page-checklist,page-search"
)


def pages(out: Path, rest: list[str]) -> None:
    """Real pages for stage 2: experts play tasks, and pages without a task, into OUT/pages."""
    parser = argparse.ArgumentParser(prog="train --stage pages", description=pages.__doc__)
    parser.add_argument("--seeds", default="100000:100100", metavar="A:B", help="seeds of every task (%(default)s)")
    parser.add_argument("--tasks", default=TASKS, help="names with commas between (the nine and five of the card)")
    asked = parser.parse_args(rest)
    chunk = out / "pages" / asked.seeds.replace(":", "-")
    episodes.main(["--out", str(chunk), "--tasks", asked.tasks + ",mixed", "--seeds", asked.seeds])


def export(out: Path, rest: list[str]) -> None:
    """The newest checkpoint of stage 2 in OUT becomes the embedded model, or goes to --to."""
    parser = argparse.ArgumentParser(prog="train --stage export", description=export.__doc__)
    parser.add_argument("--to", type=Path, default=TINY_FOLDER, help="folder of the checkpoint (the embedded model's)")
    asked = parser.parse_args(rest)
    if not (out / "multimodal.pt").exists():
        raise UserError(f"no multimodal.pt in {out}; run: python3 launch.py train --stage multimodal --out {out}")
    model, _, _, saved = multimodal.load(out, 0)
    save(model.to(torch.float32), asked.to)
    print(f"step {saved['step']} written to {asked.to}")


STAGES: dict[str, Callable[[Path, list[str]], None]] = {
    "pages": pages,
    "vision": lambda out, rest: vision.main(["--out", str(out), *rest]),
    "multimodal": lambda out, rest: multimodal.main(["--out", str(out), "--pages", str(out / "pages"), *rest]),
    "export": export,
}


def run(stage: str, out: Path, rest: list[str]) -> None:
    """Raises UserError when there is no stage of that name."""
    if stage not in STAGES:
        raise UserError(f"no stage {stage!r}; there are: {', '.join(STAGES)}")
    STAGES[stage](out, rest)
