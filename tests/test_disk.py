"""On a full disk a file is whole or not there, and a run waits for room."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path

import pytest
from full import BLOCK, at_most, fill, free, small_disk
from PIL import Image
from scripted import ScriptedModel

from agent.journal import Journal, read
from agent.report import write_report
from agent.store import Recording, replay
from agent.trajectory import Ending, Step
from agent.verify import verify
from app.commands.act import perform
from app.conversations import Options, Store, Turn
from app.settings import Settings
from model.computer_use import call
from tools.disk import Lines, write_whole
from tools.environment import Screenshot
from tools.errors import UserError


@pytest.mark.parametrize("limit", [0, 1, 500, 999])
def test_a_file_that_does_not_fit_leaves_the_one_before(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "file"
    write_whole(path, b"before")
    with at_most(limit), pytest.raises(OSError):
        write_whole(path, b"x" * 1000)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
    with at_most(1000):
        write_whole(path, b"x" * 1000)
    assert path.read_bytes() == b"x" * 1000


def test_a_line_that_does_not_fit_leaves_nothing_of_it_and_fits_later(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntor")
    lines = Lines(path)
    for limit in range(4, 8):
        with at_most(limit), pytest.raises(OSError):
            lines.append(b"two\n")
        assert path.read_bytes() == b"one\n"
    lines.append(b"two\n")
    lines.close()
    assert path.read_bytes() == b"one\ntwo\n"


def test_results_go_on_after_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    with Journal(path) as journal:
        journal.append({"id": 1})
        with at_most(15), pytest.raises(UserError, match=r"cannot write to .*free some space"):
            journal.append({"id": 2})
        assert read(path) == journal.records == [{"id": 1}]
        journal.append({"id": 3})
    assert read(path) == [{"id": 1}, {"id": 3}]


def test_a_conversation_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.save(store.begin(Options()))
    with at_most(200), pytest.raises(UserError, match="free some space"):
        store.save(kept.__class__(kept.id, turns=(Turn("user", "x" * 1000),)))
    assert store.read(kept.id) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"{kept.id}.json", "pictures"])


def noise(seed: int) -> Screenshot:
    """Of which the picture's file takes some blocks of the disk."""
    return Screenshot(Image.frombytes("RGB", (60, 40), random.Random(seed).randbytes(60 * 40 * 3)))


STEPS = [Step(index, noise(index), "word " * 100) for index in range(6)]
STEPS.append(Step(6, noise(6), "over", ending=Ending("finished")))


def check(folder: Path, kept: int) -> None:
    """Nothing in it is torn. kept: how many steps are there for certain."""
    whole = (folder / "steps.jsonl").read_bytes()
    assert whole.endswith(b"\n") or not whole
    for line in whole.splitlines():
        json.loads(line)
    for path in (folder / "screens").iterdir():
        Image.open(path).load()
    assert list(replay(folder))[:kept] == STEPS[:kept]
    assert verify(folder).faults == ()


def test_a_run_waits_at_every_write_for_room_and_goes_on(tmp_path: Path) -> None:
    """The disk has room for one block more whenever it is full, so that each write meets its end somewhere."""
    with small_disk(tmp_path / "disk") as disk:
        recording = Recording(disk, "Do it", "scripted", "tiny", {})
        filler, done, full = disk / "filler", 0, []

        def wait(told: str, tries: int) -> bool:
            assert recording.folder.name in told and "No space left" in told
            check(recording.folder, done)
            full.append(tries)
            free(filler, BLOCK)
            return True

        recording.wait = wait
        for step in STEPS:
            fill(filler)
            recording.outcome(step)
            done += 1
        fill(filler)
        report = write_report(recording.folder, wait)
        recording.close()
        assert list(replay(recording.folder)) == STEPS and verify(recording.folder).state == "untouched"
        assert report.read_text().rstrip().endswith("</html>")
        assert full.count(1) > len(STEPS) and max(full) > 1, "more than once in a step, and more than one block at once"


@pytest.mark.parametrize("limit", range(0, 6000, 500))
def test_a_run_waits_until_a_limit_is_raised(tmp_path: Path, limit: int) -> None:
    with Recording(tmp_path, "Do it", "scripted", "tiny", {}) as recording, contextlib.ExitStack() as limited:
        told: list[int] = []

        def wait(why: str, tries: int) -> bool:
            told.append(tries)
            check(recording.folder, 0)
            if tries == 3:
                limited.close()
            return True

        recording.wait = wait
        limited.enter_context(at_most(limit))
        for step in STEPS:
            recording.outcome(step)
    assert list(replay(recording.folder)) == STEPS and told == [1, 2, 3]


def test_a_new_run_on_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        fill(disk / "filler")
        with pytest.raises(UserError, match="No space left"):
            Recording(disk, "Do it", "scripted", "tiny", {})
        assert [path.name for path in disk.iterdir()] == ["filler"]


class Friend(io.StringIO):
    """Reads what the terminal says, and makes room when asked to."""

    def __init__(self, filler: Path) -> None:
        super().__init__()
        self.filler = filler

    def write(self, text: str) -> int:
        if "goes on when there is room" in text:
            self.filler.unlink()
        return super().write(text)


def test_the_agent_pauses_with_a_message_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    model = ScriptedModel([call("wait", time=0), call("wait", time=0), call("terminate", status="success")])
    with small_disk(tmp_path / "disk") as disk:
        filler = disk / "filler"
        with contextlib.redirect_stderr(Friend(filler)) as said:
            outcome = perform(Settings(runs=disk), model, "Do it", "about:blank", lambda step: fill_once(step, filler))
        assert outcome.ending.success and outcome.steps == 3
        assert said.getvalue().count("paused; goes on when there is room") == 1
        assert verify(outcome.report.parent).state == "untouched"


def fill_once(step: Step, filler: Path) -> None:
    if step.index == 0:
        fill(filler)
