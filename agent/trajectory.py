"""What a run is made of: its steps, how the model says that it is done or asks something, and how the run ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from model.vlm import Usage
from tools.actions import (
    Action,
    Back,
    Click,
    CloseTab,
    Drag,
    Forward,
    Goto,
    Move,
    Press,
    Reload,
    Scroll,
    SwitchTab,
    Type,
    Wait,
)
from tools.environment import Screenshot
from tools.geometry import Point

Reason = Literal[
    "finished",  # the model says that the task is done
    "failed",  # the model says that the task cannot be done
    "stuck",  # nothing it does changes anything
    "unreadable",  # too many replies in a row held no usable call
    "budget",  # out of steps, minutes, tokens or memory
    "denied",  # a person did not allow what it wanted to do, or nobody was there to
    "cancelled",  # stopped from outside
    "lost",  # the browser or screen is gone
    "interrupted",  # the program died in the middle of a step; only a replay knows this one
]


@dataclass(frozen=True)
class Finish:
    """The model's word that it is done; not an Action, no Environment ever sees it."""

    success: bool
    answer: str = ""


@dataclass(frozen=True)
class Ask:
    """The model's question to the person; not an Action, no Environment ever sees it."""

    question: str


@dataclass(frozen=True)
class Ending:
    reason: Reason
    text: str = ""  # one sentence for a person

    @property
    def success(self) -> bool:
        return self.reason == "finished"

    def __str__(self) -> str:
        return f"{self.reason}: {self.text}" if self.text else self.reason


@dataclass(frozen=True)
class Seconds:
    """Where the time of one step went."""

    perceive: float = 0.0
    plan: float = 0.0
    act: float = 0.0

    @property
    def total(self) -> float:
        return self.perceive + self.plan + self.act


@dataclass(frozen=True)
class Step:
    index: int  # from 0
    screenshot: Screenshot  # what the model saw
    reply: str = ""  # verbatim; "" when the run ended before the model spoke
    actions: tuple[Action, ...] = ()  # what the reply's one call asks for, in screenshot pixels
    finish: Finish | None = None  # None: the model goes on
    ask: Ask | None = None  # None: the reply asks the person nothing
    result: str = ""  # what the model is told came of it; "" when all went well and there is nothing to say
    mistake: bool = False  # the result says what the model did wrong
    by_person: bool = False  # the reply is the call that a person made in the model's place
    corrected: str = ""  # what the model had said where a person then chose to do something else
    ending: Ending | None = None  # None: another step follows
    seconds: Seconds = Seconds()
    usage: Usage = field(default_factory=Usage)

    @property
    def readable(self) -> bool:
        """Did the reply hold a call that could be understood? A question that nobody answers is as good as none."""
        return bool(self.actions) or self.finish is not None or self.answered

    @property
    def answered(self) -> bool:
        """Does the result hold what the person said to the model's question?"""
        return self.ask is not None and not self.mistake


def ending_of(finish: Finish) -> Ending:
    return Ending("finished" if finish.success else "failed", finish.answer)


def in_words(step: Step) -> str:
    """What the step does, in one line for a person."""
    if step.finish is not None:
        said = "finish" if step.finish.success else "give up"
        return f"{said}: {step.finish.answer}" if step.finish.answer else said
    if step.ask is not None:
        return f"ask: {step.ask.question}"
    return ", then ".join(describe(action) for action in step.actions) or "nothing was done"


def describe(action: Action) -> str:
    match action:
        case Click(at=at, button=button, times=times, modifiers=modifiers):
            count = {1: "click", 2: "double click", 3: "triple click"}.get(times, f"click {times} times")
            named = count if button == "left" else f"{button} {count}"
            return f"{'+'.join([*modifiers, named])} {where(at)}"
        case Move(at=at):
            return f"move to {at}"
        case Drag(to=to, start=start, button=button):
            named = "drag" if button == "left" else f"{button} drag"
            return f"{named} from {start or 'the pointer'} to {to}"
        case Scroll(dx=dx, dy=dy, at=at):
            return f"scroll {distances(dx, dy)} {where(at)}"
        case Type(text=text):
            return f"type “{text}”"
        case Press(keys=keys):
            return f"press {'+'.join(keys)}"
        case Wait(seconds=seconds):
            return f"wait {seconds:g} s"
        case Goto(url=url):
            return f"go to {url}"
        case Back():
            return "go back"
        case Forward():
            return "go forward"
        case Reload():
            return "reload"
        case SwitchTab(index=index):
            return f"switch to tab {index + 1}"
        case CloseTab():
            return "close the tab"


def where(at: Point | None) -> str:
    return f"at {at}" if at else "at the pointer"


def distances(dx: float, dy: float) -> str:
    down = f"{abs(dy):g} px {'down' if dy > 0 else 'up'}" if dy or not dx else ""
    right = f"{abs(dx):g} px {'right' if dx > 0 else 'left'}" if dx else ""
    return " and ".join(filter(None, (down, right)))
