"""What a reader should say of a page of papers.py, letter by letter with its place: QwenVL HTML or plain lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from playwright.sync_api import Page

from model.prompts import DOCUMENT, READ_PAGE
from tools.geometry import Size

Spot = list[float]  # left, top, right, bottom, in screenshot pixels


@dataclass(frozen=True)
class Sign:
    """One character: as the page shows it, as LaTeX or HTML says it ("" where it does not), and where it stands."""

    shown: str
    said: str
    spot: Spot | None  # None: nowhere; a blank, or what only LaTeX writes


@dataclass(frozen=True)
class Part:
    """A paragraph, an item of a list, a row of a table or chart."""

    cells: list[list[Sign]]  # of a table or chart several, else one
    heads: bool = False  # a row of column headings

    @property
    def signs(self) -> list[Sign]:
        return [sign for cell in self.cells for sign in cell]


@dataclass(frozen=True)
class Block:
    """One child of the page's <main>, read from the browser."""

    tag: str
    kind: str  # "", or what its class says: formula, image, image caption, chart
    spot: Spot
    picture: Spot | None
    parts: list[Part]


@dataclass
class Ask:
    """A question about the page and its answer."""

    ask: str
    reply: str = ""
    letters: list[list[Any]] = field(default_factory=list)  # [index in the reply, left, top, right, bottom]
    boxes: list[list[Any]] = field(default_factory=list)  # [index of the first digit, left, top, right, bottom]

    def spell(self, signs: Sequence[Sign], html: bool) -> None:
        for sign in signs:
            text = escape(sign.said, quote=False) if html else sign.shown
            if text and sign.spot:
                self.letters.append([len(self.reply), *sign.spot])
            self.reply += text

    def place(self, spot: Spot) -> None:
        """The attribute that tells where it is."""
        corners = [round(edge) for edge in spot]
        self.reply += ' data-bbox="'
        self.boxes.append([len(self.reply), *corners])
        self.reply += " ".join(str(edge) for edge in corners) + '"'


def qwen_html(blocks: Sequence[Block]) -> Ask:
    """The page in the HTML that Qwen2.5-VL writes, without the blanks that it puts around line breaks."""
    ask = Ask(DOCUMENT, "```html\n<html><body>\n")
    tables = 0
    for block in blocks:
        tables += block.tag == "table"
        write_block(ask, block, tables)
    ask.reply += "</body></html>\n```"
    return ask


def write_block(ask: Ask, block: Block, tables: int) -> None:
    match block.tag:
        case "ul" | "ol":
            ask.reply += f"<{block.tag}>"
            for item in block.parts:
                write_text(ask, "li", item.signs)
            ask.reply += f"</{block.tag}>\n"
        case "table":
            ask.reply += "<table"
            ask.place(block.spot)
            ask.reply += f' class="table{tables}">'
            write_rows(ask, block.parts)
            ask.reply += "</table>\n"
        case "div":
            write_figure(ask, block)
        case tag:
            write_text(ask, tag, block.parts[0].signs)
            ask.reply += "\n"


def write_text(ask: Ask, tag: str, signs: Sequence[Sign]) -> None:
    ask.reply += f"<{tag}"
    ask.place(around(signs))
    ask.reply += ">"
    ask.spell(signs, html=True)
    ask.reply += f"</{tag}>"


def write_rows(ask: Ask, rows: Sequence[Part]) -> None:
    for row in rows:
        tag = "th" if row.heads else "td"
        ask.reply += "<tr>"
        for cell in row.cells:
            ask.reply += f"<{tag}>"
            ask.spell(cell, html=True)
            ask.reply += f"</{tag}>"
        ask.reply += "</tr>"


def write_figure(ask: Ask, block: Block) -> None:
    """An image, chart or formula: its box, the picture's, and what the picture says."""
    signs = [sign for row in block.parts for sign in row.signs]
    whole = block.spot if block.kind == "chart" else around(signs, block.picture)
    ask.reply += f'<div class="{block.kind}"'
    ask.place(whole)
    ask.reply += "><img"
    ask.place(block.picture or whole)
    ask.reply += "/>"
    match block.kind:
        case "chart":
            ask.reply += "<table>"
            write_rows(ask, block.parts)
            ask.reply += "</table>"
        case "formula" | "image caption":
            tag = "div" if block.kind == "formula" else "p"
            ask.reply += f"<{tag}>"
            ask.spell(signs, html=True)
            ask.reply += f"</{tag}>"
    ask.reply += "</div>\n"


def around(signs: Sequence[Sign], picture: Spot | None = None) -> Spot:
    """The smallest box that holds them all."""
    spots = [sign.spot for sign in signs if sign.spot] + ([picture] if picture else [])
    left, top, right, bottom = zip(*spots, strict=True)
    return [min(left), min(top), max(right), max(bottom)]


def plain_text(blocks: Sequence[Block]) -> Ask:
    """The text as it stands on the page, line by line; a row of a table or chart is one line."""
    ask = Ask(READ_PAGE)
    for block in blocks:
        for row in block.parts:
            for line in visual_lines(row.signs) if len(row.cells) == 1 and block.kind != "formula" else [one_line(row)]:
                if line:
                    ask.reply += "\n" if ask.reply else ""
                    ask.spell(line, html=False)
    return ask


def one_line(row: Part) -> list[Sign]:
    """The cells with a blank between."""
    return [sign for i, cell in enumerate(row.cells) for sign in (*([BLANK] if i else []), *cell)]


BLANK = Sign(" ", " ", None)


def visual_lines(signs: Sequence[Sign]) -> Iterator[list[Sign]]:
    """As the browser broke them: a line begins where a character stands to the left of the one before, or below it."""
    line: list[Sign] = []
    left, bottom = -1.0, math.inf
    for sign in signs:
        if sign.spot and (sign.spot[0] < left or sign.spot[1] >= bottom):
            yield line[:-1] if line[-1].shown == " " else line
            line = []
        line.append(sign)
        if sign.spot:
            left, _, _, bottom = sign.spot
    yield line


def read_page(page: Page, size: Size, scale: float) -> list[Block]:
    """The blocks of a page that `paper` wrote, in order, in screenshot pixels."""
    return [
        Block(one["tag"], one["kind"], scaled(one["spot"], scale), scaled(one["picture"], scale), parts(one, scale))
        for one in page.evaluate(READ, [size.width, size.height])
    ]


def parts(block: dict[str, Any], scale: float) -> list[Part]:
    return [
        Part(
            [[Sign(shown, said, scaled(spot, scale)) for shown, said, spot in cell] for cell in row["cells"]],
            row["heads"],
        )
        for row in block["parts"]
    ]


def scaled(spot: Any, scale: float) -> Any:
    return spot and [round(edge * scale, 2) for edge in spot]


# Blanks are said once and only between words, as HTML shows them.
READ = r"""([width, height]) => {
  const clip = r => [Math.max(0, r.left), Math.max(0, r.top), Math.min(width, r.right), Math.min(height, r.bottom)];
  const range = document.createRange();
  const spell = (node, said, out) => {
    if (node.nodeType === 3) {
      for (let i = 0; i < node.data.length; i++) {
        const char = node.data[i];
        if (/\s/.test(char)) {
          if (out.length && out[out.length - 1][0] !== ' ') out.push([' ', said === '' ? '' : ' ', null]);
          continue;
        }
        range.setStart(node, i); range.setEnd(node, i + 1);
        const r = range.getClientRects()[0];
        out.push([char, said === undefined ? char : said, r ? clip(r) : null]);
      }
      return out;
    }
    const {before, after, said: own} = node.dataset;
    if (before) out.push(['', before, null]);
    for (const child of node.childNodes)
      if (child.nodeName !== 'svg') spell(child, own === undefined ? said : own, out);
    if (after) out.push(['', after, null]);
    return out;
  };
  const one = node => ({cells: [spell(node, undefined, [])], heads: false});
  const row = node => ({
    cells: [...node.children].map(cell => spell(cell, undefined, [])), heads: node.querySelector('th') !== null,
  });
  return [...document.querySelector('main').children].map(node => {
    const parts = node.tagName === 'TABLE' ? [...node.querySelectorAll('tr')].map(row)
      : node.className === 'chart' ? [...node.children].map(row)
      : /^[UO]L$/.test(node.tagName) ? [...node.children].map(one) : [one(node)];
    const picture = node.querySelector('.picture');
    return {tag: node.tagName.toLowerCase(), kind: node.className, spot: clip(node.getBoundingClientRect()),
      picture: picture && clip(picture.getBoundingClientRect()), parts};
  });
}"""
