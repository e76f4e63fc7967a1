"""A model's own answers to training questions, and the rules that tell right ones from wrong and from unusable ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from model.computer_use import response, system_prompt
from model.families import TINY
from model.local.repetition import is_loop
from model.messages import ImagePart, Message, Part, VideoPart, assistant, system, user
from model.parsing import ParseError, parse_tool_calls
from model.training.samples import Answer, Corners, Picture, Reply, Sample, encode
from model.vlm import Sampling, VisionLanguageModel
from tools.geometry import Size

LONGEST = 1200  # tokens of an answer worth learning from
SLIP_EVERY = 60  # characters of a text for each wrong one that is let pass


@dataclass(frozen=True)
class Attempt:
    """One question with its true answer, and what a model said to it several times."""

    sample: Sample  # with the true answer as its only reply
    tries: tuple[str, ...]

    @property
    def right(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text in self.tries if not flaws(text) and is_right(self.sample, text)))

    @property
    def wrong(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text in self.tries if not is_right(self.sample, text)))


def attempts(
    model: VisionLanguageModel, samples: Iterator[Sample], count: int, tries: int, file: Path
) -> list[Attempt]:
    """Ask `count` questions `tries` times each; what was said is kept in `file`, a stopped run goes on from there.

    The samples must come in the same order each time.
    """
    kept = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    made = []
    with file.open("a") as out:
        for index in tqdm(range(count), desc="answers of its own", unit="question", disable=None):
            sample = next(samples)
            if index < len(kept):
                said = kept[index]
            else:
                said = [
                    model.stream(question(sample), Sampling(LONGEST, temperature=1.0 if k else 0.0, seed=k)).read()
                    for k in range(tries)
                ]
                out.write(json.dumps(said, ensure_ascii=False) + "\n")
                out.flush()
            made.append(Attempt(sample, tuple(said)))
    return made


def question(sample: Sample) -> list[Message]:
    """The conversation that a sample's reply answers."""
    shown = tuple(part(picture) for picture in sample.pictures)
    height, width = sample.pictures[0].frames.shape[1:3] if sample.pictures else (476, 644)
    messages = [system(system_prompt(TINY, Size(width, height)) if sample.system is None else sample.system)]
    said = sample.task
    for reply, result in sample.history:
        messages += [user(said), assistant(reply.text)]
        said = response(result)
    return [*messages, user(said, *shown)]


def part(picture: Picture) -> Part:
    frames = tuple(Image.fromarray(frame) for frame in picture.frames)
    if len(frames) == 1:
        return ImagePart(frames[0])
    pace = picture.seconds_per_grid / TINY.temporal_patch
    return VideoPart(frames, tuple(index * pace for index in range(len(frames))))


def flaws(text: str) -> str:
    """Why an answer is not worth learning from, whether or not it is right; "" when nothing is wrong with it."""
    ids = encode(text)
    if len(ids) >= LONGEST:
        return "too long"
    if is_loop(ids):
        return "repeats itself"
    if "<tool_call>" in text:
        try:
            parse_tool_calls(text)
        except ParseError:
            return "malformed"
    return ""


def is_right(sample: Sample, text: str) -> bool:
    """Does the answer do what the true one does? A click may go anywhere in its box; long texts may have a slip."""
    truth = sample.replies[0]
    if isinstance(truth, Reply) and truth.box is not None:
        return clicks_inside(truth, truth.box, text)
    slips = len(truth.text) // SLIP_EVERY
    return Levenshtein.distance(truth.text.strip(), text.strip()) <= slips


def clicks_inside(truth: Reply, box: Corners, text: str) -> bool:
    thought, _, call = text.partition("\n")
    try:
        said = parse_tool_calls(call)[0].arguments
    except ParseError:
        return False
    x, y = point if isinstance(point := said.get("coordinate"), list) and len(point) == 2 else (None, None)
    if not isinstance(x, int | float) or not isinstance(y, int | float):
        return False
    same = thought == truth.thought and said.get("action") == truth.action["action"]
    return same and box[0] <= x <= box[2] and box[1] <= y <= box[3]


def asked(samples: Iterator[Sample]) -> Iterator[Sample]:
    """Each sample with only the reply that answers its question, where it has one."""
    for sample in samples:
        for reply in sample.replies:
            if isinstance(reply, Answer) or reply.planned:
                yield replace(sample, replies=(reply,))
                break


def share_right(made: Sequence[Attempt]) -> float:
    """Of the questions, the share whose first, greedy answer is right."""
    return float(np.mean([is_right(one.sample, one.tries[0]) for one in made])) if made else 0.0
