"""Runs that die by kill -9, as programs of their own for tests/test_kill.py.

python killed.py lines OUT      one run for every line of the loop and the store, killed just before that line
python killed.py browser OUT    one run in a real browser that says "acting" and then waits to be killed
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
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

REPLIES = (call("left_click", coordinate=[30, 40]), "no call", call("terminate", status="success"))
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


class Loud:
    """A journal that tells when an action is about to be done."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def intent(self, step: Step) -> None:
        self.recording.intent(step)
        print("acting", flush=True)

    def outcome(self, step: Step) -> None:
        self.recording.outcome(step)


def whole_run(out: Path) -> None:
    with Recording(out / "runs", "Do it", "scripted", "tiny", {}) as recording:
        for _ in Agent(ScriptedModel(REPLIES), Counted(out / "marks"), journal=recording).run("Do it"):
            pass


def die_at(last: int) -> None:
    """kill -9 of this process, just before the traced line with this number."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        lines += event == "line"
        if lines == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def killed_at_every_line(out: Path) -> None:
    versions()  # looked up once, here, and not in every child
    for line in count(1):
        folder = out / str(line)
        folder.mkdir()
        child = os.fork()
        if not child:
            die_at(line)
            whole_run(folder)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:  # came to its end: there are no more lines
            return


def in_a_browser(out: Path) -> None:
    from tools.browser import Browser

    with Browser() as browser, Recording(out, "Wait", "scripted", "tiny", {}) as recording:
        for _ in Agent(ScriptedModel([call("wait", time=300)]), browser, journal=Loud(recording)).run("Wait"):
            pass


if __name__ == "__main__":
    {"lines": killed_at_every_line, "browser": in_a_browser}[sys.argv[1]](Path(sys.argv[2]))
