"""Every verb over documents whose truth is known: what a model that knows it says comes out whole."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from html import escape
from pathlib import Path

import pytest
from document_scores import MEASURES, picture_right, scores, stored
from oracle import Oracle
from PIL import Image
from printed import Made, made

from agent.documents.batch import Wanted, parse_files
from agent.documents.extract import Form
from agent.documents.formats import to_html, to_markdown, to_text
from agent.documents.kept import Sheets
from agent.documents.language import Told
from agent.documents.pages import read_page
from app.commands import ask, extract, parse
from model.families import QWEN2_5_VL
from model.messages import Message
from model.vlm import Reply, Sampling
from tests.memory import Peak
from tests.scripted import ScriptedModel, spoken
from tools.documents import Page, pages
from tools.errors import UserError


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    try:
        return list(made(tmp_path_factory.mktemp("printed")))
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def oracle(documents: list[Made]) -> Oracle:
    return Oracle(documents)


def test_nothing_is_lost_of_what_a_model_knows(documents: list[Made], oracle: Oracle, tmp_path: Path) -> None:
    for one in documents:
        found = scores(oracle, one, tmp_path / "out", most=1024)
        assert found.keys() >= MEASURES.keys()
        assert {name: value for name, value in found.items() if value not in (1, None)} == {}, one.path.name
    assert sum(len(one.sheets) for one in documents) == 8


def test_a_file_that_cannot_be_read_keeps_no_other_from_it(
    documents: list[Made], oracle: Oracle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = tmp_path / "bad.pdf", documents[0]
    bad.write_bytes(b"no document")
    assert parse.show_all(oracle, [bad, good.path], Wanted(), True, 1) == 1
    out, err = capsys.readouterr()
    assert f"error: {bad}: " in err and len(out.splitlines()) == len(good.sheets)
    assert all(json.loads(line)["file"] == str(good.path) for line in out.splitlines())
    with pytest.raises(UserError):
        parse.show_all(oracle, [bad], Wanted(), True, 1)


@pytest.mark.slow
def test_tiny_goes_through_every_verb(documents: list[Made], tmp_path: Path) -> None:
    """Its scores: `python tests/document_scores.py tiny`."""
    from app import wiring
    from app.settings import Settings

    model = wiring.load_model(Settings(model="tiny"))
    for one in documents:
        found = scores(model, one, tmp_path / "out", most=256)
        assert all(value is None or 0 <= value <= 1 for value in found.values())


def test_the_result_is_the_same_whatever_was_read_before(documents: list[Made], oracle: Oracle, tmp_path: Path) -> None:
    files = [one.path for one in documents]
    list(parse_files(oracle, files, tmp_path / "all", Wanted(charts=True)))
    for file in reversed(files):
        list(parse_files(oracle, [file], tmp_path / "each", Wanted(charts=True)))
    for file in files:
        for ending in (".md", ".html", ".json", ".txt"):
            name = file.name + ending
            assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "each" / name).read_bytes()


def test_a_chinese_page_keeps_every_sign_and_the_hint_reaches_the_model(documents: list[Made], oracle: Oracle) -> None:
    chinese = next(one for one in documents if one.language)
    heard: list[Sequence[Message]] = []

    class Hearing(Oracle):
        def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
            heard.append(messages)
            return super().stream(messages, sampling)

    (first, _) = pages(chinese.path)
    model = Told(Hearing([chinese]), "Chinese")
    found = read_page(model, first)
    assert heard[0][0].role == "system" and "Chinese" in heard[0][0].text
    texts = [part.text for part in chinese.sheets[0].parts]
    assert [part.block.text for part in found.parts] == texts
    for out in (to_text([found]), to_markdown([found]), to_html([found], "x")):
        assert all(text in out for text in texts)
    assert all(part.confirmed == part.words for part in found.parts)  # the file has every sign as it was read


class Stopped(Oracle):
    """A person presses Ctrl-C at the second page."""

    asked = 0

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        self.asked += 1
        if self.asked > 1:
            raise KeyboardInterrupt
        return super().stream(messages, sampling)


def flags(out: Path) -> Namespace:
    return Namespace(pages=None, password="", max_tokens=512, out=out, json=True, question="")


def test_ctrl_c_keeps_the_values_that_were_found_and_a_second_start_goes_on(
    documents: list[Made], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = next(one for one in documents if one.chart)
    form, place = Form.of({"largest_km": 0, "mass_of_gas": ""}), tmp_path / "tables.pdf"
    with pytest.raises(KeyboardInterrupt):
        extract.values_of(Stopped([tables]), tables.path, form, flags(tmp_path), place)
    assert json.loads(capsys.readouterr().out)["values"]["largest_km"] == 142984
    rest = Stopped([tables])
    found = extract.values_of(rest, tables.path, form, flags(tmp_path), place)
    assert rest.asked == 1 and found.values == {"largest_km": 142984, "mass_of_gas": "318"}
    assert found.pages == {"largest_km": 1, "mass_of_gas": 2}
    assert json.loads(place.with_name("tables.pdf.values.json").read_text())["values"] == found.values


def test_ctrl_c_keeps_what_pages_said_and_a_second_start_goes_on(
    documents: list[Made], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = documents[0]
    arguments = flags(tmp_path)
    arguments.question = columns.asked[0].question
    with pytest.raises(KeyboardInterrupt):
        ask.answer(Stopped([columns]), Sheets(columns.path), {}, arguments)
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["page"], json.loads(line)["answer"]) == (1, "87")
    rest = Stopped([columns])
    assert ask.answer(rest, Sheets(columns.path), {}, arguments) == 0 and rest.asked == 1
    *_, last = capsys.readouterr().out.splitlines()
    assert (json.loads(last)["text"], json.loads(last)["pages"]) == ("87", [1])


def test_shared_pictures_come_out_as_the_real_model_read_them(shared: Path) -> None:
    cases = list(stored(shared))
    assert len(cases) >= 4
    for picture, said in cases:
        lines = "".join(f'<p data-bbox="0 0 99 99">{escape(line)}</p>' for line in said.splitlines())
        model = ScriptedModel([said if "data-bbox" in said else f"<html><body>{lines}</body></html>"], QWEN2_5_VL)
        (page,) = pages(picture)
        found = read_page(model, page)
        assert picture_right(found, said) == 1 and not found.problems


def test_a_real_reply_that_was_cut_gives_what_there_is_and_says_so(shared: Path) -> None:
    said = json.loads((shared / "data/qwen_outputs/document_parsing.json").read_text(encoding="utf-8"))[1]["output"]
    model = ScriptedModel([said] * 7, family=QWEN2_5_VL)
    found = read_page(model, Page(1, 1, Image.new("RGB", (1604, 1692), "white"), None, ()))
    assert found.problems and all("middle of the page" in problem for problem in found.problems)
    assert "CSDN" in to_text([found]) and to_text([found]).count("[unread]") == len(found.problems)


class Fixed:
    """Says one page again and again."""

    name, family = "fixed", QWEN2_5_VL

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        reply = Reply(iter(()))
        text = '<html><body><p data-bbox="20 20 900 60">' + "words of a page " * 200 + "</p></body></html>"
        reply.pieces = spoken(text, reply, sampling.stop)
        return reply


def thousand(path: Path, count: int) -> Path:
    """Each page a sheet of A4 with a text of its own."""
    parts = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = b" ".join(b"%d 0 R" % (4 + 2 * at) for at in range(count))
    parts.append(b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count))
    parts.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for at in range(count):
        text = b"".join(b"BT /F 11 Tf 60 %d Td (line %d of page %d) Tj ET\n" % (780 - 14 * n, n, at) for n in range(50))
        box = b"/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>"
        parts.append(b"<</Type/Page/Parent 2 0 R%s/Contents %d 0 R>>" % (box, 5 + 2 * at))
        parts.append(b"<</Length %d>>stream\n%s\nendstream" % (len(text), text))
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj%s\nendobj\n" % (at, part) for at, part in enumerate(parts, 1))
    path.write_bytes(body + b"trailer<</Size %d/Root 1 0 R>>\n%%%%EOF" % (len(parts) + 1))
    return path


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_thousand_pages_fit_in_memory(tmp_path: Path) -> None:
    """The whole process, with torch loaded, stays under 1.5 GB; printed with `-s`."""
    file = thousand(tmp_path / "long.pdf", 1000)
    with Peak() as peak:
        (done,) = parse_files(Fixed(), [file], tmp_path / "out", Wanted())
    print(f"1,000 pages: {peak.most / 1e9:.2f} GB at most, {peak.grown / 1e9:.2f} GB of them for the pages")
    assert done.pages == 1000 and not done.error
    assert peak.most < 1.5e9
