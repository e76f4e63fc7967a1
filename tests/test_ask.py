"""agent/documents/ask.py and the verb `ask`: answers with pages, and quotes that are looked up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from agent.documents.ask import Answer, Note, ask_pages, checked, conclude, parsed_texts, understood
from agent.documents.kept import Sheets
from app.cli import main
from model.vlm import Reply
from tests.scripted import ScriptedModel
from tools.documents import Page
from tools.errors import UserError

LOCKED = Path(__file__).parent / "fixtures" / "locked.pdf"  # its one page says "Locked words"


def scan(path: Path, count: int) -> Path:
    sheets = [Image.new("RGB", (112, 112), (number, 255, 255)) for number in range(count)]
    sheets[0].save(path, save_all=True, append_images=sheets[1:])
    return path


def said(answer: object, quote: object = None) -> str:
    return json.dumps({"answer": answer, "quote": quote}, ensure_ascii=False)


def note(page: int, answer: str, check: str = "verified", quote: str = "q") -> Note:
    return Note(page, 9, answer, quote, check)  # type: ignore[arg-type]


def test_each_page_is_asked_by_its_number_and_its_quote_is_looked_up() -> None:
    model = ScriptedModel([said("yes", "LOCKED, words")])
    (found,) = ask_pages(model, Sheets(LOCKED, password="opensesame"), "Is it locked?")
    assert found == Note(1, 1, "yes", "LOCKED, words", "verified")
    (asked,) = model.asked[0]
    assert asked.text.startswith("Is it locked?\n\n") and "page 1 of 1" in asked.text


def test_a_quote_is_found_whatever_its_blanks_but_not_within_a_word() -> None:
    text = "The total is 14 pounds, of which exam-\nple costs were paid. 人人生而自由。"
    assert checked("the TOTAL is  14 pounds", text) == "verified"
    assert checked("of which example costs", text) == "verified"
    assert checked("人人生而", text) == "verified"
    assert checked("4 pounds", text) == "not found"
    assert checked("", text) == checked("...", text) == "not found"
    assert checked("anything", " ") == "no text"


@pytest.mark.parametrize("reply", [said(None), said("null"), said("", "x"), '```json\n{"answer": null}\n```'])
def test_a_page_that_does_not_say_is_no_answer(reply: str) -> None:
    sheet = Page(3, 9, Image.new("RGB", (9, 9)), None, ())
    assert understood(Reply(iter(()), text=reply), sheet, "x") == Note(3, 9)


def test_what_is_no_answer_in_the_form_is_a_problem_of_its_page() -> None:
    sheet = Page(3, 9, Image.new("RGB", (9, 9)), None, ())
    found = understood(Reply(iter(()), text="It is blue."), sheet, "x")
    assert "no JSON" in found.problem and not found.answer
    assert conclude(ScriptedModel([]), "?", [found]) == Answer("", (), (), ("page 3: " + found.problem,))


def test_pages_that_agree_are_all_cited_without_asking_again() -> None:
    notes = [note(2, "12 May"), Note(3, 9), note(5, "12 may.")]
    found = conclude(ScriptedModel([]), "?", notes)
    assert (found.text, found.pages, found.problems) == ("12 May", (2, 5), ())


def test_pages_that_disagree_are_put_together_by_the_model() -> None:
    notes = [note(2, "12"), note(5, "14"), note(7, "16")]
    model = ScriptedModel(['{"answer": "12, later 16", "pages": [2, 7, 99]}'])
    found = conclude(model, "How many?", notes)
    assert (found.text, found.pages) == ("12, later 16", (2, 7))
    assert [one.page for one in found.notes] == [2, 7]
    assert '{"page": 5, "answer": "14", "quote": "q"}' in model.asked[0][0].text
    assert conclude(ScriptedModel(['{"answer": "all"}']), "?", notes).pages == (2, 5, 7)
    lost = conclude(ScriptedModel(["hm"]), "?", notes)
    assert (lost.text, lost.pages) == ("12", (2,)) and "disagree" in lost.problems[0]


def test_an_answer_with_a_quote_that_is_not_there_gives_way() -> None:
    assert conclude(ScriptedModel([]), "?", [note(1, "made up", "not found"), note(2, "true")]).pages == (2,)
    assert conclude(ScriptedModel([]), "?", [note(1, "made up", "not found")]).text == "made up"


def test_many_answers_are_put_together_in_groups() -> None:
    notes = [note(page, f"answer {page}") for page in range(1, 60)]
    model = ScriptedModel([json.dumps({"answer": text, "pages": pages}) for text, pages in (
        ("a", [1]), ("b", [30, 31]), ("c", [59]), ("a and b", [1, 30, 31]),
    )])  # fmt: skip
    found = conclude(model, "?", notes)
    assert (found.text, found.pages) == ("a and b", (1, 30, 31))
    assert '{"pages": [30, 31], "answer": "b"}' in model.asked[3][0].text


def test_a_stopped_question_goes_on_and_another_begins_anew(tmp_path: Path) -> None:
    file, kept = scan(tmp_path / "a.pdf", 4), tmp_path / "notes.jsonl"
    first = ask_pages(ScriptedModel([said("x"), said(None)]), Sheets(file), "?", kept=kept)
    assert [next(first).page, next(first).page] == [1, 2]
    first.close()
    rest = ScriptedModel([said(None), said("y")])
    assert [one.answer for one in ask_pages(rest, Sheets(file), "?", kept=kept)] == ["x", "", "", "y"]
    assert len(rest.asked) == 2
    other = ScriptedModel([said(None)] * 4)
    assert len(list(ask_pages(other, Sheets(file), "Why?", kept=kept))) == len(other.asked) == 4


def test_a_cancelled_reply_ends_the_reading(tmp_path: Path) -> None:
    sheets = Sheets(scan(tmp_path / "a.pdf", 3))
    assert list(ask_pages(ScriptedModel([said("x")]), sheets, "?", on_reply=Reply.cancel)) == []


def test_scans_are_checked_against_what_parse_made_of_them(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"pages": [{"page": 1, "blocks": [{"text": "sent on"}, {"text": "12 May"}]}]}))
    texts = parsed_texts(file)
    (found,) = ask_pages(ScriptedModel([said("x", "on 12 May")]), Sheets(scan(tmp_path / "a.pdf", 1)), "?", texts=texts)
    assert found.check == "verified"
    with pytest.raises(UserError, match="parse --out"):
        parsed_texts(LOCKED)


def test_the_verb_with_tiny(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = scan(tmp_path / "a.pdf", 2), tmp_path / "out"
    flags = ["--max-tokens", "16", "--model", "tiny", "--out", str(out)]
    code = main(["ask", str(file), "What is it?", "--json", *flags])
    *notes, answer = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["page"] for one in notes] == [1, 2] and set(answer) == {"text", "pages", "notes", "problems"}
    assert code == int(not answer["text"] or bool(answer["problems"]))
    (written,) = out.glob("a.pdf.*.answer.json")
    assert json.loads(written.read_text(encoding="utf-8"))["question"] == "What is it?"
    assert main(["ask", str(tmp_path / "gone.pdf"), "What?", *flags]) == 2
