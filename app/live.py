"""Live: one run of the agent as pages see and steer it: paused, stepped, corrected, taken over, asked and answered."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Literal

from agent.loop import Agent, LookAgain
from agent.safety import ASK_S, Request
from agent.store import Recording
from agent.trajectory import Ask, Ending, Step
from app import address_book, screens
from app.desk import Desk
from app.settings import Approve, Settings, to_json
from app.vault import vault
from app.worker import Worker
from model.families import Family
from model.messages import Message
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.actions import Action
from tools.browser import Browser
from tools.disk import ROOM_S
from tools.environment import EnvironmentLost
from tools.errors import UserError

DEMO = "demo"  # as a start address: the address book that comes with Handeye
Phase = Literal["opening", "counting", "looking", "thinking", "acting", "asking", "paused", "over"]


@dataclass(frozen=True)
class Job:
    task: str
    start: str  # an address, a desktop as app/screens.py writes it, or DEMO
    replies: tuple[str, ...] = ()  # of an earlier run, to be done again before the model goes on


@dataclass
class Question:
    """May this action be done, or what the model asks. An answer is for this one question only."""

    number: int
    about: Request | Ask
    answer: bool | str | None = None  # None: none yet, or none in time
    answered: threading.Event = field(default_factory=threading.Event)


class Live:
    """A run that has begun. It is the Guide of its agent; everything but `turn`, `ask` and `may` is for pages."""

    def __init__(
        self, settings: Settings, job: Job, model: Callable[[], VisionLanguageModel], own_ports: Sequence[int] = ()
    ) -> None:
        """model: called on the run's own thread; may take long. own_ports: where the page is served."""
        self.job, self.settings = job, settings
        self.step: Step | None = None  # the one under way, as far as it has come
        self.said = ""  # by the model in this step
        self.question: Question | None = None
        self.recording: Recording | None = None
        self.received: list[tuple[str, str]] | None = None  # by the demo's page, to whom and what; None: another page
        self.full = ""  # why nothing can be written, while the run waits for room
        self.taken = False  # the person has the browser
        self.counting = 0  # seconds until the agent takes mouse and keyboard, while the phase is so
        self.worker: Worker[Step] = Worker(self._work)
        self._doing: Phase = "opening"
        self._model, self._own_ports = model, own_ports
        self._agent: Agent | None = None
        self._grant: Callable[[bool], None] = lambda allowed: None  # the browser's
        self._asked = count(1)
        self.worker.start()

    @property
    def steps(self) -> Sequence[Step]:
        return self.worker.items

    @property
    def phase(self) -> Phase:
        if self.worker.is_over:
            return "over"
        return "paused" if self.worker.is_held else self._doing

    @property
    def ending(self) -> Ending | None:
        return self.steps[-1].ending if self.steps else None

    @property
    def seconds_each(self) -> float | None:
        """For one step of the model, measured in this run; None before there was one."""
        measured = [step.seconds.total for step in self.steps if not step.by_person]
        return sum(measured) / len(measured) if measured else None

    @property
    def seconds_left(self) -> float | None:
        """At most, if all steps are used and each takes as long as those before."""
        used = sum(not step.by_person for step in self.steps)
        return None if self.seconds_each is None else (self.settings.max_steps - used) * self.seconds_each

    # -- what a page can do ---------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Whoever had the browser hands it back."""
        self._hand_back()
        self.worker.resume()

    def step_once(self) -> None:
        self._hand_back()
        self.worker.step_once()

    def stop(self) -> None:
        self.worker.stop()
        if self._agent:
            self._agent.stop()
        if question := self.question:
            question.answered.set()

    def act(self, action: Action) -> bool:
        """The person does this, in the model's place; False: the run is not paused."""
        return self.worker.send(action)

    def take_over(self) -> None:
        """The person uses the browser until it is handed back: what the model had planned is dropped."""
        self.taken = True
        self.worker.pause()
        self.look()

    def look(self) -> None:
        """Paused: show the screen as it is now."""
        self.worker.send(LookAgain)

    def answer(self, number: int, answer: bool | str) -> None:
        """number: of the question that was shown; a late answer to an earlier one is not heard."""
        if (question := self.question) and question.number == number:
            question.answer = answer
            question.answered.set()

    def close(self) -> None:
        """Stop, and wait until the browser is gone."""
        self.stop()
        self.worker.join(10.0)

    def _hand_back(self) -> None:
        if self.taken:
            self.taken = False
            self.look()  # the person may have used the browser's own window

    # -- on the run's own thread ----------------------------------------------------------------------------------

    def turn(self, step: Step) -> Action | None:
        self.step, self._doing = step, "acting" if step.reply else "thinking"
        self.said, self.full = step.reply, ""
        self.worker.changed()
        message = self.worker.hold(ends_step=bool(step.reply))
        if message is LookAgain:
            raise LookAgain
        action: Action | None = message
        if action:
            self._grant(True)  # what the person does is allowed, a file that is saved by it too
        return action

    def ask(self, question: str) -> str:
        said = self._put(Ask(question), None)  # nobody else knows: it waits until a person is back at the page
        return said if isinstance(said, str) else ""

    def may(self, request: Request) -> bool:
        """No answer is a no."""
        return self._put(request, ASK_S) is True

    def _put(self, about: Request | Ask, timeout_s: float | None) -> bool | str | None:
        """The person's answer, which is waited for."""
        question = Question(next(self._asked), about)
        self.question, self._doing = question, "asking"
        self.worker.changed()
        if not self.worker.stopping.is_set():
            question.answered.wait(timeout_s)
        self.question, self._doing = None, "acting"
        self.worker.changed()
        return question.answer

    def _wait_for_room(self, told: str, tries: int) -> bool:
        """On a full disk, until there is room or the run is stopped."""
        self.full = told
        self.worker.changed()
        return not self.worker.stopping.wait(ROOM_S)

    def _hear(self, piece: str) -> None:
        self.said += piece
        self.worker.changed()

    def _work(self, worker: Worker[Step]) -> Iterator[Step]:
        from app import wiring  # loads torch, which takes seconds; the page is there before it

        wiring.check_screen(self.job.start, self.job.task)
        secrets = vault().of_task(self.job.task)
        model = Again(self.job.replies, self._model())
        with page_of(self.job.start, self.settings) as (url, settings, book):
            kept = {**to_json(settings), "url": url, "start": self.job.start}
            kept["approve"] = self.settings.approve  # a run that goes on need not be at the demo
            with Recording(settings.runs, self.job.task, model.name, model.family.name, kept) as recording:
                try:
                    downloads = recording.folder / "downloads"
                    screen = wiring.open_screen(
                        settings, model.family, url, downloads, self._own_ports, secrets=secrets
                    )
                except (UserError, EnvironmentLost):
                    shutil.rmtree(recording.folder)  # nothing has happened that could be replayed
                    raise
                self.recording, recording.wait = recording, self._wait_for_room
                if isinstance(screen, Browser):
                    self._grant = screen.grant
                with screen:
                    policy = wiring.make_policy(settings, screen, self.job.task, url, self.may)
                    agent = wiring.make_agent(settings, model, screen, recording, self._hear, policy, self, self.stop)
                    self._agent = agent
                    if worker.stopping.is_set():
                        agent.stop()
                    for left in screens.countdown(self.job.start, agent.stopped):
                        self.counting, self._doing = left, "counting"
                        worker.changed()
                    for step in agent.run(self.job.task):
                        self.step, self._doing, self.full = step, "looking", ""
                        yield step
                if book:
                    self.received = book.sent


class Stage:
    """At most one run at a time; pages that come later see the same one."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.live: Live | None = None
        self._lock = threading.Lock()
        desk.closing.callback(self.close)  # so that no browser outlives the page

    def begin(self, job: Job, settings: Settings) -> Live | None:
        """None when another run is still going on."""
        with self._lock:
            if self.live and self.live.phase != "over":
                return None
            self.live = Live(settings, job, self.desk.model, self.desk.own_ports)
            return self.live

    def close(self) -> None:
        if self.live:
            self.live.close()


@cache
def stage(desk: Desk) -> Stage:
    """The one of this desk, for all its tabs."""
    return Stage(desk)


class Again:
    """A model that first repeats what was said in an earlier run, then thinks for itself."""

    def __init__(self, replies: Sequence[str], model: VisionLanguageModel) -> None:
        self.model, self.name, self.family = model, model.name, model.family
        self._replies = iter(replies)

    name: str
    family: Family

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        said = next(self._replies, None)
        return self.model.stream(messages, sampling) if said is None else Reply(iter((said,)))


@contextmanager
def page_of(start: str, settings: Settings) -> Iterator[tuple[str, Settings, address_book.AddressBook | None]]:
    """The address to begin at; of the demo, its page served for as long as it is used, in the size that it has."""
    if start != DEMO:
        yield start, settings, None
        return
    with address_book.serve() as book:
        approve: Approve = "always" if settings.approve == "always" else "never"  # nothing can be harmed there
        yield book.url, replace(settings, viewport=address_book.VIEW, approve=approve), book
