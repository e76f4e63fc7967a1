"""Can a model read? Lines of text, and pages as HTML, in fonts and hues that the embedded model never trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from agent.benchmarks.edits import edit_distance, outline, tables, teds, text_distance
from agent.benchmarks.score import bootstrap, mean, percent, table, wilson
from agent.journal import Journal, claim
from model.families import Family
from model.messages import ImagePart, user
from model.parsing import ParseError, parse_document
from model.parsing.documents import Block
from model.prompts import DOCUMENT, READ_LINE, document
from model.training.hasty import HastyBrowser
from model.training.lines import line_picture
from model.training.papers import HEIGHTS, WIDTHS, Papers
from model.vlm import PromptTooLarge, Sampling, VisionLanguageModel
from tools.errors import UserError
from tools.geometry import Size
from tools.pages import TRAINING_SEEDS

LINE = Sampling(max_new_tokens=160)  # four bytes for each of at most 40 characters
PAGE = Sampling(max_new_tokens=2048)  # the longest of a thousand pages takes 1,152 bytes


@dataclass(frozen=True)
class Summary:
    table: str
    cer: float | None  # None: no lines were asked for
    page_distance: float | None  # None: no papers were asked for


@dataclass(frozen=True)
class Question:
    id: str
    ask: str
    truth: str
    image: Image.Image


def run(model: VisionLanguageModel, *, lines: range | None, papers: range | None, out: Path) -> Summary:
    """Ask for every line and paper not yet answered in `out`/results.jsonl, then score all that were asked for.

    lines, papers: seeds, below 100,000; None leaves them out. Raises UserError, also for an `out` of another run.
    """
    check(lines, papers)
    claim(out, {"benchmark": "reading", "model": model.name, "family": model.family.name})
    asked = [f"line-{seed}" for seed in lines or ()] + [f"paper-{seed}" for seed in papers or ()]
    with Journal(out / "results.jsonl") as journal:
        answered = {record["id"]: record for record in journal.records}
        waiting = [name for name in asked if name not in answered]
        for question in tqdm(questions(waiting, model.family), total=len(waiting), desc="reading", disable=None):
            answered[question.id] = answer(model, question)
            journal.append(answered[question.id])
    return summarise([answered[name] for name in asked])


def check(lines: range | None, papers: range | None) -> None:
    if lines is None and papers is None:
        raise UserError("nothing to read; give --lines 0:100, --papers 0:50 or both")
    for seeds in (lines, papers):
        if seeds and seeds[-1] >= TRAINING_SEEDS:
            raise UserError(f"seeds from {TRAINING_SEEDS} on are trained on; give smaller ones, such as 0:100")


def questions(names: Sequence[str], family: Family) -> Iterator[Question]:
    """Pictures with what is asked of them and the right answer; the browser starts when the first paper is due."""
    seeds = {kind: [int(name.split("-")[1]) for name in names if name.startswith(kind)] for kind in ("line", "paper")}
    for seed in seeds["line"]:
        image, text, _ = line_picture(seed, held_out=True)
        yield Question(f"line-{seed}", READ_LINE, text, image)
    if not seeds["paper"]:
        return
    with closing(HastyBrowser(viewport=Size(WIDTHS[0], HEIGHTS[0]), scale=1.0)) as browser:
        world = Papers(browser)
        for seed in seeds["paper"]:
            for line, image in world.play(seed):
                truth = next(one["reply"] for one in line["asks"] if one["ask"] == DOCUMENT)
                yield Question(f"paper-{seed}", document(family), truth, image)


def answer(model: VisionLanguageModel, question: Question) -> dict[str, Any]:
    """One line of results.jsonl."""
    is_line = question.id.startswith("line")
    try:
        said = model.stream([user(question.ask, ImagePart(question.image))], LINE if is_line else PAGE).read()
    except PromptTooLarge as error:
        raise UserError(f"{question.id}: {error}") from error
    facts = {
        "id": question.id,
        "ask": question.ask,
        "image_size": list(question.image.size),
        "truth": question.truth,
        "raw_text": said,
    }
    return facts | (score_line if is_line else score_page)(question.truth, said)


def score_line(truth: str, said: str) -> dict[str, Any]:
    truth, said = " ".join(truth.split()), " ".join(said.split())
    return {"edits": edit_distance(truth, said), "characters": len(truth)}


def score_page(truth: str, said: str) -> dict[str, Any]:
    """Text distance; similarity of the tables, None on a page without; of the page's blocks; and is it malformed?"""
    right, given = parse_document(truth), read(said)
    there, found = tables(right), tables(given)
    return {
        "distance": text_distance(text_of(right), text_of(given)),
        "teds": teds(there, found) if there else None,
        "teds_structure": teds(there, found, structure=True) if there else None,
        "page_structure": teds(outline(right), outline(given), structure=True),
        "malformed": is_malformed(said),
    }


def read(said: str) -> list[Block]:
    try:
        return parse_document(said)
    except ParseError:
        return []


def text_of(blocks: Sequence[Block]) -> str:
    """All text in reading order, parted by single blanks."""
    return " ".join(chain.from_iterable(block.text.split() for block in blocks))


def is_malformed(said: str) -> bool:
    """Cut off, without a block that has a place, or with tags that do not match: not to be used without repair."""
    try:
        blocks = parse_document(said)
    except ParseError:
        return True
    checker = Tags()
    checker.feed(said)
    checker.close()
    return blocks.truncated or checker.wrong or bool(checker.open) or not any(block.box for block in blocks)


class Tags(HTMLParser):
    """Does every tag that opens close, in order, and has every box four numbers?"""

    VOID = ("img", "br", "hr", "meta", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        box = dict(attrs).get("data-bbox", "0 0 0 0") or ""
        self.wrong |= len(box.split()) != 4 or not box.replace(" ", "").isdigit()
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.wrong = True


def summarise(results: Sequence[dict[str, Any]]) -> Summary:
    """Rows: measures. Columns: the value, its 95 % interval, how many samples it is of."""
    lines = [result for result in results if "edits" in result]
    papers = [result for result in results if "distance" in result]
    rows = []
    if lines:
        rows.append(ratio("lines: character errors", [(one["edits"], one["characters"]) for one in lines]))
        rows.append(share("lines without an error", [one["edits"] == 0 for one in lines]))
    if papers:
        rows.append(average("papers: text edit distance", papers, "distance"))
        rows.append(average("papers: tables, TEDS", papers, "teds"))
        rows.append(average("papers: tables, TEDS of structure", papers, "teds_structure"))
        rows.append(average("papers: blocks, TEDS of structure", papers, "page_structure"))
        rows.append(share("papers malformed", [one["malformed"] for one in papers]))
    characters = sum(one["characters"] for one in lines)
    return Summary(
        table(["", "%", "95 %", "n"], rows),
        sum(one["edits"] for one in lines) / characters if lines else None,
        mean(one["distance"] for one in papers) if papers else None,
    )


def ratio(name: str, pairs: Sequence[tuple[float, float]]) -> list[str]:
    value = sum(above for above, _ in pairs) / sum(below for _, below in pairs)
    return row(name, value, bootstrap(pairs), len(pairs))


def average(name: str, results: Sequence[dict[str, Any]], key: str) -> list[str]:
    """Over the pages where there is such a value."""
    pairs = [(float(result[key]), 1.0) for result in results if result[key] is not None]
    return ratio(name, pairs) if pairs else [name, "-", "-", "0"]


def share(name: str, claims: Sequence[bool]) -> list[str]:
    return row(name, mean(claims), wilson(sum(claims), len(claims)), len(claims))


def row(name: str, value: float, interval: tuple[float, float], count: int) -> list[str]:
    low, high = interval
    return [name, percent(value), f"{percent(low)} to {percent(high)}", str(count)]
