"""Training screens: experts play tasks by pixels, and every screen is kept with what was done and what it shows.

python -m model.training.episodes --out DIR --tasks click-link,page-form --seeds 100000:100400
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

from PIL import Image

from model.training.dom import Snapshot, snapshot
from model.training.experts import EXPERTS
from model.training.experts.steps import Look, Lost, decide
from model.training.hasty import HastyBrowser
from model.training.papers import Papers
from model.training.screens import screen
from tools.actions import Action, Click, Drag, Move, Press, Scroll, Type, Wait
from tools.errors import UserError
from tools.geometry import Box, Size
from tools.miniwob import AREA, WINDOW, MiniWob
from tools.pages import PracticePage

log = logging.getLogger(__name__)

SHOWN = ("mixed", "wide")
OWN = "page-"  # before the kind of one of our own pages
Line = dict[str, Any]
Frame = tuple[Line, Image.Image]


def main(argv: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asked = arguments(argv)
    first, last = (int(end) for end in asked.seeds.split(":"))
    asked.out.mkdir(parents=True, exist_ok=True)
    listing = (asked.out / "index.jsonl").open("a", encoding="utf-8")
    with listing as index, closing(HastyBrowser(viewport=WINDOW, scale=asked.scale)) as browser:
        for task in asked.tasks.split(","):
            write(task, open_world(task, browser), range(first, last), asked.out, index)


def open_world(task: str, browser: HastyBrowser) -> World:
    """Raises UserError when there is no such task, or the browser cannot show it."""
    if task == "paper":
        return Papers(browser)
    return Shown(browser, task) if task in SHOWN else Played(task, browser)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m model.training.episodes", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for index.jsonl and the pictures")
    parser.add_argument(
        "--tasks", required=True, help="MiniWoB names, page-KIND, mixed, wide or paper, with commas between"
    )
    parser.add_argument("--seeds", required=True, metavar="A:B", help="from A up to but without B")
    parser.add_argument("--scale", type=float, default=2.0, help="screenshot pixels for each CSS pixel")
    return parser.parse_args(argv)


def write(task: str, world: World, seeds: range, out: Path, index: TextIO) -> None:
    """Play the seeds of one task, keep every screen and report how many were solved."""
    began, screens, solved = time.monotonic(), 0, 0
    for seed in seeds:
        for line, image in world.play(seed):
            line["image"] = f"{task}-{seed}-{line['step']}.png"
            image.save(out / line["image"], compress_level=1)
            index.write(json.dumps(line, ensure_ascii=False) + "\n")
            screens += 1
        solved += world.solved()
    seconds = time.monotonic() - began
    log.info("%s: solved %d of %d, %d screens, %.1f/s", task, solved, len(seeds), screens, screens / seconds)


class Played:
    """An expert at one task of MiniWoB++ or of our own pages."""

    def __init__(self, task: str, browser: HastyBrowser) -> None:
        """Raises UserError when there is no such task or no expert at it."""
        if task not in EXPERTS:
            raise UserError(f"there is no expert at {task!r}; there are experts at {', '.join(EXPERTS)}")
        self.task, self.browser, self.scale = task, browser, browser.scale
        self.world: PracticePage | MiniWob
        if task.startswith(OWN):
            self.world = PracticePage(task.removeprefix(OWN), scale=browser.scale, browser=browser)
        else:
            self.world = MiniWob(task, scale=browser.scale, browser=browser)

    def play(self, seed: int) -> Iterator[Frame]:
        """Every screen the expert met and what it did there; ends early when it finds no way on."""
        said = self.reset(seed)
        history: list[Line] = []
        for step, want in enumerate(EXPERTS[self.task](said, self.look)):
            picture, screen = self.world.screenshot(), self.look()
            try:
                made = decide(want, screen, random.Random(f"{self.task}-{seed}-{step}"))
            except Lost as lost:
                log.warning("%s seed %d step %d: %s", self.task, seed, step, lost)
                return
            if self.world.done and made.action is not None:
                return
            taken = {"thought": made.thought, "action": call(made.action)}
            asked = {"task": said, "history": list(history), "target_box": made.target and corners(made.target)}
            yield facts(self.task, seed, step, picture.image, screen) | asked | taken, picture.image
            result = self.world.perform(made.action) if made.action else ""
            history.append({**taken, "result": result})

    def reset(self, seed: int) -> str:
        match self.world:
            case PracticePage():
                rng = random.Random(f"view-{seed}")
                stretch = 1 + rng.random() * (2 / self.scale - 1)  # about as many pixels at any scale
                self.browser.resize(
                    Size(round(stretch * rng.randint(240, 400)), round(stretch * rng.randint(180, 300)))
                )
                return self.world.reset(seed)
            case MiniWob():
                self.browser.resize(WINDOW)
                return self.world.reset(seed, reload=False)

    @property
    def look(self) -> Look:
        area = AREA if isinstance(self.world, MiniWob) else self.browser.viewport
        return Look(self.browser.page, self.scale, area)

    def solved(self) -> bool:
        return self.world.done and self.world.raw_reward == 1.0


class Shown:
    """Screens without a task, mixed or wide ones."""

    def __init__(self, browser: HastyBrowser, name: str = "mixed") -> None:
        self.browser, self.name = browser, name

    def play(self, seed: int) -> Iterator[Frame]:
        html, size = screen(seed, wide=self.name == "wide")
        self.browser.resize(size)
        self.browser.page.mouse.move(0, 0)  # where nothing shows that it is pointed at
        self.browser.page.set_content(html)
        image = self.browser.screenshot().image
        yield facts(self.name, seed, 0, image, snapshot(self.browser.page, self.browser.scale, size)), image

    def solved(self) -> bool:
        return True


World = Played | Shown | Papers


def facts(task: str, seed: int, step: int, image: Image.Image, screen: Snapshot) -> Line:
    """What can be said of a screen whether or not there is a task."""
    return {
        "image": "",
        "size": list(image.size),
        "task_name": task,
        "seed": seed,
        "step": step,
        "elements": [vars(element) | {"box": corners(element.box)} for element in screen.elements],
        "chars": [[char, *corners(box)] for char, box in screen.chars],
    }


def corners(box: Box) -> list[float]:
    return [box.left, box.top, box.right, box.bottom]


CLICKS = {1: "left_click", 2: "double_click"}


def call(action: Action | None) -> Line:
    """The action as the arguments of a `computer_use` call, in screenshot pixels."""
    match action:
        case Click(at=at, button="left", times=times, modifiers=()) if at is not None and times in CLICKS:
            return {"action": CLICKS[times], "coordinate": [at.x, at.y]}
        case Move(at=at):
            return {"action": "mouse_move", "coordinate": [at.x, at.y]}
        case Drag(to=to, start=None):
            return {"action": "left_click_drag", "coordinate": [to.x, to.y]}
        case Scroll(dy=dy, dx=0.0, at=None):
            return {"action": "scroll", "pixels": round(-dy)}
        case Type(text=text):
            return {"action": "type", "text": text}
        case Press(keys=keys):
            return {"action": "key", "keys": list(keys)}
        case Wait(seconds=seconds):
            return {"action": "wait", "time": seconds}
        case None:
            return {"action": "terminate", "status": "success"}
    raise ValueError(f"experts do not {type(action).__name__.lower()}")


if __name__ == "__main__":
    main()
