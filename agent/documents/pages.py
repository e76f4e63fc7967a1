"""A document, page by page: what the model reads, again in halves where that fails, spelled as the file has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from agent.documents.charts import Charted, charted
from agent.documents.spelling import Spelled, spelled
from agent.parallel import Replies, in_order
from agent.prompts import CHART
from agent.reading import PAGE, Reading, read_document, understood
from model.families import Family
from model.messages import ImagePart, user
from model.parsing.documents import Block
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools import documents
from tools.documents import Word
from tools.geometry import Box, Size

DEPTH = 2  # times a page is cut in two: down to quarters
SHORTEST_PX = 160  # a strip lower than two of these is not cut
QUIET = 0.2  # of the height, above and below the middle: where a line without ink is looked for

OnReply = Callable[[Reply], object]


@dataclass(frozen=True)
class PageRead:
    """One page. Of what could not be read a block of the kind "unread" tells the place."""

    number: int
    of: int
    size: Size  # of its picture
    points: tuple[float, float] | None  # on paper; None for a picture
    parts: tuple[Spelled, ...]  # in reading order, boxes in pixels of the picture
    said: tuple[str, ...]  # by the model, one reply for each strip that was kept, then one for each chart
    problems: tuple[str, ...] = ()
    left_over: tuple[Word, ...] = ()  # words of the file that no block holds


def read_pages(
    model: VisionLanguageModel,
    path: Path,
    numbers: Sequence[int] | None = None,
    *,
    password: str = "",
    use_layer: bool = True,
    charts: bool = False,
    sampling: Sampling = PAGE,
    on_reply: OnReply = lambda reply: None,
    workers: int = 1,
) -> Iterator[PageRead]:
    """Every page of a file, or those asked for, in their order, each when it is read.

    use_layer: let the file's own text, where it has one, set the spelling right. charts: ask for the values of charts.
    on_reply: is given every reply before it is spoken, to follow or to cancel it. workers: pages that are read at a
    time. Raises UserError.
    """
    replies = Replies()
    heard = replies.heard_by(on_reply)
    sheets = documents.pages(path, numbers, password=password)
    work = (
        partial(read_page, model, page, use_layer=use_layer, charts=charts, sampling=sampling, on_reply=heard)
        for page in sheets
    )
    yield from in_order(work, workers, replies.stop)


def read_page(
    model: VisionLanguageModel,
    page: documents.Page,
    *,
    use_layer: bool = True,
    charts: bool = False,
    sampling: Sampling = PAGE,
    on_reply: OnReply = lambda reply: None,
) -> PageRead:
    replies: list[Reply] = []

    def heard(reply: Reply) -> Reply:
        replies.append(reply)
        on_reply(reply)
        reply.read()
        return reply

    def ask(image: Image.Image) -> Reply:
        return heard(read_document(model, image, sampling))

    def ask_chart(image: Image.Image) -> Reply:
        return heard(model.stream([user(CHART, ImagePart(image))], sampling))

    strips = list(read_strip(ask, model.family, page.image, DEPTH))
    blocks = [moved(block, strip.top) for strip in strips for block in strip.reading.blocks]
    charts = charts and replies[-1].usage.finish != "cancelled"
    seen = list(charted(ask_chart, page.image, blocks)) if charts else [Charted((block,)) for block in blocks]
    blocks = [block for one in seen for block in one.blocks]
    found, left = spelled(blocks, page.words) if use_layer else ([Spelled(block) for block in blocks], [])
    return PageRead(
        page.number,
        page.of,
        Size(*page.image.size),
        page.points,
        tuple(found),
        (*(strip.reading.said for strip in strips), *(one.said for one in seen if one.said)),
        tuple(filter(None, (*(strip.reading.problem for strip in strips), *(one.problem for one in seen)))),
        tuple(left),
    )


@dataclass(frozen=True)
class Strip:
    top: int  # where it begins on the page
    reading: Reading


def read_strip(ask: Callable[[Image.Image], Reply], family: Family, image: Image.Image, depth: int) -> Iterator[Strip]:
    """The picture read whole, or where that fails in two parts, and so on."""
    reply = ask(image)
    reading = understood(reply, family, image)
    can_halve = depth > 0 and image.height >= 2 * SHORTEST_PX
    if reply.usage.finish == "cancelled" or not reading.problem or not can_halve:
        yield Strip(0, marked(reading, image))
        return
    cut = quiet_row(image)
    for top, bottom in ((0, cut), (cut, image.height)):
        for strip in read_strip(ask, family, image.crop((0, top, image.width, bottom)), depth - 1):
            yield Strip(top + strip.top, strip.reading)


def marked(reading: Reading, image: Image.Image) -> Reading:
    """With a block for the part of the picture that its problem leaves unread: what lies below the last box."""
    if not reading.problem:
        return reading
    top = max((block.box.bottom for block in reading.blocks if block.box), default=0.0)
    rest = Block("unread", "", Box(0.0, min(top, image.height - 1.0), float(image.width), float(image.height)))
    return replace(reading, blocks=(*reading.blocks, rest))


def moved(block: Block, down: float) -> Block:
    box = block.box
    return replace(block, box=Box(box.left, box.top + down, box.right, box.bottom + down)) if box and down else block


def quiet_row(image: Image.Image) -> int:
    """The row near the middle that crosses the least ink, in the middle of the widest such gap."""
    grey = np.asarray(image.convert("L"), np.int16)  # (H, W)
    first, last = (round(image.height * (0.5 + side * QUIET)) for side in (-1, 1))
    ink = np.abs(np.diff(grey[first:last], axis=1)).sum(1)
    quiet = np.flatnonzero(ink == ink.min())
    runs = np.split(quiet, np.flatnonzero(np.diff(quiet) > 1) + 1)
    best = max(runs, key=lambda run: (len(run), -abs(first + run.mean() - image.height / 2)))
    return first + int(best[len(best) // 2])
