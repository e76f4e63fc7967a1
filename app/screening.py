"""Screening: one video that a browser has given: played, asked about, searched; and what the model saw of it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from gradio.utils import get_upload_folder
from PIL import Image

from agent.film_answers import look_at
from agent.films import Stretch, events, find, stretches, to_srt, to_vtt, told
from agent.reading import FPS, cut_short, look
from agent.views import View, open_source
from app.pictures import check_size
from app.steps import picture
from app.worker import Worker
from model.families import Family
from model.messages import Message, VideoPart
from model.parsing import Span
from model.parsing.times import BARE, seconds
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.errors import UserError
from tools.geometry import Size
from tools.video import facts, frames, frames_per_second

Verb = Literal["ask", "find", "caption"]
ENDINGS = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".ogv", ".m4v", ".mpeg", ".mpg", ".ts", ".flv", ".gif")
THUMB, STILL = 200, 960  # the longest side of a picture, in pixels
THUMBS = 24  # of one stretch, evenly; all would be too many to be looked at
STILL_PIXELS = STILL * STILL


@dataclass(frozen=True)
class Wish:
    """What is wanted of the video, and of which part of it. end_s: None: to the end."""

    verb: Verb
    text: str = ""
    fps: float = FPS
    begin_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True)
class Seen:
    """A frame that the model saw."""

    at_s: float
    picture: str  # a data address


@dataclass(frozen=True)
class Plan:
    """What the model will see of the whole video."""

    frames: int
    fps: float
    size: Size
    stretches: int


class Screening:
    """Everything but the work is for pages of the browser, from any thread."""

    def __init__(self, given: Path, model: Callable[[], VisionLanguageModel]) -> None:
        """Raises UserError for what is no video. model: called on the worker's thread; may take long."""
        self.name = given.name
        self.facts = facts(given)
        check_size(given.name, self.facts.size)
        self.path = placed(given)
        self.wish: Wish | None = None
        self.answer = ""
        self.events: list[Span] = []
        self.sought = ""  # what the events are of; "" when they are all that happens
        self.problems: list[tuple[float, float, str]] = []  # seconds from and to, and what is missing there
        self.seen: list[Seen] = []
        self.seen_count = 0  # of which `seen` shows some
        self.reached_s = 0.0  # to here it was watched
        self.worker: Worker[Stretch] | None = None
        self.closed = False
        self._model = model
        self._reply: Reply | None = None

    @property
    def url(self) -> str:
        return f"/gradio_api/file={self.path.as_posix()}"

    @property
    def is_busy(self) -> bool:
        return self.worker is not None and not self.worker.is_over

    @property
    def tokens(self) -> int:
        """Spoken by the model so far, of the reply under way."""
        return self._reply.usage.new_tokens if self._reply else 0

    @property
    def share(self) -> float:
        """Of what is wanted, from 0 to 1: so much of it was watched."""
        wish = self.wish or Wish("find")
        end = self.facts.seconds if wish.end_s is None else min(wish.end_s, self.facts.seconds)
        return (self.reached_s - wish.begin_s) / max(end - wish.begin_s, 1e-3)

    def plan(self, family: Family, fps: float) -> Plan:
        parts = stretches(self.facts, fps, family.video_frames)
        looks = [look(self.facts, family, fps, begin, end) for begin, end in parts]
        seen = looks[0]
        shown = family.video_grid(within(self.facts.size, seen.pixels), len(seen.times_s)).resized
        count = sum(len(one.times_s) for one in looks)
        return Plan(count, frames_per_second(seen.times_s), shown, len(parts))

    def has(self, wish: Wish) -> bool:
        """Does the video have the span?"""
        end = self.facts.seconds if wish.end_s is None else wish.end_s
        return 0 <= wish.begin_s < min(end, self.facts.seconds)

    def begin(self, wish: Wish) -> None:
        self.stop()
        self.wish, self.problems, self.seen, self.seen_count = wish, [], [], 0
        self.reached_s = wish.begin_s
        if wish.verb == "ask":
            self.answer = ""
        else:
            self.events, self.sought = [], wish.text
        self._reply = None
        self.worker = Worker(partial(self._work, wish))
        self.worker.start()

    def stop(self) -> None:
        """What was found stays."""
        if self.worker:
            self.worker.stop()
        if reply := self._reply:
            reply.cancel()

    def close(self) -> None:
        self.closed = True
        self.stop()
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def still(self, at_s: float) -> str:
        """What is on at that second, as a data address; "" at the end. Raises UserError."""
        last = max(0.0, self.facts.seconds - 0.05)
        found = next(frames(self.path, [min(max(0.0, at_s), last)], pixels=STILL_PIXELS), None)
        return picture(found.image, STILL) if found else ""

    def export(self, kind: str) -> tuple[str, str]:
        """A file's name and text. kind: "srt", "vtt" or "json"."""
        content = {"srt": to_srt, "vtt": to_vtt}.get(kind, self._json)(self.events)
        return f"{Path(self.name).stem}.{kind}", content

    def _json(self, spans: Sequence[Span]) -> str:
        known = {"video": self.name, "seconds": self.facts.seconds, "sought": self.sought or None}
        return json.dumps(known | {"events": [asdict(span) for span in spans]}, ensure_ascii=False, indent=1) + "\n"

    # -- on the worker's thread -----------------------------------------------------------------------------------

    def _work(self, wish: Wish, worker: Worker[Stretch]) -> Iterator[Stretch]:
        model = Watched(self._model(), partial(self._note, worker))
        view = View(wish.begin_s, wish.end_s)
        match wish.verb:
            case "ask":
                yield self._ask(model, wish, view, worker)
                return
            case "find":
                coming = find(model, self.path, wish.text, wish.fps, view=view)
            case "caption":
                coming = events(model, self.path, wish.fps, view=view)
        for stretch in coming:
            self.events += stretch.spans
            if stretch.problem:
                self.problems.append((stretch.begin_s, stretch.end_s, stretch.problem))
            self.reached_s = stretch.end_s
            yield stretch
            if worker.stopping.is_set():
                return

    def _ask(self, model: VisionLanguageModel, wish: Wish, view: View, worker: Worker[Stretch]) -> Stretch:
        looking = look_at(model, open_source(self.path, wish.fps, view), wish.text)
        reply, (shown,) = looking.reply, looking.shown
        for _ in reply:
            self.answer = shown.told(reply.text)
            worker.changed()
        if problem := cut_short(reply):
            self.problems.append((shown.begin_s, shown.end_s, problem))
        self.reached_s = shown.end_s
        return told(reply, shown.begin_s, shown.end_s, shown)

    def _note(self, worker: Worker[Stretch], video: VideoPart, reply: Reply) -> None:
        """The model is about to see this."""
        self._reply = reply
        gap = max(1, -(-len(video.frames) // THUMBS))
        shown = list(zip(video.frames, video.times_s, strict=True))[::gap]
        self.seen = [*self.seen, *(Seen(self.reached_s + at_s, thumb(image)) for image, at_s in shown)]
        self.seen_count += len(video.frames)
        if worker.stopping.is_set():
            reply.cancel()
        worker.changed()


class Watched:
    """A model of which is known what it sees, and what it is about to say."""

    def __init__(self, model: VisionLanguageModel, note: Callable[[VideoPart, Reply], None]) -> None:
        self.model, self.name, self.family, self.note = model, model.name, model.family, note

    name: str
    family: Family

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        reply = self.model.stream(messages, sampling)
        for part in messages[-1].parts:
            if isinstance(part, VideoPart):
                self.note(part, reply)
        return reply


def placed(given: Path) -> Path:
    """The video where Gradio serves files from, under a name that nobody can guess."""
    ending = given.suffix.lower()
    path = Path(get_upload_folder()) / secrets.token_urlsafe(24) / f"video{ending if ending in ENDINGS else '.bin'}"
    path.parent.mkdir(parents=True)
    try:
        os.link(given, path)
    except OSError:
        shutil.copy(given, path)
    return path


def thumb(image: Image.Image) -> str:
    return picture(image, THUMB)


def within(size: Size, pixels: int) -> Size:
    """The same shape with at most so many pixels, as tools/video.py shrinks frames."""
    scale = min(1.0, (pixels / (size.width * size.height)) ** 0.5)
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def seconds_of(text: str | None) -> float | None:
    """ "1:05.5" or "65.5" to 65.5; None for nothing, which a field that was never shown holds. Raises UserError."""
    if not text or not text.strip():
        return None
    match = BARE.fullmatch(text[:100])
    if not match:
        raise UserError(
            f"{text.strip()[:20]!r} is no time; write seconds or minutes:seconds, such as 75 or 1:15",
            f"“{text.strip()[:20]}”不是时间；请写秒或 分:秒，例如 75 或 1:15",
        )
    return seconds(match[1])
