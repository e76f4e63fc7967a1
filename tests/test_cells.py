"""agent/documents/cells.py: tables as models write them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.documents.cells import Cell, cells, grid
from agent.documents.formats import html_table, markdown_table


def test_spans_push_later_cells_aside() -> None:
    found = cells(
        "<table><tr><th rowspan=2>A</th><th colspan='2'>B</th></tr><tr><td>c</td><td>d &amp; e</td></tr>"
        "<tr><td>f<td>g<td>h</table>"
    )
    assert found[:2] == (Cell(0, 0, "A", rows=2, is_head=True), Cell(0, 1, "B", columns=2, is_head=True))
    assert grid(found) == [["A", "B", ""], ["", "c", "d & e"], ["f", "g", "h"]]


def test_a_span_without_bounds_or_sense_is_bounded() -> None:
    assert cells("<tr><td colspan=99999999>a<td rowspan=x>b<td rowspan=9>c")[0].columns == 100
    assert {cell.rows for cell in cells("<tr><td rowspan=9>a")} == {1}


def test_markdown_and_latex_tables_are_read() -> None:
    assert grid(cells("| a | b\\|c |\n|---|:-:|\n| 1 | |")) == [["a", "b|c"], ["1", ""]]
    tabular = "\\begin{tabular}{|l|r|}\\hline a & 5\\% \\\\ \\multicolumn{2}{c}{wide} \\\\\\hline\\end{tabular}"
    assert grid(cells(tabular)) == [["a", "5%"], ["wide", ""]]
    assert cells("no table") == ()


words = st.text(st.sampled_from("ab|<>&\"' \\é中"), max_size=6).map(lambda text: " ".join(text.split()))


@settings(deadline=None)
@given(st.lists(st.lists(words, min_size=2, max_size=2), min_size=2, max_size=4))
def test_what_is_written_as_html_is_read_back(rows: list[list[str]]) -> None:
    found = tuple(Cell(y, x, text) for y, row in enumerate(rows) for x, text in enumerate(row))
    assert cells(html_table(found)) == found


@settings(deadline=None)
@given(st.lists(st.lists(words.filter(lambda text: "\\" not in text), min_size=2, max_size=2), min_size=1, max_size=4))
def test_what_is_written_as_markdown_is_read_back(rows: list[list[str]]) -> None:
    found = tuple(Cell(y, x, text) for y, row in enumerate(rows) for x, text in enumerate(row))
    assert grid(cells(markdown_table(found))) == [[text.strip() for text in row] for row in rows]
