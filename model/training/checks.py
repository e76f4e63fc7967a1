"""How well a model in training does on what it is never trained on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from model.training.chats import clip_sample, line_sample, paper_sample
from model.training.losses import forward
from model.training.pointing import drawn_sample, held_out, page_lines, page_sample
from model.training.samples import Batch, Reply, Sample, collate, words

BEYOND = 2 * 10**9  # seeds from here on are never trained on


@torch.no_grad()
def hits(model: Any, batches: list[Batch], samples: list[list[Sample]]) -> float:
    """Share of pointing replies whose digits, each the likeliest after the right ones before, lie in the target."""
    right = total = 0
    for batch, group in zip(batches, samples, strict=True):
        thought, *_ = forward(model, batch)
        said = F.linear(thought.hidden, model.lm_head.weight).argmax(-1)
        for index, sample in enumerate(group):
            for number, reply in enumerate(sample.replies, 1):
                places = (batch.segment[index] == number) & (batch.weight[index] == 2.0)
                if not isinstance(reply, Reply) or reply.box is None or not places.any():
                    continue
                numbers = words().decode(said[index][places]).replace("]}}", "").split(",")
                total += 1
                if len(numbers) == 2 and all(n.strip().isdigit() for n in numbers):
                    px, py = (int(n) for n in numbers)
                    right += reply.box[0] <= px <= reply.box[2] and reply.box[1] <= py <= reply.box[3]
    return right / max(1, total)


@torch.no_grad()
def said(model: Any, batches: list[Batch]) -> float:
    """Share of what is to be learned that is said right, each token after the right ones before."""
    right = total = 0
    for batch in batches:
        thought, _ = forward(model, batch)
        wanted = batch.weight > 0
        likeliest = F.linear(thought.hidden[wanted], model.lm_head.weight).argmax(-1)
        right += int((likeliest == batch.target[wanted]).sum())
        total += int(wanted.sum())
    return right / max(1, total)


class Checks:
    """Pictures, screens, lines, papers and clips that are never trained on, and how well a model does on them."""

    def __init__(self, folders: list[Path]) -> None:
        rng = random.Random(5)
        unseen = [(line, folder) for line, folder in page_lines(folders) if held_out(line)]
        rng.shuffle(unseen)
        papers = [(line, folder) for line, folder in unseen if line["task_name"] == "paper"]
        screens = [(line, folder) for line, folder in unseen if line["task_name"] != "paper"]
        pages = [[page_sample(line, folder, rng)] for line, folder in screens[:40]]  # one a batch: their sizes differ
        self.pointed = {"drawn": [[drawn_sample(BEYOND + i, 224, 224, 18) for i in range(16)]], "pages": pages}
        self.told = {
            "lines": [[line_sample(BEYOND + i)] for i in range(20)],
            "clips": [[clip_sample(BEYOND + i, rng)] for i in range(20)],
            "papers": [[paper_sample(line, folder, rng)] for line, folder in papers[:10]],
        }

    def __call__(self, model: Any) -> dict[str, float]:
        """Points inside their target, and tokens said right."""
        found = {}
        for name, groups in self.pointed.items():
            found[f"hit_{name}"] = hits(model, [collate(group) for group in groups], groups)
        for name, groups in self.told.items():
            found[f"said_{name}"] = said(model, [collate(group) for group in groups])
        return found
