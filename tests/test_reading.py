"""Measures of reading that are known by hand, and a model that reads everything right."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from agent.benchmarks import reading
from agent.benchmarks.edits import (
    Node,
    edit_distance,
    outline,
    read_table,
    tables,
    teds,
    text_distance,
    tree_distance,
)
from agent.benchmarks.reading import is_malformed, questions, score_line, score_page, summarise
from agent.benchmarks.score import bootstrap
from model.families import QWEN3_VL, TINY
from model.messages import ImagePart
from model.parsing import parse_document
from model.prompts import DOCUMENT, READ_LINE
from tests.scripted import ScriptedModel
from tools.errors import UserError

PAGE = (
    '```html\n<html><body>\n<h1 data-bbox="1 2 30 9">Hello</h1>\n'
    '<table data-bbox="1 9 50 40" class="table1"><tr><th>ab</th><th>cd</th></tr><tr><td>1</td><td>2</td></tr></table>\n'
    "</body></html>\n```"
)


def test_edits_are_counted() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3
    assert edit_distance("确定", "取定") == 1
    assert text_distance("abcd", "abc") == 0.25
    assert text_distance("", "") == 0


def similar(one: str, other: str, structure: bool = False) -> float:
    return teds([read_table(f"<table>{one}</table>")], [read_table(f"<table>{other}</table>")], structure)


def test_trees_are_compared_by_edits() -> None:
    truth = "<tr><td>ab</td><td>cd</td></tr>"  # with the table itself a tree of four
    assert similar(truth, truth) == 1
    assert similar(truth, "<tr><td>ab</td></tr>") == 0.75  # one cell is missing
    assert similar(truth, "<tr><td>ab</td><td>cx</td></tr>") == 1 - 0.5 / 4  # half of one cell's letters differ
    assert similar(truth, "<tr><td>ab</td><td>cx</td></tr>", structure=True) == 1
    # A cell over two columns is another cell, whatever it says.
    assert similar(truth, "<tr><td colspan=2>ab</td><td>cd</td></tr>", structure=True) == 0.75
    # Two rows of one: the second cell is deleted there and comes back in a row of its own, five nodes on that side.
    assert similar(truth, "<tr><td>ab</td></tr><tr><td>cd</td></tr>") == pytest.approx(1 - 3 / 5)
    assert teds([read_table(f"<table>{truth}</table>")], []) == 0
    assert teds([], []) == 1


def rename(one: Node, other: Node) -> float:
    return 1.0 if one.tag != other.tag else 0.5 * (one.text != other.text)


def slow_distance(ones: tuple[Node, ...], others: tuple[Node, ...]) -> float:
    """By the definition: the last trees of two forests are deleted, inserted or taken for each other."""
    if not ones or not others:
        return sum(node.size for node in ones + others)
    one, other = ones[-1], others[-1]
    return min(
        slow_distance((*ones[:-1], *one.children), others) + 1,
        slow_distance(ones, (*others[:-1], *other.children)) + 1,
        slow_distance(ones[:-1], others[:-1])
        + slow_distance(tuple(one.children), tuple(other.children))
        + rename(one, other),
    )


def test_tree_distance_is_what_the_definition_says() -> None:
    rng = random.Random(1)

    def grow(size: int) -> Node:
        nodes = [Node(rng.choice("ab"), rng.choice(["x", "y"])) for _ in range(size)]
        for at in range(1, size):
            nodes[rng.randrange(at)].children.append(nodes[at])
        return nodes[0]

    for _ in range(150):
        one, other = grow(rng.randint(1, 6)), grow(rng.randint(1, 6))
        assert tree_distance(one, other, rename) == slow_distance((one,), (other,))


def test_a_table_reads_alike_however_it_is_written() -> None:
    plain = read_table("<table><tr><td>a b</td><td></td></tr></table>")
    wordy = "<table data-bbox='1 2 3 4'><thead>\n <tr><th> a <b>b</b><th colspan=1></thead></table>"
    assert read_table(wordy) == plain == Node("table", "", [Node("tr", "", [Node("td", "a b"), Node("td")])])


def test_blocks_make_an_outline() -> None:
    blocks = parse_document(PAGE)
    assert [node.tag for node in outline(blocks)] == ["heading", "table"]
    assert [node.size for node in tables(blocks)] == [7]


def test_a_line_is_scored_without_regard_to_blanks_around_it() -> None:
    assert score_line("ab  c", " ab c\n") == {"edits": 0, "characters": 4}
    assert score_line("abc", "abd!") == {"edits": 2, "characters": 3}


def test_a_page_is_scored_by_text_tables_and_blocks() -> None:
    assert score_page(PAGE, PAGE) == {
        "distance": 0,
        "teds": 1,
        "teds_structure": 1,
        "page_structure": 1,
        "malformed": False,
    }
    worse = PAGE.replace("Hello", "Hallo").replace("<td>2</td>", "")
    scored = score_page(PAGE, worse)
    # "Hello ab cd 1 2" beside "Hallo ab cd 1": a letter, and a blank and a digit.
    assert scored["distance"] == pytest.approx(3 / 15)
    assert scored["teds"] == scored["teds_structure"] == pytest.approx(1 - 1 / 7)
    assert scored["page_structure"] == pytest.approx(1 - 1 / 8)
    nothing = score_page(PAGE, "")
    assert nothing["distance"] == 1 and nothing["malformed"] and nothing["teds"] == nothing["page_structure"] == 0
    assert score_page(PAGE.replace("table", "p"), PAGE)["teds"] is None


@pytest.mark.parametrize(
    ("reply", "malformed"),
    [
        (PAGE, False),
        ('<p data-bbox="1 2 3 4">x</p>', False),
        ("just text", True),  # without a place
        (PAGE[:-30], True),  # cut off
        ('<html><body><p data-bbox="1 2 3">x</p></body></html>', True),
        ('<html><body><h1 data-bbox="1 2 3 4">x</p></body></html>', True),
        ("", True),
    ],
)
def test_malformed_is_what_would_need_repair(reply: str, malformed: bool) -> None:
    assert is_malformed(reply) is malformed


def test_a_real_page_is_well_formed_and_a_cut_one_is_not(shared: Path) -> None:
    whole, cut, _ = json.loads((shared / "data/qwen_outputs/document_parsing.json").read_text(encoding="utf-8"))
    assert not is_malformed(whole["output"])
    assert is_malformed(cut["output"])


def test_intervals_hold_the_value_and_shrink_with_samples() -> None:
    few, many = [(0.0, 4.0), (2.0, 4.0)] * 4, [(0.0, 4.0), (2.0, 4.0)] * 100
    wide, narrow = bootstrap(few), bootstrap(many)
    assert wide[0] < narrow[0] < 0.25 < narrow[1] < wide[1]
    assert bootstrap([(1.0, 2.0)] * 5) == (0.5, 0.5)
    with pytest.raises(ValueError, match="no samples"):
        bootstrap([])


def truths(lines: range, papers: range) -> list[str]:
    """What an oracle says, in the order in which it is asked."""
    names = [f"line-{seed}" for seed in lines] + [f"paper-{seed}" for seed in papers]
    try:
        return [question.truth for question in questions(names, TINY)]
    except UserError as error:
        pytest.skip(str(error))


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def rows_of(table: str) -> dict[str, list[str]]:
    """Name of a measure -> its value, interval and count."""
    cells = (re.split(r" {2,}", line) for line in table.splitlines()[2:])
    return {name: rest for name, *rest in cells}


def test_an_oracle_reads_without_an_error(tmp_path: Path) -> None:
    model = ScriptedModel(truths(range(3), range(4)))
    summary = reading.run(model, lines=range(3), papers=range(4), out=tmp_path)
    assert summary.cer == 0 and summary.page_distance == 0
    assert [message.text for (message,) in model.asked] == [READ_LINE] * 3 + [DOCUMENT] * 4
    assert all(isinstance(message.parts[-1], ImagePart) for (message,) in model.asked)
    for record in records(tmp_path)[3:]:
        assert (record["distance"], record["page_structure"], record["malformed"]) == (0, 1, False)
        assert record["teds"] in (None, 1) and record["teds"] == record["teds_structure"]
    rows = rows_of(summary.table)
    assert rows["lines: character errors"] == ["0.0", "0.0 to 0.0", "3"]
    assert rows["papers: blocks, TEDS of structure"] == ["100.0", "100.0 to 100.0", "4"]


def test_a_second_start_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    said = truths(range(3), range(0))
    reading.run(ScriptedModel(said[:2]), lines=range(2), papers=None, out=tmp_path)
    model = ScriptedModel([said[2][:-1] + "\u2603"])
    summary = reading.run(model, lines=range(3), papers=None, out=tmp_path)
    assert len(model.asked) == 1 and len(records(tmp_path)) == 3
    assert summary.cer == pytest.approx(1 / sum(len(text) for text in said)) and summary.page_distance is None
    with pytest.raises(UserError, match="another run"):
        reading.run(ScriptedModel([], name="other"), lines=range(3), papers=None, out=tmp_path)


def test_what_was_trained_on_is_not_scored(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="smaller"):
        reading.run(ScriptedModel([]), lines=None, papers=range(99_999, 100_001), out=tmp_path)
    with pytest.raises(UserError, match="--lines"):
        reading.run(ScriptedModel([]), lines=None, papers=None, out=tmp_path)


def test_each_family_is_asked_in_its_own_words() -> None:
    try:
        (question,) = questions(["paper-1"], QWEN3_VL)
    except UserError as error:
        pytest.skip(str(error))
    assert question.ask == "qwenvl html"


def test_a_page_without_a_table_counts_for_its_blocks_only() -> None:
    score = {"distance": 0.5, "teds": None, "teds_structure": None, "page_structure": 0.5, "malformed": True}
    rows = rows_of(summarise([score]).table)
    assert rows["papers: tables, TEDS"] == ["-", "-", "0"]
    assert rows["papers: text edit distance"] == ["50.0", "50.0 to 50.0", "1"]
    assert rows["papers malformed"][0] == "100.0"
