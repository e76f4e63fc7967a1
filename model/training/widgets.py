"""Widgets of a little screen in a practice clip: windows open, buttons are pressed, words are typed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.training.drawing import load_font
from model.training.scenes import FINE, Actor, Brush, Corners, Happening, Stage, Theme, distance, shade


@dataclass(frozen=True)
class Row:
    """The strip of a little screen that one widget stands in."""

    corners: Corners
    theme: Theme
    font: Any

    @property
    def middle(self) -> float:
        return (self.corners[1] + self.corners[3]) / 2

    def length(self, text: str) -> float:
        return float(self.font.getlength(text)) / FINE


def rows(rng: random.Random, stage: Stage, theme: Theme, font: Path | None) -> list[Row]:
    """From top to bottom, each with a gap to the next."""
    count = rng.randint(2, max(2, min(4, stage.height // 30)))
    high = stage.height / count
    size = load_font(font, round(rng.uniform(10.5, 13) * FINE))
    gap = rng.uniform(2, 4)
    return [
        Row((gap, index * high + gap, stage.width - gap, (index + 1) * high - gap), theme, size)
        for index in range(count)
    ]


def constant(box: Corners, stage: Stage) -> tuple[Corners | None, ...]:
    return (box,) * stage.frames


def window(rng: random.Random, stage: Stage, row: Row, word: str, first: int | None) -> Actor:
    """A window that opens or closes."""
    left, top, right, bottom = row.corners
    box = (left + rng.uniform(0, 10), top, right - rng.uniform(0, 10), bottom)
    opens = rng.random() < 0.65
    seen = [first is None or (index >= first) == opens for index in range(stage.frames)]
    theme, bar = row.theme, min(15.0, 0.62 * (bottom - top))
    title = (255, 255, 255) if sum(theme.accent) < 450 else (0, 0, 0)

    def paint(brush: Brush, index: int) -> None:
        if seen[index]:
            brush.box(box, theme.face, theme.accent)
            brush.box((box[0], top, box[2], top + bar), theme.accent)
            brush.text(box[0] + 4, top + bar / 2, word, row.font, title)
            y = top + bar + 4
            while y + 2 < bottom - 2:
                brush.box((box[0] + 5, y, box[2] - 12, y + 1.5), shade(theme.face, -60))
                y += 5

    boxes = tuple(box if shown else None for shown in seen)
    does = ("opens", "open") if opens else ("closes", "close")
    name = f'the window "{word}"'
    if first is None:
        return Actor(paint)
    return Actor(paint, (Happening(f"{name} {does[0]}", f"does {name} {does[1]}", first, None, boxes),))


def button(rng: random.Random, stage: Stage, row: Row, word: str, first: int | None) -> Actor:
    """A button that gets another shade while it is pressed."""
    left, top, right, bottom = row.corners
    wide, high = row.length(word) + 12, min(20.0, bottom - top)
    x = rng.uniform(left, max(left, right - wide))
    box = (x, row.middle - high / 2, min(right, x + wide), row.middle + high / 2)
    theme, radius = row.theme, rng.choice([0, 2, 5])
    held = range(first, first + rng.randint(1, 3)) if first is not None else range(0)
    rest = shade(theme.face, -18) if rng.random() < 0.6 else theme.accent
    ink = theme.ink if distance(theme.ink, rest) > 300 else (255, 255, 255) if sum(rest) < 380 else (0, 0, 0)

    def paint(brush: Brush, index: int) -> None:
        fill = shade(rest, -60) if index in held else rest
        brush.box(box, fill, theme.ink, radius)
        brush.text(x + 6, row.middle + (0.7 if index in held else 0), word, row.font, ink)

    if first is None:
        return Actor(paint)
    name = f'the button "{word}"'
    return Actor(paint, (Happening(f"{name} is pressed", f"is {name} pressed", first, None, constant(box, stage)),))


def tick_box(rng: random.Random, stage: Stage, row: Row, word: str, first: int | None) -> Actor:
    """A check box that gets its tick."""
    left, top, right, bottom = row.corners
    side = min(12.0, bottom - top)
    x, y = rng.uniform(left, max(left, right - side - 5 - row.length(word))), row.middle - side / 2
    box, theme = (x, y, x + side, y + side), row.theme
    initially = first is None and rng.random() < 0.4

    def paint(brush: Brush, index: int) -> None:
        ticked = initially or (first is not None and index >= first)
        brush.box(box, theme.accent if ticked else theme.face, theme.ink, 1)
        if ticked:
            corners = [(0.2, 0.5), (0.42, 0.72), (0.8, 0.22), (0.9, 0.34), (0.42, 0.9), (0.1, 0.6)]
            brush.polygon([(x + side * u, y + side * v) for u, v in corners], (255, 255, 255))
        brush.text(x + side + 4, row.middle, word, row.font, theme.ink)

    if first is None:
        return Actor(paint)
    name = f'the box "{word}"'
    return Actor(paint, (Happening(f"{name} is ticked", f"is {name} ticked", first, None, constant(box, stage)),))


def field(rng: random.Random, stage: Stage, row: Row, word: str, first: int | None) -> Actor:
    """A field that a word is typed into, at least two letters at first; it ends with the last letter."""
    left, top, right, bottom = row.corners
    high = min(20.0, bottom - top)
    box = (left, row.middle - high / 2, min(right, left + row.length(word) + 14), row.middle + high / 2)
    theme = row.theme
    last = stage.frames - 1 if first is None else min(first + rng.randint(1, 4), stage.frames - 1)

    def paint(brush: Brush, index: int) -> None:
        brush.box(box, theme.face, theme.accent)
        if first is not None and index >= first:
            share = min(1.0, (index - first + 1) / (last - first + 1))
            brush.text(left + 4, row.middle, word[: max(2, math.ceil(len(word) * share))], row.font, theme.ink)

    if first is None:
        return Actor(paint)
    asked = f'is "{word}" typed'
    return Actor(paint, (Happening(f'"{word}" is typed', asked, first, last, constant(box, stage)),))


def progress(rng: random.Random, stage: Stage, row: Row, word: str, first: int | None) -> Actor:
    """A bar that grows from the start and is full at `first`; without one it never gets there. `word` is not used."""
    left, top, right, bottom = row.corners
    high = min(rng.uniform(7, 11), bottom - top)
    box, theme = (left, row.middle - high / 2, right, row.middle + high / 2), row.theme
    begin = rng.uniform(0, 0.4)
    goal, steps = (1.0, first) if first is not None else (rng.uniform(0.5, 0.8), stage.frames)

    def paint(brush: Brush, index: int) -> None:
        share = begin + (goal - begin) * min(1.0, index / steps)
        brush.box(box, theme.face, theme.ink)
        brush.box((left + 1, box[1] + 1, left + 1 + share * (right - left - 2), box[3] - 1), theme.accent)

    if first is None:
        return Actor(paint)
    boxes = constant(box, stage)
    name = "the progress bar"
    return Actor(paint, (Happening(f"{name} gets full", f"does {name} get full", first, None, boxes),))


def pointer(rng: random.Random, stage: Stage) -> Actor:
    """A mouse pointer that goes its own way."""
    (x, y), (to_x, to_y) = ((rng.uniform(0, stage.width - 8), rng.uniform(0, stage.height - 12)) for _ in range(2))
    arrow = ((0, 0), (0, 9), (2.2, 7), (4, 10.5), (5.4, 9.8), (3.8, 6.4), (6.5, 6.2))

    def paint(brush: Brush, index: int) -> None:
        share = index / (stage.frames - 1)
        at_x, at_y = x + (to_x - x) * share, y + (to_y - y) * share
        brush.polygon([(at_x + u, at_y + v) for u, v in arrow], (250, 250, 250), (10, 10, 10))

    return Actor(paint)
