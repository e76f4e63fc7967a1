"""Steps at what no label names: a box read from the page, and a click, a move or a drag to it."""

from __future__ import annotations

import random

from model.training.dom import scaled
from model.training.experts.steps import Decision, Look, Lost, aim
from tools.actions import Click, Drag, Move, Press
from tools.geometry import Box, Point

BOXES = "nodes => nodes.map(n => n.getBoundingClientRect()).map(r => [r.left, r.top, r.right, r.bottom])"


def boxes(look: Look, selector: str) -> list[Box]:
    """Where the page's elements of that selector are, in document order."""
    return [scaled(corners, look.scale) for corners in look.page.eval_on_selector_all(selector, BOXES)]


def only(look: Look, selector: str) -> Box:
    """The first element's box. Raises Lost."""
    found = boxes(look, selector)
    if not found:
        raise Lost(f"nothing on the page is {selector}")
    return found[0]


def middle(box: Box) -> Box:
    """The inner half of a box either way, for what must be hit with care."""
    wide, high = box.width / 4, box.height / 4
    return Box(box.left + wide, box.top + high, box.right - wide, box.bottom - high)


def clicked(thought: str, box: Box, times: int = 1) -> Decision:
    return Decision(thought, Click(spot(thought, box), times=times), box)


def moved(thought: str, box: Box) -> Decision:
    return Decision(thought, Move(spot(thought, box)), box)


def dragged(thought: str, box: Box) -> Decision:
    return Decision(thought, Drag(spot(thought, box)), box)


def pressed(thought: str, *keys: str) -> Decision:
    return Decision(thought, Press(keys), None)


def spot(thought: str, box: Box) -> Point:
    """A point in the middle of the box, the same one each time."""
    return aim(box, random.Random(f"{thought} {box}"))
