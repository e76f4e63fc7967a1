"""Pages as blocks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.families import QWEN2_5_VL, Grid
from model.parsing import ParseError, parse_document
from tools.geometry import Box, Size

SHARED = Path(__file__).parents[2] / "shared" / "data" / "qwen_outputs"
real = pytest.mark.skipif(not SHARED.exists(), reason="the shared outputs are not here")


@real
def test_real_page_gives_its_blocks_in_order() -> None:
    case = json.loads((SHARED / "document_parsing.json").read_text())[0]
    grid = Grid(Size(*case["image_size_wh"]), Size(*case["input_size_wh"]), QWEN2_5_VL)
    blocks = parse_document(case["output"], grid)
    kinds = [block.kind for block in blocks]
    assert kinds == ["heading", "paragraph", "image", "heading", *["paragraph"] * 3, "image", "paragraph"]
    assert blocks[0].level == 2 and blocks[0].text == "Qwen2.5 Technical Report"
    assert blocks[0].box is not None and blocks[0].box.left == pytest.approx(310 * 1014 / 1008)
    assert not blocks.truncated


@real
def test_real_page_that_was_cut_says_so() -> None:
    case = json.loads((SHARED / "document_parsing.json").read_text())[1]
    blocks = parse_document(case["output"])
    assert blocks.truncated
    assert [block.text for block in blocks if block.kind == "item"][:2] == ["网页", "AI搜"]
    assert all("<" not in block.text for block in blocks)


@pytest.mark.parametrize(
    ("html", "kind", "text"),
    [
        ('<p data-bbox="1 2 3 4">a &lt; b $x$</p>', "paragraph", "a < b $x$"),
        ('<h1 data-bbox="1 2 3 4">Title', "heading", "Title"),
        (
            '<div class="formula" data-bbox="1 2 3 4"><img data-bbox="1 2 3 4"/><div>E=mc^2</div></div>',
            "formula",
            "E=mc^2",
        ),
        ('<div class="formula.handwritten" data-bbox="1 2 3 4"><div>E</div></div>', "formula", "E"),
        ('<div class="image caption" data-bbox="1 2 3 4"><img/><p>A dog</p></div>', "image", "A dog"),
        ('<div class="music sheet" format="abc notation" data-bbox="1 2 3 4">X:1</div>', "music", "X:1"),
        ('<div class="chemical formula" format="smile" data-bbox="1 2 3 4">CCO</div>', "chemistry", "CCO"),
        ('<ol><li data-bbox="1 2 3 4">one</li></ol>', "item", "one"),
        (
            "<table data-bbox='1 2 3 4' class=\"table1\"><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            "table",
            "a\tb\nc",
        ),
        ('<div class="chart" data-bbox="1 2 3 4"><img/><table><tr><td>a</td></tr></table></div>', "chart", "a"),
    ],
)
def test_every_class_of_block_is_known(html: str, kind: str, text: str) -> None:
    (block,) = parse_document(f"<html><body>\n{html}\n</body></html>")
    assert (block.kind, block.text, block.box) == (kind, text, Box(1, 2, 3, 4))


def test_markdown_notes_place_tables_and_pictures() -> None:
    text = (
        "# Report\n\nSome\ntext.\n\n<!-- Table (10, 20, 30, 40) -->\n\\begin{tabular}{l}\na \\\\\n\\end{tabular}\n\n"
        "<!-- Image (1, 2, 3, 4) -->\n\nEnd."
    )
    blocks = parse_document(text)
    assert [block.kind for block in blocks] == ["heading", "paragraph", "table", "image", "paragraph"]
    assert blocks[0].text == "Report" and blocks[2].text.startswith("\\begin{tabular}")
    assert (blocks[2].box, blocks[3].box) == (Box(10, 20, 30, 40), Box(1, 2, 3, 4))


def test_scripts_and_styles_are_no_text() -> None:
    page = (
        "<html><head><style>p {color: red}</style></head><body><script>if (a<b) x()</script><p>seen</p></body></html>"
    )
    assert [block.text for block in parse_document(page)] == ["seen"]


def test_empty_reply_is_no_page() -> None:
    with pytest.raises(ParseError):
        parse_document(" \n")
