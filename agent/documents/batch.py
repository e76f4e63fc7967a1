"""Many documents, or long ones, into a folder: each page is kept as it is read, and what is there is not read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agent.documents import formats
from agent.documents.pages import OnReply, PageRead, read_page
from agent.documents.spelling import Correction, Spelled
from agent.journal import Journal
from agent.parallel import Replies, in_order
from agent.reading import PAGE
from model.parsing.documents import Block
from model.vlm import ModelLost, Sampling, VisionLanguageModel
from tools import documents
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
    model: VisionLanguageModel,
    file: Path,
    place: Path,
    wanted: Wanted,
    on_reply: OnReply = lambda reply: None,
    workers: int = 1,
) -> Iterator[PageRead]:
    """Every page, those of an earlier run from disk; at the end the results are written beside `place`.

    workers: pages that are read at a time; the results are the same for any number. Raises UserError.
    """
    replies = Replies()
    with closing(Job(model.name, file, place, wanted)) as job:
        job.open()
        yield from job.pages
        for page in in_order(job.work(model, replies.heard_by(on_reply)), workers, replies.stop):
            job.keep(page)
            yield page
    job.write()


class Job:
    """One file: what an earlier run kept of it, and what is still to be read."""

    def __init__(self, model: str, file: Path, place: Path, wanted: Wanted) -> None:
        """model: its name. place: where the results go, without an ending."""
        self.model, self.file, self.place, self.wanted = model, file, place, wanted
        self.error = ""  # why it cannot be read to the end
        self.pages: list[PageRead] = []
        self.journal: Journal | None = None

    def open(self) -> None:
        """Takes up what an earlier run left. Raises UserError."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        wanted = self.wanted
        claim = {
            "sha256": digest(self.file),
            "model": self.model,
            "use_layer": wanted.use_layer,
            "charts": wanted.charts,
            "pages": wanted.numbers,
        }
        claim = json.loads(json.dumps(claim))
        kept = self.place.with_name(self.place.name + ".pages.jsonl")
        if kept.exists() and first_line(kept) != claim:
            kept.unlink()  # of another file, model or choice of pages
        self.journal = Journal(kept)
        if not self.journal.records:
            self.journal.append(claim)
        self.pages = [from_json(record) for record in self.journal.records[1:]]

    def work(self, model: VisionLanguageModel, on_reply: OnReply) -> Iterator[Callable[[], PageRead]]:
        """The reading of each page that is not there yet. Raises UserError."""
        wanted, there = self.wanted, {page.number for page in self.pages}
        every = wanted.numbers or range(1, (self.pages[0].of if self.pages else 0) + 1)
        left = [number for number in every if number not in there]
        if there and not left:
            return
        for page in documents.pages(self.file, left or None, password=wanted.password):
            yield partial(
                read_page, model, page, use_layer=wanted.use_layer, charts=wanted.charts, sampling=wanted.sampling,
                on_reply=on_reply,
            )  # fmt: skip

    def keep(self, page: PageRead) -> None:
        assert self.journal is not None
        self.journal.append(to_json(page))
        self.pages.append(page)

    def write(self) -> None:
        """The results, once all pages are there."""
        write(sorted(self.pages, key=lambda page: page.number), self.file.name, self.place, self.wanted.kinds)

    def close(self) -> None:
        if self.journal is not None:
            self.journal.close()


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
    workers: int = 1,
) -> Iterator[Done]:
    """Each file when all its pages are there, also into `out`/index.jsonl; one that cannot be read stops no other.

    workers: pages that are read at a time, of one file or of several; the results are the same for any number.
    Raises ModelLost.
    """
    replies = Replies()
    open_jobs: list[Job] = []
    work = steps(model, files, out, wanted, replies.heard_by(on_reply), open_jobs)
    with Journal(out / INDEX) as journal:
        try:
            for job, found in in_order(work, workers, replies.stop):
                if isinstance(found, UserError):
                    job.error = job.error or str(found)
                elif isinstance(found, PageRead):
                    take(job, found, on_page)
                else:
                    open_jobs.remove(job)
                    yield finished(job, out, journal)
        finally:
            for job in open_jobs:
                job.close()


Step = tuple[Job, PageRead | UserError | None]  # what is new of a file; None: it is over


def steps(
    model: VisionLanguageModel, files: Sequence[Path], out: Path, wanted: Wanted, on_reply: OnReply, jobs: list[Job]
) -> Iterator[Callable[[], Step]]:
    """The work on all files, page by page. jobs: gets those that are open."""
    for file, place in places(files, out).items():
        job = Job(model.name, file, place, wanted)
        jobs.append(job)
        try:
            job.open()
            for page in list(job.pages):
                yield partial(same, (job, page))
            for read in job.work(model, on_reply):
                yield partial(step, job, read)
                if job.error:
                    break
        except UserError as wrong:
            yield partial(same, (job, wrong))
        yield partial(same, (job, None))


def same(step: Step) -> Step:
    return step


def step(job: Job, read: Callable[[], PageRead]) -> Step:
    """Raises ModelLost: then there is no sense in other pages either."""
    try:
        return job, read()
    except ModelLost:
        raise
    except UserError as wrong:
        return job, wrong


def take(job: Job, page: PageRead, on_page: Callable[[Path, PageRead], None]) -> None:
    """One page, unless one before it failed: how many more were read by then depends on the number of workers."""
    if job.error:
        return
    if page not in job.pages:
        job.keep(page)
    on_page(job.file, page)


def finished(job: Job, out: Path, journal: Journal) -> Done:
    job.close()
    if not job.error:
        job.write()
    done = Done(job.file, len(job.pages), sum(bool(page.problems) for page in job.pages), job.error)
    record = asdict(done) | {"file": str(job.file), "results": str(job.place.relative_to(out))}
    if record not in journal.records:
        journal.append(record)
    return done


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
