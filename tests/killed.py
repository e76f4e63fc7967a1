"""Runs that die by kill -9, as programs of their own for tests/test_kill.py.

python killed.py lines OUT                     one run for every state of the disk, killed at the line that comes to it
python killed.py point OUT URL CLICKS POINT N   one run in a real browser, killed at a point of its step N
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from screens import Screens
from scripted import ScriptedModel

from agent.loop import Agent
from agent.store import Recording, versions
from agent.trajectory import Step
from model.computer_use import call
from tools.actions import Action
from tools.browser import Browser
from tools.environment import Screenshot
from tools.geometry import Size

CLICK = call("left_click", coordinate=[30, 40])
REPLIES = (CLICK, "no call", call("terminate", status="success"))
PAGE = Size(280, 140)
AMID_S = 0.03  # so long after an action begins its middle is; it takes a few tenths of a second, until the page rests
TRACED = ("loop.py", "store.py", "disk.py", "screens.py")


class Counted(Screens):
    """Leaves a mark on disk for each action that was really done."""

    def __init__(self, marks: Path) -> None:
        super().__init__()
        self.marks = marks

    def perform(self, action: Action) -> str:
        said = super().perform(action)
        with self.marks.open("a") as file:
            file.write("done\n")
        return said


@dataclass
class Mortal:
    """Environment and journal of a run that dies when it comes to `point` in its step `number`."""

    browser: Browser
    recording: Recording
    point: str
    number: int
    now: int = 0  # the step under way
    said: str = ""  # by the model in this step

    def come_to(self, point: str) -> None:
        if (point, self.now) == (self.point, self.number):
            die()

    def screenshot(self) -> Screenshot:
        self.come_to("before the screenshot")
        seen = self.browser.screenshot()
        self.come_to("after the screenshot")
        return seen

    def hear(self, piece: str) -> None:
        self.said += piece
        self.come_to("after the reply" if self.said == CLICK else "amid the reply")

    def intent(self, step: Step) -> None:
        self.come_to("before the intent")
        self.recording.intent(step)
        self.come_to("after the intent")

    def perform(self, action: Action) -> str:
        if (self.point, self.now) == ("amid the action", self.number):
            threading.Timer(AMID_S, die).start()
        said = self.browser.perform(action)
        self.come_to("after the action")
        return said

    def outcome(self, step: Step) -> None:
        self.come_to("before the outcome")
        self.recording.outcome(step)
        self.come_to("after the outcome")
        self.now, self.said = self.now + 1, ""

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Called by Python before it renames or removes a file; a draft is removed after it was renamed."""
        if event == "os.rename" and str(arguments[1]).endswith(".png"):
            self.come_to("before the rename")
        if event == "os.remove" and str(arguments[0]).endswith(".png.new"):
            self.come_to("after the rename")

    def close(self) -> None:
        self.browser.close()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def whole_run(out: Path) -> None:
    with Recording(out / "runs", "Do it", "scripted", "tiny", {}) as recording:
        for _ in Agent(ScriptedModel(REPLIES), Counted(out / "marks"), journal=recording).run("Do it"):
            pass


def at_each_line(do: Callable[[int], None]) -> None:
    """From now on, just before every traced line, which gets a number from 1."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        if event == "line":
            lines += 1
            do(lines)
        return trace

    sys.settrace(trace)


def lines_that_change_the_disk(folder: Path) -> list[int]:
    """Of a whole run: before each of them the folder looks otherwise than before the line that ran before it."""
    states: dict[int, list[tuple[Path, int]]] = {}
    at_each_line(lambda line: states.update({line: state(folder)}))
    whole_run(folder)
    sys.settrace(None)
    return [line for line in states if states[line] != states.get(line - 1)]


def state(folder: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_size) for path in folder.rglob("*"))


def killed_at_every_state(out: Path) -> None:
    """The last of the folders holds a run that was not killed."""
    versions()  # looked up once, here, and not in every child
    (whole := out / "whole").mkdir()
    lines = lines_that_change_the_disk(whole)
    for number, last in enumerate(lines, start=1):
        (folder := out / str(number)).mkdir()
        child = os.fork()
        if not child:
            at_each_line(lambda line, last=last: die() if line == last else None)
            whole_run(folder)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    whole.rename(out / str(len(lines) + 1))


def killed_at_a_point(out: Path, url: str, clicks: int, point: str, number: int) -> None:
    with (
        Browser(url, viewport=PAGE) as browser,
        Recording(out, "Do it", "scripted", "tiny", {"url": url, "viewport": str(PAGE), "scale": 1.0}) as recording,
    ):
        mortal = Mortal(browser, recording, point, number)
        sys.addaudithook(mortal.audit)
        model = ScriptedModel([CLICK] * clicks)
        for _ in Agent(model, mortal, journal=mortal, on_text=mortal.hear).run("Do it"):
            pass


if __name__ == "__main__":
    match sys.argv[1:]:
        case "lines", out:
            killed_at_every_state(Path(out))
        case "point", out, url, clicks, point, number:
            killed_at_a_point(Path(out), url, int(clicks), point, int(number))
