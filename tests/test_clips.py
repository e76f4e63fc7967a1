"""Practice clips show what they say when they say it, and `bench clips` scores answers about them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.benchmarks import video
from model.chat import seconds_per_grid
from model.families import TINY
from model.messages import Message, VideoPart
from model.parsing import parse_times
from model.training.clips import FORMS, GROUP, Clip, Event, clip, questions, reply
from model.training.scenes import PAPERS, Look, distance, look
from model.vlm import Reply, Sampling
from tests.scripted import ScriptedModel
from tools.errors import UserError

SEEDS = range(300)
CLIPS = [clip(seed, held_out) for held_out in (False, True) for seed in SEEDS]
EVENTS = [(shot, event) for shot in CLIPS for event in shot.events]


def part(shot: Clip, event: Event, frame: int) -> NDArray[np.int64]:
    """What is seen of a frame where the event takes place, and a little around it."""
    left, top, right, bottom = (round(edge) for edge in event.place)
    return shot.frames[frame, max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3].astype(int)


def change(shot: Clip, event: Event, frame: int) -> float:
    """The share of the event's place that is not as in the frame before, faint things in the background aside."""
    difference = np.abs(part(shot, event, frame) - part(shot, event, frame - 1)).max(axis=-1)
    return float((difference > 30).mean())


def test_the_same_seed_gives_the_same_clip() -> None:
    for seed in range(20):
        one, other = clip(seed), clip(seed)
        assert np.array_equal(one.frames, other.frames)
        assert (one.times_s, one.events) == (other.times_s, other.events)
        assert questions(one, random.Random(seed)) == questions(other, random.Random(seed))


def test_another_seed_gives_another_clip() -> None:
    assert len({shot.frames.tobytes() for shot in CLIPS}) == len(CLIPS)


def test_clips_have_the_sizes_and_times_they_promise() -> None:
    for shot in CLIPS:
        frames, height, width, colours = shot.frames.shape
        assert shot.frames.dtype == np.uint8 and colours == 3
        assert frames % 2 == 0 and 4 <= frames <= 16 and len(shot.times_s) == frames
        assert {height, width} <= {84, 112, 140, 168}
        assert 1 / shot.times_s[1] in (1, 2, 4)
        assert seconds_per_grid(shot.video, TINY) == GROUP * shot.times_s[1]
        assert 1 <= len(shot.events) <= 4


def test_a_clip_can_be_longer() -> None:
    for seed in range(20):
        shot = clip(seed, frames=32)
        assert len(shot.frames) == len(shot.times_s) == 32
        assert all(1 <= event.start < 32 for event in shot.events)
    for frames in (6, 9):
        with pytest.raises(ValueError, match="even number of frames, 8 or more"):
            clip(0, frames=frames)


def test_no_two_events_of_a_clip_are_asked_for_alike() -> None:
    for shot in CLIPS:
        assert len({event.phrase for event in shot.events}) == len({e.asked for e in shot.events}) == len(shot.events)


def test_an_event_starts_at_a_frame_and_a_second_before_the_end() -> None:
    for shot, event in EVENTS:
        assert event.start >= 1 and event.start_s == shot.times_s[event.start]
        assert event.start_s + 1 <= shot.length_s
        assert event.start_s < event.end_s <= shot.length_s
        assert len(event.boxes) == len(shot.times_s)


def test_pixels_change_at_the_frame_an_event_starts_at() -> None:
    for shot, event in EVENTS:
        if "gets full" in event.phrase:  # it grows before, too
            assert part(shot, event, event.start).tolist() != part(shot, event, event.start - 1).tolist()
        elif "stops moving" not in event.phrase:
            assert change(shot, event, event.start) > 0.01, event.phrase


def test_what_stops_moved_until_the_frame_before() -> None:
    stops = [(shot, event) for shot, event in EVENTS if "stops moving" in event.phrase]
    assert stops
    for shot, event in stops:
        assert change(shot, event, event.start) == 0
        assert change(shot, event, event.start - 1) > 0.01
        assert event.boxes[event.start - 2] != event.boxes[event.start - 1] == event.boxes[event.start]


@pytest.mark.parametrize("words", [" appears", " enters", " opens"])
def test_nothing_is_there_before_it_appears(words: str) -> None:
    found = [(shot, event) for shot, event in EVENTS if words in event.phrase]
    assert found
    for _, event in found:
        assert [box is not None for box in event.boxes] == [i >= event.start for i in range(len(event.boxes))]


def test_a_place_lies_in_the_picture_of_its_grid() -> None:
    for shot in CLIPS:
        _, height, width, _ = shot.frames.shape
        for asked in questions(shot, random.Random(0)):
            left, top, right, bottom = asked.box
            assert 0 <= left < right <= width and 0 <= top < bottom <= height, asked.ask
            first = asked.grid * GROUP
            assert asked.event.start in (first, first + 1)


def test_replies_are_read_back_as_the_event() -> None:
    for shot in CLIPS:
        found = questions(shot, random.Random(1))
        assert len(found) == len(FORMS) * len(shot.events)
        for asked in found:
            (span,) = parse_times(asked.reply)
            ends = asked.event.start_s if asked.form == "moment" else asked.event.end_s
            assert (span.start_s, span.end_s) == (asked.event.start_s, ends)
            assert "{" not in asked.ask and (asked.event.phrase in asked.ask or asked.event.asked in asked.ask)


def test_both_time_formats_are_written_as_published() -> None:
    event = Event("the red circle appears", "does the red circle appear", 63.25, 64.25, 1, ())
    assert [reply(event, form) for form in FORMS] == [
        "The given query happens in 63.25 - 64.25 seconds.",
        "The event happens in 01:03.25 - 01:04.25.",
        "63.25 seconds.",
    ]


@pytest.mark.parametrize(
    "of",
    [
        lambda kit: kit.pairs,
        lambda kit: kit.sizes,
        lambda kit: kit.papers,
        lambda kit: kit.patterns,
        lambda kit: kit.themes,
        lambda kit: kit.words,
        lambda kit: kit.verbs,
    ],
)
def test_held_out_clips_are_made_of_other_things(of: Callable[[Look], Sequence[object]]) -> None:
    trained, held = set(of(look(False))), set(of(look(True)))
    assert trained and held and not trained & held


def test_held_out_backgrounds_differ_visibly() -> None:
    assert min(distance(one, other) for one in PAPERS for other in look(True).papers) > 12


def test_held_out_phrases_name_no_pair_and_no_word_of_training() -> None:
    def things(held_out: bool) -> set[str]:
        phrases = (event.phrase for seed in SEEDS for event in clip(seed, held_out).events)
        named = (p.split('"')[1].lower() if '"' in p else " ".join(p.split()[1:3]) for p in phrases)
        return set(named) - {"progress bar"}

    assert not things(False) & things(True)


class Watcher:
    """Answers by a rule that knows the clip."""

    def __init__(self, answer: Callable[[float], str]) -> None:
        self.name, self.family, self.answer, self.asked = "watcher", TINY, answer, 0

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        (message,) = messages
        self.asked += 1
        shown = next(p for p in message.parts if isinstance(p, VideoPart))
        shots = (clip(seed, held_out=True) for seed in range(6))
        shot = next(s for s in shots if s.video.frames == shown.frames)
        event = next(e for e in shot.events if e.phrase in message.text or e.asked in message.text)
        return Reply(iter([self.answer(event.start_s)]))


def test_an_oracle_scores_all(tmp_path: Path) -> None:
    summary = video.run(Watcher(lambda start: f"It happens at {start:.2f} seconds."), range(6), tmp_path)
    assert (summary.score, summary.error_s, summary.correct, summary.asked, summary.clips) == (1, 0, 18, 18, 6)
    assert "within 1 s: 18 of 18 answers about 6 clips: 100.0 %" in summary.table


def test_a_second_counts_and_more_does_not(tmp_path: Path) -> None:
    near = video.run(Watcher(lambda start: f"{start + 1} - {start + 9} seconds"), range(6), tmp_path / "near")
    assert (near.score, near.error_s) == (1, 1)
    far = video.run(Watcher(lambda start: f"{start + 1.01} - {start + 9} seconds"), range(6), tmp_path / "far")
    assert near.table.splitlines()[-4].split()[:3] == ["all", "100.0", "0.0"]  # no answer to the frame
    assert far.score == 0 and far.error_s == pytest.approx(1.01)


def test_a_reply_without_a_time_is_wrong(tmp_path: Path) -> None:
    summary = video.run(ScriptedModel(["I see nothing."] * 18), range(6), tmp_path)
    assert summary.score == 0
    assert "answers without a time (counted as wrong): 18" in summary.table


def test_chance_and_the_middle_are_known(tmp_path: Path) -> None:
    records = [
        {"seed": 0, "form": "clock", "start_s": 2.0, "length_s": 8.0, "correct": True, "said_s": 2.0},
        {"seed": 1, "form": "clock", "start_s": 0.5, "length_s": 3.0, "correct": False, "said_s": None},
    ]
    summary = video.summarise([{**record, "frames_per_second": 2} for record in records])
    assert summary.chance == pytest.approx((2 / 8 + 1.5 / 3) / 2)
    assert summary.middle == 0.5  # 4.0 is two seconds from 2.0, 1.5 is one from 0.5
    assert (summary.score, summary.error_s) == (0.5, 0)


def test_a_second_start_asks_for_what_is_missing_only(tmp_path: Path) -> None:
    def perfect(start: float) -> str:
        return f"{start} seconds"

    video.run(Watcher(perfect), range(2), tmp_path)
    journal = tmp_path / "results.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])  # killed while writing the last answer
    model = Watcher(perfect)
    assert video.run(model, range(3), tmp_path).score == 1
    assert model.asked == 1 + 3


def test_results_of_another_model_are_not_mixed_in(tmp_path: Path) -> None:
    video.run(Watcher(lambda start: f"{start} seconds"), range(1), tmp_path)
    with pytest.raises(UserError, match="choose another --out"):
        video.run(ScriptedModel([]), range(1), tmp_path)
