"""Has a reply fallen into a loop? A pure function of its tokens."""

from __future__ import annotations

from collections.abc import Sequence

WINDOW = 2048  # tokens looked at, from the end
SHORT = 2  # a loop of one or two tokens (a row of dots, 1.1.1.) is told from honest text sooner
SHORT_SPAN, SPAN = 64, 256  # tokens the copies must cover; an empty table repeats honestly, but not for so long
COPIES, LONG, LONG_COPIES = 4, 128, 3  # a block over 128 tokens needs to be seen three times only


def is_loop(ids: Sequence[int]) -> bool:
    """Do the last tokens repeat one block, word for word, and often enough that it will not end by itself?

    A list whose items differ in a number, as boxes do, is not a loop.
    """
    tail = ids[-WINDOW:]
    return any(
        tail[-1] == tail[-1 - period] and periodic(tail, period, needed(period))
        for period in range(1, len(tail) // LONG_COPIES + 1)
        if needed(period) <= len(tail)
    )


def needed(period: int) -> int:
    """How many tokens at the end must repeat with this period to call it a loop."""
    copies = COPIES if period <= LONG else LONG_COPIES
    return max(copies * period, SHORT_SPAN if period <= SHORT else SPAN)


def periodic(tail: Sequence[int], period: int, span: int) -> bool:
    return all(tail[-i] == tail[-i - period] for i in range(1, span - period + 1))
