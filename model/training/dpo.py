"""Stage 5, direct preference optimisation: a right answer over a wrong one of the model's own; no videos.

Source: Rafailov et al. 2023, arXiv 2305.18290. Both answers follow one prompt, blind to each other, so that the picture
is looked at once; trl's trainer would look twice.
"""

from __future__ import annotations

import argparse
import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.training import sft
from model.training.attempts import Attempt
from model.training.learner import load, prepare
from model.training.lessons import grouped
from model.training.losses import forward
from model.training.samples import Answer, Batch, Sample, collate
from model.training.trainer import Log, fast, manifest, schedule, update

BETA = 0.1
RIGHT, WRONG = 1, 2  # segments of the two answers


def run(arguments: argparse.Namespace) -> None:
    out = arguments.out
    learner = load(out, "dpo", begin=arguments.begin)
    manifest(out, "dpo", **vars(arguments))
    chosen = [pair for one in sft.answered(learner, arguments) for pair in pairs(one)]
    print(f"{len(chosen)} pairs of a right and a wrong answer")
    if not chosen:
        return
    model, before = learner.model, copy.deepcopy(learner.model).requires_grad_(False)
    batches = grouped(endless(chosen, random.Random(learner.step)), arguments.tokens)
    tools = prepare(learner, 0.0, arguments.rate)
    log = Log(out, "dpo", arguments.steps, learner.step)
    for step in range(learner.step, arguments.steps):
        batch = collate(next(batches))
        with fast(batch.ids.device):
            now = likelihoods(model, batch)
            with torch.no_grad():
                then = likelihoods(before, batch)
            margin = (now - then)[:, 0] - (now - then)[:, 1]
            length = (batch.segment == RIGHT).sum(1)
            loss = -F.logsigmoid(BETA * margin).mean() - (now[:, 0] / length).mean()  # and stay with what is right
        loss.backward()  # type: ignore[no-untyped-call]
        update(tools, arguments.rate * schedule(step, arguments.steps, learner.step))
        log.tick(loss.item())
        if step % 20 == 19 or step + 1 == arguments.steps:
            held_out = {"right": sft.check(learner, arguments)} if step + 1 == arguments.steps else {}
            better = (margin > 0).float().mean().item()
            log.write(step + 1, loss=loss.item(), better=better, **held_out)
            learner.save(out / "dpo.pt", tools, step + 1)


def pairs(one: Attempt) -> Iterator[Sample]:
    """The question with a right answer and with each wrong one; the true answer where none of its own is right."""
    if any(len(picture.frames) > 1 for picture in one.sample.pictures):
        return
    right = Answer(one.right[0] if one.right else one.sample.replies[0].text)
    for wrong in one.wrong:
        yield replace(one.sample, replies=(right, Answer(wrong)))


def endless(chosen: list[Sample], rng: random.Random) -> Iterator[Sample]:
    while True:
        yield from rng.sample(chosen, len(chosen))


def likelihoods(model: Any, batch: Batch) -> Tensor:
    """(B, 2): the log-likelihood of the right and of the wrong answer, each of them whole."""
    thought, _ = forward(model, batch)
    logs = F.linear(thought.hidden, model.lm_head.weight).float().log_softmax(-1)
    said = logs[:, :-1].gather(2, batch.ids[:, 1:, None]).squeeze(2)
    every, end = torch.arange(len(batch.ids)), (batch.segment == 0).sum(1) - 1
    found = []
    for one in (RIGHT, WRONG):
        own = batch.segment == one
        first = batch.ids[every, own.int().argmax(1)]  # told by the end of the prompt, wherever it stands
        found.append((said * (own[:, 1:] & own[:, :-1])).sum(1) + logs[every, end, first])
    return torch.stack(found, 1)


def main(argv: list[str] | None = None) -> None:
    parser = sft.flags(__doc__, 60)
    parser.set_defaults(rate=5e-5)
    run(parser.parse_args(argv))


if __name__ == "__main__":
    main()
