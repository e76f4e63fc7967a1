"""The loop: see the screen, let the model decide, do it, until there is an ending."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from PIL import Image

from agent import progress, prompts
from agent.languages.computer_use import ComputerUse
from agent.memory import messages
from agent.safety import AllowAll, Denied, Policy, Refused
from agent.trajectory import Ask, Ending, Finish, Seconds, Step, ending_of
from model.parsing import ParseError
from model.vlm import PromptTooLarge, Reply, Sampling, VisionLanguageModel
from tools.actions import Action, Wait
from tools.environment import ActionFailed, Environment, EnvironmentLost, Screenshot

CALL_END = "</tool_call>"  # one call per step: whatever a model would say after it is not waited for
WAIT_PIECE_S = 0.5  # long waits are cut, so that `stop` is heard
CANCELLED = Ending("cancelled", "stopped from outside")
NOTHING_SEEN = Screenshot(Image.new("RGB", (1, 1)))  # the screen of a run that never saw one


class Journal(Protocol):
    """Keeps the steps; agent/store.py has the one that writes them to disk."""

    def intent(self, step: Step) -> None:
        """The step is about to be done."""
        ...

    def outcome(self, step: Step) -> None:
        """The step is over; called once for every step, also for those that had no intent."""
        ...


class NoJournal:
    def intent(self, step: Step) -> None:
        pass

    def outcome(self, step: Step) -> None:
        pass


class LookAgain(Exception):
    """Raised by a Guide: the screen may be another now, so the step begins anew, and nothing of it is kept."""


class Guide(Protocol):
    """Whoever watches the run; may keep it waiting, act in the model's place and answer its questions."""

    def turn(self, step: Step) -> Action | None:
        """Called when the screen is seen and the model is about to speak, and again when its reply is understood and
        about to be done. None: go on. An action: done instead. Raises LookAgain.
        """
        ...

    def ask(self, question: str) -> str:
        """What the person says to the model's question; "" when nobody says anything. Blocks, but not past a stop."""
        ...


class NoGuide:
    def turn(self, step: Step) -> Action | None:
        return None

    def ask(self, question: str) -> str:
        return ""


class Agent:
    """One model at one screen, for one task; make a new one for the next.

    max_minutes: of seeing, thinking and acting, not of waiting for people. max_tokens: read and written.
    Both are looked at between steps. policy: is asked before every action. journal: is told of every step before and
    after it is done.
    on_text: gets the reply piece by piece while the model speaks. guide: may hold the run, act and answer.
    """

    def __init__(
        self,
        model: VisionLanguageModel,
        environment: Environment,
        *,
        max_steps: int = 30,
        max_minutes: float = math.inf,
        max_tokens: float = math.inf,
        policy: Policy = AllowAll(),
        journal: Journal = NoJournal(),
        on_text: Callable[[str], None] | None = None,
        guide: Guide = NoGuide(),
        sampling: Sampling = Sampling(),
    ) -> None:
        self.model = model
        self.environment = environment
        self.max_steps = max_steps
        self.max_minutes = max_minutes
        self.max_tokens = max_tokens
        self.policy = policy
        self.journal = journal
        self.on_text = on_text
        self.guide = guide
        self.sampling = replace(sampling, stop=(*sampling.stop, CALL_END))
        self.language = ComputerUse(model.family)
        self.stopped = threading.Event()
        self.reply: Reply | None = None  # the one being spoken, for `stop`

    def run(self, task: str, before: Sequence[Step] = ()) -> Iterator[Step]:
        """Every step as soon as it is done; the last one has an ending.

        before: the steps of a run that broke off, which goes on behind them.
        A step that gets its ending early passes through the rest unchanged. Raises what the journal raises.
        """
        steps = list(before)
        while not steps or steps[-1].ending is None:
            try:
                step = self.perceive(steps)
                step = self.plan(task, steps, step)
                step = self.act(steps, step)
            except LookAgain:
                continue
            steps.append(replace(step, ending=step.ending or self.ending([*steps, step])))
            self.journal.outcome(steps[-1])
            yield steps[-1]

    def stop(self) -> None:
        """End the run at once: mid-reply, mid-wait, before the next action. Callable from any thread."""
        self.stopped.set()
        if reply := self.reply:
            reply.cancel()

    def perceive(self, steps: Sequence[Step]) -> Step:
        """The step begins with the screen, or with the last one seen when the screen is gone."""
        began = time.perf_counter()
        try:
            screenshot = self.environment.screenshot()
        except EnvironmentLost as lost:
            seen = steps[-1].screenshot if steps else NOTHING_SEEN
            return Step(len(steps), seen, ending=Ending("lost", str(lost)))
        return Step(len(steps), screenshot, seconds=Seconds(perceive=time.perf_counter() - began))

    def plan(self, task: str, steps: Sequence[Step], step: Step) -> Step:
        """Let the model speak until it has made one call, unless the guide acts in its place."""
        if step.ending:
            return step
        if action := self.guide.turn(step):
            return self.by_person(step, action)
        began = time.perf_counter()
        try:
            reply = self.speak(task, steps, step)
        except PromptTooLarge as error:
            return replace(step, ending=Ending("budget", str(error)))
        seconds = replace(step.seconds, plan=time.perf_counter() - began)
        ending = CANCELLED if self.stopped.is_set() else None
        return replace(step, reply=reply.text, usage=reply.usage, seconds=seconds, ending=ending)

    def speak(self, task: str, steps: Sequence[Step], step: Step) -> Reply:
        asked = messages(task, steps, step.screenshot, self.model.family)
        grammar = self.language.grammar(step.screenshot.size)
        reply = self.model.stream(asked, replace(self.sampling, grammar=grammar))
        self.reply = reply
        if self.stopped.is_set():  # `stop` came before there was a reply to cancel
            reply.cancel()
        try:
            for piece in reply:
                if self.on_text:
                    self.on_text(piece)
        finally:
            self.reply = None
            reply.cancel()  # nothing goes on in the background when an interrupt ends the loop above
        return reply

    def act(self, steps: Sequence[Step], step: Step) -> Step:
        """Do what the reply asks for. The model's mistakes are caught here, and only here, and told to it."""
        if step.ending:
            return step
        began = time.perf_counter()
        try:
            step = self.read(step)
            if not step.by_person and (action := self.guide.turn(step)):
                step = self.read(self.by_person(step, action))
            for action in () if step.by_person else step.actions:  # a person needs nobody's leave
                self.policy.check(action, step.screenshot)
            self.journal.intent(step)
            told = self.ask(step.ask.question) if step.ask else ""
            began = time.perf_counter()  # a person may have been waited for until now
            step = replace(step, result=prompts.joined(told, self.perform(step.actions)))
        except (ParseError, Refused, ActionFailed) as mistake:
            step = replace(step, result=str(mistake), mistake=True)
        except Denied as denied:
            ending = CANCELLED if self.stopped.is_set() else Ending("denied", str(denied))
            step = replace(step, result=prompts.DENIED, mistake=True, ending=ending)
        except EnvironmentLost as lost:
            step = replace(step, result=str(lost), ending=Ending("lost", str(lost)))
        step = replace(step, result=prompts.joined(step.result, progress.warning(alone([*steps, step]))))
        return replace(step, seconds=replace(step.seconds, act=time.perf_counter() - began))

    def by_person(self, step: Step, action: Action) -> Step:
        """The person's action in the model's own words, so that all who read the step, the model too, understand it."""
        said = self.language.write(action, self.model.family.grid(step.screenshot.size))
        return replace(step, reply=said, actions=(), finish=None, ask=None, by_person=True, corrected=step.reply)

    def read(self, step: Step) -> Step:
        """The reply understood. Raises ParseError."""
        screen = step.screenshot.size
        match self.language.read(step.reply, screen, self.model.family.grid(screen).resized):
            case Finish() as finish:
                return replace(step, finish=finish)
            case Ask() as ask:
                return replace(step, ask=ask)
            case tuple() as actions:
                return replace(step, actions=actions)
            case action:
                return replace(step, actions=(action,))

    def ask(self, question: str) -> str:
        """What the model is told to its question. Raises Refused when nobody answers."""
        said = "" if self.stopped.is_set() else self.guide.ask(question)
        if self.stopped.is_set():
            return prompts.STOPPED
        if not said:
            raise Refused(prompts.NOBODY)
        self.policy.heard(said)
        return prompts.answered(said)

    def perform(self, actions: Sequence[Action]) -> str:
        """One after the other, until all are done or `stop` is called; what was noticed on the way."""
        noticed: list[str] = []
        for piece in (piece for action in actions for piece in pieces(action)):
            if self.stopped.is_set():
                return prompts.joined(*noticed, prompts.STOPPED)
            noticed.append(self.environment.perform(piece))
        return prompts.joined(*noticed)

    def ending(self, steps: Sequence[Step]) -> Ending | None:
        """Is it over after these steps, and why?"""
        if finish := steps[-1].finish:
            return ending_of(finish)
        if self.stopped.is_set():
            return CANCELLED
        if ending := progress.stuck(alone(steps)):
            return ending
        if sum(not step.by_person for step in steps) >= self.max_steps:
            return Ending("budget", f"not done after {self.max_steps} steps")
        if sum(step.seconds.total for step in steps) >= self.max_minutes * 60:
            return Ending("budget", f"not done after {self.max_minutes:g} minutes")
        if sum(step.usage.prompt_tokens + step.usage.new_tokens for step in steps) >= self.max_tokens:
            return Ending("budget", f"not done after {self.max_tokens:g} tokens")
        return None


def alone(steps: Sequence[Step]) -> Sequence[Step]:
    """What the model did since a person last acted or answered: only of that can it be stuck."""
    last = max((step.index for step in steps if step.by_person or step.answered), default=-1)
    return steps[last + 1 :]


def pieces(action: Action) -> Iterator[Action]:
    """The action itself, but a long wait in short parts, none of them begun after its time."""
    if not isinstance(action, Wait):
        yield action
        return
    left, end = action.seconds, time.monotonic() + action.seconds
    yield Wait(min(left, WAIT_PIECE_S))
    while (left := min(left - WAIT_PIECE_S, end - time.monotonic())) > 0:
        yield Wait(min(left, WAIT_PIECE_S))
