"""Every sentence the agent itself says to a model; the tool's own text is in model/computer_use.py."""

from __future__ import annotations

from tools.geometry import Size

REPEATED = "You did this before and nothing changed. Try something else."
CIRCLES = "You are going in circles. Try something else."
STILL = "The screen has not changed for {steps} steps. Try something else."
DENIED = "The user does not allow this."
CHANGED = "The screen changed there before this was done. Look again."
ANSWERED = "The user answers: {words}"
NOBODY = "Nobody answers; decide, or terminate with failure and say what is missing."
STOPPED = "Stopped before this was done."
SCREEN_SIZE = "The screen's resolution is now {size}."


def still(steps: int) -> str:
    return STILL.format(steps=steps)


def answered(words: str) -> str:
    return ANSWERED.format(words=words)


def screen_size(size: Size) -> str:
    """size: in the space the model answers in."""
    return SCREEN_SIZE.format(size=size)


def joined(*sentences: str) -> str:
    """What there is to say, a line each."""
    return "\n".join(filter(None, sentences))
