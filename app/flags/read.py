"""Flags of what reads: documents and videos."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.flags.common import add_model, command, typed
from app.settings import read_count, read_pages, read_rate, read_seconds, read_span

LONGEST_LANGUAGE = 40  # letters of a language's name


def add_parse(commands: Any) -> None:
    examples = (
        "parse report.pdf",
        "parse report.pdf --pages 2-5 --json",
        "parse papers/ --out parsed --as markdown,xlsx",
    )
    about = "documents to Markdown, HTML, JSON, text and tables"
    parse = command(commands, "parse", about, *examples)
    add_documents(parse, 4096)
    parse.add_argument("--out", type=Path, metavar="DIR", help="keep results there, go on there after a stop")
    kinds = ("markdown", "html", "json", "text", "csv", "xlsx")
    help = f"with --out, parted by commas, of: {', '.join(kinds)} (default: the first four)"
    parse.add_argument(
        "--as", dest="kinds", type=typed(some_of(kinds)), default=kinds[:4], metavar="KIND,KIND", help=help
    )
    layer = "let the text that a PDF file holds set the model's spelling right (default: yes)"
    parse.add_argument("--text-layer", action=argparse.BooleanOptionalAction, default=True, help=layer)
    values = "ask again for the values of each chart and picture, as tables"
    parse.add_argument("--charts", action="store_true", help=values)
    about = "pages that are read at a time (default: 8 with a server, else 1)"
    parse.add_argument("--workers", type=typed(read_count), metavar="N", help=about)
    parse.add_argument("--json", action="store_true", help="for programs: one JSON object for each page")
    add_model(parse)


def add_extract(commands: Any) -> None:
    examples = ('extract bill.pdf --form \'{"company": "", "total": 0}\'', "extract bills/ --form schema.json --json")
    extract = command(commands, "extract", "values out of documents, in the form you give", *examples)
    add_documents(extract, 2048)
    form = "a JSON example of the answer, or a JSON schema, or a file with one"
    extract.add_argument("--form", required=True, metavar="JSON|FILE", help=form)
    extract.add_argument("--out", type=Path, metavar="DIR", help="keep the values there, go on there after a stop")
    extract.add_argument("--json", action="store_true", help="for programs: one JSON object for each file")
    add_model(extract)


def add_ask(commands: Any) -> None:
    examples = (
        'ask report.pdf "What is the total?"', 'ask report.pdf "Who signed it?" --pages 1-20 --json',
        'ask scan.pdf "When was it sent?" --parsed parsed/scan.pdf.json',
    )  # fmt: skip
    ask = command(commands, "ask", "a question about a long document, answered with its pages", *examples)
    ask.add_argument("file", type=Path, metavar="FILE", help="PDF or picture")
    ask.add_argument("question", metavar="QUESTION")
    add_reading_options(ask, 512)
    parsed = "what parse made of it, as JSON: quotes are looked up there too"
    ask.add_argument("--parsed", type=Path, metavar="FILE", help=parsed)
    ask.add_argument("--out", type=Path, metavar="DIR", help="keep answers there, go on there after a stop")
    ask.add_argument("--json", action="store_true", help="for programs: an object for each page, then the answer")
    add_model(ask)


def add_video(commands: Any) -> None:
    about = "ask about videos; find when something happens, caption, read; record the screen"
    group = commands.add_parser("video", help=about, allow_abbrev=False)
    verbs = group.add_subparsers(title="what to do", metavar="VERB", dest="verb", required=True)
    asks = (
        'video ask clip.mp4 "What does the person do?"',
        'video ask clip.mp4 "Who comes in at 1:15?" --span 1:00-2:00',
        'video ask before.mp4 after.mp4 "What differs?"',
    )
    ask = command(verbs, "ask", "a question about a video, or about several beside each other", *asks, does="video")
    ask.add_argument("files", nargs="+", type=Path, metavar="FILE", help="video, or folder of frames")
    ask.add_argument("text", metavar="QUESTION")
    whole = "look at a long video once, with few frames, and not in stretches"
    ask.add_argument("--whole", action="store_true", help=whole)
    finds = ('video find clip.mp4 "the door opens"', 'video find "day/*.mp4" "a car stops" --out found')
    find = command(verbs, "find", "when does something happen? long videos in stretches", *finds, does="video")
    find.add_argument("files", nargs="+", type=Path, metavar="FILE", help="video, or folder of frames")
    find.add_argument("text", metavar="WHAT", help="what happens, in a few words")
    captions = (
        "video caption clip.mp4",
        "video caption clip.mp4 --as srt --to clip.srt",
        "video caption a/*.mp4 --out b",
    )
    caption = command(verbs, "caption", "everything that happens, with its times", *captions, does="video")
    caption.add_argument("files", nargs="+", type=Path, metavar="FILE", help="video, or folder of frames")
    kinds = ("lines", "srt", "vtt", "json")
    caption.add_argument("--as", dest="kind", choices=kinds, default="lines", help="(%(default)s)")
    caption.add_argument("--to", type=Path, metavar="FILE", help="of srt, vtt, json (default: standard output)")
    caption.add_argument("--summary", action="store_true", help="at the end, a few sentences about the whole")
    reads = ("video read slides.mp4", "video read slides.mp4 --fps 0.5 --json")
    read = command(verbs, "read", "the texts that can be read, and from when to when", *reads, does="video")
    read.add_argument("files", nargs="+", type=Path, metavar="FILE", help="video, or folder of frames")
    for verb, fps in ((ask, 2.0), (find, 2.0), (caption, 2.0), (read, 1.0)):
        about = "frames a second to look at; of a folder of frames whose names tell no times, how many are one second"
        verb.add_argument("--fps", type=typed(read_rate), default=fps, metavar="F", help=f"{about} (%(default)s)")
        verb.add_argument("--span", type=typed(read_span), metavar="A-B", help="only this part, such as 1:00-2:30")
        verb.add_argument("--scenes", action="store_true", help="take the frames where scenes begin")
        if verb is not read:
            told = "do not tell the model the subtitles that the file has"
            verb.add_argument("--no-subtitles", dest="subtitles", action="store_false", help=told)
        if verb in (ask, find):
            clocks = ("as-is", "seconds", "minutes", "hours")
            form = "how the model is asked to write times: seconds, mm:ss.ff, hh:mm:ss.ff"
            verb.add_argument("--clock", choices=clocks, default="as-is", help=form)
        verb.add_argument("--json", action="store_true", help="for programs")
        verb.add_argument("--out", type=Path, metavar="DIR", help="keep results there, go on there after a stop")
        add_model(verb)
    records = ("video record out.webm --seconds 10", "video record out.webm --seconds 5 --url https://example.com")
    record = command(
        verbs, "record", "the screen, or a page, for some seconds into a WebM file", *records, does="video"
    )
    record.add_argument("file", type=Path, metavar="FILE")
    record.add_argument("--seconds", type=typed(read_seconds), required=True, metavar="N", help="or until Ctrl-C")
    record.add_argument(
        "--fps", type=typed(read_rate), default=5.0, metavar="F", help="pictures a second (%(default)s)"
    )
    record.add_argument("--screen", type=int, default=1, metavar="N", help="which monitor; 0: all (%(default)s)")
    record.add_argument("--url", metavar="ADDRESS", help="a page in a browser of its own, instead of the screen")


def add_documents(parser: ArgumentParser, most: int) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="PDF or picture, or a folder of them")
    add_reading_options(parser, most)


def add_reading_options(parser: ArgumentParser, most: int) -> None:
    parser.add_argument("--pages", type=typed(read_pages), metavar="N-N", help="such as 1-3,7 (default: all)")
    parser.add_argument("--password", default="", metavar="WORD", help="of encrypted files")
    hint = "what the documents are written in, such as Chinese: told to the model"
    parser.add_argument("--language", type=typed(read_language), default="", metavar="NAME", help=hint)
    about = "of one answer about one page (default: %(default)s)"
    parser.add_argument("--max-tokens", type=typed(read_count), default=most, metavar="N", help=about)


def read_language(text: str) -> str:
    if not text.isprintable() or len(text) > LONGEST_LANGUAGE:
        raise ValueError(f"{text!r} is no language; give its name, such as German")
    return text.strip()


def some_of(choices: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Reads names parted by commas."""

    def read(text: str) -> tuple[str, ...]:
        for name in text.split(","):
            if name not in choices:
                raise ValueError(f"no {name!r}; there are: {', '.join(choices)}")
        return tuple(text.split(","))

    return read
