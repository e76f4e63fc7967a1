"""Shapes that appear, move and change in a practice clip, each in a lane of its own."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from model.training.scenes import COLOURS, Actor, Brush, Colour, Corners, Happening, Stage, jitter

MARGIN = 2.0  # pixels between a shape and the ends of its lane
SLOWEST = 3.0  # pixels from frame to frame of what is said to start or to stop moving


@dataclass(frozen=True)
class Lane:
    """A strip of the stage that one shape has for itself and moves along."""

    length: float
    middle: float  # of the strip, across it
    width: float
    upright: bool  # it runs from top to bottom

    def at(self, along: float) -> tuple[float, float]:
        return (self.middle, along) if self.upright else (along, self.middle)

    @property
    def ends(self) -> tuple[str, str]:
        return ("top", "bottom") if self.upright else ("left", "right")


def lanes(stage: Stage, rng: random.Random, most: int) -> list[Lane]:
    """In no order."""
    upright = rng.random() < 0.5
    length, across = (stage.height, stage.width) if upright else (stage.width, stage.height)
    count = rng.randint(2, max(2, min(most, across // 26)))
    width = across / count
    found = [Lane(length, (index + 0.5) * width, width, upright) for index in range(count)]
    rng.shuffle(found)
    return found


def shape_actor(
    rng: random.Random, stage: Stage, lane: Lane, pair: tuple[str, str], turned: str | None, first: int | None
) -> Actor:
    """A shape that something happens to at frame `first`; None: only its motion, if any, distracts.

    turned: the colour that it may take on.
    """
    colour, shape = pair
    side = rng.uniform(0.55, 0.9) * min(lane.width, 40)
    room = (side / 2 + MARGIN, lane.length - side / 2 - MARGIN)
    kinds = ["appear", "appear", "disappear", "enter"] + ["turn"] * (turned is not None)
    if first is not None:
        most = 0.7 * (room[1] - room[0]) / SLOWEST  # frames that it can be on its way
        kinds += ["stop"] * (2 <= first <= most + 1) + ["start"] * (stage.frames - first <= most)
    kind = rng.choice(kinds) if first is not None else "none"
    at = first or 0
    visible, before, after = [True] * stage.frames, colour, colour
    name, last, says = f"the {colour} {shape}", None, ("", "")
    end = stage.frames - 1
    path = still(rng, stage, room)
    if kind in ("none", "appear", "disappear", "turn") and rng.random() < 0.35:
        path = motion(rng, stage, room, 0, end)
    if kind == "appear":
        visible, says = [index >= at for index in range(stage.frames)], ("appears", "appear")
    elif kind == "disappear":
        visible, says = [index < at for index in range(stage.frames)], ("disappears", "disappear")
    elif kind == "turn":
        after = turned or colour
        says = (f"turns {after}", f"turn {after}")
    elif kind == "stop":
        path, says = motion(rng, stage, room, 0, at - 1), ("stops moving", "stop moving")
    elif kind == "start":
        path, says = motion(rng, stage, room, at - 1, end), ("starts moving", "start moving")
    elif kind == "enter":
        path, last, edge = entrance(rng, stage, lane, side, at)
        visible = [index >= at for index in range(stage.frames)]
        says = (f"enters from the {edge}", f"enter from the {edge}")
    shades = {name: jitter(rng, COLOURS[name], 10) for name in {before, after}}
    spin = rng.uniform(-0.3, 0.3) if shape in ("triangle", "star") else 0.0

    def paint(brush: Brush, index: int) -> None:
        if visible[index]:
            x, y = lane.at(path[index])
            draw_shape(brush, shape, (x, y), side, shades[before if index < at else after], spin)

    boxes = tuple(
        inside(stage, lane.at(along), side) if seen else None for along, seen in zip(path, visible, strict=True)
    )
    if first is None:
        return Actor(paint)
    return Actor(paint, (Happening(f"{name} {says[0]}", f"does {name} {says[1]}", at, last, boxes),))


def still(rng: random.Random, stage: Stage, room: tuple[float, float]) -> list[float]:
    return [rng.uniform(*room)] * stage.frames


def motion(rng: random.Random, stage: Stage, room: tuple[float, float], begin: int, end: int) -> list[float]:
    """Even speed between the two frames, rest before and after; at most 14 pixels a frame."""
    steps = end - begin
    travel = min(rng.uniform(0.7, 1.0) * (room[1] - room[0]), 14.0 * steps)
    start = rng.uniform(room[0], room[1] - travel)
    path = [start + travel * min(max(index - begin, 0), steps) / steps for index in range(stage.frames)]
    return path if rng.random() < 0.5 else [room[0] + room[1] - along for along in path]


def entrance(rng: random.Random, stage: Stage, lane: Lane, side: float, first: int) -> tuple[list[float], int, str]:
    """From outside to a place within. Returns the path, the frame at which it is there, and the edge it comes from."""
    last = rng.randint(first + 1, min(first + 4, stage.frames - 1))
    steps = last - first + 1
    least = max(1.5, 0.65 * steps) * side  # so that most of it is seen in the first frame
    outside, goal = -side / 2, min(rng.uniform(0.5, 0.8) * lane.length, lane.length - side / 2 - MARGIN)
    goal = max(goal, min(outside + least, lane.length - side / 2 - MARGIN))
    path = [outside + (goal - outside) * min(max(i - first + 1, 0), steps) / steps for i in range(stage.frames)]
    if rng.random() < 0.5:
        return path, last, lane.ends[0]
    return [lane.length - along for along in path], last, lane.ends[1]


def inside(stage: Stage, middle: tuple[float, float], side: float) -> Corners:
    x, y = middle
    left, top = max(0.0, x - side / 2), max(0.0, y - side / 2)
    return left, top, min(float(stage.width), x + side / 2), min(float(stage.height), y + side / 2)


def draw_shape(brush: Brush, shape: str, middle: tuple[float, float], side: float, fill: Colour, spin: float) -> None:
    (x, y), half = middle, side / 2
    if shape == "circle":
        brush.circle(x, y, half, fill)
    elif shape == "square":
        brush.box((x - 0.88 * half, y - 0.88 * half, x + 0.88 * half, y + 0.88 * half), fill)
    else:
        reach = [1.0] * 3 if shape == "triangle" else [1.0, 0.42] * 5
        turn = 2 * math.pi / len(reach)
        brush.polygon(
            [
                (x + half * far * math.sin(spin + corner * turn), y - half * far * math.cos(spin + corner * turn))
                for corner, far in enumerate(reach)
            ],
            fill,
        )
