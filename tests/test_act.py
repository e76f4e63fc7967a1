"""`act`: whoever sits at the terminal is asked what the model wants to know."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Site
from scripted import ScriptedModel

from agent import prompts
from app.commands.act import perform, who_answers
from app.settings import Approve, Settings
from model.computer_use import call, response
from tools.geometry import Size


@contextmanager
def at_a_terminal(words: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody sits there and types this."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, words.encode())
    with os.fdopen(terminal) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        yield
    os.close(keyboard)


PAGE = (
    "<title>t</title><body style='margin: 0'><button style='width: 400px; height: 300px' onclick='document.title += 1'>"
)
CLICKS = [call("left_click", coordinate=[100, 100]), call("terminate", status="success")]


@pytest.mark.parametrize(
    ("typed", "approve", "reason", "title"),
    [
        ("yes\n", "irreversible", "finished", "page1"),
        ("\n", "irreversible", "denied", "page"),
        ("no\n", "always", "denied", "page"),
        ("", "never", "finished", "page1"),
    ],
)
def test_what_may_not_be_undone_is_asked_about_at_the_terminal(
    typed: str,
    approve: Approve,
    reason: str,
    title: str,
    tmp_path: Path,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = site.put("/page", PAGE + "Delete \u202eall")
    settings, titles = Settings(runs=tmp_path, approve=approve, viewport=Size(400, 300)), []
    with at_a_terminal(typed, monkeypatch):
        outcome = perform(
            settings,
            ScriptedModel(CLICKS),
            "Do it",
            page,
            lambda step: titles.append(step.screenshot.title),
            guide=who_answers(),
        )
    assert (outcome.ending.reason, titles[-1]) == (reason, title)
    if approve != "never":
        said = capsys.readouterr().err
        assert "May it do this? click at (" in said and "button “Delete \\u202eall”" in said and page in said
        assert "because: “Delete” may not be undone" in said and (outcome.report.parent / "asked.png").is_file()


def test_where_nobody_is_nothing_is_allowed(tmp_path: Path, site: Site) -> None:
    page = site.put("/page", PAGE + "Delete all")
    outcome = perform(Settings(runs=tmp_path, viewport=Size(400, 300)), ScriptedModel(CLICKS), "Do it", page)
    assert outcome.ending.reason == "denied" and "“Delete” may not be undone" in outcome.ending.text


def test_the_model_asks_at_the_terminal_and_reads_what_is_typed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ScriptedModel([call("interact", text="Which\x1b[2J Anna?"), call("terminate", status="success")])
    with at_a_terminal("Anna Berg\n", monkeypatch):
        outcome = perform(Settings(runs=tmp_path), model, "Do it", "about:blank", guide=who_answers())
    assert outcome.ending.success and model.asked[1][-1].text == response(prompts.answered("Anna Berg"))
    assert "the model asks: Which [2J Anna?\nyour answer: " in capsys.readouterr().err
    assert "The user answers: Anna Berg" in outcome.report.read_text()
