"""What can be read in a video, and from when to when: its frames are read one by one, and equal lines put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from rapidfuzz.fuzz import ratio

from agent.reading import PAGE, cut_short
from agent.views import View, open_source
from model.messages import ImagePart, user
from model.prompts import READ_PAGE
from model.vlm import Reply, VisionLanguageModel
from tools.scenes import scene_times
from tools.settle import changed_cells
from tools.video import even_times, frames

READ_FPS = 1.0
READ_PIXELS = 1280 * 28 * 28  # of one frame: letters need more than movements do
ALIKE = 85.0  # of 100: from here on two lines are one, read differently


@dataclass(frozen=True)
class Glance:
    """One frame, read. A frame that shows what the one before it showed is not read again."""

    at_s: float
    until_s: float  # when the next one is looked at
    said: str
    problem: str = ""


@dataclass(frozen=True)
class Text:
    text: str
    first_s: float  # of the frame that first shows it
    last_s: float  # when the last frame that shows it gives way to the next one looked at


@dataclass
class Seen:
    """A line over the frames that show it."""

    first_s: float
    last_s: float
    readings: Counter[str] = field(default_factory=Counter)

    @property
    def text(self) -> str:
        return self.readings.most_common(1)[0][0]


def glances(
    model: VisionLanguageModel,
    path: Path,
    fps: float = READ_FPS,
    on_reply: Callable[[Reply], None] = lambda reply: None,
    view: View = View(),
    done: int = 0,
    known: str = "",
) -> Iterator[Glance]:
    """Frame by frame. done: so many are known already, the last of which said `known`. Raises UserError."""
    source = open_source(path, fps, View(view.begin_s, view.end_s, view.scenes, subtitles=False))
    length = source.end_s - source.begin_s
    times = even_times(source.end_s, fps, max(1, round(length * fps)), source.begin_s)
    if source.cut_s is not None:
        times = scene_times(source.cut_s, source.begin_s, source.end_s, len(source.cut_s) + 1)
    ends = [*times[1:], source.end_s]
    before: Image.Image | None = None
    said, problem = known, ""
    pixels = min(READ_PIXELS, model.family.max_pixels)
    looked = frames(path, times[max(0, done - 1) :], pixels=pixels, stills_fps=fps)
    for number, frame in enumerate(looked, max(0, done - 1)):
        if before is None or before.size != frame.image.size or changed_cells(before, frame.image).any():
            if number >= done:
                reply = model.stream([user(READ_PAGE, ImagePart(frame.image))], PAGE)
                on_reply(reply)
                said, problem = reply.read(), cut_short(reply)
            before = frame.image
        if number >= done:
            yield Glance(times[number], ends[number], said, problem)


def texts(found: Iterable[Glance]) -> list[Text]:
    """Each line once for every time that it is on without a gap, in the order they come."""
    over: list[Seen] = []
    on: list[Seen] = []
    for glance in found:
        still: list[Seen] = []
        for line in filter(None, (" ".join(line.split()) for line in glance.said.splitlines())):
            left = [one for one in on if one not in still]
            likeness = [ratio(one.text, line) for one in left]
            if likeness and max(likeness) >= ALIKE:
                best = left[likeness.index(max(likeness))]
            else:
                best = Seen(glance.at_s, glance.until_s)
                over.append(best)
            best.readings[line] += 1
            best.last_s = glance.until_s
            still.append(best)
        on = still
    return [Text(one.text, one.first_s, one.last_s) for one in over]
