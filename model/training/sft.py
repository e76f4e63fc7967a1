"""Stage 4, supervised fine-tuning with the tower frozen: on answers of the model's own that are proven right.

Where none of its answers was right, the true one is learned. Sources: rejection sampling as in arXiv 2502.13923.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from model.families import TINY
from model.local.runner import LocalModel
from model.training.architecture import tokenizer
from model.training.attempts import Attempt, asked, attempts, share_right
from model.training.learner import Learner, load, prepare
from model.training.lessons import SOURCES, grouped, read_shares
from model.training.losses import weighted
from model.training.samples import Answer, Sample, collate
from model.training.trainer import Log, fast, manifest, schedule, update

SHARES = "pages=4,plans=2,drawn=1,lines=1,papers=1,clips=1"
HELD_OUT = 10**6  # seeds of questions that only check


def run(arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    learner = load(out, "sft", begin=arguments.begin)
    manifest(out, "sft", **vars(arguments))
    made = answered(learner, arguments)
    batches = grouped(instruction(made, random.Random(learner.step)), arguments.tokens)
    tools = prepare(learner, 0.0, arguments.rate)
    log = Log(out, "sft", arguments.steps, learner.step)
    for step in range(learner.step, arguments.steps):
        batch = collate(next(batches))
        with fast(batch.ids.device):
            loss = weighted(learner.losses(batch))
        loss.backward()  # type: ignore[no-untyped-call]
        update(tools, arguments.rate * schedule(step, arguments.steps, learner.step))
        log.tick(loss.item())
        if step % 50 == 49 or step + 1 == arguments.steps:
            held_out = {"right": check(learner, arguments)} if step + 1 == arguments.steps else {}
            log.write(step + 1, loss=loss.item(), **held_out)
            learner.save(out / "sft.pt", tools, step + 1)


def answered(learner: Learner, arguments: argparse.Namespace) -> list[Attempt]:
    """The questions, and what the model said to them before this stage."""
    file = arguments.out / "answers.jsonl"
    model = LocalModel("in training", TINY, learner.model.eval(), tokenizer())
    return attempts(model, questions(arguments, arguments.seed), arguments.questions, arguments.tries, file)


def check(learner: Learner, arguments: argparse.Namespace) -> float:
    """Share of fresh questions that the model now answers right."""
    file = arguments.out / "check.answers.jsonl"
    file.unlink(missing_ok=True)
    model = LocalModel("in training", TINY, learner.model.eval(), tokenizer())
    return share_right(attempts(model, questions(arguments, HELD_OUT), arguments.checks, 1, file))


def questions(arguments: argparse.Namespace, seed: int) -> Iterator[Sample]:
    """Questions of all sources in turn, the same ones for the same seed."""
    sources = [asked(SOURCES[name](random.Random(f"{seed}-{name}"), arguments.pages)) for name in arguments.shares]
    rng = random.Random(seed)
    while True:
        yield next(rng.choices(sources, list(arguments.shares.values()))[0])


def instruction(made: list[Attempt], rng: random.Random) -> Iterator[Sample]:
    """Without end and in any order: a proven answer of the model's own, else the true one."""
    while True:
        for one in rng.sample(made, len(made)):
            own = tuple(Answer(text) for text in one.right)
            yield replace(one.sample, replies=(rng.choice(own),)) if own else one.sample


def flags(about: str | None, steps: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=Path, nargs="*", default=[], help="folders that episodes wrote")
    parser.add_argument("--begin", type=Path, help="exported checkpoint to go on from, such as model/tiny")
    parser.add_argument("--shares", type=read_shares, default=SHARES, help="of sources, by question (%(default)s)")
    parser.add_argument("--questions", type=int, default=400, help="questions that the model answers itself")
    parser.add_argument("--tries", type=int, default=3, help="answers to each, the first one greedy")
    parser.add_argument("--checks", type=int, default=100, help="fresh questions at the end")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--tokens", type=int, default=3000, help="tokens in a batch, about")
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main(argv: list[str] | None = None) -> None:
    run(flags(__doc__, 150).parse_args(argv))


if __name__ == "__main__":
    main()
