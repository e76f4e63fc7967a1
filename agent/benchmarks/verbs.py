"""Every verb of `video` on files with known events and words: from the file to the score."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.fuzz import ratio
from tqdm import tqdm

from agent.benchmarks.score import mean, percent, table
from agent.benchmarks.video import read_start
from agent.benchmarks.watching import overlap
from agent.film_answers import compare, look_at
from agent.film_texts import ALIKE, glances, texts
from agent.films import events, find
from agent.journal import Journal, claim
from agent.views import open_source
from model.training.clips import Clip, clip
from model.vlm import VisionLanguageModel
from tools.video import write_webm

SLIDES = ("Opening at nine", "Lunch is served", "Ticket number 40", "Doors close soon", "Thank you", "Platform 7")
SLIDE_S = 2.0
SHOWN = 3  # slides of one video
PAPER, INK = (250, 250, 245), (20, 20, 30)
WITHIN_S = 1.0  # of a time that is asked for
FOUND = 0.5  # overlap from which on a captioned event counts
WHICH = "In which of the two videos does this happen: '{}'? Answer with the number of the video alone."
VERBS = ("ask", "find", "caption", "read", "compare")


@dataclass(frozen=True)
class Film:
    """A practice video as a file, and the truth about it."""

    path: Path
    clip: Clip
    fps: float
    slides: Path  # another video, of words
    words: tuple[tuple[str, float, float], ...]  # text, from, to


@dataclass(frozen=True)
class Summary:
    table: str
    scores: dict[str, float]  # verb to 0..1


def run(model: VisionLanguageModel, seeds: Iterable[int], out: Path) -> Summary:
    """Every verb on every seed's videos, unless `out`/results.jsonl has it already. Raises UserError."""
    seeds = list(seeds)
    claim(out, {"benchmark": "verbs", "model": model.name, "family": model.family.name})
    with Journal(out / "results.jsonl") as journal, tempfile.TemporaryDirectory() as folder:
        done = {(record["seed"], record["verb"]): record for record in journal.records}
        wanted = [(seed, verb) for seed in seeds for verb in VERBS]
        for seed, verb in tqdm([one for one in wanted if one not in done], desc="verbs", unit="job", disable=None):
            record = {"seed": seed, "verb": verb} | score(model, verb, seed, Path(folder))
            done[seed, verb] = record
            journal.append(record)
    return summarise([done[one] for one in wanted])


def score(model: VisionLanguageModel, verb: str, seed: int, folder: Path) -> dict[str, Any]:
    scorers: dict[str, Callable[[VisionLanguageModel, Film], dict[str, Any]]] = {
        "ask": asked_right,
        "find": found_right,
        "caption": captioned_right,
        "read": read_right,
    }
    film = practice(seed, folder)
    return scorers[verb](model, film) if verb in scorers else compared_right(model, film, practice(seed + 1, folder))


def practice(seed: int, folder: Path) -> Film:
    """Videos that no training shows. The same seed gives the same."""
    shot = clip(seed, held_out=True)
    path, slides = folder / f"{seed}.webm", folder / f"{seed}-words.webm"
    if not path.exists():
        write_webm(path, shot.video.frames, shot.times_s, shot.length_s)
    chosen = [SLIDES[(seed + number) % len(SLIDES)] for number in range(SHOWN)]
    times = [SLIDE_S * number for number in range(SHOWN)]
    if not slides.exists():
        write_webm(slides, map(slide, chosen), times, SLIDE_S * SHOWN)
    words = tuple((text, at, at + SLIDE_S) for text, at in zip(chosen, times, strict=True))
    return Film(path, shot, 1 / shot.times_s[1], slides, words)


def slide(text: str) -> Image.Image:
    image = Image.new("RGB", (336, 112), PAPER)
    ImageDraw.Draw(image).text((20, 40), text, fill=INK, font=ImageFont.load_default(size=28))
    return image


def asked_right(model: VisionLanguageModel, film: Film) -> dict[str, Any]:
    """One question for each event: at what second?"""
    source = open_source(film.path, film.fps)
    said = [look_at(model, source, f"At what second {one.asked}?").reply.read() for one in film.clip.events]
    starts = [read_start(text) for text in said]
    right = [
        start is not None and abs(start - one.start_s) <= WITHIN_S
        for start, one in zip(starts, film.clip.events, strict=True)
    ]
    return {"score": mean(right), "raw_text": said}


def found_right(model: VisionLanguageModel, film: Film) -> dict[str, Any]:
    """The overlap of the first stretch that is found."""
    found = [list(find(model, film.path, one.phrase, film.fps)) for one in film.clip.events]
    first = [next((span for stretch in some for span in stretch.spans), None) for some in found]
    scores = [
        overlap((span.start_s, span.end_s), (one.start_s, min(one.end_s, film.clip.length_s))) if span else 0.0
        for span, one in zip(first, film.clip.events, strict=True)
    ]
    return {"score": mean(scores), "raw_text": [stretch.said for some in found for stretch in some]}


def captioned_right(model: VisionLanguageModel, film: Film) -> dict[str, Any]:
    """F1 of events in time: each caption counts for one event at most, whatever its words."""
    told = list(events(model, film.path, film.fps))
    spans = [(span.start_s, span.end_s) for stretch in told for span in stretch.spans]
    wanted = [(one.start_s, min(one.end_s, film.clip.length_s)) for one in film.clip.events]
    left = list(wanted)
    for span in spans:
        best = max(left, key=lambda one: overlap(span, one), default=None)
        if best and overlap(span, best) >= FOUND:
            left.remove(best)
    met = len(wanted) - len(left)
    return {"score": 2 * met / (len(spans) + len(wanted)), "raw_text": [stretch.said for stretch in told]}


def read_right(model: VisionLanguageModel, film: Film) -> dict[str, Any]:
    """The share of texts that are read nearly right and at the right times, of those shown and those told."""
    seen = list(glances(model, film.slides))
    told = texts(seen)
    met = sum(
        any(
            ratio(one.text, text) >= ALIKE
            and abs(one.first_s - first) <= WITHIN_S
            and abs(one.last_s - last) <= WITHIN_S
            for one in told
        )
        for text, first, last in film.words
    )
    return {"score": 2 * min(met, len(told)) / (len(told) + len(film.words)), "raw_text": [one.said for one in seen]}


def compared_right(model: VisionLanguageModel, film: Film, other: Film) -> dict[str, Any]:
    """Which of two videos shows each event of the first, which is named first and second in turn; chance is a half."""
    phrases = {one.phrase for one in other.clip.events}
    said, right = [], []
    for number, one in enumerate(one for one in film.clip.events if one.phrase not in phrases):
        pair = [film.path, other.path] if number % 2 == 0 else [other.path, film.path]
        said.append(compare(model, pair, WHICH.format(one.phrase), film.fps).reply.read())
        right.append(said[-1].strip().rstrip(".").removeprefix("Video ").strip() == str(1 + number % 2))
    return {"score": mean(right), "raw_text": said}


def summarise(results: Sequence[dict[str, Any]]) -> Summary:
    names = {
        "ask": f"ask: within {WITHIN_S:g} s",
        "find": "find: overlap",
        "caption": f"caption: F1 at overlap {FOUND:g}",
        "read": "read: F1 of texts with their times",
        "compare": "compare: the right video",
    }
    scores = {verb: mean(one["score"] for one in results if one["verb"] == verb) for verb in VERBS}
    count = len({one["seed"] for one in results})
    rows = [[names[verb], percent(scores[verb]), str(count)] for verb in VERBS]
    return Summary(table(["", "%", "videos"], rows), scores)
