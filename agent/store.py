"""Runs on disk: one folder each, written so that a kill at any moment leaves a run that replays.

run.json          what was asked of whom, with which settings and versions
steps.jsonl       for each step a line before it is done (intent) and a line after (outcome); where a run that broke
                  off goes on, a line that says so (resumed); only ever appended to, each line sealed (agent/chain.py)
screens/*.png     the screenshots, named by digest; each is there before the line that names it
lock              held by the program that writes
"""

from __future__ import annotations

import io
import json
import platform
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout
from PIL import Image

from agent.chain import digest, sealed, sha256
from agent.trajectory import Ask, Ending, Finish, Seconds, Step
from model.vlm import Usage
from tools.actions import from_json, to_json
from tools.disk import Lines, Wait, give_up, patiently, sync_folder, write_whole, writing
from tools.environment import Screenshot
from tools.errors import UserError

UNKNOWN = "unknown: the run was interrupted here"
PACKAGES = ("handeye", "torch", "transformers", "playwright", "pillow")  # whose versions can change a run
SLUG_LENGTH = 40


@dataclass(frozen=True)
class Run:
    """What run.json says."""

    task: str
    model: str
    family: str
    settings: Mapping[str, Any]  # JSON values
    began: str  # ISO 8601, local time with its offset
    versions: Mapping[str, str]


class Recording:
    """The journal of one run. Every line and picture is on disk when its call returns.

    While the disk is full, `wait` says whether to try again. Raises UserError that names the folder when it cannot
    be written, or is written by another program.
    """

    def __init__(self, parent: Path, task: str, model: str, family: str, settings: Mapping[str, Any]) -> None:
        """Make a new folder in `parent`, named by the time and the task, that only its owner can read."""
        now = datetime.now().astimezone()
        run = Run(task, model, family, settings, now.isoformat(timespec="seconds"), versions())
        with writing(parent):
            parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))  # appears under its own name when complete
            try:
                (draft / "screens").mkdir()
                write_whole(draft / "run.json", json.dumps(asdict(run), indent=2).encode() + b"\n")
                write_whole(draft / "steps.jsonl", b"")
                folder = move_to_free_name(draft, f"{now:%Y-%m-%d_%H-%M-%S}_{slug(task)}")
            except OSError:
                shutil.rmtree(draft)
                raise
        self._open(folder)

    @classmethod
    def resumed(cls, folder: Path, settings: Mapping[str, Any]) -> Recording:
        """Of a run that broke off, to be gone on with. settings: those that now hold."""
        recording = cls.__new__(cls)
        recording._open(folder)
        recording._append({"resumed": datetime.now().astimezone().isoformat(timespec="seconds"), "settings": settings})
        return recording

    def _open(self, folder: Path) -> None:
        self.folder = folder
        self.wait: Wait = give_up
        self._lock = FileLock(folder / "lock", thread_local=False)  # let go by the system when this program dies
        with writing(folder):
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:  # an OSError too
                raise UserError(f"another program is at the run in {folder}; end that one first") from error
            self._lines = Lines(folder / "steps.jsonl")
        records = [json.loads(line) for line in whole_lines(folder / "steps.jsonl")]
        self._before = records[-1]["hash"] if records else digest(json.loads((folder / "run.json").read_bytes()))
        self._intended = max((record["intent"] for record in records if "intent" in record), default=-1)
        self._kept: dict[str, str] = {}  # sha256 of the picture's file, for the digest of the screen

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def intent(self, step: Step) -> None:
        self._keep(step.screenshot)
        self._append({**intent_line(step), "png": self._kept[step.screenshot.digest]})
        self._intended = step.index

    def outcome(self, step: Step) -> None:
        if step.index != self._intended:
            self.intent(step)
        self._append(outcome_line(step))

    def close(self) -> None:
        """May be called twice."""
        self._lines.close()
        self._lock.release()

    def _keep(self, screenshot: Screenshot) -> None:
        if screenshot.digest in self._kept:
            return
        path = self.folder / "screens" / f"{screenshot.digest}.png"
        if path.exists():  # of a run that goes on
            self._kept[screenshot.digest] = sha256(path.read_bytes())
            return
        png = io.BytesIO()
        screenshot.image.save(png, "PNG", compress_level=1)  # at the default level a large screen takes a second
        patiently(self.folder, lambda: write_whole(path, png.getvalue()), self.wait)
        self._kept[screenshot.digest] = sha256(png.getvalue())

    def _append(self, record: Mapping[str, Any]) -> None:
        line = sealed(record, self._before)
        patiently(self.folder, lambda: self._lines.append(json.dumps(line).encode() + b"\n"), self.wait)
        self._before = line["hash"]


def record(steps: Iterable[Step], recording: Recording) -> Iterator[Step]:
    """Pass the steps on, each as soon as it is kept; for steps that do not come from an Agent with this journal."""
    for step in steps:
        recording.outcome(step)
        yield step


def replay(folder: Path) -> Iterator[Step]:
    """The steps as they were when live. One that was under way when the program died has the ending "interrupted".

    Raises UserError when the folder holds no run or a damaged one.
    """
    pending: Step | None = None
    for number, line in enumerate(whole_lines(folder / "steps.jsonl"), start=1):
        try:
            data = json.loads(line)
            if "resumed" in data:
                continue
            if "intent" in data:
                pending = intended(data, folder)
                continue
            if pending is None or pending.index != data["outcome"]:
                raise ValueError("an outcome without its intent")
            step, pending = with_outcome(pending, data), None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(f"line {number} of {folder / 'steps.jsonl'} is damaged ({error})") from error
        yield step
    if pending is not None:
        yield replace(pending, result=UNKNOWN, ending=Ending("interrupted", UNKNOWN))


def read_run(folder: Path) -> Run:
    """Raises UserError when the folder holds no run."""
    try:
        return Run(**json.loads((folder / "run.json").read_bytes()))
    except OSError as error:
        raise UserError(f"no run in {folder}; give the folder that holds run.json") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{folder / 'run.json'} is damaged ({error})") from error


def whole_lines(path: Path) -> list[bytes]:
    """What comes after the last line break was being written when the program died."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise UserError(f"no run in {path.parent}; give the folder that holds {path.name}") from error


def intent_line(step: Step) -> dict[str, Any]:
    return {
        "intent": step.index,
        "screenshot": f"{step.screenshot.digest}.png",
        "title": step.screenshot.title,
        "url": step.screenshot.url,
        "reply": step.reply,
        "actions": [to_json(action) for action in step.actions],
        "finish": asdict(step.finish) if step.finish else None,
        "by_person": step.by_person,
        "corrected": step.corrected,
        "ask": asdict(step.ask) if step.ask else None,
    }


def intended(data: dict[str, Any], folder: Path) -> Step:
    path = folder / "screens" / Path(data["screenshot"]).name  # the name only: no line leads out of the folder
    with Image.open(path) as picture:
        image = picture.convert("RGB")
    return Step(
        data["intent"],
        Screenshot(image, data["title"], data["url"]),
        data["reply"],
        tuple(from_json(action) for action in data["actions"]),
        Finish(**data["finish"]) if data["finish"] else None,
        Ask(**data["ask"]) if data.get("ask") else None,  # older runs do not say what only newer ones can hold
        by_person=data.get("by_person", False),
        corrected=data.get("corrected", ""),
    )


def outcome_line(step: Step) -> dict[str, Any]:
    return {
        "outcome": step.index,
        "result": step.result,
        "mistake": step.mistake,
        "ending": asdict(step.ending) if step.ending else None,
        "seconds": asdict(step.seconds),
        "usage": asdict(step.usage),
    }


def with_outcome(step: Step, data: dict[str, Any]) -> Step:
    return replace(
        step,
        result=data["result"],
        mistake=data["mistake"],
        ending=Ending(**data["ending"]) if data["ending"] else None,
        seconds=Seconds(**data["seconds"]),
        usage=Usage(**data["usage"]),
    )


def move_to_free_name(draft: Path, name: str) -> Path:
    """Two runs may start in one second; a rename onto another run's folder fails, as that is never empty."""
    folder = draft.with_name(name)
    for number in count(2):
        try:
            draft.rename(folder)
            break
        except OSError:
            if not folder.exists():
                raise
            folder = draft.with_name(f"{name}_{number}")
    sync_folder(folder.parent)
    return folder


def slug(task: str) -> str:
    plain = unicodedata.normalize("NFKD", task).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_LENGTH].strip("-") or "task"


@cache
def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
