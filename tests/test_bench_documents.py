"""agent/benchmarks/documents.py on a small folder as OmniDocBench publishes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.benchmarks import documents
from agent.benchmarks.documents import order, score
from agent.benchmarks.omnidoc import load
from agent.benchmarks.pairing import bare_latex, pairs
from agent.documents.spelling import letters
from app.cli import main
from model.parsing import parse_document
from tests.scripted import ScriptedModel
from tools.errors import UserError

TABLE = "<table><tr><td>Item</td><td>Sum</td></tr><tr><td>Tea</td><td>4</td></tr></table>"
SIZE = 280  # pixels: whole patches, so that boxes are as they are said


def det(kind: str, order: int | None, top: int, **content: Any) -> dict[str, Any]:
    corners = [10.0, top, 270.0, top, 270.0, top + 20.0, 10.0, top + 20.0]
    return {"category_type": kind, "poly": corners, "order": order, "anno_id": top, "ignore": False, **content}


def record(name: str, language: str, dets: list[dict[str, Any]], **extra: Any) -> dict[str, Any]:
    info = {"page_no": 0, "height": SIZE, "width": SIZE, "image_path": name, "page_attribute": {"language": language}}
    return {"layout_dets": dets, "page_info": info, "extra": extra}


FIRST = record(
    "a.png", "english",
    [
        det("header", None, 0, text="Annual report"), det("title", 1, 20, text="Results"),
        det("text_block", 2, 40, text="Sales rose by ten per"), det("text_block", 4, 80, text="cent in the north."),
        det("table", 3, 60, html=TABLE), det("equation_isolated", 5, 100, latex="\\[ E = m c^2 \\]"),
        det("text_block", 6, 120, text="Costs fell."), det("abandon", None, 140, text="scribble"),
    ],
    relation=[{"source_anno_id": 40, "target_anno_id": 80, "relation_type": "truncated"}],
)  # fmt: skip
SECOND = record("b.png", "simplified_chinese", [det("text_block", 1, 20, text="人人生而自由，在尊严和权利上平等。")])
SAID = [
    '<html><body><h1 data-bbox="10 20 270 40">Results</h1><p data-bbox="10 40 270 60">Sales rose by ten per cent in'
    ' the north.</p><table data-bbox="10 60 270 80"><tr><th>Item</th><th>Sum</th></tr><tr><td>Tea</td><td>4</td></tr>'
    '</table><div class="formula" data-bbox="10 100 270 120"><div>$$E=mc^2$$</div></div><p data-bbox="10 120 270 140">'
    'Costs fell.</p><p data-bbox="10 140 270 160">scrawl</p></body></html>',
    '<html><body><p data-bbox="10 20 270 40">人人生而自由,在尊严和权利上平等。</p></body></html>',
]


def folder(place: Path) -> Path:
    (place / "images").mkdir(parents=True)
    (place / "OmniDocBench.json").write_text(json.dumps([FIRST, SECOND], ensure_ascii=False), encoding="utf-8")
    for name in ("a.png", "b.png"):
        Image.new("RGB", (SIZE, SIZE), "white").save(place / "images" / name)
    return place


def test_an_oracle_scores_full_marks_and_a_second_start_asks_nothing(tmp_path: Path) -> None:
    there = folder(tmp_path / "omni")
    model = ScriptedModel(SAID)
    summary = documents.run(model, there, tmp_path / "out")
    assert summary.scores == {"text": 0, "order": 0, "teds": 1, "teds_structure": 1, "formulas": 0}
    assert (summary.pages, summary.failed, len(model.asked)) == (2, 0, 2)
    assert "text, simplified_chinese" in summary.table and "CDM" in summary.table
    again = ScriptedModel([])
    assert documents.run(again, there, tmp_path / "out") == summary
    assert documents.run(again, there, tmp_path / "out", limit=1).pages == 1
    with pytest.raises(UserError, match="another run"):
        documents.run(ScriptedModel([], name="other"), there, tmp_path / "out")


def test_each_mistake_costs_what_it_should(tmp_path: Path) -> None:
    page, _ = load(folder(tmp_path / "omni"))
    said = SAID[0]
    letter = score(page, parse_document(said.replace("Results", "Resulta")))
    assert letter["text"] == pytest.approx(1 / (7 + 31 + 9)) and letter["order"] == 0
    swapped = said.replace("Results", "x").replace("Costs fell.", "Results").replace(">x<", ">Costs fell.<")
    assert score(page, parse_document(swapped))["text"] == 0
    assert score(page, parse_document(swapped))["order"] == pytest.approx(2 / 3)
    cell = score(page, parse_document(said.replace("<td>4</td>", "")))
    assert cell["teds"] == cell["teds_structure"] == pytest.approx(1 - 1 / 7)
    assert score(page, parse_document(said.replace("<td>4", "<td>5")))["teds_structure"] == 1
    assert score(page, parse_document(said.replace("mc^2", "mc^3")))["formulas"] == pytest.approx(1 / 6)
    added = score(page, parse_document(said.replace("</body>", '<p data-bbox="1 1 9 9">hallucinated</p></body>')))
    assert added["text"] == pytest.approx(12 / (47 + 12))
    assert score(page, []) == {"text": 1, "order": 1, "teds": 0, "teds_structure": 0, "formulas": 1}


def test_what_need_not_be_read_may_be(tmp_path: Path) -> None:
    page, _ = load(folder(tmp_path / "omni"))
    head = '<p data-bbox="10 0 270 20">Annual report</p><h1'
    assert score(page, parse_document(SAID[0].replace("<h1", head, 1)))["text"] == 0


def test_texts_are_paired_across_other_cuts() -> None:
    assert pairs(["abcdef", "xyz"], ["xyz", "abc", "def"]) == [((1,), (0,)), ((0,), (1, 2))]
    assert pairs(["abc", "def"], ["abcdef"]) == [((0, 1), (0,))]
    lines = ["roses", "are", "red", "violets", "are", "blue"]
    assert pairs(["".join(lines)], lines) == [((0,), tuple(range(6)))]
    assert pairs(lines, ["".join(lines)]) == [(tuple(range(6)), (0,))]
    assert pairs(["abc"], ["123"]) == [((0,), ()), ((), (0,))]
    assert pairs([], ["a"]) == [((), (0,))] and pairs(["a"], []) == [((0,), ())]
    assert order([((0,), (1,)), ((1,), (0,)), ((2,), ())]) == pytest.approx(2 / 3) and order([]) is None


def test_only_letters_count_and_of_formulas_only_what_is_shown() -> None:
    assert letters("Tea, £4.50 — ｆｕｌｌ") == "Tea450full" and letters("你好，世界。") == "你好世界"
    assert bare_latex("\\begin{equation*} a + b \\end{equation*}") == bare_latex("$$a+b$$") == "a+b"


def test_a_folder_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="0 JSON files"):
        load(tmp_path)
    (tmp_path / "a.json").write_text("[{}]")
    with pytest.raises(UserError, match="not as OmniDocBench"):
        load(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps([record("../../etc/x.png", "", [])]))
    with pytest.raises(UserError, match=r"the picture x\.png"):
        load(tmp_path)


def test_the_command_prints_scores_of_tiny(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = folder(tmp_path / "omni")
    flags = ["--out", str(tmp_path / "out"), "--max-tokens", "24", "--limit", "1", "--model", "tiny", "--json"]
    assert main(["bench", "documents", str(there), *flags]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pages"] == 1 and 0 < said["text"] <= 1
