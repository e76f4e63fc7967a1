"""What practice clips are made of: colours, words and sizes of training and of its tests, a stage, a fine brush."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from PIL import Image, ImageDraw

from model.training.drawing import font_files
from tools.words import COMMON, VERBS

Colour = tuple[int, int, int]
Corners = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the frames

FINE = 3  # everything is drawn so many times larger and then averaged
COLOURS: dict[str, Colour] = {
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 90, 220),
    "yellow": (240, 205, 40),
    "black": (20, 20, 20),
    "white": (250, 250, 250),
    "orange": (240, 130, 30),
    "purple": (140, 60, 180),
}
SHAPES = ("circle", "square", "triangle", "star")
PAIRS = tuple((colour, shape) for colour in COLOURS for shape in SHAPES)
HELD_PAIRS = tuple(
    (colour, shape) for c, colour in enumerate(COLOURS) for s, shape in enumerate(SHAPES) if (c + s) % 3 == 0
)
SIDES = (84, 112, 140, 168)
HELD_SIZES = ((84, 140), (112, 140), (140, 112), (168, 112))
NEAREST = 150  # the sum of the differences in red, green and blue that a shape and what lies behind it need


@dataclass(frozen=True)
class Theme:
    """Colours of a little screen."""

    desk: Colour
    face: Colour
    accent: Colour
    ink: Colour


@dataclass(frozen=True)
class Look:
    """What clips are made of; nothing of the held-out look is ever seen in training."""

    pairs: tuple[tuple[str, str], ...]  # (colour, shape)
    sizes: tuple[tuple[int, int], ...]  # (width, height)
    papers: tuple[Colour, ...]  # backgrounds of shapes
    patterns: tuple[str, ...]  # drawn on them
    themes: tuple[Theme, ...]
    words: tuple[str, ...]
    verbs: tuple[str, ...]  # what buttons say
    fonts: tuple[Path | None, ...]  # None: the one that comes with Pillow, the same on every machine


def is_held(word: str) -> bool:
    """One word in five is kept for held-out clips."""
    return crc32(word.lower().encode()) % 5 == 0


def look(held_out: bool) -> Look:
    words, verbs = (
        tuple(word for word in dict.fromkeys(known) if 3 <= len(word) <= 6 and is_held(word) == held_out)
        for known in (COMMON, VERBS)
    )
    if held_out:
        return Look(HELD_PAIRS, HELD_SIZES, HELD_PAPERS, HELD_PATTERNS, HELD_THEMES, words, verbs, (None,))
    pairs = tuple(pair for pair in PAIRS if pair not in HELD_PAIRS)
    sizes = tuple((w, h) for w in SIDES for h in SIDES if (w, h) not in HELD_SIZES)
    return Look(pairs, sizes, PAPERS, PATTERNS, THEMES, words, verbs, font_files() or (None,))


PAPERS: tuple[Colour, ...] = (
    *((250, 250, 250), (235, 238, 245), (245, 232, 215), (222, 240, 222), (200, 205, 210)),
    *((40, 44, 52), (62, 60, 95), (84, 110, 100)),
)
HELD_PAPERS: tuple[Colour, ...] = ((255, 240, 250), (212, 222, 248), (238, 240, 200), (26, 58, 62))
PATTERNS = ("plain", "plain", "gradient", "dots")
HELD_PATTERNS = ("stripes", "checks")
THEMES = (
    Theme((205, 214, 224), (250, 250, 250), (50, 100, 190), (20, 20, 20)),
    Theme((240, 240, 240), (255, 255, 255), (90, 90, 96), (30, 30, 30)),
    Theme((44, 48, 56), (70, 76, 88), (60, 150, 130), (240, 240, 240)),
    Theme((224, 232, 220), (246, 250, 244), (60, 130, 70), (20, 30, 20)),
    Theme((242, 228, 218), (255, 250, 244), (190, 90, 50), (50, 25, 10)),
)
HELD_THEMES = (
    Theme((222, 212, 236), (248, 244, 252), (120, 70, 160), (35, 15, 50)),
    Theme((20, 44, 56), (36, 70, 84), (220, 160, 40), (230, 245, 250)),
)


@dataclass(frozen=True)
class Stage:
    """Where and how long things are played: size in pixels, so many frames, so many of them a second."""

    width: int
    height: int
    frames: int
    fps: int

    @property
    def starts(self) -> range:
        """Frames at which something may begin: one is seen before, and a second, at least two frames, are left."""
        return range(1, self.frames - max(self.fps, 2) + 1)


@dataclass(frozen=True)
class Happening:
    """An event in frames. It is at `first` that it can first be told from the frames up to there."""

    phrase: str  # "the red circle appears"
    asked: str  # "does the red circle appear"
    first: int
    last: int | None  # the frame that ends it; None: it takes no time
    boxes: tuple[Corners | None, ...]  # where the thing is in each frame, None where it is not to be seen


class Brush:
    """Draws one frame in its own pixels, finer than it will be."""

    def __init__(self, paper: Image.Image) -> None:
        self.image = paper.copy()
        self.pen = ImageDraw.Draw(self.image)

    def finish(self) -> Image.Image:
        return self.image.reduce(FINE)

    def box(self, corners: Corners, fill: Colour | None, line: Colour | None = None, radius: float = 0) -> None:
        left, top, right, bottom = (edge * FINE for edge in corners)
        where = (left, top, max(left, right - 1), max(top, bottom - 1))
        self.pen.rounded_rectangle(where, radius * FINE, fill, line, FINE if line else 0)

    def polygon(self, corners: Sequence[tuple[float, float]], fill: Colour, line: Colour | None = None) -> None:
        self.pen.polygon([(x * FINE, y * FINE) for x, y in corners], fill, line, FINE if line else 1)

    def circle(self, x: float, y: float, radius: float, fill: Colour) -> None:
        where = ((x - radius) * FINE, (y - radius) * FINE, (x + radius) * FINE - 1, (y + radius) * FINE - 1)
        self.pen.ellipse(where, fill)

    def text(self, left: float, middle: float, text: str, font: Any, fill: Colour) -> None:
        self.pen.text((left * FINE, middle * FINE), text, fill, font, anchor="lm")


@dataclass(frozen=True)
class Actor:
    """One thing in a clip."""

    paint: Callable[[Brush, int], None]  # into the frame of this number
    happenings: tuple[Happening, ...] = ()


def jitter(rng: random.Random, colour: Colour, by: int) -> Colour:
    red, green, blue = (min(255, max(0, part + rng.randint(-by, by))) for part in colour)
    return red, green, blue


def distance(a: Colour, b: Colour) -> int:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def shade(colour: Colour, by: int) -> Colour:
    """Lighter, or darker for less than 0; away from where it would be cut off."""
    by = -by if not 0 <= sum(colour) / 3 + by <= 255 else by
    red, green, blue = (min(255, max(0, part + by)) for part in colour)
    return red, green, blue


def paper(rng: random.Random, stage: Stage, colour: Colour, pattern: str) -> Image.Image:
    """A background with a faint pattern, FINE times the size of the stage."""
    image = Image.new("RGB", (stage.width * FINE, stage.height * FINE), colour)
    pen = ImageDraw.Draw(image)
    other, step = shade(colour, rng.choice([-14, 14])), rng.randint(8, 20) * FINE
    if pattern == "gradient":
        ramp = Image.linear_gradient("L").resize(image.size)
        ramp = ramp if rng.random() < 0.5 else ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        image.paste(Image.new("RGB", image.size, shade(colour, -26)), mask=ramp)
        return image
    for column, x in enumerate(range(0, image.width, step)):
        if pattern == "stripes" and column % 2:
            pen.rectangle((x, 0, x + step - 1, image.height), other)
        for row, y in enumerate(range(0, image.height, step)):
            if pattern == "checks" and (column + row) % 2:
                pen.rectangle((x, y, x + step - 1, y + step - 1), other)
            if pattern == "dots":
                pen.ellipse((x, y, x + step // 4, y + step // 4), other)
    return image


def drifter(rng: random.Random, stage: Stage, colour: Colour) -> Actor:
    """Something faint and large that moves behind all the rest."""
    tint, radius = shade(colour, rng.choice([-10, 10])), rng.uniform(0.15, 0.35) * stage.width
    x, y = rng.uniform(0, stage.width), rng.uniform(0, stage.height)
    dx, dy = rng.uniform(-6, 6), rng.uniform(-6, 6)
    return Actor(lambda brush, index: brush.circle(x + dx * index, y + dy * index, radius, tint))
