"""agent/documents/charts.py and language.py: values of charts, and a hint of the language."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import openpyxl
import pytest
from PIL import Image, ImageChops

from agent.documents.batch import Wanted, parse_file
from agent.documents.cells import cells, grid
from agent.documents.charts import charted, is_data
from agent.documents.language import told
from agent.documents.pages import PageRead, read_page
from agent.prompts import CHART
from app.cli import main
from model.families import QWEN2_5_VL
from model.messages import ImagePart
from model.parsing.documents import Block
from model.prompts import DOCUMENT
from model.vlm import Reply
from tests.scripted import ScriptedModel
from tools.documents import Page, Word
from tools.geometry import Box

SHEET = Image.linear_gradient("L").resize((280, 280)).convert("RGB")
TABLE = "Here it is:\n\n| Year | Sales |\n|---|---|\n| 2024 | 1,250 |\n| 2025 | 1,410 |\n"
ROWS = [["Year", "Sales"], ["2024", "1,250"], ["2025", "1,410"]]


def page(said: str, *answers: str, words: tuple[Word, ...] = ()) -> tuple[PageRead, ScriptedModel]:
    model = ScriptedModel([f"<html><body>{said}</body></html>", *answers])
    return read_page(model, Page(1, 1, SHEET, None, words), charts=True), model


def test_a_chart_becomes_the_table_that_is_said_of_its_part_of_the_page(tmp_path: Path) -> None:
    found, model = page('<p data-bbox="0 0 90 20">Text</p><div class="chart" data-bbox="20 100 220 260"></div>', TABLE)
    (ask,) = model.asked[1]
    assert ask.text == CHART
    (crop,) = (part.image for part in ask.parts if isinstance(part, ImagePart))
    assert not ImageChops.difference(crop, SHEET.crop((12, 92, 228, 268))).getbbox()  # as it is, not made smaller
    chart = found.parts[1].block
    assert (chart.kind, chart.box) == ("chart", Box(20, 100, 220, 260))
    assert chart.text == "Year\tSales\n2024\t1,250\n2025\t1,410"
    assert grid(cells(chart.source)) == ROWS
    assert found.said[1:] == (TABLE,) and not found.problems


def test_a_picture_may_be_a_chart_and_keeps_its_words() -> None:
    picture = '<div class="image caption" data-bbox="20 100 220 260"><img/><p>Figure 1</p></div>'
    found, _ = page(picture, TABLE)
    assert [part.block.kind for part in found.parts] == ["image", "chart"]
    assert found.parts[0].block.text == "Figure 1"
    found, _ = page(picture, "no chart")
    assert [part.block.kind for part in found.parts] == ["image"] and not found.problems


def test_a_chart_without_values_says_so_and_a_table_of_before_stays() -> None:
    found, _ = page('<div class="chart" data-bbox="20 100 220 260"></div>', "I see a rise.")
    assert found.problems == ("a chart gave no table",)
    own = '<div class="chart" data-bbox="20 100 220 260"><table><tr><td>a</td><td>1</td></tr></table></div>'
    found, _ = page(own, "no chart")
    assert found.parts[0].block.text == "a\t1" and not found.problems


def test_icons_are_not_asked_about_and_a_stop_ends_the_asking() -> None:
    found, model = page('<div class="image" data-bbox="20 100 50 130"><img/></div>')
    assert len(model.asked) == 1 and found.parts[0].block.kind == "image"
    big = [Block("image", "", Box(0, 0, 200, 200))] * 2
    stopped = ScriptedModel(["no chart"])

    def ask(image: Image.Image) -> Reply:
        reply = stopped.stream([])
        reply.cancel()
        reply.read()
        return reply

    assert [one.blocks for one in charted(ask, SHEET, big)] == [(block,) for block in big]
    assert len(stopped.asked) == 1


def test_of_a_stopped_page_no_chart_is_asked_about_and_a_cut_table_says_so() -> None:
    said = '<html><body><div class="chart" data-bbox="20 100 220 260"></div></body></html>'
    model = ScriptedModel([said + " " * 99])
    heard: list[Reply] = []

    def stop(reply: Reply) -> None:
        heard.append(reply)
        reply.pieces = chain(islice(reply.pieces, 12), stopping(reply))

    found = read_page(model, Page(1, 1, SHEET, None, ()), charts=True, on_reply=stop)
    assert len(heard) == 1 and found.problems == ("the reply was stopped",)

    reply = Reply(iter(()), text=TABLE)
    reply.usage.finish = "length"
    (one,) = charted(lambda image: reply, SHEET, [Block("chart", "", Box(0, 0, 200, 200))])
    assert one.blocks[0].text and "the reply was cut" in one.problem


def stopping(reply: Reply) -> Iterator[str]:
    reply.usage.finish = "cancelled"
    yield ""


def test_the_files_own_words_set_a_charts_values_right() -> None:
    words = (Word("Sales", Box(100, 110, 140, 120)), Word("1,410", Box(100, 200, 140, 210)))
    found, _ = page(
        '<div class="chart" data-bbox="20 100 220 260"></div>', TABLE.replace("1,410", "1,416"), words=words
    )
    assert grid(cells(found.parts[0].block.source)) == ROWS


def test_only_a_table_with_values_is_data() -> None:
    assert is_data(ROWS)
    assert not is_data([["a", "1"]]) and not is_data([["a"], ["1"]]) and not is_data([["a", "b"], ["c", "d"]])
    assert not is_data([])


def test_charts_go_into_spreadsheets_and_another_choice_reads_again(tmp_path: Path) -> None:
    file, place = tmp_path / "a.png", tmp_path / "out" / "a.png"
    SHEET.save(file)
    said = '<html><body><div class="chart" data-bbox="20 100 220 260"></div></body></html>'
    wanted = Wanted(charts=True, kinds=("xlsx", "csv"))
    list(parse_file(ScriptedModel([said, TABLE]), file, place, wanted))
    (sheet,) = openpyxl.load_workbook(place.with_name("a.png.xlsx")).worksheets
    assert [[cell.value for cell in row] for row in sheet.rows] == [["Year", "Sales"], [2024, 1250], [2025, 1410]]
    again = ScriptedModel([said])
    list(parse_file(again, file, place, Wanted(kinds=("csv",))))
    assert len(again.asked) == 1


def test_a_language_is_told_beside_the_request() -> None:
    said = '<html><body><p data-bbox="0 0 9 9">x</p></body></html>'
    model = ScriptedModel([said, said], family=QWEN2_5_VL)
    hinted = told(model, "Chinese")
    read_page(hinted, Page(1, 1, SHEET, None, ()))
    first, second = model.asked[0]
    assert (first.role, first.text) == (
        "system",
        "You are a helpful assistant. The text in the picture is written in Chinese.",
    )
    assert second.text == DOCUMENT
    hinted.stream([first, second])
    assert [message.role for message in model.asked[1]] == ["system", "user"]
    assert told(model, "") is model and hinted.name != model.name


def test_a_language_is_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("a\nb", "x" * 41):
        with pytest.raises(SystemExit):
            main(["parse", "a.pdf", "--language", given])
        assert "no language" in capsys.readouterr().err
