"""What was found in a video, as the terminal says it and as files keep it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.film_answers import Answer
from agent.film_batch import Piece, write
from agent.film_texts import Glance, texts
from agent.films import Stretch, clock, to_srt, to_vtt
from app.show import printable, printable_line
from model.parsing import Span


def lines(text: str) -> str:
    return "\n".join(printable_line(line) for line in text.split("\n"))


def when(begin_s: float, end_s: float) -> str:
    return clock(begin_s, ".") + (f" - {clock(end_s, '.')}" if end_s > begin_s else "")


def piece_lines(piece: Piece) -> list[str]:
    """Of a glance none: its lines are put together with those of others first."""
    match piece:
        case Stretch():
            return [f"{when(span.start_s, span.end_s)}  {printable(span.text)}".rstrip() for span in piece.spans]
        case Answer():
            return [f"{when(piece.begin_s, piece.end_s)}  {printable(piece.said)}"]
    return []


def text_lines(found: Sequence[Glance]) -> list[str]:
    return [f"{when(one.first_s, one.last_s)}  {printable(one.text)}" for one in texts(found)]


def as_json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False)


def problem_of(piece: Piece) -> str:
    if not piece.problem:
        return ""
    end = piece.until_s if isinstance(piece, Glance) else piece.end_s
    begin = piece.at_s if isinstance(piece, Glance) else piece.begin_s
    return f"[{begin:.0f} to {end:.0f} s: {piece.problem}]"


def spans_of(found: Sequence[Stretch]) -> list[Span]:
    return [span for stretch in found for span in stretch.spans]


def in_words(spans: Sequence[Span]) -> str:
    return "; ".join(f"{when(span.start_s, span.end_s)} {span.text}".strip() for span in spans)


def content_of(file: Path, found: Sequence[Any], whole: bool) -> dict[str, Any]:
    """Of a video's JSON file. whole: False where the work was stopped."""
    content: dict[str, Any] = {"file": file.name, "whole": whole}
    if found and isinstance(found[0], Stretch):
        content["events"] = [asdict(span) for span in spans_of(found)]
    if found and isinstance(found[0], Glance):
        content["texts"] = [asdict(text) for text in texts(found)]
    return content | {"pieces": [asdict(piece) for piece in found]}


def in_form(kind: str, file: Path, found: Sequence[Stretch], whole: bool) -> str:
    """kind: "srt", "vtt" or "json"."""
    match kind:
        case "srt":
            return to_srt(spans_of(found))
        case "vtt":
            return to_vtt(spans_of(found))
        case _:
            return json.dumps(content_of(file, found, whole), ensure_ascii=False, indent=1) + "\n"


def keep(place: Path, file: Path, found: Sequence[Any], whole: bool) -> None:
    """NAME.json, of events NAME.srt and NAME.vtt too. Raises UserError."""
    write(place.with_name(place.name + ".json"), in_form("json", file, found, whole))
    if found and isinstance(found[0], Stretch):
        for kind in ("srt", "vtt"):
            write(place.with_name(f"{place.name}.{kind}"), in_form(kind, file, found, whole))
