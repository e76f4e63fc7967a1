"""Every sentence the agent itself says to a model; the tool's own text is in model/computer_use.py."""

from __future__ import annotations

from tools.geometry import Size

REPEATED = "You did this before and nothing changed. Try something else."
CIRCLES = "You are going in circles. Try something else."
STILL = "The screen has not changed for {steps} steps. Try something else."
DENIED = "The user does not allow this. Do something else, or terminate with failure."
CHANGED = "The screen changed there before this was done. Look again."
ANSWERED = "The user answers: {words}"
NOBODY = "Nobody answers; decide, or terminate with failure and say what is missing."
STOPPED = "Stopped before this was done."
DONE_BEFORE = "Then there was an interruption; the screen may be another now. The user says that this had been done."
NOT_DONE_BEFORE = "There was an interruption before this was done; the screen may be another now. Look again."
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
