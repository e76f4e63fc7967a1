"""`replay`: a recorded run as it was when live."""

from __future__ import annotations

from argparse import Namespace

from agent import store
from agent.report import write_report
from app.show import printable, step_lines


def run(arguments: Namespace) -> int:
    recorded = store.read_run(arguments.folder)
    print(f"task: {printable(recorded.task)}\nmodel: {printable(recorded.model)}, began {recorded.began}")
    ending = None
    for step in store.replay(arguments.folder):
        print(step_lines(step))
        ending = step.ending
    print(printable(str(ending or "not ended: the program stopped between two steps")))
    print(f"report: {write_report(arguments.folder)}")
    return 0
