"""What a batch teaches: the next token, and with extra losses where to look for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.training.clips import GROUP
from model.training.forward import Look, Thought, see, think
from model.training.samples import CELL, Batch
from model.training.vision import Heads, dense_loss

# Scaffolding: attention that is taught where to look. Reading and pointing share a head, copying has another.
COPY = (2, 3, 4)  # blocks: at a word to be repeated, to where it stands
READ = (3, 4)  # blocks: at a letter of a name, to that letter in the picture
POINT = (5, 6)  # blocks: at the digits, to the target in the picture
PLACED = (2, 5)  # after these blocks every picture token should know its own place
CHANGED = (2, 4)  # after these blocks every token of a video should know whether its own place changes
PLACES = 48  # rows, columns or time ids told apart by the place heads
LEAST_CHANGE = 16  # of 255, in any channel of any pixel
TAUGHT = 400_000  # pixels; on larger pictures the tower only looks, its lessons would take most of the time
WEIGHTS = {"words": 1.0, "digits": 1.0, "dense": 0.3, "place": 0.1, "change": 0.3}
WEIGHTS |= {"copy": 0.3, "read": 0.4, "point": 0.4}  # attention


class Places(nn.Module):
    """Scaffolding, not shipped: every picture token should know its row, column and time, and what changes there."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.row_head = nn.Linear(width, PLACES)
        self.column_head = nn.Linear(width, PLACES)
        self.time_head = nn.Linear(width, PLACES)
        self.change_head = nn.Linear(width, GROUP)

    def loss(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """tokens: (B, T, D). positions: (3, B, T) time, row and column of each, counted from the picture's own."""
        heads = (self.time_head, self.row_head, self.column_head)
        wanted = positions.clamp(0, PLACES - 1).flatten(1)
        losses = [F.cross_entropy(head(tokens).flatten(0, 1), own) for head, own in zip(heads, wanted, strict=True)]
        return torch.stack(losses).sum()

    def change_loss(self, tokens: Tensor, frames: Tensor) -> Tensor:
        """tokens: (B, T, D) of a video. frames: (B, F, H, W, 3) uint8."""
        return F.binary_cross_entropy_with_logits(self.change_head(tokens).float(), changes(frames))


def changes(frames: Tensor) -> Tensor:
    """(B, T, 2) of a video's T tokens: 1 where the first, where the second of their frames differs from the one before.

    frames: (B, F, H, W, 3) uint8, F even, sides multiples of 28. Before the first frame nothing changes.
    """
    b, f, h, w, _ = frames.shape
    differ = (frames[:, 1:].short() - frames[:, :-1].short()).abs().amax(-1) > LEAST_CHANGE
    cells = F.max_pool2d(differ.float(), CELL)  # (B, F - 1, rows, columns)
    cells = F.pad(cells, (0, 0, 0, 0, 1, 0)).view(b, f // GROUP, GROUP, h // CELL * (w // CELL))
    return cells.transpose(2, 3).reshape(b, -1, GROUP)


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


def losses(model: Any, heads: Heads, places: Places, batch: Batch) -> dict[str, Tensor]:
    """Each by its name; a number after the name is the block it is taken at."""
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
        out["dense"] = dense_loss(heads(*seen[0]), batch.characters, batch.kinds)
    if batch.pixels:
        there, b = shown(model, batch.ids), len(batch.ids)
        own = batch.positions[:, there].view(3, b, -1) - starts(batch, there)
        for block in PLACED:
            out[f"place{block}"] = places.loss(thought.layers[block][there].view(b, own.shape[2], -1), own)
        if batch.pixels[0].shape[1] > 1:
            for block in CHANGED:
                held = thought.layers[block][there].view(b, own.shape[2], -1)
                out[f"change{block}"] = places.change_loss(held, batch.pixels[0])
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


def weighted(parts: dict[str, Tensor]) -> Tensor:
    """The sum that is minimised."""
    return torch.stack([WEIGHTS[name.rstrip("0123456789")] * value for name, value in parts.items()]).sum()
