"""How well a model does with documents whose truth is known: every verb, on every document.

python tests/document_scores.py [oracle | tiny | another model's name] [TOKENS]
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from oracle import Oracle
from PIL import Image
from printed import Made, made

from agent.benchmarks.documents import score
from agent.benchmarks.omnidoc import Piece, Truth
from agent.benchmarks.score import mean, percent, table
from agent.documents.ask import ask_pages, conclude
from agent.documents.batch import Wanted, parse_files
from agent.documents.extract import Form, extract_file, gathered
from agent.documents.formats import tables
from agent.documents.kept import Sheets
from agent.documents.language import told
from agent.documents.pages import PageRead, read_page
from agent.documents.spelling import TOKEN, letters
from model.parsing import parse_document
from model.vlm import Sampling, VisionLanguageModel
from tools.documents import pages

MEASURES = {
    "text": "text right",
    "order": "order right",
    "teds": "TEDS",
    "formulas": "LaTeX right",
    "kept": "words in all formats",
    "chart": "chart values",
    "values": "values extracted",
    "answers": "answers",
    "cited": "pages cited",
}
SHARED = Path(__file__).parents[2] / "shared"
MOST = 512  # new tokens of a reply; a page that takes more is read in halves
KINDS = ("markdown", "html", "json", "text", "csv", "xlsx")


def scores(model: VisionLanguageModel, one: Made, out: Path, most: int) -> dict[str, float | None]:
    """By MEASURES, 0 to 1; None where the document has nothing of the kind. most: new tokens of a reply."""
    model = told(model, one.language)
    sampling = Sampling(max_new_tokens=most)
    wanted = Wanted(charts=True, sampling=sampling, kinds=KINDS)
    read: list[PageRead] = []
    (done,) = parse_files(model, [one.path], out, wanted, lambda _, page: read.append(page))
    assert not done.error and len(read) == len(one.sheets)
    return parse_scores(one, read) | {
        "kept": kept(read, out / one.path.name),
        "values": values_right(model, one, sampling),
        **answers_right(model, one, sampling),
    }


def parse_scores(one: Made, read: Sequence[PageRead]) -> dict[str, float | None]:
    by_page = [
        score(sheet.truth(one.path.name), [part.block for part in page.parts])
        for sheet, page in zip(one.sheets, read, strict=True)
    ]
    known = {name: [page[name] for page in by_page if page[name] is not None] for name in by_page[0]}
    found = {name: mean(values) if values else None for name, values in known.items()}  # type: ignore[arg-type]
    for name in ("text", "order", "formulas"):  # distances
        found[name] = None if found[name] is None else 1 - found[name]
    return found | {"chart": chart_right(one, read)}


def chart_right(one: Made, read: Sequence[PageRead]) -> float | None:
    """The best of the page's tables, cell by cell."""
    if one.chart is None:
        return None
    number, rows = one.chart
    there = {(at, cell) for row in rows for at, cell in enumerate(row)}
    found = [{(at, cell) for row in rows for at, cell in enumerate(row)} for _, rows in tables([read[number - 1]])]
    return max((len(there & cells) / len(there | cells) for cells in found), default=0.0)


def kept(read: Sequence[PageRead], place: Path) -> float:
    """Of the words that were read, those that stand in Markdown, HTML, JSON and text alike."""
    words = [word for page in read for part in page.parts for word in TOKEN.findall(part.block.text)]
    files = [place.with_name(place.name + ending) for ending in (".md", ".html", ".json", ".txt")]
    texts = [letters(plain(file)) for file in files]
    there = [letters(word) for word in words]
    return mean(all(word in text for text in texts) for word in there)


def plain(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".html":
        text = re.sub(r"<[^<>]*>", " ", text)
    if file.suffix != ".json":
        return unescape(text)
    content = json.loads(text)
    return " ".join(str(block["text"]) for page in content["pages"] for block in page["blocks"])


def values_right(model: VisionLanguageModel, one: Made, sampling: Sampling) -> float | None:
    expected: dict[str, Any] = {}
    for values in one.values.values():
        expected |= {key: value for key, value in values.items() if value not in (None, "")}
    form = Form.of({key: 0 if isinstance(value, int) else "" for key, value in expected.items()})
    found = gathered(extract_file(model, Sheets(one.path), form, sampling=sampling), form)
    return mean(found.values.get(key) == value for key, value in expected.items())


def answers_right(model: VisionLanguageModel, one: Made, sampling: Sampling) -> dict[str, float | None]:
    """Answers right to the letter; and right pages, with the quote verified where the page has a text layer."""
    right, cited = [], []
    for asked in one.asked:
        notes = list(ask_pages(model, Sheets(one.path), asked.question, sampling=sampling))
        found = conclude(model, asked.question, notes, sampling)
        right.append(letters(found.text) == letters(asked.answer))
        checks = {note.check for note in found.notes}
        cited.append(found.pages == (asked.page,) and "not found" not in checks)
    return {"answers": mean(right), "cited": mean(cited)}


def stored(shared: Path) -> Iterator[tuple[Path, str]]:
    """The shared pictures with what a real model said of them."""
    for name in ("document_parsing", "ocr"):
        for record in json.loads((shared / f"data/qwen_outputs/{name}.json").read_text(encoding="utf-8")):
            picture = shared / "data/images" / record["image"]
            if picture.is_file() and record["image_size_wh"] == list(Image.open(picture).size):
                yield picture, record["output"]


def picture_right(found: PageRead, said: str) -> float:
    """How much of the text that a real model read is in this reading of the same picture."""
    truth = Truth(Path(), "", tuple(Piece("text", block.text) for block in parse_document(said)))
    right = score(truth, [part.block for part in found.parts])["text"]
    assert right is not None
    return 1 - right


def main(argv: list[str]) -> None:
    from app import wiring
    from app.settings import Settings

    name, most = argv[0] if argv else "oracle", int(argv[1]) if argv[1:] else MOST
    with tempfile.TemporaryDirectory() as folder:
        there = list(made(Path(folder)))
        model = Oracle(there) if name == "oracle" else wiring.load_model(Settings(model=name))
        rows = []
        for one in there:
            found = scores(model, one, Path(folder) / "out", most=most)
            rows.append([one.path.name, *("-" if found[key] is None else percent(found[key]) for key in MEASURES)])  # type: ignore[arg-type]
            print(rows[-1], file=sys.stderr, flush=True)
    print(table([f"{name}, %", *MEASURES.values()], rows))
    if name != "oracle" and SHARED.is_dir():
        sampling = Sampling(max_new_tokens=most)
        for picture, said in stored(SHARED):
            (sheet,) = pages(picture)
            right = picture_right(read_page(model, sheet, sampling=sampling), said)
            print(f"{picture.name}: {percent(right)} % of the text that a real model read", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
