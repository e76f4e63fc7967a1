"""Keys and values that conversations leave behind, so that the next prompt costs only what is new in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor

from model.local.asked import Signs

ROUND = 256  # tokens; room is made in such steps


@dataclass(frozen=True)
class Slots:
    """Where the keys and values of one layer lie."""

    heads: int
    size: int  # of one head
    device: torch.device


class Arena:
    """One conversation: room for `capacity` tokens in every layer, of which the first `length` are filled."""

    def __init__(self, layers: Sequence[Slots], dtype: torch.dtype, room: int):
        self.capacity = -(-room // ROUND) * ROUND
        self.length = 0
        self.busy = True  # a reply is going on here
        self.used = 0  # when it was last taken, counted in takings
        self.signs = np.zeros((self.capacity, 6), np.int64)
        shapes = [(each.heads, self.capacity, each.size) for each in layers]
        devices = [each.device for each in layers]
        self.keys = [torch.empty(s, dtype=dtype, device=d) for s, d in zip(shapes, devices, strict=True)]  # (K, C, D)
        self.values = [torch.empty(s, dtype=dtype, device=d) for s, d in zip(shapes, devices, strict=True)]

    @property
    def bytes(self) -> int:
        return self.signs.nbytes + sum(part.nbytes for part in (*self.keys, *self.values))

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Puts the next T tokens, each (K, T, D), behind the filled ones; `length` stays until all layers have them.

        Returns the keys and values of all tokens, each (K, length + T, D), as views.
        """
        end = self.length + keys.shape[1]
        for room, new in ((self.keys[layer], keys), (self.values[layer], values)):
            room[:, self.length : end] = new
        return self.keys[layer][:, :end], self.values[layer][:, :end]

    def fill(self, signs: Signs) -> None:
        """All layers have these tokens now."""
        end = self.length + len(signs)
        self.signs[self.length : end] = signs
        self.length = end

    def common(self, signs: Signs) -> int:
        """How many tokens from the start are the same."""
        most = min(self.length, len(signs))
        different = (self.signs[:most] != signs[:most]).any(1)
        return int(different.argmax()) if different.any() else most

    def copy(self, other: Arena, length: int) -> None:
        """Begin as the first `length` tokens of the other."""
        for mine, theirs in zip((*self.keys, *self.values), (*other.keys, *other.values), strict=True):
            mine[:, :length] = theirs[:, :length]
        self.signs[:length] = other.signs[:length]
        self.length = length


class Arenas:
    """All that is kept, within a budget of bytes; what was used least lately goes first."""

    def __init__(self, make: Callable[[int], Arena], budget: int):
        """make: an empty arena with room for so many tokens."""
        self.make = make
        self.budget = budget
        self.kept: list[Arena] = []
        self.lock = threading.Lock()
        self.takings = count(1)

    @property
    def bytes(self) -> int:
        return sum(arena.bytes for arena in self.kept)

    @property
    def idle_bytes(self) -> int:
        """What can be had back at once."""
        return sum(arena.bytes for arena in self.kept if not arena.busy)

    def take(self, signs: Signs, room: int, spare: int) -> Arena:
        """An arena for this prompt that holds as much of its start as is known, never all: a token has to be read.

        room: tokens it must have place for. spare: bytes that all others that are idle may still hold.
        One that would lose more than it keeps, or that a reply is going on in, is left as it is and copied from.
        """
        with self.lock:
            best = max(self.kept, key=lambda arena: arena.common(signs), default=None)
            length = min(best.common(signs), len(signs) - 1) if best else 0
            if best and not best.busy and best.length - length <= length and room <= best.capacity:
                mine, best.length = best, length
            else:
                mine = self.make(room)
                if best:
                    mine.copy(best, length)
                    if not best.busy and best.length - length <= length:  # it would have done, but for its room
                        self.kept.remove(best)
                self.kept.append(mine)
            mine.busy, mine.used = True, next(self.takings)
            self.evict(spare)
            return mine

    def add(self, arena: Arena) -> None:
        """One that was filled elsewhere."""
        self.kept.append(arena)
        arena.used = next(self.takings)
        self.give(arena)

    def give(self, arena: Arena) -> None:
        """The reply is over; what it read stays for the next."""
        with self.lock:
            arena.busy = False
            if arena.length == 0 and arena in self.kept:  # cancelled before anything was read
                self.kept.remove(arena)
            self.evict(self.budget)

    def evict(self, spare: int) -> None:
        """Down to the budget, and to `spare` bytes of idle ones."""
        for arena in sorted((one for one in self.kept if not one.busy), key=lambda one: one.used):
            if self.bytes <= self.budget and self.idle_bytes <= spare:
                return
            self.kept.remove(arena)

    def clear(self) -> None:
        with self.lock:
            self.kept.clear()
