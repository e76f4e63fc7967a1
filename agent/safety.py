"""Who may say no to an action before it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agent import prompts
from tools.actions import Action, points
from tools.environment import Screenshot
from tools.geometry import Point

NEAR_PX = 20  # around the place of an action; what changes farther away is no reason to ask again


class Refused(Exception):
    """An action that must not be done; the text is written for the model and says what to do instead."""


class Policy(Protocol):
    def check(self, action: Action, screenshot: Screenshot) -> None:
        """Called with every action of a call before the first of them is done. Raises Refused."""
        ...


class AllowAll:
    """No limits: for pages and machines where nothing can be harmed."""

    def check(self, action: Action, screenshot: Screenshot) -> None:
        pass


class AskPerson:
    """Nothing is done that a person has not allowed, and nothing on another screen than the person was shown."""

    def __init__(self, ask: Callable[[Action, Screenshot], bool], look: Callable[[], Screenshot]) -> None:
        """ask: may this be done? Blocks until there is an answer. look: the screen as it is now."""
        self.ask, self.look = ask, look

    def check(self, action: Action, screenshot: Screenshot) -> None:
        if not self.ask(action, screenshot):
            raise Refused(prompts.DENIED)
        now = self.look() if points(action) else screenshot
        if not all(is_same_near(point, screenshot, now) for point in points(action)):
            raise Refused(prompts.CHANGED)


def is_same_near(point: Point, before: Screenshot, now: Screenshot) -> bool:
    """Do two screens look alike around the point?"""
    around = (int(point.x) - NEAR_PX, int(point.y) - NEAR_PX, int(point.x) + NEAR_PX, int(point.y) + NEAR_PX)
    return before.size == now.size and before.image.crop(around).tobytes() == now.image.crop(around).tobytes()
