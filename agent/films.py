"""When it happens and what happens: long videos are watched stretch by stretch, and the times added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from agent.reading import FPS, asked, cut_short, read_video
from model.parsing import ParseError, Span, parse_times
from model.prompts import EVENTS, WHEN
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.video import Facts, facts

EVENTS_SAMPLING = Sampling(max_new_tokens=2048)


@dataclass(frozen=True)
class Stretch:
    """What was found in one stretch of a video. Times are seconds of the whole video."""

    begin_s: float
    end_s: float
    spans: tuple[Span, ...]
    said: str
    problem: str = ""  # what is missing or could not be understood


def find(
    model: VisionLanguageModel,
    path: Path,
    query: str,
    fps: float = FPS,
    on_reply: Callable[[Reply], None] = lambda reply: None,
) -> Iterator[Stretch]:
    """When what the query describes happens. Raises UserError."""
    return watched(model, path, WHEN.format(query), fps, on_reply)


def events(
    model: VisionLanguageModel, path: Path, fps: float = FPS, on_reply: Callable[[Reply], None] = lambda reply: None
) -> Iterator[Stretch]:
    """Everything that happens, each with words. Raises UserError."""
    return watched(model, path, EVENTS, fps, on_reply)


def watched(
    model: VisionLanguageModel, path: Path, question: str, fps: float, on_reply: Callable[[Reply], None]
) -> Iterator[Stretch]:
    found = facts(path)
    for begin, end in stretches(found, fps, model.family.video_frames):
        video = read_video(path, found, model.family, fps, begin, end)
        reply = asked(model, question, video, EVENTS_SAMPLING)
        on_reply(reply)
        reply.read()
        yield told(reply, begin, end)


def stretches(found: Facts, fps: float, most_frames: int) -> list[tuple[float, float]]:
    """Seconds from and to, as few as there can be with so many frames in each, alike in length."""
    count = max(1, -(-int(found.seconds * fps) // most_frames))
    edges = [found.seconds * index / count for index in range(count + 1)]
    return list(pairwise(edges))


def told(reply: Reply, begin: float, end: float) -> Stretch:
    """What a reply that has ended says; a time beyond the stretch is moved to its end."""
    problem = cut_short(reply)
    try:
        found = parse_times(reply.text)
    except ParseError as error:
        return Stretch(begin, end, (), reply.text, problem or str(error))
    spans = (Span(min(begin + one.start_s, end), min(begin + one.end_s, end), one.text) for one in found)
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
