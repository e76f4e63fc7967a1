"""`act`: a task for the agent; its run is recorded, shown step by step, and told in a report."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.loop import Agent, Guide, NoGuide
from agent.report import write_report
from agent.store import Recording
from agent.trajectory import Ending, Step
from app import screens, wiring
from app.settings import Settings, read_settings, to_json
from app.show import printable, step_lines
from model.vlm import VisionLanguageModel
from tools.environment import EnvironmentLost
from tools.errors import UserError


@dataclass(frozen=True)
class Outcome:
    ending: Ending
    steps: int
    seconds: float
    report: Path


class Terminal(NoGuide):
    """Whoever sits there, and answers what the model asks."""

    def ask(self, question: str) -> str:
        print(f"the model asks: {printable(question)}\nyour answer: ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip()


def who_answers() -> Guide:
    return Terminal() if sys.stdin.isatty() else NoGuide()


def run(arguments: Namespace) -> int:
    settings, start = read_settings(vars(arguments)), screens.start_of(arguments)
    wiring.check_screen(start)
    screens.end_when_told()
    with closing(wiring.load_model(settings)) as model:
        outcome = perform(settings, model, arguments.task, start, guide=who_answers())
    print(f"{printable(str(outcome.ending))} ({outcome.steps} steps, {outcome.seconds:.0f} s)")
    print(f"report: {outcome.report}")
    return 0 if outcome.ending.success else 1


def show(step: Step) -> None:
    print(step_lines(step), flush=True)


def perform(
    settings: Settings,
    model: VisionLanguageModel,
    task: str,
    url: str,
    on_step: Callable[[Step], None] = show,
    on_agent: Callable[[Agent], None] = lambda agent: None,
    guide: Guide = NoGuide(),
) -> Outcome:
    """Do the task, tell of each step as it is done, and keep the run. Raises UserError.

    url: of a page, or a desktop as app/screens.py writes it. on_agent: gets the agent before it begins, to stop it.
    """
    seconds, steps, ending = 0.0, 0, Ending("interrupted")
    with Recording(settings.runs, task, model.name, model.family.name, {**to_json(settings), "url": url}) as recording:
        try:
            screen = wiring.open_screen(settings, model.family, url, recording.folder / "downloads")
        except UserError:
            shutil.rmtree(recording.folder)  # nothing has happened that could be replayed
            raise
        try:
            with screen:
                agent = wiring.make_agent(settings, model, screen, recording, guide=guide)
                on_agent(agent)
                for left in screens.countdown(url, agent.stopped):
                    print(f"in {left} s: {screens.WARNING}", file=sys.stderr, flush=True)
                for step in agent.run(task):
                    on_step(step)
                    seconds, steps, ending = seconds + step.seconds.total, steps + 1, step.ending or ending
        except EnvironmentLost as lost:  # before there was anything to see
            ending = Ending("lost", str(lost))
        finally:  # an interrupted run has its report too
            report = write_report(recording.folder)
    return Outcome(ending, steps, seconds, report)
