"""Can a model say when something happens? Practice clips that training never shows, asked for in two time formats."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from agent.benchmarks.score import mean, percent, table, wilson
from agent.journal import Journal, claim
from model.messages import Message, user
from model.parsing import ParseError, parse_times
from model.training.clips import ASKS, FORMS, Asked, Clip, clip, question
from model.vlm import PromptTooLarge, Sampling, VisionLanguageModel
from tools.errors import UserError

SAMPLING = Sampling(max_new_tokens=64)
WITHIN_S = 1.0
ROUNDING_S = 1e-6  # half a second after 2.5 is 3.0, also in floating point
NAMES = {"seconds": "seconds", "clock": "mm:ss.ff", "moment": "moment"}


@dataclass(frozen=True)
class Summary:
    table: str
    correct: int  # answers whose start is within a second
    asked: int
    clips: int
    score: float  # 0..1, the share of correct answers
    error_s: float  # mean distance of the start from the true one, of the answers that name a time
    middle: float  # the score of always saying the middle of the clip
    chance: float  # the expected score of a time drawn evenly from the clip


def run(model: VisionLanguageModel, seeds: Iterable[int], out: Path) -> Summary:
    """Ask for one event of every held-out clip in every form, unless `out`/results.jsonl has the answer; score all.

    Raises UserError for an `out` of another run and for clips that are too large for the model.
    """
    seeds = list(seeds)
    claim(out, {"benchmark": "clips", "model": model.name, "family": model.family.name})
    with Journal(out / "results.jsonl") as journal:
        answered = {record["id"]: record for record in journal.records}
        waiting = [seed for seed in seeds if any(name(seed, form) not in answered for form in FORMS)]
        for seed in (progress := tqdm(waiting, desc="clips", unit="clip", disable=None)):
            shot = clip(seed, held_out=True)
            for asked in asks(shot, seed):
                if name(seed, asked.form) not in answered:
                    record = ask(model, shot, seed, asked)
                    answered[record["id"]] = record
                    journal.append(record)
            progress.set_postfix_str(f"{percent(mean(r['correct'] for r in journal.records))} % right")
    return summarise([answered[name(seed, form)] for seed in seeds for form in FORMS])


def name(seed: int, form: str) -> str:
    return f"{seed}-{form}"


def asks(shot: Clip, seed: int) -> list[Asked]:
    """One event of the clip, in every form and its published wording."""
    event = random.Random(f"event-{seed}").choice(shot.events)
    return [question(event, form, ASKS[form][0]) for form in FORMS]


def ask(model: VisionLanguageModel, shot: Clip, seed: int, asked: Asked) -> dict[str, Any]:
    """One line of results.jsonl."""
    try:
        text = model.stream(prompt(shot, asked), SAMPLING).read()
    except PromptTooLarge as error:
        raise UserError(f"clip {seed}: {error}") from error
    start = read_start(text)
    return {
        "id": name(seed, asked.form),
        "seed": seed,
        "form": asked.form,
        "ask": asked.ask,
        "start_s": asked.event.start_s,
        "length_s": shot.length_s,
        "frames": len(shot.times_s),
        "frames_per_second": round(1 / shot.times_s[1]),
        "raw_text": text,
        "said_s": start,
        "correct": start is not None and is_near(start, asked.event.start_s),
    }


def prompt(shot: Clip, asked: Asked) -> list[Message]:
    """The question, then the clip, as the official cookbook has it."""
    return [user(asked.ask, shot.video)]


def read_start(text: str) -> float | None:
    """Where the first stretch of time in a reply begins, in seconds. None: it names no time."""
    try:
        found = parse_times(text)
    except ParseError:
        return None
    return next((span.start_s for span in found), None)


def is_near(said_s: float, start_s: float) -> bool:
    return abs(said_s - start_s) <= WITHIN_S + ROUNDING_S


def is_exact(record: dict[str, Any]) -> bool:
    """Is the start nearer to the event's frame than to any other?"""
    said = record["said_s"]
    return said is not None and abs(said - record["start_s"]) < 0.5 / record["frames_per_second"] - ROUNDING_S


def chance(record: dict[str, Any]) -> float:
    """How much of the clip lies within a second of the event."""
    start, length = record["start_s"], record["length_s"]
    return float((min(length, start + WITHIN_S) - max(0.0, start - WITHIN_S)) / length)


def summarise(results: Sequence[dict[str, Any]]) -> Summary:
    right = sum(result["correct"] for result in results)
    low, high = wilson(right, len(results))
    clips = len({result["seed"] for result in results})
    score = mean(result["correct"] for result in results)
    lines = [
        table_of(results),
        f"within {WITHIN_S:g} s: {right} of {len(results)} answers about {clips} clips: "
        f"{percent(score)} % [{percent(low)}, {percent(high)}]",
        "exact: the very frame; middle, random: within 1 s by always saying the clip's middle, or any time of it",
        f"answers without a time (counted as wrong): {sum(result['said_s'] is None for result in results)}",
    ]
    return Summary(
        "\n".join(lines), right, len(results), clips, score, error(results), middle(results), mean(map(chance, results))
    )


def error(results: Sequence[dict[str, Any]]) -> float:
    """Seconds; of the answers that name a time."""
    return mean(abs(r["said_s"] - r["start_s"]) for r in results if r["said_s"] is not None)


def middle(results: Sequence[dict[str, Any]]) -> float:
    return mean(is_near(result["length_s"] / 2, result["start_s"]) for result in results)


def table_of(results: Sequence[dict[str, Any]]) -> str:
    """Rows: forms of the answer, frames a second, all. Columns: scores, the mean error, baselines, the count."""

    def row(label: str, members: Sequence[dict[str, Any]]) -> list[str]:
        told = any(member["said_s"] is not None for member in members)
        near, exact = mean(m["correct"] for m in members), mean(map(is_exact, members))
        scores = [percent(score) for score in (near, exact, middle(members), mean(map(chance, members)))]
        scores.insert(2, f"{error(members):.2f}" if told else "-")
        return [label, *scores, str(len(members))]

    rates = sorted({result["frames_per_second"] for result in results})
    rows = [row(NAMES[form], [r for r in results if r["form"] == form]) for form in FORMS]
    rows += [row(f"{rate} fps", [r for r in results if r["frames_per_second"] == rate]) for rate in rates]
    header = ["", "within 1 s %", "exact %", "error s", "middle %", "random %", "n"]
    return table(header, [*rows, row("all", results)])
