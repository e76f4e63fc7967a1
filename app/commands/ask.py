"""`ask`: a question about a document of many pages, answered with the pages that say so."""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import asdict

from tqdm import tqdm

from agent.documents.ask import Answer, Note, ask_pages, conclude, parsed_texts
from agent.documents.batch import put
from agent.documents.kept import Sheets
from agent.documents.language import told
from app import wiring
from app.settings import read_settings
from app.show import printable
from model.vlm import Sampling, VisionLanguageModel

CHECKS = {
    "verified": "verified in the page's text",
    "not found": "not found in the page's text",
    "no text": "the page has no text to look it up in",
}


def run(arguments: Namespace) -> int:
    """0; 1 when no page answers, or a page could not be asked."""
    settings = read_settings(vars(arguments))
    sheets = Sheets(arguments.file, arguments.pages, arguments.password)
    texts = parsed_texts(arguments.parsed) if arguments.parsed else {}
    with closing(wiring.load_model(settings)) as loaded:
        return answer(told(loaded, arguments.language), sheets, texts, arguments)


def answer(model: VisionLanguageModel, sheets: Sheets, texts: dict[int, str], arguments: Namespace) -> int:
    sampling = Sampling(max_new_tokens=arguments.max_tokens)
    mark = hashlib.sha256(arguments.question.encode()).hexdigest()[:8]  # another question has files of its own
    place = arguments.out / f"{sheets.file.name}.{mark}" if arguments.out else None
    kept = place.with_name(place.name + ".notes.jsonl") if place else None
    notes: list[Note] = []
    with tqdm(desc="pages", unit="page", disable=None) as bar:
        for note in ask_pages(model, sheets, arguments.question, texts=texts, kept=kept, sampling=sampling):
            notes.append(note)
            bar.total = len(arguments.pages or ()) or note.of
            bar.update()
            with bar.external_write_mode(file=sys.stdout):
                show(note, arguments.json)
    found = conclude(model, arguments.question, notes, sampling)
    conclusion(found, arguments.json)
    if place:
        text = json.dumps({"question": arguments.question, **asdict(found)}, ensure_ascii=False, indent=1)
        put(place.with_name(place.name + ".answer.json"), text + "\n")
    return 0 if found.text and not found.problems else 1


def show(note: Note, as_json: bool) -> None:
    """As soon as the page is read, so that a stop leaves what was found."""
    if as_json:
        print(json.dumps(asdict(note), ensure_ascii=False), flush=True)
    elif note.answer:
        print(f"page {note.page}: {printable(note.answer)}", flush=True)
        if note.quote:
            print(f'    "{printable(note.quote)}" ({CHECKS[note.check]})', flush=True)
    if note.problem and not as_json:
        print(f"page {note.page}: {note.problem}", file=sys.stderr)


def conclusion(found: Answer, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(found), ensure_ascii=False), flush=True)
        return
    where = ", ".join(map(str, found.pages))
    print(f"\n{printable(found.text)} [page{'s' * (len(found.pages) > 1)} {where}]" if found.text else "no page says")
