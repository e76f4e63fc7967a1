"""Many documents, or long ones, into a folder: each page is kept as it is read, and what is there is not read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.documents import formats
from agent.documents.pages import OnReply, PageRead, read_pages
from agent.documents.spelling import Correction, Spelled
from agent.journal import Journal
from agent.reading import PAGE
from model.parsing.documents import Block
from model.vlm import Sampling, VisionLanguageModel
from tools.disk import write_whole, writing
from tools.documents import Word
from tools.errors import UserError
from tools.geometry import Box, Size

ENDINGS = (".pdf", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
INDEX = "index.jsonl"  # of a folder of results: one line for each file


@dataclass(frozen=True)
class Wanted:
    numbers: tuple[int, ...] | None = None  # of the pages; None: all
    password: str = ""
    use_layer: bool = True
    charts: bool = False
    sampling: Sampling = PAGE
    kinds: tuple[str, ...] = ("markdown", "html", "json", "text")


def files_in(given: Iterable[Path]) -> list[Path]:
    """The files, and of a folder all documents in it and below. Raises UserError for what is not there."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            found += sorted(one for one in path.rglob("*") if one.suffix.lower() in ENDINGS and one.is_file())
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"no file or folder at {path}")
    if not found:
        raise UserError(f"no documents there; such files are read: {', '.join(ENDINGS)}")
    return list(dict.fromkeys(found))


def places(files: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Where each file's results go, without an ending: below `out` as the files lie beside each other."""
    whole = [file.absolute() for file in files]
    shared = next(folder for folder in whole[0].parents if all(folder in file.parents for file in whole))
    return {file: out / full.relative_to(shared) for file, full in zip(files, whole, strict=True)}


def parse_file(
    model: VisionLanguageModel, file: Path, place: Path, wanted: Wanted, on_reply: OnReply = lambda reply: None
) -> Iterator[PageRead]:
    """Every page, those of an earlier run from disk; at the end the results are written beside `place`.

    Raises UserError.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    claim = {
        "sha256": digest(file),
        "model": model.name,
        "use_layer": wanted.use_layer,
        "charts": wanted.charts,
        "pages": wanted.numbers,
    }
    claim = json.loads(json.dumps(claim))
    kept = place.with_name(place.name + ".pages.jsonl")
    if kept.exists() and first_line(kept) != claim:
        kept.unlink()  # of another file, model or choice of pages
    pages: list[PageRead] = []
    with Journal(kept) as journal:
        if not journal.records:
            journal.append(claim)
        pages = [from_json(record) for record in journal.records[1:]]
        yield from pages
        if not pages or len(pages) < (len(wanted.numbers) if wanted.numbers else pages[0].of):
            there = {page.number for page in pages}
            missing = [number for number in wanted.numbers or range(1, most(pages) + 1) if number not in there]
            for page in read_pages(
                model, file, missing or wanted.numbers, password=wanted.password, use_layer=wanted.use_layer,
                charts=wanted.charts, sampling=wanted.sampling, on_reply=on_reply,
            ):  # fmt: skip
                journal.append(to_json(page))
                pages.append(page)
                yield page
    write(sorted(pages, key=lambda page: page.number), file.name, place, wanted.kinds)


def most(pages: Sequence[PageRead]) -> int:
    return pages[0].of if pages else 0


def first_line(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return json.loads(file.readline())
    except ValueError:
        return None


def digest(file: Path) -> str:
    one = hashlib.sha256()
    with file.open("rb") as content:
        while part := content.read(1 << 20):
            one.update(part)
    return one.hexdigest()


def write(pages: Sequence[PageRead], name: str, place: Path, kinds: Sequence[str]) -> list[Path]:
    """NAME.md and its like beside each other; each is whole when it appears."""
    written = []
    found = formats.tables(pages)

    def beside(ending: str) -> Path:
        written.append(place.with_name(place.name + ending))
        return written[-1]

    for kind in kinds:
        match kind:
            case "markdown":
                put(beside(".md"), formats.to_markdown(pages))
            case "html":
                put(beside(".html"), formats.to_html(pages, name))
            case "text":
                put(beside(".txt"), formats.to_text(pages))
            case "json":
                content = {"file": name, "pages": [formats.page_json(page) for page in pages]}
                put(beside(".json"), json.dumps(content, ensure_ascii=False, indent=1) + "\n")
            case "csv":
                for title, rows in found:
                    put(beside(f".{title.replace(' ', '-')}.csv"), formats.to_csv(rows))
            case "xlsx":
                formats.write_xlsx(beside(".xlsx"), found)
    return written


def put(path: Path, text: str) -> None:
    with writing(path.parent):
        write_whole(path, text.encode(errors="backslashreplace"))


@dataclass(frozen=True)
class Done:
    """One file of many. error: why it could not be read, "" when it was."""

    file: Path
    pages: int = 0
    problems: int = 0  # pages of which something is unread
    error: str = ""


def parse_files(
    model: VisionLanguageModel,
    files: Sequence[Path],
    out: Path,
    wanted: Wanted,
    on_page: Callable[[Path, PageRead], None] = lambda file, page: None,
    on_reply: OnReply = lambda reply: None,
) -> Iterator[Done]:
    """Each file when all its pages are there, also into `out`/index.jsonl; one that cannot be read stops no other."""
    with Journal(out / INDEX) as journal:
        for file, place in places(files, out).items():
            pages: list[PageRead] = []
            error = ""
            try:
                for page in parse_file(model, file, place, wanted, on_reply):
                    pages.append(page)
                    on_page(file, page)
            except UserError as wrong:
                error = str(wrong)
            done = Done(file, len(pages), sum(bool(page.problems) for page in pages), error)
            record = asdict(done) | {"file": str(file), "results": str(place.relative_to(out))}
            if record not in journal.records:
                journal.append(record)
            yield done


def to_json(page: PageRead) -> dict[str, Any]:
    record = asdict(page)
    return record | {"parts": [asdict(part) for part in page.parts]}


def from_json(record: dict[str, Any]) -> PageRead:
    return PageRead(
        record["number"],
        record["of"],
        Size(**record["size"]),
        tuple(record["points"]) if record["points"] else None,
        tuple(part_from(part) for part in record["parts"]),
        tuple(record["said"]),
        tuple(record["problems"]),
        tuple(Word(word["text"], Box(**word["box"])) for word in record["left_over"]),
    )


def part_from(record: dict[str, Any]) -> Spelled:
    block = record["block"]
    box = Box(**block["box"]) if block["box"] else None
    corrections = tuple(Correction(**one) for one in record["corrections"])
    return Spelled(
        Block(**{**block, "box": box}),
        corrections,
        record["confirmed"],
        record["words"],
        record.get("by_person", False),
    )
