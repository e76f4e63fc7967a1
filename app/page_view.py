"""How a page that was read looks: its picture with the blocks, and beside it what they say; markup of ours only."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape

from agent.documents import formats
from agent.documents.edits import editable
from agent.documents.extract import Extracted
from agent.documents.spelling import Spelled
from agent.report import words
from app.papers import Filled, Papers, Sheet
from app.steps import Tell
from tools.geometry import Box, Size

KINDS = ("markdown", "html", "json", "text", "csv", "xlsx")
VIEWS = ("page", "markdown", "json")
WHOLE = 100.0  # percent


def sheets_row(papers: Papers, tell: Tell) -> str:
    """A button for every page that was read, those of a file after its name."""
    if not papers.sheets:
        return ""
    at, last = papers.at, len(papers.sheets) - 1
    buttons, name = "", ""
    for index, sheet in enumerate(papers.sheets):
        if sheet.file.name != name:
            name = sheet.file.name
            buttons += f'<span class="file">{words(name)}</span>'
        buttons += sheet_button(index, sheet, index == at, tell)
    earlier = turn("earlier", "‹", at - 1, at == 0, tell)
    later = turn("later", "›", at + 1, at == last, tell)
    return (
        f'<nav class="sheets" aria-label="{tell("documents.sheets")}">{earlier}'
        f'<div class="chips">{buttons}</div>{later}</nav>'
    )


def turn(key: str, sign: str, to: int, is_off: bool, tell: Tell) -> str:
    off = " disabled" * is_off
    return f'<button data-key="{key}" data-sheet="{to}" aria-label="{tell(f"documents.{key}")}"{off}>{sign}</button>'


def sheet_button(index: int, sheet: Sheet, is_now: bool, tell: Tell) -> str:
    said = tell("documents.sheet", number=sheet.page.number, name=sheet.file.name)
    unread = bool(sheet.page.problems) and any(part.block.kind == "unread" for part in sheet.page.parts)
    note = f", {tell('documents.sheet_unread')}" if unread else ""
    now = ' aria-current="page"' if is_now else ""
    return (
        f'<button data-key="{index}" data-sheet="{index}" class="chip{" unread" * unread}" '
        f'aria-label="{escape(said + note)}"{now}>{sheet.page.number}{"!" * unread}</button>'
    )


def spread(papers: Papers, tell: Tell) -> str:
    """The page that is looked at."""
    if papers.at >= len(papers.sheets):
        text = tell("documents.waiting" if papers.is_reading else "documents.empty")
        return f'<p class="empty stage-empty">{text}</p>'
    sheet = papers.sheets[papers.at]
    return f'<div class="spread" data-at="{papers.at}">{leaf(sheet, tell)}{read(sheet, tell)}</div>'


def leaf(sheet: Sheet, tell: Tell) -> str:
    page = sheet.page
    alt = escape(tell("documents.sheet", number=page.number, name=sheet.file.name))
    picture = base64.b64encode(sheet.picture.read_bytes()).decode() if sheet.picture.is_file() else ""
    boxes = [(order, part) for order, part in enumerate(page.parts) if part.block.box]
    spots = "".join(spot(order, part, number == 0, page.size, tell) for number, (order, part) in enumerate(boxes))
    shape = f"aspect-ratio: {page.size.width} / {page.size.height}; --shape: {page.size.width / page.size.height:.4f}"
    return (
        f'<div class="leaf"><div class="sheet" style="{shape}">'
        f'<img alt="{alt}" src="data:image/jpeg;base64,{picture}">{spots}</div></div>'
    )


def spot(order: int, part: Spelled, is_first: bool, size: Size, tell: Tell) -> str:
    """A box on the picture. The Tab key stops at the first only; from there the arrows go on."""
    assert part.block.box is not None
    name = f"{order + 1}: {tell(f'documents.{named(part.block.kind)}')}"
    return (
        f'<button class="spot {named(part.block.kind)}" data-block="{order}" style="{where(part.block.box, size)}" '
        f'aria-label="{name}" tabindex="{0 if is_first else -1}"></button>'
    )


def where(box: Box, size: Size) -> str:
    left, right = (min(max(WHOLE * side / size.width, 0.0), WHOLE) for side in (box.left, box.right))
    top, bottom = (min(max(WHOLE * side / size.height, 0.0), WHOLE) for side in (box.top, box.bottom))
    return f"left:{left:.2f}%;top:{top:.2f}%;width:{right - left:.2f}%;height:{bottom - top:.2f}%"


def read(sheet: Sheet, tell: Tell) -> str:
    page = sheet.page
    as_json = [json.dumps(one, ensure_ascii=False, indent=1) for one in formats.page_json(page)["blocks"]]
    found = "".join(block(order, part, as_json[order], tell) for order, part in enumerate(page.parts))
    found = found or f'<p class="empty">{tell("documents.nothing")}</p>'
    label = tell("documents.blocks")
    return (
        f'<div class="read"><div class="read-head">{views(tell)}</div>{"".join(notes(sheet, tell))}'
        f'<div class="blocks" role="group" tabindex="0" aria-label="{label}">{found}</div></div>'
    )


def views(tell: Tell) -> str:
    """app/look/pages.js remembers which is chosen."""
    choices = "".join(
        f'<label><input type="radio" name="documents-view" value="{view}"{" checked" * (view == "page")}>'
        f"<span>{tell(f'documents.view_{view}')}</span></label>"
        for view in VIEWS
    )
    return f'<fieldset class="views"><legend>{tell("documents.views")}</legend>{choices}</fieldset>'


def notes(sheet: Sheet, tell: Tell) -> Iterator[str]:
    """What is missing, and where the words are from."""
    page = sheet.page
    for problem in page.problems:
        yield f'<p class="note bad">{words(problem)}</p>'
    if page.left_over:
        left = words(" ".join(word.text for word in page.left_over))
        yield f'<p class="note warn">{tell("documents.left_over")} <span>{left}</span></p>'
    elif page.parts and not any(part.confirmed or part.corrections for part in page.parts):
        yield f'<p class="note">{tell("documents.no_layer")}</p>'


def block(order: int, part: Spelled, as_json: str, tell: Tell) -> str:
    """In all three views, of which the style shows one."""
    kind = named(part.block.kind)
    page = formats.html_part(part)
    page = f"<ul>{page}</ul>" if part.block.kind == "item" else page
    label = escape(tell("documents.edit_label", number=order + 1))
    return (
        f'<div class="part {kind}{" mine" * part.by_person}" data-block="{order}" '
        f'data-text="{escape(editable(part.block))}" data-label="{label}" '
        f'data-save="{tell("documents.save")}" data-cancel="{tell("documents.cancel")}">'
        f'<div class="part-head"><b>{order + 1}</b> <span>{tell(f"documents.{kind}")}</span> '
        f"<small>{source(part, tell)}</small>"
        f'<button data-edit aria-label="{tell("documents.edit")}: {label}">{tell("documents.edit")}</button></div>'
        f'<div class="as page">{page}</div><pre class="as markdown">{words(formats.markdown_of(part.block))}</pre>'
        f'<pre class="as json">{words(as_json)}</pre></div>'
    )


def source(part: Spelled, tell: Tell) -> str:
    """Who says so: the model, the file or a person."""
    if part.by_person:
        return tell("documents.by_person")
    if part.block.kind == "unread" or not part.words:
        return ""
    of_file = part.confirmed + len(part.corrections)
    if not of_file:
        return tell("documents.by_model")
    told = tell("documents.by_file", count=of_file, words=part.words)
    if part.corrections:
        pairs = ", ".join(f"{one.said} → {one.written}" for one in part.corrections)
        told += f', <span title="{words(pairs)}">{tell("documents.corrected", count=len(part.corrections))}</span>'
    return told


def named(kind: str) -> str:
    return "heading" if kind == "title" else kind


def downloads(name: str, papers: Papers, tell: Tell) -> str:
    if not papers.sheets:
        return ""
    kinds = {part.block.kind for sheet in papers.sheets for part in sheet.page.parts}
    tables = not kinds.isdisjoint(formats.TABULAR)
    buttons = "".join(
        f'<button data-run="{escape(name)}" data-kind="{kind}"'
        f"{' disabled' * (kind in ('csv', 'xlsx') and not tables)}>{tell(f'documents.{kind}')}</button>"
        for kind in KINDS
    )
    return f'<div class="downloads"><span class="dim">{tell("documents.keep")}</span> {buttons}</div>'


def status(papers: Papers, tell: Tell, wrong: str) -> str:
    """How far it is. wrong: why all of it failed, as HTML; "" when it did not."""
    if not papers.began:
        return ""
    lines = [f'<p class="bad">{wrong}</p>'] if wrong else []
    count = len(papers.sheets)
    if count:
        unread = sum(bool(sheet.page.problems) for sheet in papers.sheets)
        told = tell("documents.done_one" if count == 1 else "documents.done", count=count)
        told += f"; {tell('documents.unread_pages', count=unread)}" if unread else ""
        lines.append(f"<p>{told}</p>")
    if papers.reading.stopping.is_set():
        lines.append(f"<p>{tell('documents.stopped')}</p>")
    if papers.reading.is_over:
        bad = bool(wrong or papers.problems)
        return f'<div class="status over {"bad" if bad else "good"}" role="status">{"".join(lines)}</div>'
    return f'<div class="status" role="status">{"".join(lines)}{progress(papers, "read", tell)}</div>'


def progress(papers: Papers, doing: str, tell: Tell) -> str:
    under, reply = papers.under.get(doing), papers.replies.get(doing)
    if not under:
        return f"<p>{tell('documents.starting')}</p>"
    told = tell("documents.under", name=words(under.name), number=under.number, of=under.of)
    if reply and reply.usage.new_tokens:
        told += f" · {tell('documents.tokens', count=reply.usage.new_tokens)}"
    return f'<p>{told}</p><i class="bar"><i style="width:{WHOLE * under.share:.0f}%"></i></i>'


def filled(found: Sequence[Filled], tell: Tell) -> str:
    return "".join(f"<h3>{words(one.name)}</h3>{values(one.found, tell)}" for one in found)


def values(found: Extracted, tell: Tell) -> str:
    rows = "".join(
        f"<tr><th scope=row>{words(key)}</th><td>{words(plain(value))}</td><td>{found.pages.get(key, '')}</td></tr>"
        for key, value in found.values.items()
    )
    heads = "".join(f"<th scope=col>{tell(f'documents.{key}')}</th>" for key in ("key", "value", "page"))
    problems = "".join(f"<li>{words(problem)}</li>" for problem in found.problems)
    state = (
        f'<div class="bad">{tell("documents.not_fits")}<ul>{problems}</ul></div>'
        if problems
        else f'<p class="good">{tell("documents.fits")}</p>'
    )
    as_json = words(json.dumps(found.values, ensure_ascii=False, indent=2))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return f'<div class="filled">{state}{table}<pre tabindex="0">{as_json}</pre></div>'


def plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
