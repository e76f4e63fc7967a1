"""Stage 2, multimodal: all weights learn to point, and to think and call as experts did, on drawn and real pages."""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from model.training.architecture import new_model
from model.training.forward import Look, Thought, see, think
from model.training.lessons import Samples, drawn_sample, held_out, page_lines, page_sample
from model.training.samples import Batch, Sample, collate, words
from model.training.trainer import Log, fast, optimisers, save_checkpoint, schedule, update
from model.training.vision import Heads, dense_loss

# Scaffolding: attention that is taught where to look. Reading and pointing share a head, copying has another.
COPY = (2, 3)  # blocks: at a word to be repeated, to where it stands
READ = (3, 4)  # blocks: at a letter of a name, to that letter in the picture
POINT = (5, 6)  # blocks: at the digits, to the target in the picture
PLACED = (2, 5)  # after these blocks every picture token should know its own place
PLACES = 48  # rows or columns told apart by the place heads


class Places(nn.Module):
    """Scaffolding: every picture token should know its own row and column, so that they can be spoken. Not shipped."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.row_head = nn.Linear(width, PLACES)
        self.column_head = nn.Linear(width, PLACES)

    def loss(self, tokens: Tensor, rows: int, columns: int) -> Tensor:
        """tokens: (B, rows * columns, D)."""
        r, c = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        r, c = (x.flatten().clamp(max=PLACES - 1).expand(len(tokens), -1).to(tokens.device) for x in (r, c))
        return F.cross_entropy(self.row_head(tokens).flatten(0, 1), r.flatten()) + F.cross_entropy(
            self.column_head(tokens).flatten(0, 1), c.flatten()
        )


def forward(model: Any, batch: Batch, looks: Sequence[Look] = ()) -> tuple[Thought, Tensor, Tensor]:
    """What the language model thinks, what the picture tokens hold and what the patches hold."""
    embedded = model.model.language_model.embed_tokens(batch.ids)
    tokens = patches = embedded.new_zeros(0)
    if batch.pixels is not None:
        tokens, patches = see(model.model.visual, batch.pixels)
        there = (batch.ids == model.config.image_token_id)[..., None]
        embedded = embedded.masked_scatter(there, tokens.to(embedded.dtype))
    asks, holds = batch.segment[:, :, None], batch.segment[:, None, :]
    causal = torch.ones(batch.ids.shape[1], batch.ids.shape[1], dtype=torch.bool, device=embedded.device).tril()
    mask = causal & ((asks == holds) | (holds == 0))
    mask |= torch.eye(len(causal), dtype=torch.bool, device=embedded.device)  # what fills up looks at itself
    return think(model.model.language_model, embedded, batch.positions, mask, looks), tokens, patches


def losses(model: Any, heads: Heads, places: Places, batch: Batch) -> dict[str, Tensor]:
    taught = [("copy", block, 1, batch.copies) for block in COPY]
    if batch.pixels is not None:
        taught += [("read", block, 0, batch.reads) for block in READ]
        taught += [("point", block, 0, batch.pointers) for block in POINT]
    looks = [Look(block, head, rows[:, :, 0]) for _, block, head, rows in taught]
    thought, tokens, patches = forward(model, batch, looks)
    wanted = batch.weight > 0
    logits = F.linear(thought.hidden[wanted], model.lm_head.weight).float()
    each = F.cross_entropy(logits, batch.target[wanted], reduction="none")
    digits = batch.weight[wanted] == 2.0
    out = {"words": each[~digits].mean()}
    rows = columns = 0
    if batch.pixels is not None:
        rows, columns = batch.pixels.shape[1] // 28, batch.pixels.shape[2] // 28
        assert batch.characters is not None and batch.kinds is not None
        if digits.any():
            out["digits"] = each[digits].mean()
        if tokens.requires_grad:
            out["dense"] = dense_loss(heads(tokens, patches), batch.characters, batch.kinds)
        for block in PLACED:
            starts = enumerate(batch.starts.tolist())
            pictures = torch.stack([thought.layers[block][i, s : s + rows * columns] for i, s in starts])
            out[f"place{block}"] = places.loss(pictures, rows, columns)
    for (name, block, _, aims), seen in zip(taught, thought.attention, strict=True):
        valid = aims[:, :, 0] > 0
        if valid.any():
            out[f"{name}{block}"] = (
                copy_loss(seen, aims, valid)
                if name == "copy"
                else (look_loss(seen, aims, valid, batch.starts, rows, columns))
            )
    return out


def copy_loss(seen: Tensor, aims: Tensor, valid: Tensor) -> Tensor:
    """seen: (B, P, S) log attention. aims: (B, P, 2), the second is the place to look at."""
    return -seen.gather(2, aims[:, :, 1:]).squeeze(2)[valid].mean()


def look_loss(seen: Tensor, aims: Tensor, valid: Tensor, starts: Tensor, rows: int, columns: int) -> Tensor:
    """seen: (B, P, S) log attention. aims: (B, P, 5), the last four are cells of the picture to look at."""
    index = torch.arange(rows * columns, device=seen.device)
    at = (starts[:, None, None] + index).expand(-1, seen.shape[1], -1)
    shown = seen.gather(2, at)[valid]  # (K, T)
    top, left, bottom, right = (aims[valid][:, i, None] for i in range(1, 5))
    r, c = index // columns, index % columns
    target = (r >= top) & (r <= bottom) & (c >= left) & (c <= right)
    return -shown.masked_fill(~target, -30).logsumexp(-1).mean()


WEIGHTS = {"words": 1.0, "digits": 1.0, "dense": 0.3, "place": 0.1, "copy": 0.3, "read": 0.4, "point": 0.4}


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
                if reply.box is None or not places.any():
                    continue
                numbers = words().decode(said[index][places]).replace("]}}", "").split(",")
                total += 1
                if len(numbers) == 2 and all(n.strip().isdigit() for n in numbers):
                    px, py = (int(n) for n in numbers)
                    right += reply.box[0] <= px <= reply.box[2] and reply.box[1] <= py <= reply.box[3]
    return right / max(1, total)


def load(out: Path, seed: int, begin: Path | None = None) -> tuple[Any, Heads, Places, dict[str, Any]]:
    """The newest checkpoint of this stage, else the exported one, else the tower of stage 1, else fresh weights.

    The last is what else the checkpoint holds: {} or its step and the optimisers' states.
    """
    model = new_model(seed)
    tower = model.model.visual
    heads = Heads(tower.config.hidden_size, tower.config.out_hidden_size)
    places = Places(model.config.text_config.hidden_size)
    rest: dict[str, Any] = {}
    if (out / "multimodal.pt").exists():
        rest = torch.load(out / "multimodal.pt", weights_only=True)
        model.load_state_dict(rest.pop("model"))
        heads.load_state_dict(rest.pop("heads"))
        places.load_state_dict(rest.pop("places"))
    elif begin is not None:
        model.load_state_dict(type(model).from_pretrained(begin, dtype=torch.float32).state_dict())
    elif (out / "vision.pt").exists():
        saved = torch.load(out / "vision.pt", weights_only=True)
        tower.load_state_dict(saved["tower"])
        heads.load_state_dict(saved["heads"])
    return model, heads, places, rest


def run(arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    model, heads, places, saved = load(out, arguments.seed, arguments.begin)
    start = int(saved.get("step", 0))
    tower, language = model.model.visual, model.model.language_model  # the output matrix is the embedding's
    tools = optimisers({tower: arguments.tower, heads: arguments.tower, language: 1.0, places: 1.0}, arguments.rate)
    for tool, state in zip(tools, saved.get("tools", []), strict=False):
        shares = [group["share"] for group in tool.param_groups]
        tool.load_state_dict(state)
        for group, share in zip(tool.param_groups, shares, strict=True):
            group["share"] = share
    mixture = tuple(float(share) for share in arguments.shares.split(","))
    samples = Samples(arguments.pages, mixture, start + 1, arguments.tokens)  # type: ignore[arg-type]
    loader = DataLoader(samples, batch_size=None, num_workers=arguments.workers)
    checks = {"hit_drawn": checked_drawn(), "hit_pages": checked_pages(arguments.pages)}
    log = Log(out, "multimodal", arguments.steps)
    sums: dict[str, list[float]] = defaultdict(list)
    for step, batch in enumerate(loader, start):
        if step >= arguments.steps:
            break
        with fast(batch.ids.device):
            parts = losses(model, heads, places, batch)
        loss = torch.stack([WEIGHTS[key.rstrip("0123456789")] * value for key, value in parts.items()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        update(tools, arguments.rate * schedule(step, arguments.steps))
        for key, value in parts.items():
            name = "plan" if key == "words" and batch.pixels is None else key
            sums[name].append(value.item())
        if step % arguments.report == arguments.report - 1 or step + 1 == arguments.steps:
            numbers = {key: float(np.mean(values)) for key, values in sorted(sums.items())}
            sums.clear()
            if step % (4 * arguments.report) == 4 * arguments.report - 1:
                with fast(batch.ids.device):
                    numbers |= {name: hits(model, *check) for name, check in checks.items()}
            log.write(step + 1, **numbers)
            save_checkpoint(
                out / "multimodal.pt",
                model=model.state_dict(),
                heads=heads.state_dict(),
                places=places.state_dict(),
                tools=[tool.state_dict() for tool in tools],
                step=step + 1,
            )


Check = tuple[list[Batch], list[list[Sample]]]


def checked_drawn() -> Check:
    """Pictures that are never trained on."""
    group = [drawn_sample(2 * 10**9 + i, 224, 224, 18) for i in range(16)]
    return [collate(group)], [group]


def checked_pages(folders: list[Path]) -> Check:
    """Pages whose seeds are never trained on, one a batch as their sizes differ."""
    rng = random.Random(5)
    lines = [(line, folder) for line, folder in page_lines(folders) if held_out(line)]
    rng.shuffle(lines)
    groups = [[page_sample(line, folder, rng)] for line, folder in lines[:30]]
    return [collate(group) for group in groups], groups


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=Path, nargs="*", default=[], help="folders of model.training.episodes' output")
    parser.add_argument("--begin", type=Path, help="exported checkpoint to go on from, such as model/tiny")
    parser.add_argument("--shares", default="0.6,0.25,0.15", help="of drawn pictures, real pages, and words only")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--tokens", type=int, default=4500, help="tokens in a batch, about")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--tower", type=float, default=0.0, help="share of the rate for the tower; 0 freezes it")
    parser.add_argument("--report", type=int, default=50, help="steps between lines of the log")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    run(parser.parse_args(argv))


if __name__ == "__main__":
    main()
