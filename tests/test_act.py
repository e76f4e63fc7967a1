"""`act`: whoever sits at the terminal is asked what the model wants to know."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from scripted import ScriptedModel

from agent import prompts
from app.commands.act import perform, who_answers
from app.settings import Settings
from model.computer_use import call, response


def test_the_model_asks_at_the_terminal_and_reads_what_is_typed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ScriptedModel([call("interact", text="Which\x1b[2J Anna?"), call("terminate", status="success")])
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"Anna Berg\n")
    with os.fdopen(terminal) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        outcome = perform(Settings(runs=tmp_path), model, "Do it", "about:blank", guide=who_answers())
    os.close(keyboard)
    assert outcome.ending.success and model.asked[1][-1].text == response(prompts.answered("Anna Berg"))
    assert "the model asks: Which [2J Anna?\nyour answer: " in capsys.readouterr().err
    assert "The user answers: Anna Berg" in outcome.report.read_text()
