"""Video data sets as they are published (Video-MME, Charades-STA), read into checked samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from agent.benchmarks.annotations import BadRecord, list_wrong
from tools.errors import UserError

Format = Literal["video-mme", "charades-sta"]
ENDINGS = (".mp4", ".mkv", ".webm", ".avi", ".mov")
LETTERS = "ABCDEFGHIJ"
LINE = re.compile(r"(\S+)\s+(\d+(?:\.\d+)?)\s+(\d+(?:\.\d+)?)\s*##\s*(\S.*)")
MARKED = re.compile(r"\(?([A-J])[.):]\s*")  # how published options begin


@dataclass(frozen=True)
class Choice:
    """A question with several answers, one of them right."""

    id: str
    video: Path
    question: str
    options: tuple[str, ...]  # without their letters
    answer: str  # a letter
    length: str  # short, medium or long, as the set has it
    kind: str  # of the task
    domain: str


@dataclass(frozen=True)
class Moment:
    """A sentence and the stretch of the video in which it is so."""

    id: str
    video: Path
    sentence: str
    start_s: float
    end_s: float


Sample = Choice | Moment


def load(format: Format, annotations: Sequence[Path], videos: Path) -> list[Sample]:
    """Every sample of the files, in order. Raises UserError that names the records that are wrong."""
    if format not in get_args(Format):
        raise UserError(f"unknown format {format!r}; known: {', '.join(get_args(Format))}")
    there = found_in(videos)
    samples: dict[str, Sample] = {}
    wrong: list[str] = []
    for file in annotations:
        for number, record in enumerate(records(format, file), 1):
            try:
                sample = read_choice(record, there) if format == "video-mme" else read_moment(record, number, there)
                if samples.setdefault(sample.id, sample) is not sample:
                    raise BadRecord("this id was there before")
            except BadRecord as error:
                wrong.append(f"record {number} of {file}: {error}")
    if wrong:
        raise UserError(list_wrong(wrong))
    if not samples:
        raise UserError(f"no samples in {', '.join(map(str, annotations))}")
    return list(samples.values())


def found_in(videos: Path) -> dict[str, Path]:
    """Stem to file. Raises UserError when there is no such folder."""
    if not videos.is_dir():
        raise UserError(f"no folder {videos}; give the one with the videos of the set")
    return {file.stem: file for file in sorted(videos.rglob("*")) if file.suffix.lower() in ENDINGS}


def records(format: Format, file: Path) -> Iterator[Any]:
    """Objects of Video-MME (its parquet, a JSON list, JSON lines, or videos with their questions); text lines."""
    if not file.is_file():
        raise UserError(f"no file {file}; give the annotation file(s) of the set")
    if format == "charades-sta":
        yield from filter(None, file.read_text(encoding="utf-8").splitlines())
        return
    if file.suffix == ".parquet":
        found = from_parquet(file)
    else:
        text = file.read_text(encoding="utf-8")
        try:
            found = (
                [json.loads(line) for line in text.splitlines() if line]
                if file.suffix == ".jsonl"
                else json.loads(text)
            )
        except ValueError as error:
            raise UserError(f"{file} is not JSON: {error}") from error
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise UserError(f"{file} is not a list of records, as the published annotation files are")
    for record in found:
        questions = record.get("questions")
        if isinstance(questions, list):  # as the authors' own evaluation has it: a video with its questions
            yield from ({**record, **one} for one in questions if isinstance(one, dict))
        else:
            yield record


def from_parquet(file: Path) -> list[dict[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise UserError("parquet files need one more package: python -m pip install pyarrow") from error
    try:
        rows: list[dict[str, Any]] = parquet.read_table(file).to_pylist()
    except (ArrowException, OSError) as error:
        raise UserError(f"{file} is no parquet file that can be read") from error
    return rows


def read_choice(record: dict[str, Any], there: dict[str, Path]) -> Choice:
    """Raises BadRecord."""
    options = record.get("options")
    if not isinstance(options, list) or not 2 <= len(options) <= len(LETTERS):
        raise BadRecord("options is no list of two to ten answers")
    plain = tuple(unmarked(str(option), letter) for option, letter in zip(options, LETTERS, strict=False))
    answer = str(record.get("answer", "")).strip().upper()[:1]
    if not answer or answer not in LETTERS[: len(options)]:
        raise BadRecord(f"answer is {record.get('answer')!r}, which is none of the options' letters")
    for key in ("question_id", "question"):
        if not str(record.get(key) or "").strip():
            raise BadRecord(f"{key} is missing")
    names = [str(record[key]) for key in ("videoID", "video_id") if record.get(key)]
    return Choice(
        str(record["question_id"]),
        video_of(names, there),
        str(record["question"]).strip(),
        plain,
        answer,
        str(record.get("duration") or "any"),
        str(record.get("task_type") or "any"),
        str(record.get("domain") or "any"),
    )


def unmarked(option: str, letter: str) -> str:
    """ "A. Red." -> "Red." """
    match = MARKED.match(option.strip())
    return option.strip()[match.end() :] if match and match[1] == letter else option.strip()


def read_moment(line: str, number: int, there: dict[str, Path]) -> Moment:
    """`VIDEO start end##sentence`. Raises BadRecord."""
    match = LINE.fullmatch(line.strip())
    if not match:
        raise BadRecord(f"{line[:60]!r} is not VIDEO START END##SENTENCE")
    start, end = float(match[2]), float(match[3])
    if end <= start:
        raise BadRecord(f"ends at {end} s before it starts at {start} s")
    return Moment(f"{match[1]}-{number}", video_of([match[1]], there), match[4].strip(), start, end)


def video_of(names: Sequence[str], there: dict[str, Path]) -> Path:
    for name in names:
        if name in there:
            return there[name]
    raise BadRecord(f"no video named {' or '.join(names) or '(nothing)'} in the folder")
