"""The cells of a table, read from what a model wrote, HTML, a Markdown table or LaTeX tabular; and as clean HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

MOST_SPAN = 100  # columns or rows of one cell: a model may write any number
RULES = re.compile(r"\\(?:h|top|mid|bottom)rule\b|\\hline\b|\\cline\{[^}]*\}")
LATEX_ENDS = re.compile(r"\\begin\{tabular\}(?:\{[^}]*\})?|\\end\{tabular\}")
LATEX_SPAN = re.compile(r"\\multicolumn\{(\d{1,3})\}\{[^}]*\}\{(.*)\}\s*$", re.DOTALL)
DASHES = re.compile(r"[\s|:\-]+")


@dataclass(frozen=True)
class Cell:
    row: int
    column: int
    text: str
    rows: int = 1  # that it covers
    columns: int = 1
    is_head: bool = False


def cells(source: str) -> tuple[Cell, ...]:
    """In reading order; () when it is no table."""
    if re.search(r"<\s*t[rdh]\b", source, re.IGNORECASE):
        reader = _Rows()
        reader.feed(source)
        reader.close()
        rows = reader.rows
    elif "\\begin{tabular" in source:
        rows = list(_latex(source))
    else:
        rows = list(_piped(source))
    return tuple(_placed(rows))


def grid(of: tuple[Cell, ...]) -> list[list[str]]:
    """Rows of texts; a cell that covers several places has its text in the first of them."""
    high = max((cell.row + cell.rows for cell in of), default=0)
    wide = max((cell.column + cell.columns for cell in of), default=0)
    rows = [[""] * wide for _ in range(high)]
    for cell in of:
        rows[cell.row][cell.column] = cell.text
    return rows


def html_table(found: tuple[Cell, ...]) -> str:
    rows: dict[int, list[str]] = {}
    for cell in found:
        tag = "th" if cell.is_head else "td"
        spans = f' rowspan="{cell.rows}"' * (cell.rows > 1) + f' colspan="{cell.columns}"' * (cell.columns > 1)
        text = html.escape(cell.text).replace("\n", "<br>")
        rows.setdefault(cell.row, []).append(f"<{tag}{spans}>{text}</{tag}>")
    return "<table>\n" + "\n".join(f"<tr>{''.join(rows[row])}</tr>" for row in sorted(rows)) + "\n</table>"


@dataclass
class _Raw:
    text: str
    rows: int = 1
    columns: int = 1
    is_head: bool = False


def _placed(rows: list[list[_Raw]]) -> Iterator[Cell]:
    """Each in the first column that no cell from above reaches into."""
    taken: set[tuple[int, int]] = set()
    for row, line in enumerate(rows):
        column = 0
        for raw in line:
            while (row, column) in taken:
                column += 1
            high = min(raw.rows, len(rows) - row)
            taken |= {(row + down, column + right) for down in range(high) for right in range(raw.columns)}
            yield Cell(row, column, raw.text, high, raw.columns, raw.is_head)


class _Rows(HTMLParser):
    """Rows of an HTML table; tables inside its cells are read as text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[_Raw]] = []
        self.parts: list[str] | None = None  # of the open cell
        self.in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.end_cell()
            self.rows.append([])
        elif tag in ("td", "th"):
            self.end_cell()
            if not self.rows:
                self.rows.append([])
            given = dict(attrs)
            rows, columns = _span(given.get("rowspan")), _span(given.get("colspan"))
            self.rows[-1].append(_Raw("", rows, columns, tag == "th" or self.in_head))
            self.parts = []
        elif tag == "thead":
            self.in_head = True
        elif tag == "br":
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self.end_cell()
        elif tag == "thead":
            self.in_head = False

    def handle_data(self, data: str) -> None:
        if self.parts is not None:
            self.parts.append(data)

    def end_cell(self) -> None:
        if self.parts is not None:
            lines = (" ".join(line.split()) for line in "".join(self.parts).split("\n"))
            self.rows[-1][-1].text = "\n".join(line for line in lines if line)
        self.parts = None

    def close(self) -> None:
        super().close()
        self.end_cell()


def _span(given: str | None) -> int:
    return max(1, min(MOST_SPAN, int(given))) if given and given.strip().isdecimal() else 1


def _piped(source: str) -> Iterator[list[_Raw]]:
    """A Markdown table: the row of dashes makes what stands above it heads."""
    lines = [line.strip() for line in source.strip().splitlines() if line.strip().startswith("|")]
    has_head = len(lines) > 1 and DASHES.fullmatch(lines[1]) is not None
    for number, line in enumerate(lines):
        if has_head and number == 1:
            continue
        texts = re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|"))
        plain = (html.unescape(text.strip().replace("\\|", "|")) for text in texts)
        yield [_Raw(text, is_head=has_head and number == 0) for text in plain]


def _latex(source: str) -> Iterator[list[_Raw]]:
    for line in re.split(r"\\\\", RULES.sub("", LATEX_ENDS.sub("", source))):
        if not line.strip():
            continue
        raws = []
        for text in re.split(r"(?<!\\)&", line):
            span = LATEX_SPAN.search(text.strip())
            inside, columns = (span[2], _span(span[1])) if span else (text, 1)
            raws.append(_Raw(" ".join(re.sub(r"\\([&%$#_{}])", r"\1", inside).split()), columns=columns))
        yield raws
