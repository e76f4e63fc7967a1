"""What a reply held, and whether that is all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


class Results(list[T]):
    """The items in the order of the reply."""

    def __init__(self, items: Iterable[T] = (), truncated: bool = False, skipped: int = 0):
        super().__init__(items)
        self.truncated = truncated  # the reply ended in the middle: more was meant
        self.skipped = skipped  # items that could not be read
