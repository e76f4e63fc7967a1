"""Results as they come, one JSON line each: safe to stop at any moment and to go on with later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.disk import Lines, whole_bytes, write_whole, writing
from tools.errors import UserError


class Journal:
    """Appends to `path`; what an earlier run left there is in `records`. A torn last line is dropped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.records = read(path)
        self.lines = Lines(path)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.lines.close()

    def append(self, record: dict[str, Any]) -> None:
        """On disk when this returns: a kill loses at most the line being written. Raises UserError."""
        with writing(self.path.parent):
            self.lines.append(json.dumps(record, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")
        self.records.append(record)


def read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of the file, none when there is no file. Raises UserError."""
    lines = path.read_bytes()[: whole_bytes(path)].splitlines() if path.exists() else []
    return [parse(line, path) for line in lines]


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Write the settings that make two results comparable to run.json, or check that those of before are the same.

    Raises UserError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run.json"
    if not path.exists():
        with writing(folder):
            write_whole(path, (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode())
        return
    before = parse(path.read_bytes(), path)
    told = [
        f"{key} was {before.get(key)!r}, now {value!r}" for key, value in settings.items() if before.get(key) != value
    ]
    if told:
        raise UserError(f"{folder} holds results of another run ({'; '.join(told)}); choose another --out")


def parse(text: bytes, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} is not what Handeye wrote; move it away or choose another --out") from error
    if not isinstance(record, dict):
        raise UserError(f"{path} is not what Handeye wrote; move it away or choose another --out")
    return record
