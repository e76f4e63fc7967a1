"""Is a recorded run as it was written? What was changed, removed or cut off, step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agent.chain import digest, is_whole, sha256
from agent.store import read_run, whole_lines

State = Literal[
    "untouched",  # whole, from the task to the ending
    "changed",  # not what was written
    "cut",  # untouched as far as it goes, but there is no ending
    "unsealed",  # recorded before there were seals; nothing can be said
]


@dataclass(frozen=True)
class Fault:
    step: int | None  # from 0; None: run.json
    what: str  # for a person, such as "was changed"

    def __str__(self) -> str:
        return f"run.json {self.what}" if self.step is None else f"step {self.step + 1} {self.what}"


@dataclass(frozen=True)
class Verdict:
    state: State
    steps: int  # that are there
    faults: tuple[Fault, ...]
    is_ended: bool  # the last record that is there holds an ending
    seal: str  # the last hash, which stands for the whole run; "" when there is none


@dataclass(frozen=True, order=True)
class Place:
    """Where a record stands in a run, in the order of writing."""

    step: int
    is_outcome: bool

    @property
    def after(self) -> Place:
        return Place(self.step + 1, False) if self.is_outcome else Place(self.step, True)


def verify(folder: Path) -> Verdict:
    """Raises UserError when the folder holds no run.

    Whoever can write the folder can also write all of it anew: against that helps only a seal noted elsewhere.
    """
    read_run(folder)
    lines = whole_lines(folder / "steps.jsonl")
    records = [parsed(line) for line in lines]
    steps = sum("intent" in record for record in records)
    is_ended = bool(records) and bool(records[-1].get("ending"))
    if records and not any("hash" in record for record in records):
        return Verdict("unsealed", steps, (), is_ended, "")
    faults = tuple(dict.fromkeys([*chain_faults(folder, lines, records), *picture_faults(folder, records)]))
    seal = str(records[-1].get("hash", "")) if records else ""
    return Verdict("changed" if faults else "untouched" if is_ended else "cut", steps, faults, is_ended, seal)


def chain_faults(folder: Path, lines: list[bytes], records: list[Mapping[str, Any]]) -> list[Fault]:
    """Of the records themselves: what each should hold, and stand behind."""
    faults: list[Fault] = []
    before, due = digest(json.loads((folder / "run.json").read_bytes())), Place(0, False)
    last: int | None = None  # the step of the record before
    for line, record in zip(lines, records, strict=True):
        here = place(record) or due
        if not is_whole(record) or json.dumps(record).encode() != line:
            faults.append(Fault(here.step, "was changed"))
        elif here != due:
            gone = range(due.step, max(here.step, due.step + 1)) if here > due else ()  # half a step at least
            faults += [Fault(step, "was removed") for step in gone] or [Fault(here.step, "stands in another place")]
        elif record["before"] != before:
            faults.append(Fault(last, "was changed"))
        before, last = str(record.get("hash", "")), here.step
        due = here if "resumed" in record else here.after
    return faults


def place(record: Mapping[str, Any]) -> Place | None:
    """None: it says nothing of a step."""
    for kind in ("intent", "outcome"):
        if isinstance(record.get(kind), int):
            return Place(record[kind], kind == "outcome")
    return None


def picture_faults(folder: Path, records: list[Mapping[str, Any]]) -> list[Fault]:
    faults = []
    for record in records:
        here = place(record)
        if here and not here.is_outcome:
            path = folder / "screens" / Path(str(record.get("screenshot"))).name
            if not path.is_file():
                faults.append(Fault(here.step, "has lost its picture"))
            elif sha256(path.read_bytes()) != record.get("png"):
                faults.append(Fault(here.step, "has another picture"))
    return faults


def parsed(line: bytes) -> Mapping[str, Any]:
    """An empty record for a line that is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
