"""Videos into a folder: every stretch is kept as it is watched, and what is there is not watched again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from agent.documents.batch import digest, first_line, put
from agent.film_answers import Answer
from agent.film_texts import Glance
from agent.films import Stretch
from agent.journal import Journal
from model.parsing import Span
from tools.errors import UserError

Piece = TypeVar("Piece", Stretch, Answer, Glance)


def videos_in(given: Sequence[Path]) -> list[Path]:
    """The files and folders of frames; a name with * or ? that no shell has resolved means all that fit it.

    Raises UserError for what is not there.
    """
    found: list[Path] = []
    for path in given:
        if path.exists():
            found.append(path)
            continue
        fitting = sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor)))) if path.name else []
        if not fitting:
            raise UserError(f"no file at {path}")
        found += fitting
    return list(dict.fromkeys(found))


def places(videos: Sequence[Path], out: Path | None, verb: str) -> dict[Path, Path | None]:
    """Where each video's results go, without an ending, None where nowhere; videos of one name get a number."""
    found: dict[Path, Path | None] = {}
    for video in videos:
        number = 1
        while out and (place := out / f"{video.stem}{f'-{number}' * (number > 1)}.{verb}") in found.values():
            number += 1
        found[video] = place if out else None
    return found


def kept(
    place: Path,
    claim: dict[str, Any],
    kind: type[Piece],
    work: Callable[[Sequence[Piece]], Iterator[Piece]],
) -> Iterator[Piece]:
    """Pieces of an earlier run from disk, then those that `work` makes of what these leave, each kept as it comes.

    claim: what two runs must have in common for one to go on where the other stopped.
    """
    claim = json.loads(json.dumps(claim))
    path = place.with_name(place.name + ".jsonl")
    if path.exists() and first_line(path) != claim:
        path.unlink()
    with Journal(path) as journal:
        if not journal.records:
            journal.append(claim)
        before = [from_json(kind, record) for record in journal.records[1:]]
        yield from before
        for piece in work(before):
            journal.append(asdict(piece))
            yield piece


def claim_of(video: Path, **settings: Any) -> dict[str, Any]:
    """The content of the video and everything else that an answer depends on."""
    if video.is_dir():
        content = "".join(digest(file) for file in sorted(video.iterdir()) if file.is_file())
    else:
        content = digest(video)
    return {"content": content} | settings


def from_json(kind: type[Piece], record: dict[str, Any]) -> Piece:
    changed = dict(record)
    if "spans" in changed:
        changed["spans"] = tuple(Span(**span) for span in changed["spans"])
    if "seen_s" in changed:
        changed["seen_s"] = tuple(changed["seen_s"])
    return kind(**changed)


def write(path: Path, text: str) -> None:
    """Whole when it appears. Raises UserError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another place") from error
