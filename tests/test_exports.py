"""What a run is exported to does again what was done in the run."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from demo_replies import replies
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scripted import ScriptedModel

from agent.exports import conversations, fine_tuning_zip, jsonl, lines, pytest_file, script
from agent.store import Recording, replay
from agent.trajectory import Step
from app import address_book
from app.commands.act import perform
from app.settings import Settings
from model.families import TINY
from tools.actions import Action, Click, Drag, Goto, Press, Scroll, Type
from tools.chromium import VARIABLE, find_browser
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Point

ENVIRONMENT = {**os.environ, VARIABLE: str(find_browser())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that sent the message."""
    runs = tmp_path_factory.mktemp("runs")
    settings = Settings(viewport=address_book.VIEW, runs=runs, approve="never")
    with address_book.serve() as book:
        perform(settings, ScriptedModel(list(replies(address_book.TO))), address_book.TASK, book.url)
    return next(runs.iterdir())


def run(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *argv], capture_output=True, text=True, env=ENVIRONMENT | variables)


def test_the_script_sends_the_message_again(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.py"
    path.write_text(script(folder))
    with address_book.serve() as book:
        done = run(str(path), book.url)
    assert done.returncode == 0, done.stderr
    assert address_book.is_done(book.sent) and "Address book" in done.stdout


def test_the_test_passes_where_the_page_is_the_same_and_fails_where_it_is_not(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "test_run.py"
    path.write_text(pytest_file(folder))
    other = tmp_path / "other.py"
    other.write_text(pytest_file(folder).replace("Anna", "Boris"))  # its way leads to another person
    with address_book.serve() as book:
        done = run("-m", "pytest", "-q", str(path), HANDEYE_URL=book.url)
        failed = run("-m", "pytest", "-q", str(other), HANDEYE_URL=book.url)
    assert done.returncode == 0, done.stdout
    assert failed.returncode == 1 and "looks different" in failed.stdout


def test_conversations_name_pictures_that_are_packed_with_them(folder: Path) -> None:
    told = [json.loads(line) for line in jsonl(folder).splitlines()]
    assert told == list(conversations(folder)) and len(told) == len(list(replay(folder)))
    with zipfile.ZipFile(BytesIO(fine_tuning_zip(folder))) as archive:
        names = set(archive.namelist())
    parts = [part for one in told for message in one["messages"] for part in message["content"]]
    assert {part["image"] for part in parts if part["type"] == "image"} <= names
    assert [message["role"] for message in told[0]["messages"]] == ["system", "user", "assistant"]
    assert told[0]["messages"][-1]["content"][0]["text"].startswith("I click the field.")


texts = st.text()
points = st.builds(Point, st.floats(0, 2000), st.floats(0, 2000))
actions = st.one_of(
    st.builds(Click, points, times=st.integers(1, 3)),
    st.builds(Type, texts),
    st.builds(Goto, texts),
    st.builds(Drag, points, points),
    st.builds(Scroll, st.floats(-100, 100), at=points),
    st.just(Press(("ctrl", "c"))),
    st.just(Press(("alt", "left"))),
)


@given(action=actions, task=texts)
def test_whatever_was_done_is_python(action: Action, task: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert all(ast.parse(line) for line in lines(action, 2.0))
    with Recording(tmp_path_factory.mktemp("x"), task, "m", "tiny", {"url": 'a\\"\n', "viewport": "30x20"}) as kept:
        kept.outcome(Step(0, Screenshot(Image.new("RGB", (60, 40)), task), "x", (action,)))
    for made in (script(kept.folder), pytest_file(kept.folder)):
        ast.parse(made.encode(errors="replace"))


def test_points_become_css_pixels() -> None:
    assert next(lines(Click(Point(101, 50)), TINY.device_scale)) == "page.mouse.move(50.5, 25)"


def test_what_is_no_run_is_the_users_mistake(tmp_path: Path) -> None:
    for export in (script, pytest_file, jsonl):
        with pytest.raises(UserError):
            export(tmp_path)
