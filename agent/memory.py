"""What the model is told at each step: a pure function of the task, the steps so far and the screen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.prompts import joined, screen_size
from agent.trajectory import Step
from model.computer_use import response, system_prompt
from model.families import Family
from model.messages import ImagePart, Message, Part, assistant, system, user
from tools.environment import Screenshot


def messages(task: str, steps: Sequence[Step], screenshot: Screenshot, family: Family) -> list[Message]:
    """The conversation to answer: the task, every reply with its result, the newest screenshots.

    It only grows at its end, but for the moments when several old images are dropped at once, so that a model's
    cache of the beginning stays good in between.
    """
    screens = [*(step.screenshot for step in steps), screenshot]
    said = [task, *(told(step, after, family) for step, after in zip(steps, screens[1:], strict=True))]
    dropped = images_dropped(len(screens), family)
    conversation = [system(system_prompt(family, family.grid(screens[0].size).resized))]
    for index, (text, screen) in enumerate(zip(said, screens, strict=True)):
        parts: tuple[Part, ...] = (text, ImagePart(screen.image)) if index >= dropped else (text,)
        conversation.append(user(*parts))
        if index < len(steps):
            conversation.append(assistant(steps[index].reply))
    return conversation


def told(step: Step, after: Screenshot, family: Family) -> str:
    """What came of the step; a new screen size is said only when the model's coordinates change with it."""
    before, now = (family.grid(screen.size).spoken for screen in (step.screenshot, after))
    return joined(response(step.result), "" if now == before else screen_size(now))


def images_dropped(count: int, family: Family) -> int:
    """How many of the oldest of `count` images are left out; the newest never is."""
    at_once = min(family.images_dropped, family.images_kept)
    return math.ceil(max(0, count - family.images_kept) / at_once) * at_once
