"""The command line: what can be said, and which file does it. Standard library only, so that help needs no set-up."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from app.settings import (
    read_approve,
    read_count,
    read_minutes,
    read_pages,
    read_patterns,
    read_quantization,
    read_rate,
    read_scale,
    read_seconds,
    read_settings,
    read_size,
    read_span,
)
from tools import offline
from tools.errors import UserError
from tools.geometry import Size

PROGRAM = "python3 launch.py"
SCREEN = Size(1920, 1080)
LONGEST_LANGUAGE = 40  # letters of a language's name
WRONG, INTERRUPTED = 2, 130  # exit codes beside 0, success, and 1, the task was not done


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: execute(arguments))


def guarded(work: Callable[[], int]) -> int:
    """The one place where the user's mistakes are caught."""
    try:
        return work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the last flush has a place to go
        return 1


def parse(argv: Sequence[str]) -> Namespace:
    """Help and mistakes end the program here."""
    if argv[:1] == ["test"] and not {"-h", "--help"} & set(argv):  # pytest's own flags; argparse would reorder them
        return Namespace(command="test", does="app.commands.test", rest=list(argv[1:]))
    arguments, rest = parser().parse_known_args(argv or ["app"])
    if rest and arguments.command != "train":
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest  # of train: flags of the stage
    return arguments


def execute(arguments: Namespace) -> int:
    """Import the file of the command, not before it is needed, and let it work."""
    if "offline" in vars(arguments) and read_settings(vars(arguments)).offline:
        offline.begin()
    code: int = import_module(arguments.does).run(arguments)
    return code


def parser() -> ArgumentParser:
    top = ArgumentParser(
        prog=PROGRAM,
        description="Handeye: one vision-language model on your own machine that sees a screen and acts.",
        epilog=f"Without a command: app. The first start sets everything up. {PROGRAM} COMMAND --help tells more.",
        allow_abbrev=False,
    )
    top.set_defaults(command=None)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    add_app(commands)
    add_chat(commands)
    add_demo(commands)
    add_act(commands)
    add_replay(commands)
    add_runs(commands)
    add_secrets(commands)
    add_ground(commands)
    add_parse(commands)
    add_extract(commands)
    add_ask(commands)
    add_video(commands)
    add_mcp(commands)
    add_bench(commands)
    add_train(commands)
    add_adapt(commands)
    add_doctor(commands)
    add_explain(commands)
    add_test(commands)
    return top


def add_app(commands: Any) -> None:
    app = command(commands, "app", "the page: chat, agent, replay; also what no command means", "app", "app --no-open")
    app.add_argument("--host", default="127.0.0.1", metavar="NAME", help="address to be reached at (%(default)s)")
    app.add_argument("--port", type=int, metavar="N", help="(default: the first free one from 7860)")
    about = "open it in a browser (default: where there is a screen)"
    app.add_argument("--open", action=argparse.BooleanOptionalAction, help=about)
    add_rules(app.add_argument_group("the agent's browser (defaults come from the settings)"))
    add_model(app)


def add_chat(commands: Any) -> None:
    examples = (
        "chat", 'chat "Read all the text in the image." --image page.png',
        'chat "Sum it up." --file report.pdf --pages 3-5',
        'chat "When does the door open?" --file clip.mp4 --fps 4', 'chat "Hello" --json',
    )  # fmt: skip
    chat = command(commands, "chat", "talk with the model, about pictures, PDF files and videos too", *examples)
    chat.add_argument("text", nargs="?", metavar="TEXT", help="one question; without it, a conversation")
    about = "a picture, PDF file or video; again for more"
    chat.add_argument(
        "--file", "--image", dest="image", type=Path, action="append", default=[], metavar="FILE", help=about
    )
    chat.add_argument("--pages", type=typed(read_pages), metavar="A-B", help="of a PDF file (default: the first 16)")
    about = "frames of a video in one second (default: %(default)s)"
    chat.add_argument("--fps", type=typed(read_rate), default=2.0, metavar="F", help=about)
    chat.add_argument("--system", default="", metavar="TEXT", help="what is said to the model first")
    chat.add_argument("--max-tokens", type=typed(read_count), default=512, metavar="N", help="(default: %(default)s)")
    chat.add_argument("--temperature", type=float, default=0.0, metavar="F", help="0: always the likeliest")
    chat.add_argument("--json", action="store_true", help="for programs: one JSON object for each reply")
    add_model(chat)


def add_demo(commands: Any) -> None:
    demo = command(commands, "demo", "see it work: a task of several steps on a page that comes with Handeye", "demo")
    add_model(demo)
    add_run(demo)


def add_act(commands: Any) -> None:
    examples = (
        'act "Search for lamps" --url https://example.com',
        'act "Click Login" --url ./page.html --headed',
        'act "Write a note" --sandbox --apps mousepad,xterm',
        'act "Close the window" --desktop',
        "act --resume last",
    )
    act = command(commands, "act", "do a task in a browser or on a desktop", *examples)
    what = act.add_mutually_exclusive_group(required=True)
    what.add_argument("task", nargs="?", metavar="TASK", help="what to do, in plain words")
    what.add_argument("--resume", metavar="RUN", help="go on with a run that broke off, as `runs` names it")
    about = "where to begin (default: about:blank; with --resume, where the run was)"
    act.add_argument("--url", help=about)
    about = "of a run that broke off in the middle of a step: whether that had been done (default: asks)"
    act.add_argument("--last-step", choices=("done", "undone"), help=about)
    where = act.add_mutually_exclusive_group()
    where.add_argument("--desktop", action="store_true", help="your own screen; Ctrl+Alt+Esc or a corner stops")
    where.add_argument("--sandbox", action="store_true", help="a virtual desktop in --viewport's size (Linux)")
    act.add_argument("--apps", metavar="APP,APP", help="of the virtual desktop: programs to start (default: xterm)")
    part = "of your own: all, a monitor from 1, LEFT,TOP,WIDTH,HEIGHT or window:TITLE (default: all)"
    act.add_argument("--screen", metavar="PART", help=part)
    add_model(act)
    add_run(act)


def add_replay(commands: Any) -> None:
    replay = command(commands, "replay", "show a recorded run again, and write its report", "replay runs/NAME")
    replay.add_argument("folder", type=Path, metavar="RUN", help="the run's folder")


def add_runs(commands: Any) -> None:
    group = commands.add_parser("runs", help="recorded runs: list, show, verify, export", allow_abbrev=False)
    things = group.add_subparsers(title="what to do", metavar="VERB", dest="verb", required=True)
    listed = command(things, "list", "all runs, newest first", "runs list", "runs list --json", does="runs")
    shown = command(things, "show", "one run, step by step", "runs show last", does="runs")
    about = "is a run as it was written? says which step was changed or removed"
    verified = command(things, "verify", about, "runs verify last", "runs verify NAME --json", does="runs")
    examples = ("runs export last --as script > again.py", "runs export NAME --as lines --to lines.zip")
    exported = command(things, "export", "a run as something to use", *examples, does="runs")
    kinds = "report: HTML; script: Playwright; test: pytest; lines: JSONL to fine-tune on, with its pictures in a ZIP"
    exported.add_argument("--as", dest="kind", required=True, choices=("report", "script", "test", "lines"), help=kinds)
    exported.add_argument("--to", type=Path, metavar="FILE", help="(default: standard output)")
    for verb in (shown, verified, exported):
        verb.add_argument("name", metavar="RUN", help='its name or how that begins, a folder, or "last"')
    for verb in (listed, shown, verified):
        verb.add_argument("--json", action="store_true", help="for programs")
    for verb in (listed, shown, verified, exported):
        verb.add_argument("--runs", type=Path, metavar="DIR", help="folder of the runs (default: as the settings say)")


def add_secrets(commands: Any) -> None:
    group = commands.add_parser("secrets", help="what {{name}} in a task stands for", allow_abbrev=False)
    verbs = group.add_subparsers(title="what to do", metavar="VERB", dest="verb", required=True)
    about = "keep a secret; it is asked for, or read from standard input"
    add = command(verbs, "add", about, "secrets add word --for https://example.com", does="secrets")
    add.add_argument("name", metavar="NAME", help="a task names it as {{NAME}}")
    add.add_argument("--for", dest="address", required=True, metavar="URL", help="the only site it is typed on")
    command(verbs, "list", "names and the sites they are for", "secrets list", does="secrets")
    remove = command(verbs, "remove", "forget one", "secrets remove word", does="secrets")
    remove.add_argument("name", metavar="NAME")


def add_ground(commands: Any) -> None:
    examples = ('ground page.png "the search button" --to marked.png', "ground --calibrate")
    ground = command(commands, "ground", "where is it? points and boxes on a picture", *examples)
    ground.add_argument("picture", nargs="?", type=Path, metavar="PICTURE")
    ground.add_argument("phrase", nargs="?", metavar="PHRASE", help="what to find")
    ways = "click: one place, as an agent; boxes, points: all of them (default: %(default)s)"
    ground.add_argument("--as", dest="way", choices=("click", "boxes", "points"), default="click", help=ways)
    ground.add_argument("--to", type=Path, metavar="FILE", help="the picture with the places marked")
    ground.add_argument("--calibrate", action="store_true", help="twenty drawn targets: how many are hit?")
    ground.add_argument("--json", action="store_true", help="for programs")
    add_model(ground)


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


def add_mcp(commands: Any) -> None:
    about = "what Handeye can do as MCP tools for other programs, over standard input and output"
    mcp = command(commands, "mcp", about, "mcp", "mcp --model Qwen/Qwen2.5-VL-7B-Instruct")
    add_model(mcp)
    add_run(mcp)


def add_bench(commands: Any) -> None:
    group = commands.add_parser(
        "bench", help="measure: tasks solved, targets hit, text read, pictures prepared", allow_abbrev=False
    )
    kinds = group.add_subparsers(title="benchmarks", metavar="BENCHMARK", dest="benchmark", required=True)

    examples = (
        "bench miniwob --tasks click-test,enter-text --seeds 0:50 --out runs/miniwob",
        "bench miniwob --tasks D --seeds 0:50 --out runs/dev --pages 2",
    )
    miniwob = command(kinds, "miniwob", "MiniWoB++ tasks", *examples, does="bench")
    lists = "names parted by commas, a file of names, or T (may be trained on), D (development)"
    miniwob.add_argument("--tasks", required=True, metavar="NAME,NAME|FILE|T|D", help=lists)
    pages = command(
        kinds, "pages", "the five kinds of practice page", "bench pages --seeds 0:50 --out runs/pages", does="bench"
    )
    pages.add_argument("--tasks", default="P", metavar="NAME,NAME", help="practice-NAME of each kind (default: all)")
    for bench in (miniwob, pages):
        bench.add_argument("--seeds", required=True, metavar="A:B", help="from A up to, but without, B")
        bench.add_argument("--pages", type=typed(read_count), default=1, metavar="N", help="so many at a time")
        bench.add_argument(
            "--random", action="store_true", help="no model: clicks at random, to know what chance gives"
        )
        bench.add_argument(
            "--chance", type=Path, metavar="DIR", help="folder of a --random run to correct the scores by"
        )
        bench.add_argument(
            "--max-steps", type=typed(read_count), metavar="N", help="steps before it counts as not done"
        )
        bench.add_argument("--scale", type=typed(read_scale), metavar="F", help="screenshot pixels for each CSS pixel")
        add_out(bench, "episodes.jsonl")
        add_model(bench)
    add_grounding(kinds)
    add_reading(kinds)
    add_pages(kinds)
    about = "can the model point on screens drawn in styles that no training showed"
    example = "bench screens --size 640x480 --count 200 --out runs/screens"
    screens = command(kinds, "screens", about, example, does="bench")
    screens.add_argument(
        "--size", type=typed(read_size), default="640x480", metavar="WxH", help="(default: %(default)s)"
    )
    screens.add_argument(
        "--count", type=typed(read_count), default=200, metavar="N", help="targets (default: %(default)s)"
    )
    add_out(screens, "results.jsonl")
    add_model(screens)
    add_clips(kinds)
    add_watching(kinds)
    add_verbs(kinds)
    about = "ten tasks with real programs on a virtual desktop (Linux)"
    desktop = command(kinds, "desktop", about, "bench desktop --out runs/desktop --scale 2", does="bench")
    desktop.add_argument("--tasks", metavar="NAME,NAME", help="some of them (default: all)")
    desktop.add_argument("--scale", type=typed(read_scale), default=1.0, metavar="F", help="enlarge what is seen (1)")
    add_out(desktop, "results.jsonl")
    add_model(desktop)
    about = "the first held-out screens, papers, lines and clips with what the model makes of them, as a picture"
    showcase = command(kinds, "showcase", about, "bench showcase --out examples.png", does="bench")
    showcase.add_argument(
        "--out", type=Path, default=Path("examples.png"), metavar="FILE", help="(default: %(default)s)"
    )
    add_model(showcase)
    about = "how fast a screenshot is made ready for the model, beside transformers' own processor"
    preprocess = command(kinds, "preprocess", about, "bench preprocess", does="bench")
    preprocess.add_argument(
        "--size", type=typed(read_size), default=SCREEN, metavar="WxH", help="(default: %(default)s)"
    )
    preprocess.add_argument("--rounds", type=typed(read_count), default=15, metavar="N", help="(default: %(default)s)")
    add_frames(kinds)
    about = "how much less a step costs than with transformers, as ratios of CPU time"
    speed = command(kinds, "speed", about, "bench speed", "bench speed --only R3 R4 --picture speed.png", does="bench")
    races = ("R1", "R2", "R3", "R4", "R8")
    speed.add_argument("--only", nargs="+", choices=races, default=(), help="not all of them, which takes ten minutes")
    speed.add_argument("--quick", action="store_true", help="small sizes, to see that it works; the ratios say nothing")
    speed.add_argument("--json", action="store_true", help="for programs: one JSON object")
    speed.add_argument("--picture", type=Path, metavar="FILE", help="the ratios as a PNG too")
    about = "the published 3B shape with random weights: load, answer, free; needs 8 GB of disk"
    shape = command(kinds, "real-shape", about, "bench real-shape", does="bench")
    shape.add_argument("--tokens", type=typed(read_count), default=8, metavar="N", help="(default: %(default)s)")


def add_grounding(kinds: Any) -> None:
    example = "bench grounding --format screenspot-v2 --annotations web.json --images images --out runs/grounding"
    grounding = command(kinds, "grounding", "can the model point at what it is told to", example, does="bench")
    formats = ("screenspot", "screenspot-v2", "screenspot-pro", "osworld-g")
    grounding.add_argument("--format", required=True, choices=formats, help="whose records these are")
    grounding.add_argument("--annotations", required=True, nargs="+", type=Path, metavar="FILE", help="JSON files")
    grounding.add_argument("--images", required=True, type=Path, metavar="DIR", help="folder of the pictures")
    meaning = "what the numbers of a box mean (default: as the format is published)"
    grounding.add_argument("--bbox-format", choices=("xywh", "xyxy"), help=meaning)
    grounding.add_argument("--limit", type=typed(read_count), metavar="N", help="only the first N samples")
    add_out(grounding, "results.jsonl")
    add_model(grounding)


def add_clips(kinds: Any) -> None:
    about = "can the model say when something happens in a short clip"
    clips = command(kinds, "clips", about, "bench clips --seeds 0:100 --out runs/clips", does="bench")
    clips.add_argument("--seeds", required=True, metavar="A:B", help="from A up to, but without, B")
    add_out(clips, "results.jsonl")
    add_model(clips)


def add_verbs(kinds: Any) -> None:
    about = "video ask, find, caption, read and the comparison, on files with known events and words"
    parser = command(kinds, "verbs", about, "bench verbs --seeds 0:10 --out runs/verbs", does="bench")
    parser.add_argument("--seeds", required=True, metavar="A:B", help="from A up to, but without, B")
    add_out(parser, "results.jsonl")
    add_model(parser)


def add_watching(kinds: Any) -> None:
    examples = (
        "bench video --format video-mme --annotations test.parquet --videos videos --out runs/mme",
        "bench video --format charades-sta --annotations charades_sta_test.txt --videos Charades_v1 --out runs/sta",
    )
    about = "does the model understand videos: published questions, and when something happens"
    parser = command(kinds, "video", about, *examples, does="bench")
    parser.add_argument(
        "--format", required=True, choices=("video-mme", "charades-sta"), help="whose records these are"
    )
    files = "parquet, JSON or JSON lines; text lines of Charades-STA"
    parser.add_argument("--annotations", required=True, nargs="+", type=Path, metavar="FILE", help=files)
    parser.add_argument("--videos", required=True, type=Path, metavar="DIR", help="folder of the videos")
    parser.add_argument("--subtitles", type=Path, metavar="DIR", help="folder of SRT files (default: none are told)")
    parser.add_argument("--fps", type=typed(read_rate), default=2.0, metavar="F", help="frames a second (%(default)s)")
    parser.add_argument("--limit", type=typed(read_count), metavar="N", help="only the first N samples")
    add_out(parser, "results.jsonl")
    add_model(parser)


def add_frames(kinds: Any) -> None:
    about = "how fast frames are taken out of a video, beside transformers' own readers"
    parser = command(kinds, "frames", about, "bench frames", "bench frames --hour --rounds 3", does="bench")
    parser.add_argument("--file", type=Path, metavar="FILE", help="a video to use instead of the drawn minute")
    parser.add_argument("--rounds", type=typed(read_count), default=5, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--hour", action="store_true", help="64 frames of an hour too, and read it through")
    parser.add_argument("--json", action="store_true", help="for programs")


def add_reading(kinds: Any) -> None:
    example = "bench reading --lines 0:100 --papers 0:50 --out runs/reading"
    about = "can the model read: lines of text, and pages as HTML"
    reading = command(kinds, "reading", about, example, does="bench")
    reading.add_argument("--lines", metavar="A:B", help="seeds of lines, from A up to, but without, B")
    reading.add_argument("--papers", metavar="A:B", help="seeds of pages")
    add_out(reading, "results.jsonl")
    add_model(reading)


def add_pages(kinds: Any) -> None:
    example = "bench documents OmniDocBench --out runs/documents"
    about = "can the model read documents: a folder of pages as OmniDocBench has them"
    documents = command(kinds, "documents", about, example, does="bench")
    documents.add_argument("folder", type=Path, metavar="DIR", help="with one JSON file, and its pictures in images")
    documents.add_argument("--limit", type=typed(read_count), metavar="N", help="only the first N pages")
    most = "of one answer about one page (default: %(default)s)"
    documents.add_argument("--max-tokens", type=typed(read_count), default=4096, metavar="N", help=most)
    documents.add_argument("--json", action="store_true", help="for programs: the scores, 0 to 1")
    add_out(documents, "results.jsonl")
    add_model(documents)


def add_train(commands: Any) -> None:
    examples = ("train --stage pages --out runs/train", "train --stage vision --out runs/train --steps 2000")
    about = "train the embedded model, one stage at a time; flags not listed here go to the stage"
    train = command(commands, "train", about, *examples)
    train.add_argument(
        "--stage",
        required=True,
        metavar="NAME",
        help="pages, vision, multimodal, long, sft, dpo or export",
    )
    train.add_argument(
        "--out", type=Path, default=Path("runs/train"), metavar="DIR", help="of all stages (%(default)s)"
    )


def add_adapt(commands: Any) -> None:
    about = "a checkpoint learns from your own recorded runs, and is saved as a new one"
    adapt = command(commands, "adapt", about, "adapt runs/NAME --model Qwen/Qwen2.5-VL-3B-Instruct --out runs/mine")
    adapt.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs to learn from")
    adapt.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the new checkpoint")
    adapt.add_argument(
        "--steps", type=typed(read_count), default=100, metavar="N", help="replies learned (%(default)s)"
    )
    adapt.add_argument("--rank", type=typed(read_count), default=16, metavar="N", help="of the adapters (%(default)s)")
    adapt.add_argument("--rate", type=float, default=1e-4, metavar="F", help="of learning (%(default)s)")
    add_model(adapt)


def add_doctor(commands: Any) -> None:
    doctor = command(
        commands, "doctor", "is everything there? each line is OK or says what to do", "doctor", "doctor --json"
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    add_model(doctor)


def add_explain(commands: Any) -> None:
    group = commands.add_parser("explain", help="what would Handeye do, and why", allow_abbrev=False)
    things = group.add_subparsers(title="what to explain", metavar="THING", dest="thing", required=True)
    examples = (
        "explain reply --family qwen2.5-vl --screen 1280x800 - < reply.txt",
        "explain reply --jsonl < replies.jsonl",
    )
    reply = command(things, "reply", "what would be done with this reply of a model", *examples, does="explain")
    reply.add_argument("reply", nargs="?", default="-", metavar="REPLY", help="the reply itself, or -: standard input")
    names = "qwen2-vl, qwen2.5-vl, qwen3-vl, tiny, or a checkpoint's name (default: %(default)s)"
    reply.add_argument("--family", default="qwen2.5-vl", metavar="NAME", help=f"whose reply it is: {names}")
    reply.add_argument("--screen", type=typed(read_size), metavar="WxH", help="size of the screenshot, in pixels")
    seen = "size the model saw it at (default: the family's own resize)"
    reply.add_argument("--model-screen", type=typed(read_size), metavar="WxH", help=seen)
    lines = "read {reply, family, screen, model_screen} objects, write {actions, error} objects, one a line"
    reply.add_argument("--jsonl", action="store_true", help=lines)
    examples = (
        "explain url --allow '*.example.com' --block ads.example.com https://ads.example.com/a",
        "explain url --jsonl < addresses.jsonl",
    )
    url = command(things, "url", "may this address be contacted, and by which rule", *examples, does="explain")
    url.add_argument("url", nargs="?", metavar="URL", help="the address")
    add_rules(url)
    lines = "read {url, allow, block} objects, write {decision, rule} objects, one a line"
    url.add_argument("--jsonl", action="store_true", help=lines)


def add_test(commands: Any) -> None:
    command(commands, "test", "run the tests; what follows goes to pytest", "test", "test -k browser")


def command(commands: Any, name: str, about: str, *examples: str, does: str = "") -> ArgumentParser:
    """A subcommand, carried out by `run` in app/commands/`does`.py."""
    shown = "\n".join(f"  {PROGRAM} {example}" for example in examples)
    made: ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"examples:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.set_defaults(does=f"app.commands.{does or name}")
    return made


def add_model(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the model (defaults come from the settings)")
    names = '"tiny", a folder that holds a checkpoint, a hub id, or the address of a server such as http://HOST:8000/v1'
    group.add_argument("--model", metavar="NAME", help=names)
    group.add_argument("--device", metavar="NAME", help="auto, cpu, cuda, cuda:0, mps")
    group.add_argument("--dtype", metavar="NAME", help="auto, float32, bfloat16, float16")
    about = "reach nothing beyond this machine; the model must be there already"
    group.add_argument("--offline", action="store_const", const=True, help=about)
    group.add_argument("--quantization", type=typed(read_quantization), metavar="NAME", help="4bit, 8bit or none")


def add_run(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the run (defaults come from the settings)")
    group.add_argument("--headed", action="store_const", const=True, help="show the browser's window")
    group.add_argument("--max-steps", type=typed(read_count), metavar="N", help="steps before it counts as not done")
    group.add_argument("--viewport", type=typed(read_size), metavar="WxH", help="size of the page, in CSS pixels")
    group.add_argument("--scale", type=typed(read_scale), metavar="F", help="screenshot pixels for each CSS pixel")
    about = "minutes of seeing, thinking and acting"
    group.add_argument("--max-minutes", type=typed(read_minutes), metavar="N", help=about)
    group.add_argument("--max-tokens", type=typed(read_count), metavar="N", help="tokens read and written")
    about = "ask before every action, before what may not be undone or was not asked for, or never"
    group.add_argument("--approve", type=typed(read_approve), metavar="always|irreversible|never", help=about)
    add_rules(group)
    group.add_argument("--out", dest="runs", type=Path, metavar="DIR", help="where the run gets a folder of its own")


def add_rules(parser: Any) -> None:
    forms = "*, host, *.host, host:port, host:*, scheme://host[:port][/path]"
    allow = f"only these addresses, parted by commas: {forms}; '' allows none (default: all public ones)"
    parser.add_argument("--allow", type=read_patterns, action="extend", metavar="PATTERN,...", help=allow)
    block = "never these, whatever is allowed; a host stands for its subdomains too"
    parser.add_argument("--block", type=read_patterns, action="extend", metavar="PATTERN,...", help=block)


def add_out(parser: ArgumentParser, file: str) -> None:
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help=f"folder for {file}; a second start goes on in it"
    )


def typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """argparse shows the message of this one error only."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert
