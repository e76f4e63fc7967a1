"""Parsed pages as blocks in reading order: QwenVL HTML (Qwen2.5-VL), QwenVL Markdown (Qwen3-VL), plain HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from model.families import Grid
from model.parsing.grounding import Found, place
from model.parsing.loose import ParseError, bounded
from model.parsing.results import Results
from tools.geometry import Box

MAX_DEPTH = 64  # elements inside each other; deeper ones are read as if they stood beside each other
MAX_TAGS = 20_000
NAME = re.compile(r"\s{0,4}(/?)\s{0,4}([a-zA-Z][a-zA-Z0-9]{0,15})")
ATTRIBUTE = re.compile(r"""(?<![\w-])(data-bbox|class|alt|format)\s{0,4}=\s{0,4}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
NUMBERS = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?")
KNOWN_TAG = re.compile(r"<\s{0,4}(?:!DOCTYPE|html|body|h[1-6]|p|div|table|img|ol|ul|li|section)\b", re.IGNORECASE)
FENCE = re.compile(r"```[a-zA-Z]{0,20}[ \t]{0,8}\n?")
NOTE = re.compile(r"<!--\s{0,8}(Table|Image|Chart|Formula)\s{0,8}\(([^()<>]{0,100})\)\s{0,8}-->", re.IGNORECASE)
HEADING = re.compile(r"(#{1,6})\s+")

BLOCKS = {f"h{level}": "heading" for level in range(1, 7)} | {
    "p": "paragraph", "address": "paragraph", "pre": "paragraph", "figcaption": "paragraph", "button": "paragraph",
    "li": "item", "table": "table", "img": "image", "title": "title",
}  # fmt: skip
CLASSES = {
    "music sheet": "music", "chemical formula": "chemistry", "image caption": "image", "image ocr": "image",
    "chart": "chart", "formula": "formula", "image": "image",
}  # fmt: skip
VOID = ("img", "br", "hr", "meta", "link", "input")
SILENT = ("script", "style", "head")  # what stands inside is not on the page
TEXTS = ("paragraph", "heading", "title", "item")  # hold no other block
BREAKS = ("br", "tr", "div", "p", "li")
WHOLE = ("table", "chart", "formula", "music", "chemistry", "image")  # what is inside belongs to them


@dataclass(frozen=True)
class Block:
    """One part of a page. The box is in the picture's pixels where a grid was given, else as the model spoke."""

    kind: str  # heading, paragraph, item, table, image, chart, formula, music, chemistry, title
    text: str  # without markup; of a table, cells divided by tabs and rows by line breaks
    box: Box | None = None
    level: int = 0  # of a heading, 1 to 6
    source: str = ""  # of a table, chart or formula: the markup as the model wrote it


@dataclass
class _Open:
    """An element whose end has not come yet."""

    tag: str
    kind: str  # "" when it only holds others
    box: Box | None
    start: int
    alt: str = ""
    text: list[str] = field(default_factory=list)


def parse_document(text: str, grid: Grid | None = None) -> Results[Block]:
    """The blocks of a page in the order of the reply. Raises ParseError when there is no text at all."""
    if not bounded(text).strip():
        raise ParseError("the reply is empty; answer with the text of the page")
    body, cut = _unfenced(text)
    is_html = KNOWN_TAG.search(body) is not None
    page = _Page(body)
    blocks = list(page.read()) if is_html else list(_markdown(body))
    cut = cut or page.seen == MAX_TAGS or (is_html and "<html" in body.lower() and "</html" not in body.lower())
    return Results((_placed(block, grid) for block in blocks), truncated=cut)


def _unfenced(text: str) -> tuple[str, bool]:
    """What stands in the first code fence, or all of it; and whether the fence was left open."""
    opening = FENCE.search(text)
    if not opening:
        return text, False
    closing = text.find("```", opening.end())
    return (text[opening.end() :], True) if closing < 0 else (text[opening.end() : closing], False)


def _placed(block: Block, grid: Grid | None) -> Block:
    box = place(Found("", block.box), grid).box if block.box else None
    return Block(block.kind, block.text, box, block.level, block.source)


class _Page:
    """One pass over the tags. A tag ends at the first ">" and holds no "<": that keeps the pass linear."""

    def __init__(self, text: str):
        self.text = text
        self.open: list[_Open] = []
        self.tags: list[str] = []  # their names
        self.whole: _Open | None = None  # the open element that everything inside belongs to
        self.seen = 0
        self.silent = ""  # the element whose inside is passed over

    def read(self) -> Iterator[Block]:
        at = 0
        while (start := self.text.find("<", at)) >= 0 and self.seen < MAX_TAGS:
            self.seen += 1
            self.say(self.text[at:start])
            following = self.text.find("<", start + 1)
            end = self.text.find(">", start + 1, following if following >= 0 else len(self.text))
            name = NAME.match(self.text, start + 1)
            if end < 0 and following < 0 and name:
                break  # the reply ended inside a tag
            if end < 0 or not name:
                self.comment_or_sign(start)
                at = end + 1 if end >= 0 and self.text.startswith("<!", start) else start + 1
                continue
            yield from self.tag(name, start, end)
            at = end + 1
        else:
            self.say(self.text[at:] if self.seen < MAX_TAGS else "")
        while self.open:
            yield from self.close(len(self.text))

    def comment_or_sign(self, start: int) -> None:
        if not self.text.startswith("<!", start):
            self.say("<")  # as in "a < b"

    def tag(self, name: re.Match[str], start: int, end: int) -> Iterator[Block]:
        tag = name[2].lower()
        if self.silent:
            self.silent = "" if name[1] and tag == self.silent else self.silent
        elif name[1]:
            yield from self.end(tag, end + 1)
        elif tag in SILENT:
            self.silent = tag if tag != "head" else ""
        else:
            yield from self.begin(tag, self.text[name.end() : end], start, end + 1)

    def begin(self, tag: str, attributes: str, start: int, end: int) -> Iterator[Block]:
        if self.whole:
            self.say("\t" if tag in ("td", "th") else "\n" if tag in BREAKS else "")
            if tag != self.whole.tag:
                return
        values = {match[1]: match[2] or match[3] or match[4] or "" for match in ATTRIBUTE.finditer(attributes)}
        kind = "" if self.whole else _kind(tag, values.get("class", ""))
        outer = self.open[-1].kind if self.open else ""
        if tag == "img" and outer in TEXTS:
            yield Block("image", values.get("alt", ""), _box(values))
        elif outer == "item" and kind == "paragraph":
            self.say("\n")
        elif kind or tag == "div":
            if kind and outer in TEXTS:
                yield from self.close(start)  # its closing tag was forgotten
            yield from self.push(_Open(tag, kind, _box(values), start, values.get("alt", "")), end)
        elif tag in BREAKS:
            self.say("\n")

    def push(self, element: _Open, end: int) -> Iterator[Block]:
        self.open.append(element)
        self.tags.append(element.tag)
        if element.kind in WHOLE:
            self.whole = element
        if element.tag in VOID or len(self.open) > MAX_DEPTH:
            yield from self.close(end)

    def end(self, tag: str, end: int) -> Iterator[Block]:
        if tag not in self.tags:
            return
        while self.open[-1].tag != tag:
            yield from self.close(end)
        yield from self.close(end)

    def close(self, end: int) -> Iterator[Block]:
        element = self.open.pop()
        self.tags.pop()
        self.whole = None if self.whole is element else self.whole
        text = _tidy("".join(element.text), tables=element.kind in ("table", "chart"))
        if not element.kind:
            if self.open:
                self.open[-1].text.append("".join(element.text))
            elif text:
                yield Block("paragraph", text, element.box)
            return
        level = int(element.tag[1]) if element.kind == "heading" else 0
        keep = element.kind in WHOLE and element.tag != "img"
        source = self.text[element.start : end] if keep else ""
        if text or element.alt or element.box or element.kind == "image":
            yield Block(element.kind, text or element.alt, element.box, level, source)

    def say(self, text: str) -> None:
        if not text or self.silent:
            return
        if not self.open:
            if not text.strip():
                return
            self.open.append(_Open("", "paragraph", None, 0))
            self.tags.append("")
        self.open[-1].text.append(html.unescape(text) if "&" in text else text)


def _kind(tag: str, classes: str) -> str:
    if tag != "div":
        return BLOCKS.get(tag, "")
    words = " ".join(word.split(".")[0] for word in classes.lower().split())
    return next((kind for name, kind in CLASSES.items() if words == name or words.startswith(f"{name} ")), "")


def _box(values: dict[str, str]) -> Box | None:
    numbers = [float(number) for number in NUMBERS.findall(values.get("data-bbox", "")[:200])]
    return Box(*numbers) if len(numbers) == 4 else None


def _tidy(text: str, tables: bool) -> str:
    lines = text.replace("\r", "").split("\n")
    if tables:
        rows = ("\t".join(" ".join(cell.split()) for cell in line.strip(" ").split("\t")) for line in lines)
        return "\n".join(row.strip("\t") for row in rows if row.strip())
    return "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)


def _markdown(text: str) -> Iterator[Block]:
    """Paragraphs divided by blank lines; a note such as <!-- Table (x1, y1, x2, y2) --> places what follows it."""
    note: tuple[str, Box | None] | None = None
    for part in _parts(text):
        if match := NOTE.fullmatch(part):
            if note:
                yield Block(note[0], "", note[1])
            numbers = [float(number) for number in NUMBERS.findall(match[2])]
            note = (match[1].lower(), Box(*numbers) if len(numbers) == 4 else None)
            if note[0] == "image":
                yield Block("image", "", note[1])
                note = None
        elif note:
            yield Block(note[0], part, note[1], source=part)
            note = None
        elif heading := HEADING.match(part):
            yield Block("heading", part[heading.end() :].strip(), level=len(heading[1]))
        elif part.startswith(("\\begin{tabular}", "|")):
            yield Block("table", part, source=part)
        else:
            yield Block("paragraph", part)
    if note:
        yield Block(note[0], "", note[1])


def _parts(text: str) -> Iterator[str]:
    """Notes, headings and paragraphs, each alone. A LaTeX environment is one part, blank lines and all."""
    part: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        in_table = bool(part) and part[0].startswith("\\begin{") and not part[-1].endswith("}")
        alone = NOTE.fullmatch(line) or HEADING.match(line)
        if alone or (not line and not in_table):
            if part:
                yield "\n".join(part)
            part = []
        if alone:
            yield line
        elif line:
            part.append(line)
    if part:
        yield "\n".join(part)
