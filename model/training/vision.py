"""Stage 1, vision: the tower alone learns to say which character and which widget lies under each patch."""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from model.training.architecture import new_model
from model.training.drawing import picture
from model.training.forward import see
from model.training.labels import CHARACTER_CLASSES, KINDS, SAMPLES, character_labels, kind_labels
from model.training.trainer import Log, fast, keep_memory, manifest, optimisers, save_checkpoint, schedule, update

Batch = tuple[Tensor, Tensor, Tensor]  # pixels (B, 1, H, W, 3) uint8, characters (B, N, 2), kinds (B, N)
HELD_OUT = 10**9  # picture seeds from here on are never trained on


class Heads(nn.Module):
    """Scaffolding: read characters and widgets off the patches, and again off the picture tokens. Not shipped."""

    def __init__(self, patch: int, token: int) -> None:
        super().__init__()
        self.patch_head = nn.Linear(patch, SAMPLES * CHARACTER_CLASSES + len(KINDS))
        self.token_head = nn.Linear(token, 4 * (SAMPLES * CHARACTER_CLASSES + len(KINDS)))

    def forward(self, tokens: Tensor, patches: Tensor) -> list[tuple[Tensor, Tensor]]:
        """[(characters (B, N, 2, classes), kinds (B, N, kinds)), ...] once from patches, once from tokens."""
        found = []
        b, n, _ = patches.shape
        for out in (self.patch_head(patches), self.token_head(tokens).view(b, n, -1)):
            characters, kinds = out.split([SAMPLES * CHARACTER_CLASSES, len(KINDS)], -1)
            found.append((characters.view(b, n, SAMPLES, CHARACTER_CLASSES), kinds))
        return found


def dense_loss(found: list[tuple[Tensor, Tensor]], characters: Tensor, kinds: Tensor) -> Tensor:
    """Cross entropy of both readings; empty places count little, there are so many of them."""
    weight = torch.ones(CHARACTER_CLASSES, device=characters.device)
    weight[0] = 0.15
    loss = torch.zeros((), device=characters.device)
    for said, widget in found:
        loss = loss + F.cross_entropy(said.flatten(0, 2), characters.flatten(), weight=weight)
        loss = loss + 0.3 * F.cross_entropy(widget.flatten(0, 1), kinds.flatten())
    return loss


def read_share(said: Tensor, characters: Tensor) -> float:
    """Of the places that hold a character, the share where it is named right."""
    there = characters > 0
    return float((said.argmax(-1) == characters)[there].float().mean())


class Pictures(IterableDataset[Batch]):
    """Batches of drawn pictures of one size each, by seed; `easy` starts with large letters."""

    def __init__(self, first: int, count: int, batch: int, easy: int = 0) -> None:
        self.first, self.count, self.batch, self.easy = first, count, batch, easy

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        start, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for index in range(start, self.count, stride):
            rng = random.Random(self.first + index)
            width, height = rng.choice([(224, 224), (224, 224), (280, 168), (168, 280)])
            progress = min(1.0, index / self.easy) if self.easy else 1.0
            smallest = round(26 - 11 * progress)
            yield batch_of([(self.first + index) * 1000 + i for i in range(self.batch)], width, height, smallest)


def batch_of(seeds: list[int], width: int, height: int, smallest: int) -> Batch:
    pixels, characters, kinds = [], [], []
    for seed in seeds:
        drawn = picture(seed, width, height, (smallest, 38))
        pixels.append(np.asarray(drawn.image)[None])
        characters.append(character_labels(drawn.chars, height, width).reshape(-1, SAMPLES))
        kinds.append(kind_labels(drawn.elements, height, width).reshape(-1))
    return tuple(torch.from_numpy(np.stack(part)) for part in (pixels, characters, kinds))  # type: ignore[return-value]


def run(arguments: argparse.Namespace) -> None:
    keep_memory()
    out: Path = arguments.out
    model = new_model(arguments.seed)
    tower = model.model.visual
    heads = Heads(tower.config.hidden_size, tower.config.out_hidden_size)
    start, file = 0, out / "vision.pt"
    if file.exists():
        saved = torch.load(file, weights_only=True)
        tower.load_state_dict(saved["tower"])
        heads.load_state_dict(saved["heads"])
        start = saved["step"]
    elif arguments.begin:
        begun = type(model).from_pretrained(arguments.begin, dtype=torch.float32)
        tower.load_state_dict(begun.model.visual.state_dict())
    tools = optimisers({tower: 1.0, heads: 1.0}, arguments.rate)
    first = 1000 + start
    pictures = Pictures(first, arguments.steps - start, arguments.batch, 0 if start else arguments.easy)
    held_out = [batch_of([HELD_OUT + 16 * k + i for i in range(16)], 224, 224, s) for k, s in enumerate((14, 18, 26))]
    log = Log(out, "vision", arguments.steps, start)
    manifest(out, "vision", seeds=f"{first}:{1000 + arguments.steps}", **vars(arguments))
    loader = DataLoader(pictures, batch_size=None, num_workers=arguments.workers)
    for step, (pixels, characters, kinds) in enumerate(loader, start):
        with fast(pixels.device):
            loss = dense_loss(heads(*see(tower, pixels)), characters, kinds)
        loss.backward()  # type: ignore[no-untyped-call]
        update(tools, arguments.rate * schedule(step, arguments.steps, start))
        log.tick(loss.item())
        if step % 50 == 49 or step + 1 == arguments.steps:
            with torch.no_grad(), fast(pixels.device):
                read = [read_share(heads(*see(tower, p))[1][0], c) for p, c, _ in held_out]
            log.write(step + 1, loss=loss.item(), read14=read[0], read18=read[1], read26=read[2])
            save_checkpoint(file, tower=tower.state_dict(), heads=heads.state_dict(), step=step + 1)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--begin", type=Path, help="exported checkpoint whose tower to go on from, such as model/tiny")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--easy", type=int, default=700, help="steps until the smallest letters appear")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    run(parser.parse_args(argv))


if __name__ == "__main__":
    main()
