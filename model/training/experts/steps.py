"""What experts are made of: a step in a task's own words, found on the screen, with the thought that goes with it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playwright.sync_api import Page

from model.training.dom import Element, Snapshot, snapshot
from tools.actions import Action, Click, Type
from tools.geometry import Box, Point, Size


@dataclass(frozen=True)
class Want:
    """One step of a task in its own words, before the screen is looked at."""

    kind: str  # click, check, field, close, type or done
    text: str = ""  # label of the target or the text to type; "" for a field without label


@dataclass(frozen=True)
class Decision:
    thought: str
    action: Action | None  # None: the task is finished
    target: Box | None  # what the action aims at, in screenshot pixels


class Lost(Exception):
    """The screen does not show what the expert looks for."""


class Look:
    """The screen as it is now; `page` for what a snapshot does not tell, such as shapes."""

    def __init__(self, page: Page, scale: float, area: Size) -> None:
        self.page, self.scale, self.area = page, scale, area

    def __call__(self) -> Snapshot:
        return snapshot(self.page, self.scale, self.area)


Expert = Callable[[str, Look], Iterator[Want | Decision]]

KINDS = {
    "click": ("button", "link", "tab"),
    "check": ("checkbox", "radio"),
    "field": ("field",),
    "close": ("close",),
}


def decide(want: Want | Decision, screen: Snapshot, rng: random.Random) -> Decision:
    """Find what is wanted on the screen and aim at it; what is decided stays as it is. Raises Lost."""
    if isinstance(want, Decision):
        return want
    if want.kind == "done":
        return Decision("Done.", None, None)
    if want.kind == "type":
        return Decision(thought(want), Type(want.text), None)
    box = find(want, screen).box
    return Decision(thought(want), Click(aim(box, rng)), box)


def thought(want: Want) -> str:
    match want.kind:
        case "click":
            return f'Click "{want.text}".'
        case "check":
            return f'Check "{want.text}".'
        case "field":
            return f'Click the field "{want.text}".' if want.text else "Click the text field."
        case "close":
            return "Click the close button."
        case "type":
            return f'Type "{want.text}".'
        case "done":
            return "Done."
    raise ValueError(f"no such want: {want.kind}")


def find(want: Want, screen: Snapshot) -> Element:
    """The first element of the wanted kind with exactly the wanted label, any where none is named. Raises Lost."""
    for element in screen.elements:
        if element.kind in KINDS[want.kind] and want.text in ("", element.text):
            return element
    raise Lost(f"nothing to {want.kind} called {want.text!r}")


def aim(box: Box, rng: random.Random) -> Point:
    """A whole pixel within the middle half of the box."""
    x = box.center.x + rng.uniform(-0.25, 0.25) * box.width
    y = box.center.y + rng.uniform(-0.25, 0.25) * box.height
    return Point(int(x), int(y))


def quoted(said: str) -> list[str]:
    return re.findall(r'"([^"]*)"', said)


def clicks(pattern: str) -> Expert:
    """An expert that clicks once, on what the pattern's group finds in the task."""

    def expert(said: str, look: Look) -> Iterator[Want]:
        yield Want("click", groups(pattern, said)[0])

    return expert


def groups(pattern: str, said: str) -> tuple[str, ...]:
    found = re.search(pattern, said)
    if found is None:
        raise Lost(f"task not understood: {said!r}")
    return found.groups()


def always(*wants: Want) -> Expert:
    def expert(said: str, look: Look) -> Iterator[Want]:
        yield from wants

    return expert
