"""When it happens and what happens: long videos are watched stretch by stretch, and the times added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from agent.reading import FPS, asked, cut_short
from agent.views import CLOCKS, Shown, Source, View, open_source, show, sizes
from model.parsing import ParseError, Span, parse_times
from model.prompts import EVENTS, WHEN
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.video import Facts

EVENTS_SAMPLING = Sampling(max_new_tokens=2048)


@dataclass(frozen=True)
class Stretch:
    """What was found in one stretch of a video. Times are seconds of the whole video."""

    begin_s: float
    end_s: float
    spans: tuple[Span, ...]
    said: str
    problem: str = ""  # what is missing or could not be understood
    seen_s: tuple[float, ...] = ()  # the frames that the model saw
    note: str = ""  # how many frames, how large
    of: int = 1  # stretches that the video is watched in


def find(
    model: VisionLanguageModel,
    path: Path,
    query: str,
    fps: float = FPS,
    on_reply: Callable[[Reply], None] = lambda reply: None,
    view: View = View(),
    done: int = 0,
) -> Iterator[Stretch]:
    """When what the query describes happens. done: so many stretches are known already. Raises UserError."""
    return watched(model, path, WHEN.format(query) + CLOCKS[view.clock], fps, on_reply, view, done)


def events(
    model: VisionLanguageModel,
    path: Path,
    fps: float = FPS,
    on_reply: Callable[[Reply], None] = lambda reply: None,
    view: View = View(),
    done: int = 0,
) -> Iterator[Stretch]:
    """Everything that happens, each with words. Otherwise as `find`."""
    return watched(model, path, EVENTS, fps, on_reply, view, done)


def watched(
    model: VisionLanguageModel,
    path: Path,
    question: str,
    fps: float,
    on_reply: Callable[[Reply], None],
    view: View = View(),
    done: int = 0,
) -> Iterator[Stretch]:
    source = open_source(path, fps, view)
    every = parts(source, model)
    for begin, end in every[done:]:
        shown = show(source, model.family, begin, end)
        reply = asked(model, shown.asked(question), shown.video, EVENTS_SAMPLING)
        on_reply(reply)
        reply.read()
        seen = told(reply, begin, end, shown)
        yield replace(seen, seen_s=shown.at_s, note=sizes(shown, model.family), of=len(every))


def parts(source: Source, model: VisionLanguageModel) -> list[tuple[float, float]]:
    """The stretches that the wanted span is watched in."""
    most = model.family.video_frames
    return stretches(source.facts, source.fps, most, source.begin_s, source.end_s)


def stretches(
    found: Facts, fps: float, most_frames: int, begin_s: float = 0.0, end_s: float | None = None
) -> list[tuple[float, float]]:
    """Seconds from and to, as few as there can be with so many frames in each, alike in length."""
    end = found.seconds if end_s is None else end_s
    count = max(1, -(-int((end - begin_s) * fps) // most_frames))
    edges = [begin_s + (end - begin_s) * index / count for index in range(count + 1)]
    return list(pairwise(edges))


def told(reply: Reply, begin: float, end: float, shown: Shown | None = None) -> Stretch:
    """What a reply that has ended says; a time beyond the stretch is moved to its end.

    shown: what it is about, where its clock may be uneven; None: times count from the beginning of the stretch.
    """
    problem = cut_short(reply)
    try:
        found = parse_times(reply.text)
    except ParseError as error:
        return Stretch(begin, end, (), reply.text, problem or str(error))
    whole = shown.to_whole if shown else lambda at: min(begin + at, end)
    words = shown.told if shown else str
    spans = (Span(whole(one.start_s), whole(one.end_s), words(one.text)) for one in found)
    return Stretch(begin, end, tuple(spans), reply.text, problem)


def to_srt(spans: Sequence[Span]) -> str:
    parts = (
        f"{number}\n{clock(span.start_s, ',')} --> {clock(span.end_s, ',')}\n{cue(span)}\n"
        for number, span in enumerate(spans, 1)
    )
    return "\n".join(parts)


def to_vtt(spans: Sequence[Span]) -> str:
    parts = (f"{clock(span.start_s, '.')} --> {clock(span.end_s, '.')}\n{cue(span)}\n" for span in spans)
    return "\n".join(["WEBVTT\n", *parts])


def cue(span: Span) -> str:
    """Its words in lines that end no cue and begin no other."""
    lines = [line for line in span.text.replace("-->", "→").splitlines() if line.strip()]
    return "\n".join(lines) or "…"


def clock(seconds: float, point: str) -> str:
    """3723.5 to 01:02:03,500."""
    thousandths = round(seconds * 1000)
    return (
        f"{thousandths // 3_600_000:02}:{thousandths // 60_000 % 60:02}:{thousandths // 1000 % 60:02}"
        f"{point}{thousandths % 1000:03}"
    )
