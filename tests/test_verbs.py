"""Every verb of `video` from end to end: a model that knows the truth, by what it sees, has all of it right."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.benchmarks.verbs import SLIDES, VERBS, run, slide
from app.cli import main
from model.families import TINY
from model.messages import ImagePart, Message, VideoPart
from model.training.clips import Clip, clip, clock
from model.vlm import Reply, Sampling

SEEDS = range(3)
NEAR = 14.0  # of 255, mean difference of a frame that went through a file and a resize


class Oracle:
    """Knows every clip and slide, and answers about those that it recognises in what it is shown."""

    name, family = "oracle", TINY

    def __init__(self, seeds: Sequence[int]) -> None:
        self.clips = [clip(seed, held_out=True) for seed in seeds]

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        parts, text = messages[-1].parts, messages[-1].text
        videos = [self.known(part) for part in parts if isinstance(part, VideoPart)]
        pictures = [part.image for part in parts if isinstance(part, ImagePart)]
        reply = Reply(iter([self.answer(text, videos, pictures)]))
        reply.usage.finish = "stop"
        return reply

    def known(self, part: VideoPart) -> Clip:
        """The clip whose every frame is there at its time."""
        for one in self.clips:
            shown = [Image.fromarray(frame) for frame in one.frames]
            at = [max(i for i, time in enumerate(one.times_s) if time <= seen + 1e-3) for seen in part.times_s]
            if all(distance(shown[i], frame) < NEAR for i, frame in zip(at, part.frames, strict=True)):
                return one
        raise AssertionError("no clip that is known is shown so")

    def answer(self, text: str, videos: list[Clip], pictures: list[Image.Image]) -> str:
        if pictures:
            return min(SLIDES, key=lambda words: distance(slide(words), pictures[0]))
        if len(videos) == 2:
            phrase = re.findall(r"'(.+?)'", text)[0]
            return next(str(n) for n, one in enumerate(videos, 1) if phrase in [event.phrase for event in one.events])
        (seen,) = videos
        if "Localize" in text:
            told = [
                {
                    "start_time": clock(one.start_s),
                    "end_time": clock(min(one.end_s, seen.length_s)),
                    "description": one.phrase,
                }
                for one in seen.events
            ]
            return f"```json\n{json.dumps(told)}\n```"
        event = next(one for one in seen.events if one.phrase in text or one.asked in text)
        if text.startswith("At what second"):
            return f"{event.start_s} seconds."
        return f"The given query happens in {event.start_s} - {min(event.end_s, seen.length_s)} seconds."


def distance(one: Image.Image, other: Image.Image) -> float:
    same = other.resize(one.size)
    return float(np.abs(np.asarray(one.convert("RGB"), np.int16) - np.asarray(same, np.int16)).mean())


def test_an_oracle_has_every_verb_right(tmp_path: Path) -> None:
    summary = run(Oracle([*SEEDS, len(SEEDS)]), SEEDS, tmp_path)
    assert summary.scores == {verb: pytest.approx(1.0) for verb in VERBS}
    assert "compare" in summary.table


@pytest.mark.slow
def test_tiny_runs_every_verb_and_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["bench", "verbs", "--seeds", "0:1", "--out", str(tmp_path), "--model", "tiny"]
    assert main(asked) == 0
    first = capsys.readouterr().out
    kept = (tmp_path / "results.jsonl").read_text()
    assert kept.count("\n") == len(VERBS)
    assert main(asked) == 0
    assert capsys.readouterr().out == first and (tmp_path / "results.jsonl").read_text() == kept
    assert all(0 <= json.loads(line)["score"] <= 1 for line in kept.splitlines())
