"""`act`: a task for the agent; its run is recorded, shown step by step, and told in a report."""

from __future__ import annotations

import os
import select
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.loop import Agent, NoGuide
from agent.report import write_report
from agent.safety import Request
from agent.store import Recording
from agent.trajectory import Ending, Step, describe
from app import wiring
from app.settings import Settings, read_settings, to_json
from app.show import printable, shown, step_lines
from app.vault import vault
from model.vlm import VisionLanguageModel
from tools.environment import EnvironmentLost
from tools.errors import UserError
from tools.overlay import mark
from tools.secrets import Secrets

ASK_S = 300.0  # an approval that nobody gives in this time is a refusal
YES = ("y", "yes", "是", "好", "可以")


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

    def may(self, request: Request, picture: Path) -> bool:
        """Only a yes in time is one."""
        lines = [f"May it do this? {shown(describe(request.action))}"]
        lines += [f"  there:   {shown(request.aim)}"] if request.aim else []
        lines += [f"  page:    {shown(request.screenshot.url)}"] if request.screenshot.url else []
        lines += [f"  because: {shown(str(request.reason))}"] if request.reason else []
        print("\n".join(lines), f"\n  picture: {picture}\nyes or no: ", sep="", end="", file=sys.stderr, flush=True)
        if os.name == "posix" and not select.select([sys.stdin], [], [], ASK_S)[0]:
            print("no answer", file=sys.stderr)
            return False
        return sys.stdin.readline().strip().lower() in YES


class Nobody(NoGuide):
    def may(self, request: Request, picture: Path) -> bool:
        return False


def who_answers() -> Terminal | Nobody:
    return Terminal() if sys.stdin.isatty() else Nobody()


def run(arguments: Namespace) -> int:
    settings = read_settings(vars(arguments))
    with closing(wiring.load_model(settings)) as model:
        outcome = perform(settings, model, arguments.task, arguments.url, guide=who_answers())
    print(f"{printable(str(outcome.ending))} ({outcome.steps} steps, {outcome.seconds:.0f} s)")
    if outcome.ending.reason == "denied" and not sys.stdin.isatty():
        print("nobody was there to allow it; where nothing can be harmed, --approve never asks nobody")
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
    guide: Terminal | Nobody = Nobody(),
    given: bool = True,
) -> Outcome:
    """Do the task on the page, tell of each step as it is done, and keep the run. Raises UserError.

    on_agent: gets the agent before it begins, to stop it. given: the address comes from a person.
    """
    seconds, steps, ending = 0.0, 0, Ending("interrupted")
    secrets = vault().of_task(task) if given else Secrets({})
    with Recording(settings.runs, task, model.name, model.family.name, {**to_json(settings), "url": url}) as recording:
        try:
            downloads = recording.folder / "downloads"
            browser = wiring.open_browser(settings, model.family, url, downloads, given=given, secrets=secrets)
        except UserError:
            shutil.rmtree(recording.folder)  # nothing has happened that could be replayed
            raise
        try:
            with browser:
                ask = partial(asked, guide, recording.folder / "asked.png")
                policy = wiring.make_policy(settings, browser, task, url, ask)
                agent = wiring.make_agent(settings, model, browser, recording, policy=policy, guide=guide)
                on_agent(agent)
                for step in agent.run(task):
                    on_step(step)
                    seconds, steps, ending = seconds + step.seconds.total, steps + 1, step.ending or ending
        except EnvironmentLost as lost:  # before there was anything to see
            ending = Ending("lost", str(lost))
        finally:  # an interrupted run has its report too
            report = write_report(recording.folder)
    return Outcome(ending, steps, seconds, report)


def asked(guide: Terminal | Nobody, picture: Path, request: Request) -> bool:
    """The person's answer; where it would be done is to be seen in the picture."""
    mark(request.screenshot.image, request.action).save(picture)
    return guide.may(request, picture)
