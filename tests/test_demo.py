from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from demo_replies import replies
from scripted import ScriptedModel

from app import address_book, cli
from app.commands import demo
from app.commands.act import perform
from app.settings import Settings
from model.families import TINY

SETTINGS = Settings(viewport=address_book.VIEW, scale=TINY.device_scale, max_steps=address_book.MAX_STEPS)


@pytest.mark.parametrize(("person", "good"), [(address_book.TO, True), ("Anna Klein", False)])
def test_the_address_book_knows_whether_the_task_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], person: str, good: bool
) -> None:
    model = ScriptedModel(list(replies(person)))
    settings = Settings(**vars(SETTINGS) | {"runs": tmp_path, "approve": "never"})
    with address_book.serve() as book:
        outcome = perform(settings, model, address_book.TASK, book.url)
    said = capsys.readouterr().out
    assert book.sent == [(person, address_book.TEXT)]
    assert address_book.is_done(book.sent) is good
    assert (outcome.ending.success, outcome.steps) == (True, 8)  # whatever the model says of it
    assert said.count("step ") == 8
    assert "step 1: I click the field." in said
    assert outcome.report.stat().st_size > 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="tiny learned from pages as Linux draws them")
def test_the_embedded_model_gets_through_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(cli.parse(["demo", "--out", str(tmp_path)])) == 0
    assert "success: the address book received" in capsys.readouterr().out


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '{"to": "x"}'])
def test_the_server_refuses_what_is_no_message(body: str) -> None:
    with address_book.serve() as book:
        with pytest.raises(HTTPError, match="400"):
            urlopen(Request(book.url + "messages", data=body.encode()))
        assert book.sent == []


def test_the_server_answers_with_the_page_and_keeps_a_message() -> None:
    with address_book.serve() as book:
        assert b"Address book" in urlopen(book.url).read()
        urlopen(Request(book.url + "messages", data=json.dumps({"to": "a", "text": "b"}).encode()))
        assert book.sent == [("a", "b")]
