"""One episode on one page: the real agent loop, stopped when the page says that it is over."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from agent.benchmarks.tasks import PRACTICE
from agent.loop import Agent
from model.computer_use import call
from model.families import TINY
from model.messages import ImagePart, Message
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.browser import Browser
from tools.environment import Environment, EnvironmentLost
from tools.geometry import Point, Size
from tools.miniwob import MiniWob
from tools.pages import PracticePage

BAR = 50 / 210  # the share of a MiniWoB++ task's height that its instruction takes, where no click can help


class Page(Environment, Protocol):
    """One task, drawn anew from each seed, that knows when it is over and how well it went."""

    browser: Browser
    scale: float

    def reset(self, seed: int) -> str:
        """Start afresh; returns what is to be done."""
        ...

    @property
    def done(self) -> bool: ...

    @property
    def raw_reward(self) -> float: ...


Player = Callable[[Page, int], VisionLanguageModel]  # who plays this page with this seed


class Pages:
    """The pages of one thread: one browser for MiniWoB++ and one for practice pages, each kept for the next task."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.first: dict[type[MiniWob] | type[PracticePage], Page] = {}

    def open(self, task: str) -> Page:
        """Raises UserError when there is no such task."""
        kind = PracticePage if task.startswith(PRACTICE) else MiniWob
        shared = self.first[kind].browser if kind in self.first else None
        page = kind(task.removeprefix(PRACTICE), scale=self.scale, browser=shared)
        self.first.setdefault(kind, page)
        return page

    def close(self) -> None:
        for page in self.first.values():
            page.close()
        self.first.clear()


def play(page: Page, task: str, seed: int, player: Player, max_steps: int) -> dict[str, Any]:
    """One line of episodes.jsonl; raises EnvironmentLost when the browser dies."""
    said = page.reset(seed)
    began = time.monotonic()
    steps, ending = 0, ""
    for step in Agent(player(page, seed), page, max_steps=max_steps).run(said):
        steps += 1
        if step.ending:
            ending = step.ending.reason
        if ending == "lost":
            raise EnvironmentLost(step.result)
        if page.done:
            ending = "done"
            break
    done, reward = page.done, page.raw_reward
    return {
        "task": task,
        "seed": seed,
        "success": done and reward == 1.0,
        "raw_reward": reward,
        "steps": steps,
        "seconds": round(time.monotonic() - began, 3),
        "ending": ending,
    }


def random_clicks(page: Page, seed: int) -> VisionLanguageModel:
    """Chance: clicks anywhere below the instruction, the same ones for the same seed."""
    return RandomClicks(seed)


class RandomClicks:
    name = "random"
    family = TINY

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        screen = last_image(messages)
        at = Point(
            self.random.uniform(0, screen.width - 1), self.random.uniform(BAR * screen.height, screen.height - 1)
        )
        x, y = self.family.grid(screen).from_pixels(at)
        return Reply(iter([call("left_click", coordinate=[round(x), round(y)])]))


def last_image(messages: Sequence[Message]) -> Size:
    """Raises IndexError when there is no image."""
    images = [part.image for message in messages for part in message.parts if isinstance(part, ImagePart)]
    return Size(*images[-1].size)
