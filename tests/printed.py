"""PDF files printed by Chromium from real texts, and what a reader should make of every page."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from serving import chromium

from agent.benchmarks.omnidoc import Piece, Truth
from model.families import Family
from tools.documents import pages
from tools.geometry import Box, Point, Size

WIDE, HIGH = 794, 1123  # CSS pixels of a sheet of A4
TURN_DEGREES, GREY, SCAN_PIXELS = 0.3, 6, 1_400_000  # how a scan looks: askew, noisy, coarse
STYLE = f"""
@page {{ size: {WIDE}px {HIGH}px; margin: 0 }} body {{ margin: 0; font: 15px/1.45 'DejaVu Serif', serif }}
section {{ box-sizing: border-box; width: {WIDE}px; height: {HIGH}px; padding: 60px; overflow: hidden;
  break-after: page }}
.columns {{ display: flex; gap: 34px }} .columns > div {{ flex: 1 }} table {{ border-collapse: collapse; width: 100% }}
td, th {{ border: 1px solid #444; padding: 4px 8px }} figure {{ margin: 20px 0; width: 420px }}
:lang(zh) {{ font-family: 'WenQuanYi Zen Hei', 'Noto Sans CJK SC', sans-serif }}
"""
MARKED = """() => [...document.querySelectorAll('section')].map(sheet =>
 [...sheet.querySelectorAll('[data-is]')].map(one => {
  const box = one.getBoundingClientRect(), top = sheet.getBoundingClientRect().top;
  return [one.dataset.is, one.dataset.says || one.textContent.replace(/\\s+/g, ' ').trim(), one.innerHTML,
    [box.left, box.top - top, box.right, box.bottom - top]]; }))"""

SPEECH = [
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal.",
    "Now we are engaged in a great civil war, testing whether that nation, or any nation so conceived and so "
    "dedicated, can long endure. We are met on a great battle-field of that war.",
    "We have come to dedicate a portion of that field, as a final resting place for those who here gave their lives "
    "that that nation might live. It is altogether fitting and proper that we should do this.",
    "But, in a larger sense, we can not dedicate — we can not consecrate — we can not hallow — this ground.",
    "The world will little note, nor long remember what we say here, but it can never forget what they did here.",
]
RIGHTS = [
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and "
    "should act towards one another in a spirit of brotherhood.",
    "Everyone has the right to life, liberty and security of person.",
    "No one shall be held in slavery or servitude; slavery and the slave trade shall be prohibited in all their forms.",
    "Everyone has the right to recognition everywhere as a person before the law.",
]
CHINESE = [
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "人人有权享有生命、自由和人身安全。",
    "任何人不得使为奴隶或奴役；一切形式的奴隶制度和奴隶买卖，均应予以禁止。",
    "人人在任何地方有权被承认在法律前的人格。",
]
CHART = [["Planet", "Moons"], ["Mars", "2"], ["Jupiter", "95"], ["Uranus", "28"], ["Neptune", "16"]]


@dataclass(frozen=True)
class Part:
    """One block of a page. The box is in CSS pixels of the sheet."""

    kind: str  # h1, h2, p, li, table, formula or chart
    text: str  # of a formula its LaTeX
    inner: str  # HTML
    box: Box


@dataclass(frozen=True)
class Sheet:
    parts: tuple[Part, ...]

    def spoken(self, family: Family, size: Size) -> str:
        """QwenVL HTML. size: of the page's picture in pixels."""
        grid = family.grid(size)

        def bbox(box: Box) -> str:
            x, y = size.width / WIDE, size.height / HIGH
            corners = (Point(box.left * x, box.top * y), Point(box.right * x, box.bottom * y))
            return 'data-bbox="{} {} {} {}"'.format(*(round(side) for at in corners for side in grid.from_pixels(at)))

        return "<html><body>\n" + "\n".join(markup(part, bbox(part.box)) for part in self.parts) + "\n</body></html>"

    def truth(self, name: str) -> Truth:
        kinds = {"table": "table", "formula": "formula"}
        pieces = [
            Piece(kinds.get(part.kind, "text"), f"<table>{part.inner}</table>" if part.kind == "table" else part.text)  # type: ignore[arg-type]
            for part in self.parts
            if part.kind != "chart"
        ]
        return Truth(Path(name), "", tuple(pieces))

    @property
    def words(self) -> str:
        return " ".join(part.text for part in self.parts if part.kind != "chart")


def markup(part: Part, bbox: str) -> str:
    match part.kind:
        case "table":
            return f"<table {bbox}>{part.inner}</table>"
        case "formula":
            return f'<div class="formula" {bbox}><img {bbox}/><div>{escape(part.text)}</div></div>'
        case "chart":
            return f'<div class="chart" {bbox}><img {bbox}/></div>'
        case "li":
            return f"<ul><li {bbox}>{escape(part.text)}</li></ul>"
    return f"<{part.kind} {bbox}>{escape(part.text)}</{part.kind}>"


@dataclass(frozen=True)
class Asked:
    """A question about a document. page: the one that answers it, from 1."""

    question: str
    answer: str
    quote: str
    page: int


@dataclass(frozen=True)
class Made:
    path: Path
    sheets: tuple[Sheet, ...]
    values: dict[int, dict[str, Any]] = field(default_factory=dict)  # by page; the form has the same keys
    asked: tuple[Asked, ...] = ()
    chart: tuple[int, list[list[str]]] | None = None  # its page and its values
    language: str = ""


def one(kind: str, text: str, says: str = "") -> str:
    tag = {"formula": "p", "chart": "figure"}.get(kind, kind)
    told = f' data-says="{escape(says)}"' if says else ""
    return f'<{tag} data-is="{kind}"{told}>{text}</{tag}>'


def paragraphs(texts: Sequence[str]) -> str:
    return "".join(one("p", escape(text)) for text in texts)


def columns(left: Sequence[str], right: Sequence[str]) -> str:
    return f'<div class="columns"><div>{paragraphs(left)}</div><div>{paragraphs(right)}</div></div>'


def rows(texts: Sequence[Sequence[str]]) -> str:
    head, *body = texts
    top = "".join(f"<th>{text}</th>" for text in head)
    return f"<tr>{top}</tr>" + "".join(f"<tr>{''.join(f'<td>{text}</td>' for text in row)}</tr>" for row in body)


def bars() -> str:
    """The chart, as a drawing with its numbers."""
    drawn = "".join(
        f'<rect x="80" y="{30 * at}" width="{3 * int(value)}" height="20" fill="#36c"/>'
        f'<text x="0" y="{30 * at + 15}" font-size="14">{name}</text>'
        f'<text x="{86 + 3 * int(value)}" y="{30 * at + 15}" font-size="14">{value}</text>'
        for at, (name, value) in enumerate(CHART[1:])
    )
    return f'<svg width="420" height="120">{drawn}</svg>'


def made(folder: Path) -> Iterator[Made]:
    """Two columns, tables with a formula and a chart, Chinese, and a scan of the first."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH})
        page.emulate_media(media="print")

        def printed(name: str, *sheets: str) -> tuple[Path, tuple[Sheet, ...]]:
            body = "".join(f"<section>{sheet}</section>" for sheet in sheets)
            page.set_content(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}")
            found = page.evaluate(MARKED)
            path = folder / name
            path.write_bytes(page.pdf(prefer_css_page_size=True, print_background=True))
            parts = ([Part(kind, text, inner, Box(*box)) for kind, text, inner, box in sheet] for sheet in found)
            return path, tuple(Sheet(tuple(sheet)) for sheet in parts)

        speech = one("h1", "The Gettysburg Address") + columns(SPEECH[:2], SPEECH[2:4]) + paragraphs(SPEECH[4:])
        rights = one("h2", "Universal Declaration of Human Rights") + columns(RIGHTS[:2], RIGHTS[2:])
        path, sheets = printed("columns.pdf", speech, rights)
        values = {1: {"title": "The Gettysburg Address", "years": 87}}
        asked = (
            Asked(
                "How many years ago did our fathers bring forth a nation?", "87", "Four score and seven years ago", 1
            ),
            Asked("What has everyone a right to?", "life, liberty and security", RIGHTS[1], 2),
        )
        yield Made(path, sheets, values, asked)
        yield Made(scanned(path, folder / "scan.pdf"), sheets, values, asked)
        planets = rows([
            ["Planet", "Diameter, km", "Day, hours"], ["Mars", "6,792", "24.7"], ["Jupiter", "142,984", "9.9"],
            ["Uranus", "51,118", "17.2"],
        ])  # fmt: skip
        spans = '<tr><th rowspan="2">Kind</th><th colspan="2">Mass</th></tr><tr><th>least</th><th>most</th></tr>'
        spans += "<tr><td>rocky</td><td>0.055</td><td>1</td></tr><tr><td>gas</td><td>95</td><td>318</td></tr>"
        path, sheets = printed(
            "tables.pdf",
            one("h1", "The planets") + one("p", "Sizes and days of three planets.") + one("table", planets)
            + one("p", "Energy and mass are one:") + one("formula", "<i>E</i> = <i>m c</i>²", "E = m c^2")
            + one("ul", one("li", "Mars is red.") + one("li", "Jupiter is large.")).replace(' data-is="ul"', ""),
            one("h2", "Masses and moons") + one("table", spans) + one("p", "Moons of the planets:")
            + one("chart", bars()),
        )  # fmt: skip
        values = {1: {"largest_km": 142984, "mass_of_gas": ""}, 2: {"largest_km": None, "mass_of_gas": "318"}}
        asked = (Asked("How long is a day on Mars?", "24.7 hours", "Mars 6,792 24.7", 1),)
        yield Made(path, sheets, values, asked, (2, CHART))
        chinese = f'<div lang="zh">{one("h1", "世界人权宣言")}{paragraphs(CHINESE)}</div>'
        both = f'<div lang="zh">{one("h2", "第一条")}{paragraphs(CHINESE[:1])}</div>{paragraphs(RIGHTS[:1])}'
        path, sheets = printed("chinese.pdf", chinese, both)
        values = {1: {"标题": "世界人权宣言"}}
        asked = (Asked("人人有权享有什么？", "生命、自由和人身安全", "生命、自由和人身安全", 1),)
        yield Made(path, sheets, values, asked, language="Chinese")


def scanned(path: Path, to: Path) -> Path:
    """The same pages as pictures: turned a little, blurred, with noise, as JPEG."""
    rng = np.random.default_rng(0)
    sheets = []
    for page in pages(path, pixels=SCAN_PIXELS):
        turned = page.image.rotate(TURN_DEGREES, Image.Resampling.BICUBIC, fillcolor="white")
        grey = np.asarray(turned.convert("L").filter(ImageFilter.GaussianBlur(0.6)), np.int16)
        noisy = np.clip(grey + rng.normal(0, GREY, grey.shape), 0, 255).astype(np.uint8)
        packed = io.BytesIO()
        Image.fromarray(noisy).save(packed, "JPEG", quality=70)
        sheets.append(Image.open(packed))
    sheets[0].save(to, save_all=True, append_images=sheets[1:], resolution=120)
    return to
