"""A question about a document of many pages: each page is asked, quotes are looked up, and pages are cited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from agent.documents.extract import read
from agent.documents.kept import Record, Sheets, each_page
from agent.documents.pages import OnReply
from agent.documents.spelling import TOKEN, letters
from agent.prompts import PAGE, PAGES
from agent.reading import cut_short
from model.messages import ImagePart, user
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.documents import Page
from tools.errors import UserError

SAMPLING = Sampling(max_new_tokens=512)
AT_ONCE = 24  # answers of pages that are put together in one request
LONGEST_QUOTE = 400  # letters of one, as it is shown to the model again
NOTHING = ("", "null", "none", "n/a")

Check = Literal["verified", "not found", "no text"]  # is the quote in the page's text?


@dataclass(frozen=True)
class Note:
    """What one page says."""

    page: int
    of: int
    answer: str = ""  # "": the page does not say
    quote: str = ""
    check: Check = "no text"
    problem: str = ""  # why the model's reply could not be used, or is not whole


@dataclass(frozen=True)
class Answer:
    text: str  # "": no page says
    pages: tuple[int, ...]  # that it rests on
    notes: tuple[Note, ...]  # of these pages
    problems: tuple[str, ...] = ()


def ask_pages(
    model: VisionLanguageModel,
    sheets: Sheets,
    question: str,
    *,
    texts: Mapping[int, str] | None = None,
    kept: Path | None = None,
    sampling: Sampling = SAMPLING,
    on_reply: OnReply = lambda reply: None,
) -> Iterator[Note]:
    """What each page says, as it is read.

    texts: of pages, by their numbers, where quotes are looked up beside the file's own text. kept: a file that keeps
    the notes; what it holds is not asked again. on_reply: is given every reply before it is spoken, to follow or to
    cancel it; a cancelled one ends the reading. Raises UserError.
    """

    def look(page: Page) -> Record | None:
        asked = user(PAGE.format(question=question, number=page.number, of=page.of), ImagePart(page.image))
        reply = heard(model.stream([asked], sampling), on_reply)
        if reply.usage.finish == "cancelled":
            return None
        text = " ".join(word.text for word in page.words) + " " + (texts or {}).get(page.number, "")
        return asdict(understood(reply, page, text))

    known = hashlib.sha256(json.dumps(sorted((texts or {}).items())).encode()).hexdigest()
    about = {"model": model.name, "question": question, "texts": known}
    for record in each_page(sheets, look, kept, about):
        yield Note(**record)


def heard(reply: Reply, on_reply: OnReply) -> Reply:
    on_reply(reply)
    reply.read()
    return reply


def understood(reply: Reply, page: Page, text: str) -> Note:
    said = read(reply.text)
    if not isinstance(said, dict) or "answer" not in said:
        problem = cut_short(reply) or "the reply holds no JSON with an answer"
        return Note(page.number, page.of, problem=problem)
    answer, quote = plain(said["answer"]), plain(said.get("quote"))
    check = checked(quote, text) if answer else "no text"
    return Note(page.number, page.of, answer, quote if answer else "", check, cut_short(reply))


def plain(value: Any) -> str:
    """A value as a sentence; "" for one that says that there is none."""
    text = value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "" if text.casefold() in NOTHING else text


def checked(quote: str, text: str) -> Check:
    """Do the quote's words follow each other in the text? Blanks, punctuation, case and cut words do not count."""
    words = [word for word in (letters(token).casefold() for token in TOKEN.findall(text)) if word]
    if not words:
        return "no text"
    wanted, whole = letters(quote).casefold(), "".join(words)
    edges = {0, *accumulate(map(len, words))}  # a quote begins and ends with whole words: "4" is not in "14"
    at = whole.find(wanted) if wanted else -1
    while at >= 0:
        if at in edges and at + len(wanted) in edges:
            return "verified"
        at = whole.find(wanted, at + 1)
    return "not found"


def conclude(
    model: VisionLanguageModel,
    question: str,
    notes: Sequence[Note],
    sampling: Sampling = SAMPLING,
    on_reply: OnReply = lambda reply: None,
) -> Answer:
    """One answer from what the pages say. Where pages disagree, the model is asked again, in text.

    A quote that is not on its page leaves its page out, unless no page has a better one. Raises UserError.
    """
    problems = [f"page {note.page}: {note.problem}" for note in notes if note.problem]
    answered = [note for note in notes if note.answer]
    used = [note for note in answered if note.check != "not found"] or answered
    by_page = {note.page: note for note in used}
    left = [Answer(note.answer, (note.page,), (note,)) for note in used]
    while len({letters(one.text).casefold() for one in left}) > 1:
        groups = [left[at : at + AT_ONCE] for at in range(0, len(left), AT_ONCE)]
        left = [merged(model, question, group, by_page, sampling, on_reply) for group in groups]
        problems += [problem for one in left for problem in one.problems]
    pages = tuple(sorted({page for one in left for page in one.pages}))
    return Answer(left[0].text if left else "", pages, tuple(by_page[page] for page in pages), tuple(problems))


def merged(
    model: VisionLanguageModel,
    question: str,
    group: Sequence[Answer],
    by_page: Mapping[int, Note],
    sampling: Sampling,
    on_reply: OnReply,
) -> Answer:
    """The answers as one; the first of them where the model's reply cannot be used."""
    if len(group) == 1:
        return replace(group[0], problems=())
    told = "\n".join(json.dumps(shown(one, by_page), ensure_ascii=False) for one in group)
    reply = heard(model.stream([user(PAGES.format(question=question, notes=told))], sampling), on_reply)
    said = read(reply.text)
    text = plain(said.get("answer")) if isinstance(said, dict) else ""
    if not text:
        why = cut_short(reply) or "the reply holds no JSON with an answer"
        pages = group[0].pages
        return replace(group[0], problems=(f"the pages disagree, and this is what page {pages[0]} says: {why}",))
    there = [page for one in group for page in one.pages]
    named = said.get("pages")
    cited = [page for page in there if isinstance(named, list) and page in named] or there
    return Answer(text, tuple(cited), tuple(by_page[page] for page in cited))


def shown(one: Answer, by_page: Mapping[int, Note]) -> dict[str, Any]:
    """As the model sees it: one page with its quote, or several that were put together before."""
    if len(one.pages) > 1:
        return {"pages": one.pages, "answer": one.text}
    return {"page": one.pages[0], "answer": one.text, "quote": by_page[one.pages[0]].quote[:LONGEST_QUOTE]}


def parsed_texts(path: Path) -> dict[int, str]:
    """Page by page, of the JSON file that parsing wrote. Raises UserError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {page["page"]: " ".join(str(block["text"]) for block in page["blocks"]) for page in content["pages"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no JSON file that parse wrote; make one with parse --out DIR --as json") from error
