"""Stage 2, multimodal: all weights learn to point, and to think and call as experts did, on drawn and real pages."""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from model.training.architecture import new_model
from model.training.chats import clip_sample, line_sample, paper_sample
from model.training.forward import Look, Thought, see, think
from model.training.lessons import Lessons, read_shares
from model.training.pointing import drawn_sample, held_out, page_lines, page_sample
from model.training.samples import Batch, Reply, Sample, collate, words
from model.training.trainer import Log, fast, manifest, optimisers, save_checkpoint, schedule, update
from model.training.vision import Heads, dense_loss

# Scaffolding: attention that is taught where to look. Reading and pointing share a head, copying has another.
COPY = (2, 3)  # blocks: at a word to be repeated, to where it stands
READ = (3, 4)  # blocks: at a letter of a name, to that letter in the picture
POINT = (5, 6)  # blocks: at the digits, to the target in the picture
PLACED = (2, 5)  # after these blocks every picture token should know its own place
ORDER = ("vision", "multimodal", "long", "sft", "dpo")  # each stage goes on from the newest before it
SHARES = "pages=11,drawn=1,forms=1,plans=2,lines=1,papers=2,clips=1,captions=0.5"
BEYOND = 2 * 10**9  # seeds from here on are never trained on
TAUGHT = 400_000  # pixels; on larger pictures the tower only looks, its lessons would take most of the time
PLACES = 48  # rows or columns told apart by the place heads


class Places(nn.Module):
    """Scaffolding, not shipped: every picture token should know its own row, column and time, to speak of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.row_head = nn.Linear(width, PLACES)
        self.column_head = nn.Linear(width, PLACES)
        self.time_head = nn.Linear(width, PLACES)

    def loss(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """tokens: (B, T, D). positions: (3, B, T) time, row and column of each, counted from the picture's own."""
        heads = (self.time_head, self.row_head, self.column_head)
        wanted = positions.clamp(0, PLACES - 1).flatten(1)
        losses = [F.cross_entropy(head(tokens).flatten(0, 1), own) for head, own in zip(heads, wanted, strict=True)]
        return torch.stack(losses).sum()


def forward(model: Any, batch: Batch, looks: Sequence[Look] = ()) -> tuple[Thought, list[tuple[Tensor, Tensor]]]:
    """What the language model thinks, and of every picture what its tokens hold and what its patches hold."""
    embedded = model.model.language_model.embed_tokens(batch.ids)
    seen = [look_at(model.model.visual, pixels) for pixels in batch.pixels]
    if seen:
        there = shown(model, batch.ids)[..., None]
        tokens = torch.cat([tokens for tokens, _ in seen], 1)
        embedded = embedded.masked_scatter(there, tokens.to(embedded.dtype))
    asks, holds = batch.segment[:, :, None], batch.segment[:, None, :]
    causal = torch.ones(batch.ids.shape[1], batch.ids.shape[1], dtype=torch.bool, device=embedded.device).tril()
    mask = causal & ((asks == holds) | (holds == 0))
    mask |= torch.eye(len(causal), dtype=torch.bool, device=embedded.device)  # what fills up looks at itself
    return think(model.model.language_model, embedded, batch.positions, mask, looks), seen


def look_at(tower: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """pixels: (B, T, H, W, 3) -> tokens (B, N, D) and patches (B, 4 N, d), the frame pairs one after the other."""
    b, t, h, w, _ = pixels.shape
    f = min(t, 2)
    with torch.set_grad_enabled(torch.is_grad_enabled() and h * w <= TAUGHT):
        tokens, patches = see(tower, pixels.reshape(b * t // f, f, h, w, 3))
    return tokens.reshape(b, -1, tokens.shape[-1]), patches.reshape(b, -1, patches.shape[-1])


def shown(model: Any, ids: Tensor) -> Tensor:
    """(B, S) bool: the tokens of pictures and videos."""
    tokens = torch.tensor([model.config.image_token_id, model.config.video_token_id], device=ids.device)
    return torch.isin(ids, tokens)


def losses(learner: Learner, batch: Batch) -> dict[str, Tensor]:
    model = learner.model
    taught = [("copy", block, 1, batch.copies) for block in COPY]
    if batch.pixels:
        taught += [("read", block, 0, batch.reads) for block in READ]
        taught += [("point", block, 0, batch.pointers) for block in POINT]
    looks = [Look(block, head, rows[:, :, 0]) for _, block, head, rows in taught]
    thought, seen = forward(model, batch, looks)
    wanted = batch.weight > 0
    logits = F.linear(thought.hidden[wanted], model.lm_head.weight).float()
    each = F.cross_entropy(logits, batch.target[wanted], reduction="none")
    digits = batch.weight[wanted] == 2.0
    out = {"words": each[~digits].mean()}
    if digits.any():
        out["digits"] = each[digits].mean()
    if batch.characters is not None and batch.kinds is not None and seen[0][0].requires_grad:
        out["dense"] = dense_loss(learner.heads(*seen[0]), batch.characters, batch.kinds)
    if batch.pixels:
        there, b = shown(model, batch.ids), len(batch.ids)
        own = batch.positions[:, there].view(3, b, -1) - starts(batch, there)
        for block in PLACED:
            out[f"place{block}"] = learner.places.loss(thought.layers[block][there].view(b, own.shape[2], -1), own)
    for (name, block, _, aims), attention in zip(taught, thought.attention, strict=True):
        valid = aims[:, :, 0] > 0
        if valid.any():
            loss = copy_loss if name == "copy" else look_loss
            out[f"{name}{block}"] = loss(attention, aims, valid)
    return out


def starts(batch: Batch, there: Tensor) -> Tensor:
    """(3, B, T) where the picture of each picture token begins: the position of its first token."""
    positions = batch.positions[:, there].view(3, len(batch.ids), -1)
    lengths = [times * rows * columns for times, rows, columns in batch.grids]
    return torch.cat([part[:, :, :1].expand_as(part) for part in torch.split(positions, lengths, 2)], 2)


def copy_loss(seen: Tensor, aims: Tensor, valid: Tensor) -> Tensor:
    """seen: (B, P, S) log attention. aims: (B, P, 2), the second is the place to look at."""
    return -seen.gather(2, aims[:, :, 1:]).squeeze(2)[valid].mean()


def look_loss(seen: Tensor, aims: Tensor, valid: Tensor) -> Tensor:
    """seen: (B, P, S) log attention. aims: (B, P, 7), see `cells_of`: the cells of a picture to look at."""
    first, columns, top, left, bottom, right = (aims[valid][:, i, None] for i in range(1, 7))
    index = torch.arange(seen.shape[2], device=seen.device) - first
    r, c = index.div(columns, rounding_mode="floor"), index % columns
    target = (r >= top) & (r <= bottom) & (c >= left) & (c <= right)
    return -seen[valid].masked_fill(~target, -30).logsumexp(-1).mean()


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


@dataclass
class Learner:
    """What a stage trains: the model, and scaffolding heads that are not shipped."""

    model: Any
    heads: Heads
    places: Places
    step: int = 0  # of this stage
    tools: list[dict[str, Any]] = field(default_factory=list)  # the optimisers' states, in this stage

    def save(self, file: Path, tools: Sequence[torch.optim.Optimizer], step: int) -> None:
        parts = {"model": self.model, "heads": self.heads, "places": self.places}
        states = {name: part.state_dict() for name, part in parts.items()}
        save_checkpoint(file, **states, tools=[tool.state_dict() for tool in tools], step=step)


def load(out: Path, stage: str, seed: int = 0, begin: Path | None = None) -> Learner:
    """The newest checkpoint of this stage, else `begin`, else that of the stage before, else fresh weights.

    out: the folder of all stages. begin: an exported checkpoint, such as model/tiny.
    """
    model = new_model(seed)
    tower = model.model.visual
    heads = Heads(tower.config.hidden_size, tower.config.out_hidden_size)
    learner = Learner(model, heads, Places(model.config.text_config.hidden_size))
    earlier = [name for name in ORDER[: ORDER.index(stage) + 1] if (out / f"{name}.pt").exists()]
    if begin is not None and earlier[-1:] != [stage]:
        model.load_state_dict(type(model).from_pretrained(begin, dtype=torch.float32).state_dict())
    elif earlier and earlier[-1] != "vision":
        saved = torch.load(out / f"{earlier[-1]}.pt", weights_only=True)
        model.load_state_dict(saved["model"])
        fitting(heads, saved["heads"])
        fitting(learner.places, saved["places"])
        if earlier[-1] == stage:
            learner.step, learner.tools = int(saved["step"]), saved["tools"]
    elif earlier:
        saved = torch.load(out / "vision.pt", weights_only=True)
        tower.load_state_dict(saved["tower"])
        fitting(heads, saved["heads"])
    return learner


def fitting(head: nn.Module, state: dict[str, Tensor]) -> None:
    """Load what still has the shape it had; scaffolding that has grown starts afresh."""
    own = head.state_dict()
    head.load_state_dict({k: v for k, v in state.items() if k in own and own[k].shape == v.shape}, strict=False)


def prepare(learner: Learner, tower: float, rate: float) -> list[torch.optim.Optimizer]:
    """The optimisers as they were; tower: its share of the rate, 0 freezes it."""
    eyes, language = learner.model.model.visual, learner.model.model.language_model  # the output matrix: the embedding
    tools = optimisers({eyes: tower, learner.heads: tower, language: 1.0, learner.places: 1.0}, rate)
    for tool, state in zip(tools, learner.tools, strict=False):
        shares = [group["share"] for group in tool.param_groups]
        try:
            tool.load_state_dict(state)
        except (ValueError, KeyError):
            continue  # the scaffolding has changed: momentum starts afresh
        for group, share in zip(tool.param_groups, shares, strict=True):
            group["share"] = share
    return tools


def run(arguments: argparse.Namespace, stage: str) -> None:
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
            parts = losses(learner, batch)
        loss = torch.stack([WEIGHTS[key.rstrip("0123456789")] * value for key, value in parts.items()]).sum()
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
