"""agent/documents/formats.py: nothing that was read is lost on the way out."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from agent.documents.formats import (
    page_json,
    tables,
    to_csv,
    to_html,
    to_markdown,
    to_text,
    write_xlsx,
)
from agent.documents.pages import PageRead
from agent.documents.spelling import Spelled, letters
from model.parsing import parse_document
from model.parsing.documents import Block
from tools.geometry import Box, Size

OUTPUTS = Path(__file__).parents[2] / "shared" / "data" / "qwen_outputs"
TABLE = "<table><tr><th>Item</th><th>Sum</th></tr><tr><td>a|b</td><td>1,250.50</td></tr></table>"
SAID = f"""<html><body><h2 data-bbox="10 10 90 20">Bill &lt;1&gt;</h2><ul><li data-bbox="10 30 90 40">first</li>
<li data-bbox="10 42 90 50">second</li></ul><p data-bbox="10 52 90 60">plain</p>
<div class="formula" data-bbox="10 60 50 70"><div>$$x^2$$</div></div>
{TABLE.replace("<table>", '<table data-bbox="10 70 90 90">')}</body></html>"""


def page(said: str, points: tuple[float, float] | None = (200.0, 100.0), **facts: object) -> PageRead:
    parts = tuple(Spelled(block) for block in parse_document(said))
    return PageRead(1, 1, Size(100, 100), points, parts, (said,), **facts)  # type: ignore[arg-type]


def test_every_format_holds_every_word() -> None:
    one = page(SAID)
    for text in (to_text([one]), to_markdown([one]), json.dumps(page_json(one))):
        for word in ("Bill <1>", "first", "second", "plain", "x^2", "1,250.50"):
            assert word in text
    html = to_html([one], "bill & co")
    assert "Bill &lt;1&gt;" in html and "bill &amp; co" in html and "data-bbox" not in html
    assert html.count("<ul>") == html.count("</ul>") == 1
    assert "- first\n- second" in to_markdown([one])
    assert "| a\\|b | 1,250.50 |" in to_markdown([one])


def test_boxes_are_in_pixels_and_in_points_of_the_page() -> None:
    first = page_json(page(SAID))["blocks"][0]
    assert first["box_px"] == [10, 10, 90, 20]
    assert first["box_pt"] == [20, 10, 180, 20]
    assert page_json(page(SAID, points=None))["blocks"][0]["box_pt"] is None


def test_what_a_model_writes_is_no_markup_of_ours() -> None:
    html = to_html([page('<p data-bbox="0 0 9 9">&lt;script&gt;alert(1)&lt;/script&gt;</p><h1>a</h1>')], "t")
    assert "<script" not in html


def test_what_could_not_be_read_is_marked_in_every_format() -> None:
    unread = PageRead(
        1, 1, Size(9, 9), None, (Spelled(Block("unread", "", Box(0, 4, 9, 9))),), ("",), problems=("it was cut",)
    )
    assert all("unread" in text for text in (to_text([unread]), to_markdown([unread]), to_html([unread], "")))
    assert page_json(unread)["problems"] == ["it was cut"]


def test_tables_become_files_that_run_no_formula(tmp_path: Path) -> None:
    rows = [["=1+1", "-5.5%", "@x"], ["007", "1,250", "-2+cmd|x"]]
    read = list(csv.reader(io.StringIO(to_csv(rows))))
    assert read == [["'=1+1", "-5.5%", "'@x"], ["007", "1,250", "'-2+cmd|x"]]
    write_xlsx(tmp_path / "a.xlsx", [("page 1 table 1", rows)])
    (sheet,) = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets
    cells = [[cell.value for cell in row] for row in sheet.rows]
    assert cells == [["=1+1", "-5.5%", "@x"], ["007", 1250, "-2+cmd|x"]]
    assert sheet["A1"].data_type == "s"
    assert tables([page(SAID)]) == [("page 1 table 1", [["Item", "Sum"], ["a|b", "1,250.50"]])]


@pytest.mark.skipif(not OUTPUTS.is_dir(), reason="the shared outputs are not here")
@pytest.mark.parametrize("name", ["document_parsing", "ocr", "long_document"])
def test_real_outputs_convert_without_loss_of_text(name: str) -> None:
    for record in json.loads((OUTPUTS / f"{name}.json").read_text(encoding="utf-8")):
        one = page(record["output"])
        said = visible(record["output"])
        assert said and letters(" ".join(part.block.text for part in one.parts)) == letters(said)
        for out in (
            to_text([one]),
            to_markdown([one]),
            visible(to_html([one], "x")),
            " ".join(str(block["text"]) for block in page_json(one)["blocks"]),
        ):
            known = letters(out)
            assert [word for word in said.split() if letters(word) not in known] == []


class Visible(HTMLParser):
    """What a reader of a page sees, as the browser would show it, and its title."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent = self.silent or (tag if tag in ("script", "style") else "")
        self.text += [value for name, value in attrs if tag == "img" and name == "alt" and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent = "" if tag == self.silent else self.silent

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.text.append(data)


def visible(said: str) -> str:
    """Of a reply with a page in a code fence, the page; without a tag that the end of the reply tears."""
    inside = re.search(r"```[a-z]*\n(.*?)(?:\n```|\Z)", said, re.DOTALL)
    reader = Visible()
    reader.feed(re.sub(r"<[^<>]*\Z", "", inside[1] if inside else said))
    reader.close()
    return " ".join(reader.text)
