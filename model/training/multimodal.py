"""Stage 2, multimodal: all weights learn to point, read, say when, and to think and call as experts did."""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from model.training.checks import Checks
from model.training.learner import load, prepare
from model.training.lessons import Lessons, read_shares
from model.training.losses import weighted
from model.training.pointing import page_lines
from model.training.trainer import Log, fast, keep_memory, manifest, schedule, update

SHARES = "pages=11,drawn=1,forms=1,plans=2,lines=1,papers=2,clips=1,captions=0.5"


def run(arguments: argparse.Namespace, stage: str) -> None:
    keep_memory()
    out: Path = arguments.out
    learner = load(out, stage, arguments.seed, arguments.begin)
    tools = prepare(learner, arguments.tower, arguments.rate)
    samples = Lessons(arguments.pages, arguments.shares, learner.step + 1, arguments.tokens)
    loader = DataLoader(samples, batch_size=None, num_workers=arguments.workers)
    checks = Checks(arguments.pages)
    manifest(out, stage, screens=seeds_of(arguments.pages), **vars(arguments))
    log = Log(out, stage, arguments.steps, learner.step)
    sums: dict[str, list[float]] = defaultdict(list)
    for step, batch in enumerate(loader, learner.step):
        if step >= arguments.steps:
            break
        with fast(batch.ids.device):
            parts = learner.losses(batch)
        loss = weighted(parts)
        loss.backward()  # type: ignore[no-untyped-call]
        update(tools, arguments.rate * schedule(step, arguments.steps, learner.step))
        log.tick(loss.item())
        for key, value in parts.items():
            name = "plan" if key == "words" and not batch.pixels else key
            sums[name].append(value.item())
        if step % arguments.report == arguments.report - 1 or step + 1 == arguments.steps:
            numbers = {key: float(np.mean(values)) for key, values in sorted(sums.items())}
            sums.clear()
            if step % (4 * arguments.report) == 4 * arguments.report - 1:
                with fast(batch.ids.device):
                    numbers |= checks(learner.model)
            log.write(step + 1, **numbers)
            learner.save(out / f"{stage}.pt", tools, step + 1)


def seeds_of(folders: list[Path]) -> dict[str, str]:
    """Task names of the screens, each with its first and last seed."""
    ends: dict[str, tuple[int, int]] = {}
    for line, _ in page_lines(folders):
        seed = int(line["seed"])
        low, high = ends.get(line["task_name"], (seed, seed))
        ends[line["task_name"]] = (min(low, seed), max(high, seed))
    return {name: f"{low}..{high}" for name, (low, high) in sorted(ends.items())}


def flags(about: str | None, shares: str, steps: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=Path, nargs="*", default=[], help="folders that episodes wrote")
    parser.add_argument("--begin", type=Path, help="exported checkpoint to go on from, such as model/tiny")
    parser.add_argument(
        "--shares", type=read_shares, default=shares, help="of the sources, drawn by batch (%(default)s)"
    )
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--tokens", type=int, default=4500, help="tokens in a batch, about")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--tower", type=float, default=0.2, help="share of the rate for the tower; 0 freezes it")
    parser.add_argument("--report", type=int, default=50, help="steps between lines of the log")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main(argv: list[str] | None = None) -> None:
    run(
        flags(__doc__, "drawn=2,pages=5,plans=2,lines=1,papers=2,clips=1,captions=1,forms=1", 4000).parse_args(argv),
        "multimodal",
    )


if __name__ == "__main__":
    main()
