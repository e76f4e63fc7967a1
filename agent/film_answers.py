"""A question about a long video, answered stretch by stretch and then once for all; and about several videos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.films import parts
from agent.reading import ANSWER, FPS, asked, cut_short
from agent.views import CLOCKS, Shown, Source, View, open_source, show, with_lines
from model.messages import Part, user
from model.parsing import ParseError, parse_times
from model.prompts import NOTES
from model.vlm import Reply, VisionLanguageModel
from tools.errors import UserError

FARTHEST_S = 10.0  # between frames; a video that would be seen more rarely is watched in stretches
NOTE_LETTERS = 8000  # of all answers together, when they are summed up
MOST_VIDEOS = 8  # compared at once


@dataclass(frozen=True)
class Answer:
    """What the model says of one stretch. Times are those of the whole video, in the text too."""

    begin_s: float
    end_s: float
    said: str
    problem: str = ""  # why it is not whole
    seen_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Looking:
    """An answer that is about to be spoken, and what it is about."""

    reply: Reply
    shown: tuple[Shown, ...]  # one for each video


def is_long(source: Source, model: VisionLanguageModel) -> bool:
    return (source.end_s - source.begin_s) / model.family.video_frames > FARTHEST_S


def look_at(model: VisionLanguageModel, source: Source, question: str) -> Looking:
    """All that is wanted of the video at once, its frames evenly fewer where they are too many. Raises UserError."""
    shown = show(source, model.family)
    return Looking(asked(model, shown.asked(question, source.view.clock), shown.video), (shown,))


def compare(
    model: VisionLanguageModel, paths: Sequence[Path], question: str, fps: float = FPS, view: View = View()
) -> Looking:
    """Several videos beside each other, which share the frames and tokens that one would have. Raises UserError."""
    if not 2 <= len(paths) <= MOST_VIDEOS:
        raise UserError(f"two to {MOST_VIDEOS} videos can be compared, not {len(paths)}")
    family = model.family
    share = replace(
        family,
        video_frames=max(family.temporal_patch, family.video_frames // len(paths) // 2 * 2),
        video_tokens=family.video_tokens // len(paths),
    )
    shown = tuple(show(open_source(path, fps, view), share) for path in paths)
    said: list[Part] = []
    for number, one in enumerate(shown, 1):
        said += [with_lines(f"Video {number}: ", one.lines), one.video.part]
    return Looking(model.stream([user(*said, question + CLOCKS[view.clock])], ANSWER), shown)


def answers(
    model: VisionLanguageModel,
    source: Source,
    question: str,
    on_reply: Callable[[Reply], None] = lambda reply: None,
    done: int = 0,
) -> Iterator[Answer]:
    """Of each stretch; only of those at the times that the question names, where it names any.

    done: so many answers are known already. Raises UserError.
    """
    for begin, end in asked_about(question, parts(source, model))[done:]:
        shown = show(source, model.family, begin, end)
        reply = asked(model, shown.asked(question, source.view.clock), shown.video)
        on_reply(reply)
        reply.read()
        yield Answer(begin, end, shown.told(reply.text), cut_short(reply), shown.at_s)


def asked_about(question: str, stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The stretches at the times that the question names; all of them when it names none in the video."""
    try:
        times = list(parse_times(question))
    except ParseError:
        return stretches
    return [
        (begin, end) for begin, end in stretches if any(one.start_s < end and one.end_s >= begin for one in times)
    ] or stretches


def sum_up(model: VisionLanguageModel, question: str, found: Sequence[Answer]) -> Reply:
    """One answer out of those about the stretches, by their words alone."""
    room = max(80, NOTE_LETTERS // max(1, len(found)))
    notes = "\n".join(f"{one.begin_s:.0f} - {one.end_s:.0f} seconds: {one.said.strip()[:room]}" for one in found)
    return model.stream([user(NOTES.format(notes=notes, question=question))], ANSWER)
