"""A conversation's keys and values as a file, for another process with the same weights to go on from."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from model.local.arena import Arena
from tools.errors import UserError

SAMPLED = 64  # values of every weight that go into a fingerprint


def save(arena: Arena, weights: Any, file: Path) -> None:
    """What the arena holds; a file that is there is replaced at once or not at all."""
    live = {"signs": torch.from_numpy(arena.signs[: arena.length].copy())}
    for index, (keys, values) in enumerate(zip(arena.keys, arena.values, strict=True)):
        live[f"keys.{index}"] = keys[:, : arena.length].contiguous()
        live[f"values.{index}"] = values[:, : arena.length].contiguous()
    draft = file.with_name(file.name + ".part")
    save_file(live, draft, {"weights": fingerprint(weights)})
    draft.replace(file)


def restore(file: Path, arena: Arena, weights: Any) -> None:
    """Fills an empty arena that has the room `saved_length` tells.

    Raises UserError for a file that cannot be read, and for one that other weights have made.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            if (opened.metadata() or {}).get("weights") != fingerprint(weights):
                raise UserError(f"{file} was saved with another model; load that one, or ask without the file")
            for index in range(len(arena.keys)):
                for room, name in ((arena.keys, "keys"), (arena.values, "values")):
                    live = opened.get_tensor(f"{name}.{index}")
                    room[index][:, : live.shape[1]] = live.to(room[index].device)
            arena.fill(opened.get_tensor("signs").numpy())
    except (SafetensorError, OSError) as error:
        raise unreadable(file, error) from error


def saved_length(file: Path) -> int:
    """How many tokens the file holds. Raises UserError when it cannot be read."""
    try:
        with safe_open(file, framework="pt") as opened:
            length: int = opened.get_slice("signs").get_shape()[0]
            return length
    except (SafetensorError, OSError) as error:
        raise unreadable(file, error) from error


def unreadable(file: Path, error: Exception) -> UserError:
    return UserError(f"{file} holds no saved conversation ({error}); save it again")


def fingerprint(weights: Any) -> str:
    """Tells checkpoints and precisions apart by some values of every weight."""
    found = sha256()
    for name, weight in weights.named_parameters():
        found.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        step = max(1, weight.numel() // SAMPLED)
        found.update(weight.detach().flatten()[::step].double().cpu().numpy().tobytes())
    return found.hexdigest()
