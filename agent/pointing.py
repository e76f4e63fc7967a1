"""Where is it? One picture and a phrase; and a trial on drawn targets, to know a model before it is trusted."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from PIL import Image

from model.computer_use import system_prompt
from model.families import Family, Grid
from model.messages import ImagePart, Message, system, user
from model.parsing import ParseError, parse_grounding
from model.parsing.grounding import Found
from model.prompts import BOXES, POINTS
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.actions import Click
from tools.geometry import Box, Point, Size
from tools.overlay import draw_boxes, mark
from tools.sandbox import Sandbox

Way = Literal["click", "boxes", "points"]  # as an agent clicks, or as the grounding prompts of Qwen ask
CALL_END = "</tool_call>"
SAMPLING = Sampling(max_new_tokens=512, stop=(CALL_END,))
TARGETS = 20
SCREEN = Size(640, 480)  # of a drawn target, in pixels of the picture
KINDS = ("button", "link")  # what every model has a name for


@dataclass(frozen=True)
class Pointed:
    """What the model said, and where that is."""

    said: str
    grid: Grid  # how the model saw the picture
    found: tuple[Found, ...] = ()  # in pixels of the picture
    problem: str = ""  # why nothing could be read; "" when something was, or nothing is there

    @property
    def places(self) -> tuple[Point, ...]:
        """One for each thing found: the point, or the middle of its box."""
        return tuple(one.box.center if one.box else one.points[0] for one in self.found if one.box or one.points)


@dataclass(frozen=True)
class Trial:
    """One drawn target and where the model took it to be."""

    image: Image.Image
    name: str
    target: Box
    pointed: Pointed

    @property
    def at(self) -> Point | None:
        return self.pointed.places[0] if self.pointed.places else None

    @property
    def is_hit(self) -> bool:
        return self.at is not None and self.target.contains(self.at)

    @property
    def offset(self) -> tuple[float, float] | None:
        """Pixels to the right of and below the target's middle."""
        return (self.at.x - self.target.center.x, self.at.y - self.target.center.y) if self.at else None


@dataclass(frozen=True)
class Calibration:
    """What some trials say of a model."""

    trials: int
    hits: int
    offset: tuple[float, float] | None  # the mean over the hits; None: there was none

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> Calibration:
        hits = [trial.offset for trial in trials if trial.is_hit and trial.offset]
        mean = (fmean(x for x, _ in hits), fmean(y for _, y in hits)) if hits else None
        return cls(len(trials), len(hits), mean)


def ask(model: VisionLanguageModel, image: Image.Image, phrase: str, way: Way) -> Reply:
    return model.stream(request(model.family, image, phrase, way), SAMPLING)


def request(family: Family, image: Image.Image, phrase: str, way: Way) -> list[Message]:
    """The phrase in the words that the family was trained on."""
    match way:
        case "click":
            task = f'Click "{phrase}".' if family.tool_prompt == "compact" else phrase
            return [system(system_prompt(family, grid_of(family, image).resized)), user(task, ImagePart(image))]
        case "boxes":
            return [user(ImagePart(image), BOXES.format(phrase))]
        case "points":
            return [user(ImagePart(image), POINTS.format(phrase))]


def understood(said: str, family: Family, image: Image.Image) -> Pointed:
    """What the words mean on this picture; a place of a thought before a call is none."""
    grid = grid_of(family, image)
    try:
        found = parse_grounding(said[max(0, said.find("<tool_call>")) :], grid)
    except ParseError as error:
        return Pointed(said, grid, problem=str(error))
    named = "<tool_call>" not in said  # a call's label is only the name of its action
    return Pointed(said, grid, tuple(one if named else replace(one, label="") for one in found))


def drawn(image: Image.Image, pointed: Pointed) -> Image.Image:
    """The picture with every box and point."""
    picture = draw_boxes(image, [(one.box, one.label) for one in pointed.found if one.box])
    for one in pointed.found:
        for point in () if one.box else one.points:
            picture = mark(picture, Click(point))
    return picture


def calibrate(model: VisionLanguageModel, count: int = TARGETS, seed: int = 0) -> Iterator[Trial]:
    """Ask for a target on each of `count` drawn screens; same seed, same screens."""
    for number in range(count):
        image, name, target = drawn_target(f"{seed}-{number}", model.family.device_scale)
        said = ask(model, image, name, "click").read()
        yield Trial(image, name, target, understood(said, model.family, image))


def drawn_target(seed: str, scale: float) -> tuple[Image.Image, str, Box]:
    """A screen, the name of a thing on it, and its box. scale: as a browser would draw for the model."""
    rng = random.Random(seed)
    size = Size(round(SCREEN.width / scale), round(SCREEN.height / scale))
    while True:
        screen = Sandbox.random(rng.randrange(2**31), size).screen
        if able := [widget for widget in screen.widgets if widget.kind in KINDS]:
            chosen = rng.choice(able)
            image = screen.draw().resize((SCREEN.width, SCREEN.height), Image.Resampling.BICUBIC)
            box = chosen.box
            return image, chosen.name, Box(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)


def grid_of(family: Family, image: Image.Image) -> Grid:
    return family.grid(Size(*image.size))
