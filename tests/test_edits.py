"""agent/documents/edits.py: a person's words are in every export, and said to be theirs."""

import json

import pytest

from agent.documents.batch import from_json, to_json
from agent.documents.edits import editable, edited
from agent.documents.formats import page_json, tables, to_html, to_markdown, to_text
from agent.documents.pages import PageRead
from agent.documents.spelling import Correction, Spelled
from model.parsing.documents import Block
from tools.geometry import Box, Size

TABLE = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
SPANS = '<table><tr><td colspan="2">a</td></tr><tr><td>1</td><td>2</td></tr></table>'


def page(*blocks: Block) -> PageRead:
    parts = tuple(Spelled(block, (Correction("lime", "line", 0),), 1, 2) for block in blocks)
    return PageRead(1, 1, Size(100, 100), None, parts, ("said",))


def test_an_edit_is_in_every_format_and_marked_where_the_format_can() -> None:
    before = page(Block("paragraph", "line two", Box(1, 2, 3, 4)), Block("heading", "b", level=2))
    done = edited(before, 0, " mine <b> ")
    assert "mine <b>" in to_text([done]) and "mine <b>" in to_markdown([done])
    assert '<p data-by="person">mine &lt;b&gt;</p>' in to_html([done], "a")
    first, second = page_json(done)["blocks"]
    assert first["words"] == {"from_file": 0, "from_model": 0, "from_person": 2, "corrected": []}
    assert (first["text"], first["box_px"]) == ("mine <b>", [1, 2, 3, 4])
    assert second["words"]["from_person"] == 0 and "data-by" not in to_html([page()], "a")
    assert from_json(json.loads(json.dumps(to_json(done)))) == done


@pytest.mark.parametrize("source", [TABLE, SPANS])
def test_a_table_is_edited_as_a_table(source: str) -> None:
    before = page(Block("table", "a\tb\n1\t2", source=source))
    done = edited(before, 0, editable(before.parts[0].block).replace("2", "3", 1) if source is TABLE else source)
    ((_, rows),) = tables([done])
    assert rows == [["a", "b"], ["1", "3"]] if source is TABLE else [["a", ""], ["1", "2"]]
    assert done.parts[0].block.text.split("\n")[0].startswith("a\t")
    assert edited(before, 0, "no table").parts[0].block == Block("paragraph", "no table")


def test_what_was_unread_becomes_text_and_a_block_without_text_goes() -> None:
    done = edited(page(Block("unread", "", Box(0, 0, 9, 9))), 0, "now read")
    assert done.parts[0].block == Block("paragraph", "now read", Box(0, 0, 9, 9))
    assert "[unread]" not in to_text([done])
    assert edited(done, 0, "  ").parts == ()
    with pytest.raises(IndexError):
        edited(done, 1, "x")
