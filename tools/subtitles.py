"""The words that a video file, or a file of subtitles, holds beside its pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.apart import apart
from tools.errors import UserError
from tools.film import FORMATS

MARKS = re.compile(r"\{\\[^}]*\}|<[^>]{1,40}>")  # of style, in ASS and in SRT
MOST = 20_000  # lines of one file
LONGEST = 500  # characters of one line


@dataclass(frozen=True)
class Line:
    start_s: float
    end_s: float
    text: str


def subtitles(path: Path) -> list[Line]:
    """The first track of text, in order; [] where there is none. Raises UserError for what cannot be read."""
    if path.is_dir():
        return []
    if not path.is_file():
        raise UserError(f"no file at {path}")
    return [Line(**item) for item, _ in apart("tools.subtitles:read", {"path": str(path)})]


def read(path: str) -> Iterator[tuple[dict[str, Any], None]]:
    """What the child process does. A track of pictures has no words and gives nothing."""
    import av

    options = {"format_whitelist": f"{FORMATS},srt,webvtt,ass", "protocol_whitelist": "file"}
    try:
        with av.open(path, options=options) as container:
            if not container.streams.subtitles:
                return
            stream = container.streams.subtitles[0]
            video = container.streams.video[0] if container.streams.video else None
            begin_s = float((video.start_time or 0) * video.time_base) if video is not None and video.time_base else 0.0
            count = 0
            for packet in container.demux(stream):
                text = " ".join(filter(None, map(words, dialogues(packet))))[:LONGEST]
                if text and packet.pts is not None and packet.time_base is not None and count < MOST:
                    start = max(0.0, float(packet.pts * packet.time_base) - begin_s)
                    end = start + float((packet.duration or 0) * packet.time_base)
                    yield {"start_s": start, "end_s": end, "text": text}, None
                    count += 1
    except av.FFmpegError as error:
        raise UserError(f"{Path(path).name} holds no subtitles that can be read; give SRT, VTT or ASS") from error


def dialogues(packet: Any) -> Iterator[bytes]:
    for found in packet.decode():
        for rect in [found] if hasattr(found, "dialogue") else found:
            yield getattr(rect, "dialogue", b"")


def words(dialogue: bytes) -> str:
    text = dialogue.decode("utf-8", "replace").replace("\\N", " ").replace("\\n", " ").replace("\\h", " ")
    return " ".join(MARKS.sub("", text).split())


def between(lines: list[Line], begin_s: float, end_s: float) -> list[Line]:
    """Those that are on in that stretch, with the times in it."""
    return [
        Line(max(line.start_s - begin_s, 0.0), min(line.end_s, end_s) - begin_s, line.text)
        for line in lines
        if line.start_s < end_s and max(line.end_s, line.start_s + 1e-3) > begin_s
    ]
