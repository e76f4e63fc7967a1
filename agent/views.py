"""What a model is shown of a video: which span, frames and subtitles; its clock and that of the whole video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from agent.reading import FEWEST_FRAMES, FPS, Video, look, of_one_size
from model.families import Family
from model.messages import VideoPart
from model.parsing.times import shifted
from model.prompts import HOURS, MINUTES, SECONDS, SUBTITLES
from tools.errors import UserError
from tools.geometry import Size
from tools.scenes import cuts, scene_times
from tools.subtitles import Line, between, subtitles
from tools.video import Facts, facts, frames, frames_per_second

Clock = Literal["as is", "seconds", "minutes", "hours"]
CLOCKS: dict[Clock, str] = {"as is": "", "seconds": SECONDS, "minutes": MINUTES, "hours": HOURS}
SUBTITLE_LETTERS = 6000  # of one stretch; with more, those at the frames are taken
UNEVEN = 1.02  # the longest gap between frames over the shortest, beyond which a model's clock runs unevenly


@dataclass(frozen=True)
class View:
    """How a person wants a video looked at. Seconds of the whole video."""

    begin_s: float = 0.0
    end_s: float | None = None  # None: to the end
    scenes: bool = False  # frames where scenes begin, instead of evenly
    subtitles: bool = True  # told to the model where the file has them
    clock: Clock = "as is"  # the form in which the model is asked to tell times


@dataclass(frozen=True)
class Source:
    """A video that will be looked at: its facts, and what of it is known before a model sees it."""

    path: Path
    facts: Facts
    view: View
    fps: float
    lines: tuple[Line, ...] = ()  # subtitles
    cut_s: tuple[float, ...] | None = None  # where scenes begin; None: frames are taken evenly

    @property
    def begin_s(self) -> float:
        return self.view.begin_s

    @property
    def end_s(self) -> float:
        return min(self.facts.seconds, self.view.end_s or self.facts.seconds)


@dataclass(frozen=True)
class Shown:
    """A stretch as a model sees it, with the words about it."""

    video: Video
    begin_s: float  # of the stretch, in the whole video
    end_s: float
    at_s: tuple[float, ...]  # of each frame, in the whole video
    lines: tuple[Line, ...] = ()  # subtitles, in the model's time

    @property
    def is_plain(self) -> bool:
        """The model's clock is the video's own."""
        return np.allclose(self.at_s, self.video.part.times_s, atol=1e-3)

    def to_whole(self, told_s: float) -> float:
        """A time as the model tells it, in the whole video, within the stretch."""
        return float(np.clip(bent(told_s, self.video.part.times_s, self.at_s), self.begin_s, self.end_s))

    def to_model(self, at_s: float) -> float:
        return max(0.0, bent(at_s, self.at_s, self.video.part.times_s))

    def asked(self, question: str, clock: Clock = "as is") -> str:
        """The question with its times as the model will see them, and with the subtitles."""
        if not self.is_plain:
            question = shifted(question, lambda at: self.to_model(at) if self.begin_s <= at <= self.end_s else at)
        return with_lines(question + CLOCKS[clock], self.lines)

    def told(self, text: str) -> str:
        """What the model says, with its times as those of the whole video."""
        return text if self.is_plain else shifted(text, self.to_whole)


def open_source(path: Path, fps: float = FPS, view: View = View()) -> Source:
    """Raises UserError, for a span that the video has not too."""
    found = facts(path, stills_fps=fps)
    end = min(found.seconds, view.end_s if view.end_s is not None else found.seconds)
    if not 0 <= view.begin_s < end:
        span = f"from {view.begin_s:g} to {end:g} s"
        raise UserError(f"{path.name} lasts {found.seconds:.1f} s and has nothing {span}; give a span in it")
    lines = tuple(subtitles(path)) if view.subtitles and found.has_subtitles else ()
    cut = tuple(cuts(path, view.begin_s, end, stills_fps=fps)) if view.scenes else None
    return Source(path, found, view, fps, lines, cut)


def show(source: Source, family: Family, begin_s: float | None = None, end_s: float | None = None) -> Shown:
    """A stretch of it (None: all that is wanted), as many frames as the model may see. Raises UserError."""
    begin = source.begin_s if begin_s is None else begin_s
    end = source.end_s if end_s is None else end_s
    chosen = look(source.facts, family, source.fps, begin, end)
    times = list(chosen.times_s)
    if source.cut_s is not None:
        most = max(len(times), FEWEST_FRAMES)
        times = scene_times(source.cut_s, begin, end, most)
    taken = list(frames(source.path, times, pixels=chosen.pixels, stills_fps=source.fps))
    if not taken:
        raise UserError(f"{source.path.name} shows nothing: it is over before its first frame")
    at = tuple(times[: len(taken)])
    part = VideoPart(tuple(of_one_size([frame.image for frame in taken])), model_times(at, begin, family))
    shown = Shown(Video(part, end - begin), begin, end, at)
    lines = tuple(
        replace(line, start_s=shown.to_model(line.start_s), end_s=shown.to_model(line.end_s))
        for line in nearest([line for line in source.lines if between([line], begin, end)], at)
    )
    return replace(shown, lines=lines)


def model_times(at_s: Sequence[float], begin_s: float, family: Family) -> tuple[float, ...]:
    """The times that the model is told for frames. Without written timestamps it takes all gaps for equal."""
    gaps = [later - earlier for earlier, later in pairwise(at_s)]
    if family.timestamps or not gaps or max(gaps) <= UNEVEN * min(gaps):
        return tuple(at - begin_s for at in at_s)
    gap = (at_s[-1] - at_s[0]) / len(gaps)
    return tuple(index * gap for index in range(len(at_s)))


def bent(at: float, ones: Sequence[float], others: Sequence[float]) -> float:
    """A time of one clock on the other, evenly between the moments both tell, and as fast before and after them."""
    if at <= ones[0]:
        return others[0] + at - ones[0]
    if at >= ones[-1]:
        return others[-1] + at - ones[-1]
    return float(np.interp(at, ones, others))


def nearest(lines: Sequence[Line], at_s: Sequence[float]) -> list[Line]:
    """All of them where there is room, else those that are on at a frame, else the first of these."""
    if letters(lines) > SUBTITLE_LETTERS:
        lines = [line for line in lines if any(line.start_s <= at <= line.end_s for at in at_s)]
    kept: list[Line] = []
    room = SUBTITLE_LETTERS
    for line in lines:
        room -= len(line.text)
        if room < 0:
            break
        kept.append(line)
    return kept


def letters(lines: Sequence[Line]) -> int:
    return sum(len(line.text) for line in lines)


def with_lines(question: str, lines: Sequence[Line]) -> str:
    if not lines:
        return question
    said = "\n".join(f"{line.start_s:.1f} - {line.end_s:.1f} seconds: {line.text}" for line in lines)
    return f"{SUBTITLES}\n{said}\n\n{question}"


def sizes(shown: Shown, family: Family) -> str:
    """What the model will see, in one line: frames, how many a second, their size, tokens."""
    part = shown.video.part
    grid = family.video_grid(Size(*part.frames[0].size), len(part.frames))
    words = f"; {len(shown.lines)} subtitles" * bool(shown.lines)
    rate = f"{frames_per_second(shown.at_s):.2g} a second"
    return (
        f"{len(part.frames)} frames of {shown.end_s - shown.begin_s:.1f} s, {rate}, "
        f"{grid.resized} each, {grid.tokens} tokens{words}"
    )
