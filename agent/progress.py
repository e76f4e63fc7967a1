"""Does the run get anywhere? Pure functions of its steps: first a warning for the model, then a reason to stop."""

from __future__ import annotations

from collections.abc import Sequence

from agent import prompts
from agent.trajectory import Ending, Step
from tools.actions import Action, Wait

REPEATS_WARN, REPEATS_STOP = 2, 4  # times the same was done on the same screen
CIRCLES_WARN, CIRCLES_STOP = 2, 3  # times the same two or three steps were gone through
STILL_WARN, STILL_STOP = 4, 8  # steps in a row that changed nothing
UNREADABLE_STOP = 3  # replies in a row without a usable call
CIRCLES = (2, 3)  # lengths of the circles looked for

Doing = tuple[tuple[Action, ...], str]  # what was done, and the digest of the screen it was done on


def warning(steps: Sequence[Step]) -> str:
    """What to tell the model after the last step, or ""."""
    if repeats(steps) >= REPEATS_WARN:
        return prompts.REPEATED
    if circles(steps) >= CIRCLES_WARN:
        return prompts.CIRCLES
    if (still := still_for(steps)) >= STILL_WARN:
        return prompts.still(still)
    return ""


def stuck(steps: Sequence[Step]) -> Ending | None:
    """Why to go no further after the last step, or None."""
    if unreadable(steps) >= UNREADABLE_STOP:
        why = steps[-1].result.partition("\n")[0]
        return Ending("unreadable", f"{UNREADABLE_STOP} replies in a row held no usable call: {why}")
    if repeats(steps) >= REPEATS_STOP:
        return Ending("stuck", f"the same was done {REPEATS_STOP} times on the same screen")
    if circles(steps) >= CIRCLES_STOP:
        return Ending("stuck", f"the same few steps were gone through {CIRCLES_STOP} times")
    if still_for(steps) >= STILL_STOP:
        return Ending("stuck", f"{STILL_STOP} steps in a row left the screen as it was")
    return None


def repeats(steps: Sequence[Step]) -> int:
    """How many times the last action was just done on this very screen; waiting is no repeat."""
    if not steps or not steps[-1].actions or only_waits(steps[-1]):
        return 0
    return turns(doings(steps), 1)


def circles(steps: Sequence[Step]) -> int:
    """How many times the run just went through the same two or three steps, at most over the lengths."""
    done = doings(steps)
    return max((turns(done, length) for length in CIRCLES if len(set(done[-length:])) > 1), default=0)


def still_for(steps: Sequence[Step]) -> int:
    """How many steps in a row are seen to have changed nothing; what the last one did is not seen yet."""
    return max(0, turns([((), step.screenshot.digest) for step in steps], 1) - 1)


def unreadable(steps: Sequence[Step]) -> int:
    """How many of the last replies in a row held no usable call."""
    return next((count for count, step in enumerate(reversed(steps)) if step.readable), len(steps))


def turns(done: Sequence[Doing], length: int) -> int:
    """How many times the last `length` doings stand at the end, one after the other."""
    blocks = [tuple(done[end - length : end]) for end in range(len(done), length - 1, -length)]
    return next((count for count, block in enumerate(blocks) if block != blocks[0]), len(blocks))


def doings(steps: Sequence[Step]) -> list[Doing]:
    return [(step.actions, step.screenshot.digest) for step in steps]


def only_waits(step: Step) -> bool:
    return all(isinstance(action, Wait) for action in step.actions)
