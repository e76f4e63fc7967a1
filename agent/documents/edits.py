"""What a person sets right in a page that was read, marked as theirs."""

from __future__ import annotations

from dataclasses import replace

from agent.documents.cells import cells, grid
from agent.documents.formats import TABULAR, markdown_of
from agent.documents.pages import PageRead
from agent.documents.spelling import TOKEN, Spelled
from model.parsing.documents import Block


def editable(block: Block) -> str:
    """The text as a person changes it: of a table Markdown, or HTML where its cells cover several places."""
    if block.kind in TABULAR and cells(block.source):
        return markdown_of(block)
    return block.text


def edited(page: PageRead, order: int, text: str) -> PageRead:
    """The page with another text in its block `order`; without the block when there is none.

    What was unread becomes a paragraph. A table takes an HTML or Markdown table. Raises IndexError.
    """
    block = page.parts[order].block
    text = text.strip()
    found = cells(text) if block.kind in TABULAR else ()
    if found:
        plain = "\n".join("\t".join(row) for row in grid(found))
        block = replace(block, text=plain, source=text)
    else:
        kind = "paragraph" if block.kind in ("unread", *TABULAR) else block.kind
        block = replace(block, kind=kind, text=text, source="")
    mine = [Spelled(block, words=len(TOKEN.findall(block.text)), by_person=True)] if text else []
    return replace(page, parts=(*page.parts[:order], *mine, *page.parts[order + 1 :]))
