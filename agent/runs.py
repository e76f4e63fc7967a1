"""The runs in a folder: what each was asked, how long it was and how it ended, read without its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.store import UNKNOWN, Run, read_run, whole_lines
from agent.trajectory import Ending
from tools.errors import UserError


@dataclass(frozen=True)
class Summary:
    folder: Path
    run: Run
    steps: int
    seconds: float
    ending: Ending | None  # None: the program stopped between two steps, or the run is still going on
    last_screen: Path | None  # None: it never saw one

    @property
    def name(self) -> str:
        return self.folder.name


def summaries(parent: Path) -> list[Summary]:
    """Newest first; what is no run, or a damaged one, is left out."""
    found = []
    for folder in parent.iterdir() if parent.is_dir() else ():
        try:
            found.append(summary(folder))
        except UserError:
            continue
    return sorted(found, key=lambda one: (one.run.began, one.name), reverse=True)


def summary(folder: Path) -> Summary:
    """Raises UserError when the folder holds no run or a damaged one."""
    run = read_run(folder)
    intents: list[Mapping[str, Any]] = []
    outcomes: list[Mapping[str, Any]] = []
    try:
        for line in map(json.loads, whole_lines(folder / "steps.jsonl")):
            if "resumed" not in line:
                (intents if "intent" in line else outcomes).append(line)
        seconds = sum(sum(line["seconds"].values()) for line in outcomes)
        told = outcomes[-1]["ending"] if outcomes else None
        screen = folder / "screens" / Path(intents[-1]["screenshot"]).name if intents else None
        ending = Ending("interrupted", UNKNOWN) if len(intents) > len(outcomes) else Ending(**told) if told else None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{folder / 'steps.jsonl'} is damaged ({error})") from error
    return Summary(folder, run, len(intents), seconds, ending, screen)


def find(parent: Path, name: str) -> Path:
    """A run by its name in the folder, the beginning of one, "last", or a path. Raises UserError."""
    if (Path(name) / "run.json").is_file():
        return Path(name)
    known = summaries(parent)
    fitting = known[:1] if name == "last" else [one for one in known if one.name.startswith(name)]
    exact = [one for one in fitting if one.name == name]
    if len(exact or fitting) != 1:
        what = "fits more than one run" if fitting else "names no run"
        raise UserError(f"{name!r} {what} in {parent}; see: python3 launch.py runs list")
    return (exact or fitting)[0].folder
