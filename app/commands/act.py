"""`act`: a task for the agent; its run is recorded, shown step by step, and told in a report."""

from __future__ import annotations

import io
import os
import select
import shutil
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from agent import runs
from agent.loop import Agent, NoGuide
from agent.report import write_report
from agent.resume import Broken, broken
from agent.safety import ASK_S, Request
from agent.store import Recording
from agent.trajectory import Ending, Step, describe, in_words
from app import screens, wiring
from app.settings import Settings, read_settings, recorded, to_json
from app.show import printable, shown, step_lines
from app.vault import vault
from model.vlm import VisionLanguageModel
from tools import offline
from tools.actions import Type
from tools.disk import ROOM_S, patiently, write_whole
from tools.environment import EnvironmentLost
from tools.errors import UserError
from tools.overlay import mark
from tools.secrets import Secrets

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


class Patience:
    """What to do while the disk is full: say so, and wait for room until the run is stopped."""

    def __init__(self, stopped: threading.Event) -> None:
        self.stopped = stopped

    def __call__(self, told: str, tries: int) -> bool:
        if tries == 1:
            print(f"{told}\npaused; goes on when there is room (Ctrl-C stops it)", file=sys.stderr, flush=True)
        return not self.stopped.wait(ROOM_S)


class Nobody(NoGuide):
    def may(self, request: Request, picture: Path) -> bool:
        return False


def who_answers() -> Terminal | Nobody:
    return Terminal() if sys.stdin.isatty() else Nobody()


def run(arguments: Namespace) -> int:
    screens.end_when_told()
    if arguments.resume:
        outcome = resume(arguments)
    else:
        settings = read_settings(vars(arguments))
        start = screens.start_of(arguments)
        wiring.check_screen(start, arguments.task)
        with closing(wiring.load_model(settings)) as model:
            outcome = perform(settings, model, arguments.task, start, guide=who_answers())
    print(f"{printable(str(outcome.ending))} ({outcome.steps} steps, {outcome.seconds:.0f} s)")
    if outcome.ending.reason == "denied" and not sys.stdin.isatty():
        print("nobody was there to allow it; where nothing can be harmed, --approve never asks nobody")
    print(f"report: {outcome.report}")
    return 0 if outcome.ending.success else 1


def resume(arguments: Namespace) -> Outcome:
    """Go on with a run that broke off, with its own settings where no flags are given. Raises UserError."""
    flags = {name: value for name, value in vars(arguments).items() if value is not None}
    one = broken(runs.find(read_settings(flags).runs, arguments.resume))
    settings = read_settings({**recorded(one.run.settings), **flags})
    if one.doubtful and one.doubtful.actions:
        one = replace(one, was_done=ask_whether_done(one.doubtful, arguments.last_step))
    if settings.offline:  # as it was then, perhaps, and not said again
        offline.begin()
    start = arguments.url or one.start
    with closing(wiring.load_model(settings)) as model:
        return perform(
            settings,
            model,
            one.run.task,
            start,
            guide=who_answers(),
            again=one,
            given=one.given or bool(arguments.url),
            at=arguments.url or one.url,
        )


def ask_whether_done(step: Step, said: str | None) -> bool:
    """said: by the flag; None: the person at the terminal is asked. Raises UserError when nobody is there."""
    if said:
        return said == "done"
    doubt = f"step {step.index + 1} had begun when the run broke off: {printable(in_words(step))}"
    line = "?" if sys.stdin.isatty() else ""
    while line:  # without even a line break: nobody is there, or nobody any more
        print(f"{doubt}\nhad that been done? yes or no: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if line.strip().lower() in ("yes", "y", "no", "n"):
            return line.strip().lower() in ("yes", "y")
    found_out = "find out whether that was done, then add --last-step done or --last-step undone"
    raise UserError(f"{doubt}; {found_out}")


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
    again: Broken | None = None,
    given: bool = True,
    at: str = "",
) -> Outcome:
    """Do the task, tell of each step as it is done, and keep the run. Raises UserError.

    url: of a page, or a desktop as app/screens.py writes it. on_agent: gets the agent before it begins, to stop it.
    again: the run to go on with, and not a new one. given: task and address come from a person, and not from a
    program. at: where to go on, if not at `url`; that a run has come there makes it no place that a person gave.
    """
    kept = {**to_json(settings), "url": url, "given": given}
    secrets = vault().of_task(task) if given else Secrets({})
    lost: Ending | None = None
    name, family = model.name, model.family.name
    opened = Recording.resumed(again.folder, kept) if again else Recording(settings.runs, task, name, family, kept)
    with opened as recording:
        steps = again.taken_up(recording) if again else []
        secrets.recall(action.text for step in steps for action in step.actions if isinstance(action, Type))
        try:
            downloads, said = recording.folder / "downloads", url if given else ""
            screen = wiring.open_screen(settings, model.family, at or url, downloads, said=said, secrets=secrets)
        except UserError:
            if not again:
                shutil.rmtree(recording.folder)  # nothing has happened that could be replayed
            raise
        try:
            with screen:
                ask = partial(asked, guide, recording)
                policy = wiring.make_policy(settings, screen, task, url, ask)
                agent = wiring.make_agent(settings, model, screen, recording, policy=policy, guide=guide)
                recording.wait = Patience(agent.stopped)
                on_agent(agent)
                for left in screens.countdown(url, agent.stopped):
                    print(f"in {left} s: {screens.WARNING}", file=sys.stderr, flush=True)
                for step in agent.run(task, steps):
                    on_step(step)
                    steps.append(step)
        except EnvironmentLost as error:  # before there was anything to see
            lost = Ending("lost", str(error))
        finally:  # an interrupted run has its report too
            report = write_report(recording.folder, recording.wait)
    ending = lost or (steps[-1].ending if steps else None) or Ending("interrupted")
    return Outcome(ending, len(steps), sum(step.seconds.total for step in steps), report)


def asked(guide: Terminal | Nobody, recording: Recording, request: Request) -> bool:
    """The person's answer; where it would be done is to be seen in the picture."""
    picture, png = recording.folder / "asked.png", io.BytesIO()
    mark(request.screenshot.image, request.action).save(png, "PNG")
    patiently(recording.folder, lambda: write_whole(picture, png.getvalue()), recording.wait)
    return guide.may(request, picture)
