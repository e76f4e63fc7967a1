"""Can a model read documents? Pages of an OmniDocBench folder: their text, its order, tables and formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from agent.benchmarks.edits import Node, edit_distance, read_table, teds
from agent.benchmarks.omnidoc import Truth, load
from agent.benchmarks.pairing import Pair, bare_latex, distance, pairs
from agent.benchmarks.reading import average, share
from agent.benchmarks.score import mean, percent, table
from agent.documents.cells import cells, html_table
from agent.documents.pages import read_page
from agent.documents.spelling import letters
from agent.journal import Journal, claim
from agent.reading import PAGE
from model.parsing.documents import Block
from model.vlm import PromptTooLarge, Sampling, VisionLanguageModel
from tools.documents import pages
from tools.errors import UserError

MEASURES = {
    "text": "text: edit distance",
    "order": "reading order: edit distance",
    "teds": "tables: TEDS",
    "teds_structure": "tables: TEDS of structure",
    "formulas": "formulas: edit distance of LaTeX",
}
NOTE = "Distances: 0 is best; TEDS: 100 is best. Formulas are compared as LaTeX, not as they look (CDM)."


@dataclass(frozen=True)
class Summary:
    table: str
    scores: dict[str, float | None]  # 0..1, by MEASURES; None where no page has such a part
    pages: int
    failed: int  # pages of which something stayed unread


def run(
    model: VisionLanguageModel, folder: Path, out: Path, *, limit: int | None = None, sampling: Sampling = PAGE
) -> Summary:
    """Read every page not yet in `out`/results.jsonl, then score all. limit: only the first so many pages.

    Raises UserError for a folder of another kind, and for an `out` of another run.
    """
    truths = load(folder)[:limit]
    claim(out, {"benchmark": "documents", "folder": folder.name, "model": model.name, "family": model.family.name})
    with Journal(out / "results.jsonl") as journal:
        done = {record["id"]: record for record in journal.records}
        waiting = [truth for truth in truths if truth.id not in done]
        for truth in (progress := tqdm(waiting, desc="documents", unit="page", disable=None)):
            done[truth.id] = read(model, truth, sampling)
            journal.append(done[truth.id])
            progress.set_postfix_str(f"text {percent(mean(one['text'] for one in done.values() if counts(one)))} %")
    return summarise([done[truth.id] for truth in truths])


def counts(record: dict[str, Any]) -> bool:
    return record["text"] is not None


def read(model: VisionLanguageModel, truth: Truth, sampling: Sampling) -> dict[str, Any]:
    """One line of results.jsonl."""
    (sheet,) = pages(truth.picture, [1])
    try:
        found = read_page(model, sheet, sampling=sampling)
    except PromptTooLarge as error:
        raise UserError(f"{truth.id}: {error}") from error
    facts = {
        "id": truth.id,
        "language": truth.language,
        "image_size": list(sheet.image.size),
        "raw_text": list(found.said),
        "problems": list(found.problems),
    }
    return facts | score(truth, [part.block for part in found.parts if part.block.kind != "unread"])


def score(truth: Truth, said: Sequence[Block]) -> dict[str, float | None]:
    """By MEASURES; None where the page holds nothing of the kind."""
    seen = [block for block in said if not is_masked(block, truth)]
    formulas = [bare_latex(block.text) for block in seen if block.kind == "formula"]
    return (
        score_text(truth, [letters(block.text) for block in seen if block.kind not in ("table", "formula", "chart")])
        | score_tables(truth, [tree(block.source) for block in seen if block.kind == "table"])
        | {"formulas": score_formulas(truth, formulas)}
    )


def is_masked(block: Block, truth: Truth) -> bool:
    return block.box is not None and any(mask.contains(block.box.center) for mask in truth.masks)


def score_text(truth: Truth, said: Sequence[str]) -> dict[str, float | None]:
    """text: edits for each letter, of all that counts and all that was said beside. order: of the pieces that count."""
    there = [piece for piece in truth.pieces if piece.kind == "text" and letters(piece.text)]
    texts, said = [letters(piece.text) for piece in there], [text for text in said if text]
    matched = [pair for pair in pairs(texts, said) if not pair[0] or any(there[at].counts for at in pair[0])]
    joined = [("".join(texts[at] for at in ours), "".join(said[at] for at in theirs)) for ours, theirs in matched]
    most = sum(max(len(ours), len(theirs)) for ours, theirs in joined)
    edits = sum(edit_distance(ours, theirs) for ours, theirs in joined)
    return {"text": edits / most if most else None, "order": order(matched)}


def order(matched: Sequence[Pair]) -> float | None:
    """Edits between the order on the page and the order said, for each piece."""
    there = [at for ours, _ in sorted(pair for pair in matched if pair[0]) for at in ours]
    spoken = sorted((pair for pair in matched if all(pair)), key=lambda pair: pair[1])
    said = [at for ours, _ in spoken for at in ours]
    return edit_distance(there, said) / len(there) if there else None


def tree(markup: str) -> Node:
    """Of a table in HTML as it is; of one in other markup as the HTML that it means."""
    return read_table(markup if "<t" in markup.lower() else html_table(cells(markup)))


def score_tables(truth: Truth, said: Sequence[Node]) -> dict[str, float | None]:
    """Of each table of the page beside the one that is most like it; 0 where none is left for it."""
    there = [tree(piece.text) for piece in truth.pieces if piece.kind == "table"]
    if not there:
        return {"teds": None, "teds_structure": None}
    matched = [pair for pair in pairs([words(one) for one in there], [words(one) for one in said], False) if pair[0]]
    whole = [(there[ours[0]], [said[at] for at in theirs]) for ours, theirs in matched]
    return {
        "teds": mean(teds([one], other) for one, other in whole),
        "teds_structure": mean(teds([one], other, structure=True) for one, other in whole),
    }


def words(node: Node) -> str:
    return node.text + "".join(words(child) for child in node.children)


def score_formulas(truth: Truth, said: Sequence[str]) -> float | None:
    there = [bare_latex(piece.text) for piece in truth.pieces if piece.kind == "formula"]
    matched = [pair for pair in pairs(there, said, False) if pair[0]]
    found = [distance(there[ours[0]], said[theirs[0]] if theirs else "") for ours, theirs in matched]
    return mean(found) if found else None


def summarise(results: Sequence[dict[str, Any]]) -> Summary:
    """Rows: measures, the text also by language. Columns: the mean over pages, its 95 % interval, how many pages."""
    rows = [average(told, results, name) for name, told in MEASURES.items()]
    languages = sorted({one["language"] for one in results})
    if len(languages) > 1:
        groups = {language: [one for one in results if one["language"] == language] for language in languages}
        rows += [average(f"  text, {name or 'no language named'}", group, "text") for name, group in groups.items()]
    if results:
        rows.append(share("pages with something unread", [bool(one["problems"]) for one in results]))
    known = {name: [one[name] for one in results if one[name] is not None] for name in MEASURES}
    return Summary(
        table(["", "%", "95 %", "n"], rows) + f"\n{NOTE}",
        {name: mean(values) if values else None for name, values in known.items()},
        len(results),
        sum(bool(one["problems"]) for one in results),
    )
