"""Does a model understand videos? Video-MME and Charades-STA, asked and scored as their authors do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from agent.benchmarks.score import mean, percent, table, wilson
from agent.benchmarks.video_sets import LETTERS, Choice, Format, Moment, Sample, load
from agent.film_answers import look_at
from agent.films import told
from agent.journal import Journal, claim
from agent.reading import asked
from agent.views import Source, View, open_source, show
from model.prompts import CHOOSE, WHEN
from model.vlm import PromptTooLarge, VisionLanguageModel
from tools.errors import UserError
from tools.subtitles import subtitles

BARS = (0.3, 0.5, 0.7)  # overlaps at which a stretch counts as found
LENGTHS = ("short", "medium", "long")
SAID = re.compile(r"(?<![A-Za-z])\(?([A-J])(?![A-Za-z'])")


@dataclass(frozen=True)
class Summary:
    table: str
    score: float  # 0..1: the share of right letters, or the mean overlap
    samples: int
    wrong_format: int


def run(
    model: VisionLanguageModel,
    *,
    format: Format,
    annotations: Sequence[Path],
    videos: Path,
    out: Path,
    fps: float = 2.0,
    subtitle_folder: Path | None = None,
    limit: int | None = None,
) -> Summary:
    """Ask for every sample not yet answered in `out`/results.jsonl, then score all that were asked for.

    subtitle_folder: of SRT files named as the videos; None: no subtitles are told, not those of the videos either.
    Raises UserError for bad records before the model is asked anything, and for an `out` of another run.
    """
    samples = load(format, annotations, videos)[:limit]
    told_words = subtitle_folder is not None
    settings = {"benchmark": format, "model": model.name, "family": model.family.name, "fps": fps}
    claim(out, settings | {"subtitles": told_words})
    with Journal(out / "results.jsonl") as journal:
        answered = {record["id"]: record for record in journal.records}
        waiting = [sample for sample in samples if sample.id not in answered]
        for sample in (progress := tqdm(waiting, desc=format, unit="sample", disable=None)):
            answered[sample.id] = ask(model, sample, fps, subtitle_folder)
            journal.append(answered[sample.id])
            progress.set_postfix_str(f"{percent(mean(r['score'] for r in journal.records))} %")
    return summarise([answered[sample.id] for sample in samples], format)


def ask(model: VisionLanguageModel, sample: Sample, fps: float, subtitle_folder: Path | None) -> dict[str, Any]:
    """One line of results.jsonl."""
    try:
        source = opened(sample.video, fps, subtitle_folder)
        return choose(model, sample, source) if isinstance(sample, Choice) else place(model, sample, source)
    except PromptTooLarge as error:
        raise UserError(f"{sample.id} ({sample.video}): {error}") from error


def opened(video: Path, fps: float, subtitle_folder: Path | None) -> Source:
    source = open_source(video, fps, View(subtitles=False))
    words = subtitle_folder / f"{video.stem}.srt" if subtitle_folder else None
    if words is None or not words.is_file():
        return source
    return Source(source.path, source.facts, source.view, fps, tuple(subtitles(words)))


def choose(model: VisionLanguageModel, sample: Choice, source: Source) -> dict[str, Any]:
    options = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, sample.options, strict=False))
    letters = ", ".join(LETTERS[: len(sample.options) - 1]) + f", or {LETTERS[len(sample.options) - 1]}"
    text = look_at(
        model, source, CHOOSE.format(letters=letters, question=sample.question, options=options)
    ).reply.read()
    said = read_letter(text, sample.options)
    return {
        "id": sample.id,
        "answer": sample.answer,
        "said": said,
        "raw_text": text,
        "score": float(said == sample.answer),
        "wrong_format": said is None,
        "length": sample.length,
        "kind": sample.kind,
        "domain": sample.domain,
    }


def read_letter(text: str, options: Sequence[str]) -> str | None:
    """The letter that a reply names: alone, after "answer is", else the first; or that of the option it repeats."""
    letters = LETTERS[: len(options)]
    after = re.split(r"answer(?: is)?:?", text, flags=re.IGNORECASE)[-1]
    for part in (after, text):
        if found := [letter for letter in SAID.findall(part) if letter in letters]:
            return str(found[0])
    plain = text.strip().rstrip(".").casefold()
    same = [letter for letter, option in zip(letters, options, strict=True) if option.rstrip(".").casefold() == plain]
    return same[0] if same else None


def place(model: VisionLanguageModel, sample: Moment, source: Source) -> dict[str, Any]:
    shown = show(source, model.family)
    reply = asked(model, shown.asked(WHEN.format(sample.sentence.rstrip("."))), shown.video)
    text = reply.read()
    found = told(reply, source.begin_s, source.end_s, shown).spans
    said = (found[0].start_s, found[0].end_s) if found else None
    return {
        "id": sample.id,
        "span_s": [sample.start_s, sample.end_s],
        "said_s": said,
        "raw_text": text,
        "score": overlap(said, (sample.start_s, sample.end_s)) if said else 0.0,
        "wrong_format": said is None,
    }


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What both share of what either covers, 0..1."""
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    covered = (one[1] - one[0]) + (other[1] - other[0]) - shared
    return shared / covered if covered else 0.0


def summarise(results: Sequence[dict[str, Any]], format: Format) -> Summary:
    wrong = sum(result["wrong_format"] for result in results)
    score = mean(result["score"] for result in results)
    text = choices_table(results) if format == "video-mme" else moments_table(results)
    text += f"\nanswers without a readable {'letter' if format == 'video-mme' else 'time'} (counted as wrong): {wrong}"
    return Summary(text, score, len(results), wrong)


def choices_table(results: Sequence[dict[str, Any]]) -> str:
    """Rows: lengths, domains, tasks, all."""

    def row(name: str, members: Sequence[dict[str, Any]]) -> list[str]:
        return [name, percent(mean(member["score"] for member in members)), str(len(members))]

    rows = []
    for key in ("length", "domain", "kind"):
        names = {str(result[key]) for result in results}
        for name in sorted(names, key=lambda name: (LENGTHS.index(name) if name in LENGTHS else 9, name)):
            rows.append(row(name, [result for result in results if result[key] == name]))
    right = round(sum(result["score"] for result in results))
    low, high = wilson(right, len(results))
    told = f"over all {len(results)} questions: {percent(right / len(results))} % [{percent(low)}, {percent(high)}]"
    return table(["", "right %", "n"], [*rows, row("all", results)]) + "\n" + told


def moments_table(results: Sequence[dict[str, Any]]) -> str:
    rows = [[f"R@1, IoU={bar:g}", percent(mean(result["score"] >= bar for result in results))] for bar in BARS]
    return table(["", "%"], [*rows, ["mIoU", percent(mean(r["score"] for r in results))], ["n", str(len(results))]])
