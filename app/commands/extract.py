"""`extract`: values out of documents, in the form of a JSON schema or an example."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from agent.documents.batch import files_in, places, put
from agent.documents.extract import Extracted, Form, OnPage, extract_file, gathered
from agent.documents.kept import Sheets
from agent.documents.language import told
from app import wiring
from app.settings import read_settings
from model.vlm import Sampling, VisionLanguageModel
from tools.errors import UserError


def run(arguments: Namespace) -> int:
    """0; 1 when an answer does not fit the form, which is said and printed all the same, or a file cannot be read."""
    settings = read_settings(vars(arguments))
    form = Form.of(read_form(arguments.form))
    files = files_in(arguments.files)
    into = places(files, arguments.out) if arguments.out else {}
    code = 0
    with closing(wiring.load_model(settings)) as loaded:
        model = told(loaded, arguments.language)
        for file in files:
            try:
                found = values_of(model, file, form, arguments, into.get(file))
            except UserError as error:
                if len(files) == 1:
                    raise
                print(f"error: {file}: {error}", file=sys.stderr)
                code = 1
                continue
            code = max(code, bool(found.problems))
    return code


def values_of(
    model: VisionLanguageModel, file: Path, form: Form, arguments: Namespace, place: Path | None
) -> Extracted:
    """Printed, also what there is when Ctrl-C stops it; with a place also kept there, page by page."""
    pages: list[OnPage] = []
    kept = place.with_name(place.name + ".values.jsonl") if place else None
    sheets = Sheets(file, arguments.pages, arguments.password)
    sampling = Sampling(max_new_tokens=arguments.max_tokens)
    try:
        with tqdm(desc=file.name, unit="page", disable=None) as bar:
            for page in extract_file(model, sheets, form, kept=kept, sampling=sampling):
                pages.append(page)
                bar.update()
    except KeyboardInterrupt:
        if pages:
            tell(file, gathered(pages, form), arguments.json)
        raise
    found = gathered(pages, form)
    tell(file, found, arguments.json)
    if place:
        put(place.with_name(place.name + ".values.json"), shown(file, found, as_json=True) + "\n")
    return found


def tell(file: Path, found: Extracted, as_json: bool) -> None:
    print(shown(file, found, as_json), flush=True)
    for problem in found.problems:
        print(f"{file}: {problem}", file=sys.stderr)


def shown(file: Path, found: Extracted, as_json: bool) -> str:
    """The values alone for people; for programs everything, in one line."""
    if as_json:
        return json.dumps({"file": str(file)} | asdict(found), ensure_ascii=False)
    return json.dumps(found.values, ensure_ascii=False, indent=2)


def read_form(given: str) -> object:
    """JSON, or the name of a file that holds it."""
    text = given
    if not given.lstrip().startswith(("{", "[")):
        path = Path(given)
        if not path.is_file():
            raise UserError(f'no file {given}; give a JSON example such as \'{{"total": ""}}\', or a file with one')
        text = path.read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"the form is no JSON: {error}") from error
