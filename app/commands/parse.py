"""`parse`: documents to Markdown, HTML, JSON, text and tables; a page at the terminal, or thousands into a folder."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from contextlib import closing
from functools import partial
from pathlib import Path

from tqdm import tqdm

from agent.documents import formats
from agent.documents.batch import Done, Wanted, files_in, parse_files
from agent.documents.language import told
from agent.documents.pages import PageRead, read_pages
from app import wiring
from app.settings import read_settings
from app.show import printable_line
from model.remote.address import is_address
from model.vlm import Sampling, VisionLanguageModel
from tools.errors import UserError

WORKERS = 8  # pages at a time with a server, which answers several at hardly less speed each


def run(arguments: Namespace) -> int:
    """0; 1 when something could not be read, which is marked where it stands."""
    settings = read_settings(vars(arguments))
    files = files_in(arguments.files)
    sampling = Sampling(max_new_tokens=arguments.max_tokens)
    wanted = Wanted(
        arguments.pages, arguments.password, arguments.text_layer, arguments.charts, sampling, tuple(arguments.kinds)
    )
    workers = arguments.workers or (WORKERS if is_address(settings.model) else 1)
    with closing(wiring.load_model(settings)) as loaded:
        model = told(loaded, arguments.language)
        if arguments.out:
            return into(model, files, arguments.out, wanted, workers)
        return show_all(model, files, wanted, arguments.json, workers)


def into(model: VisionLanguageModel, files: list[Path], out: Path, wanted: Wanted, workers: int) -> int:
    failed: list[Done] = []
    unread = 0
    with tqdm(desc="pages", unit="page", disable=None) as bar:
        told = partial(tell, bar)
        for done in parse_files(model, files, out, wanted, told, workers=workers):
            unread += done.problems
            if done.error:
                failed.append(done)
                bar.write(f"error: {done.file}: {done.error}", file=sys.stderr)
    summary = f"{len(files) - len(failed)} of {len(files)} files in {out}"
    print(summary + f"; {unread} pages with something unread" * bool(unread))
    return 1 if failed or unread else 0


def tell(bar: tqdm[object], file: Path, page: PageRead) -> None:
    bar.update()
    bar.set_postfix_str(f"{file.name} {page.number} of {page.of}", refresh=False)


def show_all(model: VisionLanguageModel, files: list[Path], wanted: Wanted, as_json: bool, workers: int) -> int:
    """One that cannot be read does not keep the others from it. Raises UserError where it is the only one."""
    code = 0
    for file in files:
        try:
            code = max(code, show(model, file, wanted, as_json, workers))
        except UserError as error:
            if len(files) == 1:
                raise
            print(f"error: {file}: {error}", file=sys.stderr)
            code = 1
    return code


def show(model: VisionLanguageModel, file: Path, wanted: Wanted, as_json: bool, workers: int) -> int:
    """Each page when it is read: Markdown, or one JSON object in a line."""
    unread = 0
    for page in read_pages(
        model,
        file,
        wanted.numbers,
        password=wanted.password,
        use_layer=wanted.use_layer,
        charts=wanted.charts,
        sampling=wanted.sampling,
        workers=workers,
    ):
        unread += bool(page.problems)
        if as_json:
            print(json.dumps({"file": str(file)} | formats.page_json(page), ensure_ascii=False), flush=True)
        else:
            print("\n".join(printable_line(line) for line in formats.to_markdown([page]).split("\n")), flush=True)
            for problem in page.problems:
                print(f"page {page.number}: {problem}", file=sys.stderr)
    return 1 if unread else 0
