"""`extract`: values out of documents, in the form of a JSON schema or an example."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from agent.documents.batch import files_in
from agent.documents.extract import Extracted, Form, extract
from app import wiring
from app.settings import read_settings
from model.vlm import Sampling
from tools.documents import pages
from tools.errors import UserError


def run(arguments: Namespace) -> int:
    """0; 1 when an answer does not fit the form, which is said and printed all the same."""
    settings = read_settings(vars(arguments))
    form = Form.of(read_form(arguments.form))
    files = files_in(arguments.files)
    code = 0
    with closing(wiring.load_model(settings)) as model:
        for file in files:
            sheets = ((page.number, page.image) for page in pages(file, arguments.pages, password=arguments.password))
            found = extract(model, sheets, form, Sampling(max_new_tokens=arguments.max_tokens))
            print(shown(file, found, arguments.json), flush=True)
            for problem in found.problems:
                print(f"{file}: {problem}", file=sys.stderr)
            code = max(code, bool(found.problems))
    return code


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
