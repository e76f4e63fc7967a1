"""Charts to data: the model is asked for the values of each chart, at its part of the page alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from agent.documents.cells import cells, grid, html_table
from agent.reading import cut_short
from model.parsing.documents import Block
from model.vlm import Reply
from tools.geometry import Box

KINDS = ("chart", "image")  # a model may call a chart a picture; of a picture it may say that it is no chart
MARGIN_PX = 8  # around the box: models draw boxes tightly, and the numbers of the axes stand at the edge
SMALLEST_PX = 56  # each side; what is smaller is an icon


@dataclass(frozen=True)
class Charted:
    """A block as it is now: with the values as a table, or as it was."""

    blocks: tuple[Block, ...]
    said: str = ""  # by the model; "" where it was not asked
    problem: str = ""


def charted(ask: Callable[[Image.Image], Reply], page: Image.Image, blocks: Sequence[Block]) -> Iterator[Charted]:
    """Each block in turn. ask: what the model says to the picture of a chart. Boxes are in pixels of the page."""
    is_stopped = False
    for block in blocks:
        area = inside(block.box, page) if block.kind in KINDS and block.box else None
        if area is None or is_stopped:
            yield Charted((block,))
            continue
        reply = ask(page.crop(area))
        is_stopped = reply.usage.finish == "cancelled"
        table = html_table(cells(reply.text)) if is_data(grid(cells(reply.text))) else ""
        if table:
            why = cut_short(reply)
            yield Charted(with_table(block, table), reply.text, f"the values of a chart: {why}" if why else "")
        elif block.kind == "chart" and not cells(block.source):
            yield Charted((block,), reply.text, "a chart gave no table")
        else:
            yield Charted((block,), reply.text)


def inside(box: Box, page: Image.Image) -> tuple[int, int, int, int] | None:
    """The pixels of the box and its margin; None where it is too small."""
    left, top = max(0, round(box.left) - MARGIN_PX), max(0, round(box.top) - MARGIN_PX)
    right, bottom = min(page.width, round(box.right) + MARGIN_PX), min(page.height, round(box.bottom) + MARGIN_PX)
    return (left, top, right, bottom) if min(right - left, bottom - top) >= SMALLEST_PX else None


def is_data(rows: list[list[str]]) -> bool:
    """A table with values: what a model makes of a photograph is none."""
    return len(rows) > 1 and len(rows[0]) > 1 and any(letter.isdigit() for row in rows[1:] for letter in "".join(row))


def with_table(block: Block, table: str) -> tuple[Block, ...]:
    """A picture's words stay beside the table; a chart's own table gives way to the one that was seen closer."""
    text = "\n".join("\t".join(row) for row in grid(cells(table)))
    found = replace(block, kind="chart", text=text, source=table)
    return (block, found) if block.text and not cells(block.source) else (found,)
