"""Short practice clips by seed, what happens in them and when, and questions about it as Qwen2.5-VL is asked them.

An event's time is that of the first sampled frame that shows it: what happened between two frames cannot be known
better. Something that moves is seen to stop in the first frame in which it stands where it stood the frame before.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.messages import VideoPart
from model.training.movers import lanes, shape_actor
from model.training.scenes import (
    COLOURS,
    NEAREST,
    Actor,
    Brush,
    Corners,
    Happening,
    Look,
    Stage,
    distance,
    drifter,
    jitter,
    look,
    paper,
)
from model.training.widgets import button, field, pointer, progress, rows, tick_box, window

GROUP = 2  # frames that the tower reads as one grid
MOST_FRAMES = 16
FEWEST = {1: 4, 2: 4, 4: 8}  # frames a second -> frames of the shortest clip
MOMENT_S = 1.0  # an event that takes no time is said to last so long
WIDGETS = (window, button, tick_box, field, progress)

Form = Literal["seconds", "clock", "moment"]
FORMS: tuple[Form, ...] = ("seconds", "clock", "moment")
QUERY = "Give the query: '{phrase}', when does the described content occur in the video?"
# The first of each is the published wording; benchmarks use it.
ASKS: dict[Form, tuple[str, ...]] = {
    "seconds": (QUERY, QUERY + " Use seconds as time format.", "When does this happen in the video: '{phrase}'?"),
    "clock": (
        QUERY + " Use 'mm:ss.ff' as time format.",
        "When does this happen in the video: '{phrase}'? Use 'mm:ss.ff' as time format.",
    ),
    "moment": ("At what second {asked}?", "At what second of the video {asked}?"),
}


@dataclass(frozen=True)
class Event:
    phrase: str  # "the red circle appears"
    asked: str  # the same as a question: "does the red circle appear"
    start_s: float  # the time of the frame that first shows it
    end_s: float  # of the frame that ends it; a second later where it takes no time
    start: int  # the number of the frame at start_s
    boxes: tuple[Corners | None, ...]  # where the thing is in each frame, None where it is not to be seen

    @property
    def place(self) -> Corners:
        """Where it happens: what disappears is looked for where it was."""
        box = self.boxes[self.start] or self.boxes[self.start - 1]
        assert box is not None, "an event is seen in the frame that shows it or in the one before"
        return box


@dataclass(frozen=True)
class Clip:
    frames: NDArray[np.uint8]  # (T, H, W, 3); T even; sides multiples of 28 from 84 to 168
    times_s: tuple[float, ...]  # when each frame was taken, from 0
    events: tuple[Event, ...]  # one to four, no two of one phrase

    @property
    def video(self) -> VideoPart:
        """The clip as a part of a message."""
        return VideoPart(tuple(Image.fromarray(frame) for frame in self.frames), self.times_s)

    @property
    def length_s(self) -> float:
        """Every frame is shown until the next; the last as long as the others."""
        return self.times_s[1] * len(self.times_s)


@dataclass(frozen=True)
class Asked:
    """A question about one event of a clip and its only answer."""

    ask: str
    reply: str
    grid: int  # of the clip's groups of two frames, the one in which the event starts
    box: Corners  # where, in pixels of the clip's frames
    form: Form
    event: Event


def clip(seed: int, held_out: bool = False, frames: int | None = None) -> Clip:
    """Shapes or a little screen, with one to four events. The same seed gives the same clip.

    frames: so many; None: an even number from 4 to 16 by seed. Raises ValueError when it is odd or below 8.
    held_out: pairs of colour and shape, backgrounds, patterns, screen colours, words, sizes of the picture and the
    font are ones that no other clip has (the font: where fonts are installed); see scenes.look.
    """
    if frames is not None and (frames % GROUP or frames < max(FEWEST.values())):
        raise ValueError(f"a clip has an even number of frames, 8 or more, not {frames}")
    rng = random.Random(f"clip-{seed}-{held_out}")
    kit = look(held_out)
    fps = rng.choices([1, 2, 4], [2, 6, 2])[0]
    fewest = FEWEST[fps] // 2
    usual = 2 * max(rng.randint(fewest, MOST_FRAMES // 2) for _ in range(2))  # long clips are harder to guess
    width, height = rng.choice(kit.sizes)
    stage = Stage(width, height, frames or usual, fps)
    scene = shapes if rng.random() < 0.55 else screen
    behind, actors = scene(rng, stage, kit)
    times = tuple(index / fps for index in range(stage.frames))
    pictures = [painted(behind, actors, index) for index in range(stage.frames)]
    events = tuple(event_of(happening, times) for actor in actors for happening in actor.happenings)
    return Clip(np.stack([np.asarray(picture) for picture in pictures]), times, events)


def questions(clip: Clip, rng: random.Random) -> list[Asked]:
    """Every event asked for in every form, in one of the form's wordings."""
    return [question(event, form, rng.choice(ASKS[form])) for event in clip.events for form in FORMS]


def question(event: Event, form: Form, wording: str) -> Asked:
    ask = wording.format(phrase=event.phrase, asked=event.asked)
    return Asked(ask, reply(event, form), event.start // GROUP, event.place, form, event)


def reply(event: Event, form: Form) -> str:
    """As the published models say it; the moment alone is our own."""
    if form == "seconds":
        return f"The given query happens in {plain(event.start_s)} - {plain(event.end_s)} seconds."
    if form == "clock":
        return f"The event happens in {clock(event.start_s)} - {clock(event.end_s)}."
    return f"{plain(event.start_s)} seconds."


def plain(seconds: float) -> str:
    """3 -> "3.0", 3.25 -> "3.25"."""
    return str(round(float(seconds), 2))


def clock(seconds: float) -> str:
    """63.25 -> "01:03.25"."""
    return f"{int(seconds // 60):02d}:{seconds % 60:05.2f}"


def event_of(happening: Happening, times: tuple[float, ...]) -> Event:
    start = times[happening.first]
    end = start + MOMENT_S if happening.last is None else times[happening.last]
    return Event(happening.phrase, happening.asked, start, end, happening.first, happening.boxes)


def painted(behind: Image.Image, actors: list[Actor], index: int) -> Image.Image:
    brush = Brush(behind)
    for actor in actors:
        actor.paint(brush, index)
    return brush.finish()


def firsts(rng: random.Random, stage: Stage, places: int) -> list[int | None]:
    """When something happens in each place: in one to four of them, at different times as long as there are any."""
    count = rng.randint(1, min(4, places))
    times = rng.sample(stage.starts, min(count, len(stage.starts)))
    found: list[int | None] = [*times, *[None] * (places - len(times))]
    rng.shuffle(found)
    return found


def shapes(rng: random.Random, stage: Stage, kit: Look) -> tuple[Image.Image, list[Actor]]:
    """Shapes of different colours or forms, one in a lane, on a patterned background with something faint in it."""
    strips = lanes(stage, rng, most=6)
    while True:
        ground = jitter(rng, rng.choice(kit.papers), 3)
        pool = [pair for pair in kit.pairs if distance(COLOURS[pair[0]], ground) > NEAREST]
        if len(pool) >= len(strips):
            break
    pairs = rng.sample(pool, len(strips))
    actors = [drifter(rng, stage, ground)] if rng.random() < 0.5 else []
    taken = set(pairs)
    for lane, pair, first in zip(strips, pairs, firsts(rng, stage, len(strips)), strict=True):
        turned = next(
            (colour for colour, form in rng.sample(pool, len(pool)) if is_free(colour, form, pair, taken)), None
        )
        if turned is not None:
            taken.add((turned, pair[1]))
        actors.append(shape_actor(rng, stage, lane, pair, turned, first))
    return paper(rng, stage, ground, rng.choice(kit.patterns)), actors


def is_free(colour: str, form: str, pair: tuple[str, str], taken: set[tuple[str, str]]) -> bool:
    """May the pair turn into this one, without being mistaken for another shape of the clip?"""
    return form == pair[1] and (colour, form) not in taken


def screen(rng: random.Random, stage: Stage, kit: Look) -> tuple[Image.Image, list[Actor]]:
    """Widgets one above the other; a mouse pointer may go over them."""
    theme, font = rng.choice(kit.themes), rng.choice(kit.fonts)
    strips = rows(rng, stage, theme, font)
    makers = rng.choices(WIDGETS[:-1], k=len(strips))
    if rng.random() < 0.4:
        makers[rng.randrange(len(makers))] = progress  # it has no name, so there is one at most
    words, verbs = iter(rng.sample(kit.words, len(strips))), iter(rng.sample(kit.verbs, len(strips)))
    actors = []
    for row, make, first in zip(strips, makers, firsts(rng, stage, len(strips)), strict=True):
        word = next(verbs) if make is button else cased(rng, next(words))
        actors.append(make(rng, stage, row, word, first))
    if rng.random() < 0.4:
        actors.append(pointer(rng, stage))
    return paper(rng, stage, theme.desk, "plain"), actors


def cased(rng: random.Random, word: str) -> str:
    return word.capitalize() if rng.random() < 0.5 else word
