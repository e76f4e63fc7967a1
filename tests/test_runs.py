"""Runs in a folder: listed, found, and told at the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from agent.runs import Summary, find, summaries, summary
from agent.store import UNKNOWN, Recording
from agent.trajectory import Ending, Seconds, Step
from app import cli
from tools.actions import Click
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Point

CLICK = Step(0, Screenshot(Image.new("RGB", (40, 30))), "x", (Click(Point(3, 4)),), seconds=Seconds(0.5, 1, 0.5))
LAST = Step(1, Screenshot(Image.new("RGB", (40, 30), "red")), "y", ending=Ending("stuck", "no way"))


def recorded(parent: Path, task: str, *steps: Step) -> Path:
    with Recording(parent, task, "scripted", "tiny", {"url": "about:blank", "viewport": "40x30"}) as recording:
        for step in steps:
            recording.outcome(step)
    return recording.folder


def test_a_summary_says_what_was_asked_how_long_it_was_and_how_it_ended(tmp_path: Path) -> None:
    folder = recorded(tmp_path, "Find it", CLICK, LAST)
    one = summary(folder)
    assert (one.name, one.run.task, one.steps, one.seconds) == (folder.name, "Find it", 2, 2.0)
    assert one.ending == LAST.ending
    assert one.last_screen == folder / "screens" / f"{LAST.screenshot.digest}.png" and one.last_screen.is_file()


def test_a_run_without_an_end_or_without_steps_is_listed_too(tmp_path: Path) -> None:
    assert summary(recorded(tmp_path, "a", CLICK)).ending is None
    nothing = summary(recorded(tmp_path, "b"))
    assert (nothing.steps, nothing.ending, nothing.last_screen) == (0, None, None)
    with Recording(tmp_path, "c", "m", "tiny", {}) as recording:
        recording.intent(CLICK)
    assert summary(recording.folder).ending == Ending("interrupted", UNKNOWN)


def test_what_is_no_run_is_left_out_and_the_newest_comes_first(tmp_path: Path) -> None:
    assert summaries(tmp_path / "nowhere") == []
    first, second = recorded(tmp_path, "b"), recorded(tmp_path, "a")
    (first / "run.json").write_text((first / "run.json").read_text().replace('"began": "2', '"began": "1'))
    (tmp_path / "other").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "run.json").write_text("{}")
    assert [one.folder for one in summaries(tmp_path)] == [second, first]


def test_a_run_is_found_by_its_name_its_beginning_as_the_last_or_by_its_folder(tmp_path: Path) -> None:
    folder = recorded(tmp_path, "tea")
    for name in (folder.name, folder.name[:8], "last", str(folder)):
        assert find(tmp_path, name) == folder
    with pytest.raises(UserError, match="names no run"):
        find(tmp_path, "x")
    recorded(tmp_path, "tea again")
    with pytest.raises(UserError, match="more than one"):
        find(tmp_path, folder.name[:8])
    assert find(tmp_path, folder.name) == folder, "although the other's name may begin with it"


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert cli.main(["runs", *argv]) == 0
    return capsys.readouterr().out


def test_the_terminal_lists_and_shows_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no runs yet" in told(capsys, "list", "--runs", str(tmp_path))
    folder = recorded(tmp_path, "Find it", CLICK, LAST)
    assert f"{folder.name}  stuck  2 steps, 2 s  Find it" in told(capsys, "list", "--runs", str(tmp_path))
    (listed,) = json.loads(told(capsys, "list", "--json", "--runs", str(tmp_path)))
    assert (listed["name"], listed["ending"], listed["steps"]) == (folder.name, "stuck", 2)
    assert "stuck: no way" in told(capsys, "show", "last", "--runs", str(tmp_path))
    done = json.loads(told(capsys, "show", "last", "--json", "--runs", str(tmp_path)))["done"]
    assert done[0]["actions"] == [{"kind": "click", "at": [3, 4], "button": "left", "times": 1, "modifiers": []}]


@pytest.mark.parametrize(
    ("kind", "begins"), [("script", b'"""'), ("test", b'"""'), ("lines", b"PK"), ("report", b"<!")]
)
def test_the_terminal_exports_runs(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], kind: str, begins: bytes
) -> None:
    recorded(tmp_path, "Find it", CLICK, LAST)
    to = tmp_path / "made"
    assert cli.main(["runs", "export", "last", "--as", kind, "--runs", str(tmp_path), "--to", str(to)]) == 0
    assert to.read_bytes().startswith(begins)
    capsysbinary.readouterr()
    assert cli.main(["runs", "export", "last", "--as", kind, "--runs", str(tmp_path)]) == 0
    assert capsysbinary.readouterr().out.startswith(begins)


def test_summaries_are_equal_when_nothing_has_changed(tmp_path: Path) -> None:
    folder = recorded(tmp_path, "Find it", CLICK)
    assert isinstance(summary(folder), Summary) and summary(folder) == summary(folder)
