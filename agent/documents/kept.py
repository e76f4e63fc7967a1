"""A document gone through page by page, and what was found on each kept at once: what was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.documents.batch import digest, first_line
from agent.journal import Journal
from tools.documents import Page, pages
from tools.errors import UserError

Record = dict[str, Any]  # of one page; goes through JSON unchanged


@dataclass(frozen=True)
class Sheets:
    """The pages of a file that are wanted. Raises UserError when there is no file."""

    file: Path
    numbers: Sequence[int] | None = None  # None: all
    password: str = ""

    def __post_init__(self) -> None:
        if not self.file.is_file():
            raise UserError(f"no file at {self.file}")


def each_page(
    sheets: Sheets, do: Callable[[Page], Record | None], kept: Path | None = None, about: Record | None = None
) -> Iterator[Record]:
    """What `do` says of every page, with "page" and "of"; None from it ends this: it was stopped.

    kept: a file for the records; those of an earlier run that was `about` the same come first. Raises UserError.
    """
    if kept is None:
        yield from missing(sheets, do, [], lambda record: None)
        return
    claim = json.loads(json.dumps({"sha256": digest(sheets.file), "pages": sheets.numbers, **(about or {})}))
    if kept.exists() and first_line(kept) != claim:
        kept.unlink()  # of another file, model or question
    with Journal(kept) as journal:
        if not journal.records:
            journal.append(claim)
        known = journal.records[1:]
        yield from known
        yield from missing(sheets, do, known, journal.append)


def missing(
    sheets: Sheets, do: Callable[[Page], Record | None], known: Sequence[Record], keep: Callable[[Record], object]
) -> Iterator[Record]:
    numbers = sheets.numbers or (range(1, known[0]["of"] + 1) if known else None)
    there = {record["page"] for record in known}
    left = None if numbers is None else [number for number in numbers if number not in there]
    if left == []:
        return
    with closing(pages(sheets.file, left, password=sheets.password)) as found:
        for page in found:
            record = do(page)
            if record is None:
                return
            record = {"page": page.number, "of": page.of, **record}
            keep(record)
            yield record
