"""What was read of a document as plain text, Markdown, clean HTML, JSON, CSV and XLSX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from agent.documents.cells import Cell, cells, grid, html_table
from agent.documents.pages import PageRead
from agent.documents.spelling import Spelled
from model.parsing.documents import Block
from tools.disk import write_whole, writing
from tools.geometry import Box

UNREAD = "[unread]"  # stands where the model's answer could not be used
TABULAR = ("table", "chart")
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,14})(?:\.\d{1,12})?", re.ASCII)
FORMULA = re.compile(r"[=@\t]|[+-](?!\s*[\d.,]+\s*%?$)")  # how one begins in a spreadsheet; a signed number is none


def to_text(pages: Iterable[PageRead]) -> str:
    """Blocks parted by empty lines, pages by a form feed."""
    return "\f".join("\n\n".join(text_of(part.block) for part in page.parts) + "\n" for page in pages)


def text_of(block: Block) -> str:
    return UNREAD if block.kind == "unread" else block.text


def to_markdown(pages: Iterable[PageRead]) -> str:
    return "\n\n---\n\n".join("\n\n".join(filter(None, markdown_blocks(page))) for page in pages) + "\n"


def markdown_blocks(page: PageRead) -> Iterator[str]:
    """Items that follow each other are one list."""
    items: list[str] = []
    for part in page.parts:
        block = part.block
        if block.kind == "item":
            items.append("- " + block.text.replace("\n", "\n  "))
            continue
        yield "\n".join(items)
        items = []
        yield markdown_of(block)
    yield "\n".join(items)


def markdown_of(block: Block) -> str:
    match block.kind:
        case "heading" | "title":
            return f"{'#' * max(1, block.level)} {block.text}"
        case "formula":
            return f"$$\n{block.text.strip('$ ')}\n$$"
        case "image" | "music" | "chemistry":
            return f"![{block.text or block.kind}]()"
        case "table" | "chart" if found := cells(block.source):
            return markdown_table(found)
        case "unread":
            return f"**{UNREAD}**"
        case _:
            return block.text


def markdown_table(found: tuple[Cell, ...]) -> str:
    """HTML where cells cover several places, as Markdown has no such tables."""
    if any(cell.rows > 1 or cell.columns > 1 for cell in found):
        return html_table(found)
    rows = [[text.replace("|", "\\|").replace("\n", "<br>") for text in row] for row in grid(found)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def to_html(pages: Sequence[PageRead], title: str) -> str:
    """A page of its own, without scripts, styles of the model's or anything from elsewhere."""
    body = "\n".join(
        f'<section data-page="{page.number}">\n' + "\n".join(html_blocks(page)) + "\n</section>" for page in pages
    )
    head = f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    return f"{head}\n<body>\n{body}\n</body></html>\n"


def html_blocks(page: PageRead) -> Iterator[str]:
    in_list = False
    for part in page.parts:
        if (part.block.kind == "item") != in_list:
            in_list = not in_list
            yield "<ul>" if in_list else "</ul>"
        yield html_part(part)
    if in_list:
        yield "</ul>"


def html_part(part: Spelled) -> str:
    """Its element says where a person wrote it."""
    found = html_of(part.block)
    return re.sub(r"^<\w+", r'\g<0> data-by="person"', found) if part.by_person else found


def html_of(block: Block) -> str:
    text = escape(block.text).replace("\n", "<br>")
    match block.kind:
        case "heading" | "title":
            level = max(1, block.level)
            return f"<h{level}>{text}</h{level}>"
        case "item":
            return f"<li>{text}</li>"
        case "formula":
            return f'<p class="formula">\\[{escape(block.text.strip("$ "))}\\]</p>'
        case "image" | "music" | "chemistry":
            return f'<figure class="{block.kind}"><figcaption>{text}</figcaption></figure>'
        case "table" | "chart" if found := cells(block.source):
            return html_table(found)
        case "unread":
            return f"<p><mark>{UNREAD}</mark></p>"
        case _:
            return f"<p>{text}</p>"


def page_json(page: PageRead) -> dict[str, Any]:
    """Boxes: [left, top, right, bottom] in pixels of the page's picture, and in points where the file has pages."""
    return {
        "page": page.number,
        "of": page.of,
        "size_px": [page.size.width, page.size.height],
        "size_pt": list(page.points) if page.points else None,
        "blocks": [block_json(order, part, page) for order, part in enumerate(page.parts)],
        "problems": list(page.problems),
        "not_in_any_block": [word.text for word in page.left_over],
    }


def block_json(order: int, part: Spelled, page: PageRead) -> dict[str, Any]:
    block = part.block
    found = cells(block.source) if block.kind in TABULAR else ()
    return {
        "order": order,
        "kind": block.kind,
        "level": block.level or None,
        "text": block.text,
        "box_px": corners(block.box) if block.box else None,
        "box_pt": in_points(block.box, page) if block.box else None,
        "cells": [vars(cell) for cell in found] if block.kind in TABULAR else None,
        "latex": block.text.strip("$ ") if block.kind == "formula" else None,
        "source": block.source or None,
        "words": {
            "from_file": part.confirmed + len(part.corrections),
            "from_model": 0 if part.by_person else part.words - part.confirmed - len(part.corrections),
            "from_person": part.words if part.by_person else 0,
            "corrected": [vars(correction) for correction in part.corrections],
        },
    }


def corners(box: Box) -> list[float]:
    return [round(side, 1) for side in (box.left, box.top, box.right, box.bottom)]


def in_points(box: Box, page: PageRead) -> list[float] | None:
    if page.points is None:
        return None
    x, y = page.points[0] / page.size.width, page.points[1] / page.size.height
    return corners(Box(box.left * x, box.top * y, box.right * x, box.bottom * y))


def tables(pages: Iterable[PageRead]) -> list[tuple[str, list[list[str]]]]:
    """Every table and chart with cells: a name such as "page 2 table 1", and its rows."""
    found = []
    for page in pages:
        grids = [grid(cells(part.block.source)) for part in page.parts if part.block.kind in TABULAR]
        found += [(f"page {page.number} table {count}", rows) for count, rows in enumerate(filter(None, grids), 1)]
    return found


def to_csv(rows: list[list[str]]) -> str:
    """A text that a spreadsheet would run as a formula gets a quote in front, as such programs write it."""
    out = io.StringIO()
    safe = [[f"'{text}" if FORMULA.match(text) else text for text in row] for row in rows]
    csv.writer(out, lineterminator="\n").writerows(safe)
    return out.getvalue()


def write_xlsx(path: Path, found: Sequence[tuple[str, list[list[str]]]]) -> None:
    """One sheet for each table; numbers become numbers. Raises UserError when it cannot be written."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in found:
        sheet = book.create_sheet(name[:31])
        for row, texts in enumerate(rows, 1):
            for column, text in enumerate(texts, 1):
                cell = sheet.cell(row, column)
                value = number(text)
                cell.value = text if value is None else value
                if value is None and text.startswith("="):
                    cell.data_type = "s"  # a text, not a formula
    if not found:
        book.create_sheet("no tables")
    content = io.BytesIO()
    book.save(content)
    with writing(path.parent):
        write_whole(path, content.getvalue())


def number(text: str) -> float | int | None:
    """None for what is no plain number, and for one with leading zeros, which a number would lose."""
    if not NUMBER.fullmatch(text):
        return None
    bare = text.replace(",", "")
    return float(bare) if "." in bare else int(bare)
