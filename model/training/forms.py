"""Pictures of coloured forms, letters and digits drawn with PIL by seed, with the words that tell one from the rest."""

from __future__ import annotations

import math
import random
import string
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from model.training.drawing import Drawn, font_files, load_font, word, write
from model.training.experts.shapes import Form, body, written
from model.training.scenes import FINE, PAPERS, Brush, Colour, distance, jitter
from tools.geometry import Box, Size

COLOURS: dict[str, Colour] = {  # as CSS has them, but for a pink that shows on white
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "aqua": (0, 255, 255),
    "cyan": (0, 255, 255),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 165, 0),
    "brown": (165, 42, 42),
    "purple": (128, 0, 128),
    "pink": (255, 120, 170),
    "gray": (128, 128, 128),
}
SAME = ("aqua", "cyan")  # two names of one colour, never in one picture
BAR = (255, 255, 0)  # of the task on many a page
FAR = 200  # the sum of the differences in red, green and blue that a thin letter and its ground need
LEAST, MOST = 3, 20  # things in a picture
ROUND = ("circle", "oval", "ring")
ARM = 0.35  # half the width of a cross's arms


def points(count: int, inner: float = 1.0) -> list[tuple[float, float]]:
    """Corners about (0, 0) with a tip up; every other one lies at `inner`, which makes a star of a polygon."""
    turns = [2 * math.pi * i / count for i in range(count)]
    reach = [inner if i % 2 else 1.0 for i in range(count)]
    return [(r * math.sin(turn), -r * math.cos(turn)) for r, turn in zip(reach, turns, strict=True)]


POLYGONS: dict[str, list[tuple[float, float]]] = {
    "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "rectangle": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "triangle": [(-1, 1), (0, -1), (1, 1)],
    "diamond": points(4),
    "pentagon": points(5),
    "hexagon": points(6),
    "star": points(10, 0.4),
    "cross": [
        *((-ARM, -1), (ARM, -1), (ARM, -ARM), (1, -ARM), (1, ARM), (ARM, ARM)),
        *((ARM, 1), (-ARM, 1), (-ARM, ARM), (-1, ARM), (-1, -ARM), (-ARM, -ARM)),
    ],
}


@dataclass(frozen=True)
class Style:
    """What the things of one picture have in common."""

    paper: Colour
    line: Colour | None  # around the forms; None: nothing
    colours: dict[str, Colour]
    sizes: dict[str, float]  # how high, in pixels; "" where all are alike
    shapes: tuple[str, ...]
    font: Path | None


def forms(seed: int, width: int, height: int) -> Drawn:
    """Things on a ground, each with the fewest words that fit no other: "" where there are none."""
    rng = random.Random(f"forms-{seed}")
    style = chosen(rng)
    bar = rng.choice([0, 0, round(0.12 * height), round(0.24 * height)])
    things = [thing(rng, style, x, y) for x, y in places(rng, Size(width, height), bar, max(style.sizes.values()))]
    brush = Brush(Image.new("RGB", (width * FINE, height * FINE), style.paper))
    for one in things:
        paint(brush, one, style)
    drawn = Drawn(brush.finish())
    if bar:
        say(rng, drawn, bar, rng.choice([BAR, style.paper]))
    for one in things:
        note(rng, drawn, one, things)
    return drawn


def chosen(rng: random.Random) -> Style:
    paper = rng.choice([(255, 255, 255), rng.choice(PAPERS)])
    line = rng.choice([None, None, (0, 0, 0) if sum(paper) > 380 else (255, 255, 255)])
    seen = [name for name, colour in COLOURS.items() if distance(colour, paper) > FAR]
    names = rng.sample(seen, rng.randint(2, 7))
    if set(SAME) <= set(names):
        names.remove(rng.choice(SAME))
    shapes = [*POLYGONS, *ROUND]
    if rng.random() < 0.5:
        shapes.remove("square")  # then a square counts as a rectangle, as it does on some pages
    if rng.random() < 0.4:
        shapes = [name for name in shapes if name in ("circle", "rectangle", "square", "triangle")]
    return Style(
        paper,
        line,
        {name: jitter(rng, COLOURS[name], rng.randint(0, 12)) for name in names},
        sizes(rng),
        tuple(shapes),
        rng.choice(font_files() or (None,)),
    )


def sizes(rng: random.Random) -> dict[str, float]:
    least, ratio = rng.uniform(18, 26), rng.uniform(1.7, 2.1)
    return rng.choice(
        [
            {"": rng.uniform(18, 60)},
            {"small": least, "large": least * ratio},
            {"small": least, "large": least * ratio},
            {"small": least, "medium": 1.6 * least, "large": 2.5 * least},
        ]
    )


def places(rng: random.Random, size: Size, top: int, largest: float) -> list[tuple[float, float]]:
    """Centres of some cells of a grid below `top`, each moved a little, so that nothing overlaps."""
    cell = 1.5 * largest  # lines of letters are higher than the letters
    columns, rows = int(size.width // cell), int((size.height - top) // cell)
    cells = list(product(range(columns), range(rows)))
    few = rng.sample(cells, min(len(cells), rng.randint(LEAST, MOST)))
    wide, high, free = size.width / columns, (size.height - top) / rows, 0.05 * largest
    return [
        ((x + 0.5) * wide + rng.uniform(-free, free), top + (y + 0.5) * high + rng.uniform(-free, free)) for x, y in few
    ]


def thing(rng: random.Random, style: Style, x: float, y: float) -> Form:
    kind = rng.choice(["shape", "shape", "letter", "digit"])
    size = rng.choice(list(style.sizes))
    name = rng.choice({"shape": style.shapes, "letter": string.ascii_letters, "digit": string.digits}[kind])
    if kind == "shape":
        wide, high = proportions(rng, name, style)
    else:
        font = load_font(style.font, round(style.sizes[size]))
        wide, high = font.getlength(name) / style.sizes[size], sum(font.getmetrics()) / style.sizes[size]
    wide, high = wide * style.sizes[size], high * style.sizes[size]
    box = Box.from_xywh(x - wide / 2, y - high / 2, wide, high)
    return Form(name, kind, rng.choice(list(style.colours)), size, box)


def proportions(rng: random.Random, name: str, style: Style) -> tuple[float, float]:
    """Width and height as shares of the size."""
    square_too = name == "rectangle" and "square" not in style.shapes and rng.random() < 0.5
    if name not in ("rectangle", "oval") or square_too:
        return 1.0, 1.0
    flat = rng.uniform(0.45, 0.65)
    return rng.choice([(1.0, flat), (flat, 1.0)])


def paint(brush: Brush, one: Form, style: Style) -> None:
    box, fill, centre = one.box, style.colours[one.colour], one.box.center
    if one.kind != "shape":
        font = load_font(style.font, round(style.sizes[one.size] * FINE))
        brush.text(box.left, centre.y, one.name, font, fill)
    elif one.name in ROUND:
        where = [edge * FINE for edge in (box.left, box.top, box.right, box.bottom)]
        brush.pen.ellipse(where, fill, style.line, FINE if style.line else 0)
        if one.name == "ring":
            x, y = box.width * FINE / 4, box.height * FINE / 4
            hole = (where[0] + x, where[1] + y, where[2] - x, where[3] - y)
            brush.pen.ellipse(hole, style.paper, style.line, FINE if style.line else 0)
    else:
        wide, high = box.width / 2, box.height / 2
        corners = [(centre.x + x * wide, centre.y + y * high) for x, y in POLYGONS[one.name]]
        brush.polygon(corners, fill, style.line)


def say(rng: random.Random, drawn: Drawn, bar: int, colour: Colour) -> None:
    """A bar of words across the top, as pages have it about what is to be done."""
    pen = ImageDraw.Draw(drawn.image)
    pen.rectangle((0, 0, drawn.image.width, bar - 1), fill=colour)
    font: Any = load_font(rng.choice(font_files() or (None,)), rng.randint(16, 22))
    ink = (0, 0, 0) if sum(colour) > 380 else (255, 255, 255)
    high, y = sum(font.getmetrics()), 4.0
    while y + high < bar:
        line = word(rng)
        while font.getlength(longer := f"{line} {word(rng)}") < drawn.image.width - 12:
            line = longer
        end = write(drawn, pen, (6, y), line, font, ink)
        drawn.elements.append({"kind": "text", "text": line, "box": [6, y, end, y + high], "state": ""})
        y += high


def note(rng: random.Random, drawn: Drawn, one: Form, things: list[Form]) -> None:
    box = body(one.box) if one.name == "triangle" else one.box
    corners = [box.left, box.top, box.right, box.bottom]
    if one.kind != "shape":
        drawn.chars.append([one.name, *corners])
    text = described(rng, one, things)
    drawn.elements.append({"kind": "shape", "text": written(text) if text else "", "box": corners, "state": ""})


def described(rng: random.Random, one: Form, things: list[Form]) -> str:
    """Words that fit this thing alone; mostly its colour and form, if they do. "" where none do."""
    ways = product({"", one.size}, {"", one.colour}, dict.fromkeys((one.name, one.kind, "item")))
    texts = [" ".join(filter(None, words)) for words in sorted(ways)]
    alone = [text for text in texts if sum(other.fits(text) for other in things) == 1]
    usual = f"{one.colour} {one.name}"
    return usual if usual in alone and rng.random() < 0.5 else rng.choice(alone or [""])
