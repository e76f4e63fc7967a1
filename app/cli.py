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

from app.settings import read_count, read_pages, read_quantization, read_rate, read_scale, read_size
from tools.errors import UserError
from tools.geometry import Size

PROGRAM = "python3 launch.py"
SCREEN = Size(1920, 1080)
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
    add_ground(commands)
    add_parse(commands)
    add_extract(commands)
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
    examples = ('act "Search for lamps" --url https://example.com', 'act "Click Login" --url ./page.html --headed')
    act = command(commands, "act", "do a task in a browser", *examples)
    act.add_argument("task", metavar="TASK", help="what to do, in plain words")
    act.add_argument("--url", default="about:blank", help="where to begin (default: %(default)s)")
    add_model(act)
    add_run(act)


def add_replay(commands: Any) -> None:
    replay = command(commands, "replay", "show a recorded run again, and write its report", "replay runs/NAME")
    replay.add_argument("folder", type=Path, metavar="RUN", help="the run's folder")


def add_runs(commands: Any) -> None:
    group = commands.add_parser("runs", help="recorded runs: list, show, export", allow_abbrev=False)
    things = group.add_subparsers(title="what to do", metavar="VERB", dest="verb", required=True)
    listed = command(things, "list", "all runs, newest first", "runs list", "runs list --json", does="runs")
    shown = command(things, "show", "one run, step by step", "runs show last", does="runs")
    examples = ("runs export last --as script > again.py", "runs export NAME --as lines --to lines.zip")
    exported = command(things, "export", "a run as something to use", *examples, does="runs")
    kinds = "report: HTML; script: Playwright; test: pytest; lines: JSONL to fine-tune on, with its pictures in a ZIP"
    exported.add_argument("--as", dest="kind", required=True, choices=("report", "script", "test", "lines"), help=kinds)
    exported.add_argument("--to", type=Path, metavar="FILE", help="(default: standard output)")
    for verb in (shown, exported):
        verb.add_argument("name", metavar="RUN", help='its name or how that begins, a folder, or "last"')
    for verb in (listed, shown):
        verb.add_argument("--json", action="store_true", help="for programs")
    for verb in (listed, shown, exported):
        verb.add_argument("--runs", type=Path, metavar="DIR", help="folder of the runs (default: as the settings say)")


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
    parse.add_argument("--json", action="store_true", help="for programs: one JSON object for each page")
    add_model(parse)


def add_extract(commands: Any) -> None:
    examples = ('extract bill.pdf --form \'{"company": "", "total": 0}\'', "extract bills/ --form schema.json --json")
    extract = command(commands, "extract", "values out of documents, in the form you give", *examples)
    add_documents(extract, 2048)
    form = "a JSON example of the answer, or a JSON schema, or a file with one"
    extract.add_argument("--form", required=True, metavar="JSON|FILE", help=form)
    extract.add_argument("--json", action="store_true", help="for programs: one JSON object for each file")
    add_model(extract)


def add_video(commands: Any) -> None:
    group = commands.add_parser("video", help="ask about a video; find when something happens", allow_abbrev=False)
    verbs = group.add_subparsers(title="what to do", metavar="VERB", dest="verb", required=True)
    asks = 'video ask clip.mp4 "What does the person do?"'
    ask = command(verbs, "ask", "a question about a video, answered", asks, does="video")
    ask.add_argument("file", type=Path, metavar="FILE")
    ask.add_argument("text", metavar="QUESTION")
    finds = 'video find clip.mp4 "the door opens"'
    find = command(verbs, "find", "when does something happen? long videos in stretches", finds, does="video")
    find.add_argument("file", type=Path, metavar="FILE")
    find.add_argument("text", metavar="WHAT", help="what happens, in a few words")
    captions = ("video caption clip.mp4", "video caption clip.mp4 --as srt --to clip.srt")
    caption = command(verbs, "caption", "everything that happens, with its times", *captions, does="video")
    caption.add_argument("file", type=Path, metavar="FILE")
    caption.add_argument("--as", dest="kind", choices=("lines", "srt", "vtt"), default="lines", help="(%(default)s)")
    caption.add_argument("--to", type=Path, metavar="FILE", help="of srt and vtt (default: standard output)")
    for verb in (ask, find, caption):
        verb.add_argument(
            "--fps", type=typed(read_rate), default=2.0, metavar="F", help="frames a second to look at (%(default)s)"
        )
        verb.add_argument("--json", action="store_true", help="for programs")
        add_model(verb)


def add_documents(parser: ArgumentParser, most: int) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="PDF or picture, or a folder of them")
    parser.add_argument("--pages", type=typed(read_pages), metavar="N-N", help="such as 1-3,7 (default: all)")
    parser.add_argument("--password", default="", metavar="WORD", help="of encrypted files")
    about = "of one answer about one page (default: %(default)s)"
    parser.add_argument("--max-tokens", type=typed(read_count), default=most, metavar="N", help=about)


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


def add_reading(kinds: Any) -> None:
    example = "bench reading --lines 0:100 --papers 0:50 --out runs/reading"
    about = "can the model read: lines of text, and pages as HTML"
    reading = command(kinds, "reading", about, example, does="bench")
    reading.add_argument("--lines", metavar="A:B", help="seeds of lines, from A up to, but without, B")
    reading.add_argument("--papers", metavar="A:B", help="seeds of pages")
    add_out(reading, "results.jsonl")
    add_model(reading)


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
    group.add_argument("--model", metavar="NAME", help='"tiny", a folder that holds a checkpoint, or a hub id')
    group.add_argument("--device", metavar="NAME", help="auto, cpu, cuda, cuda:0, mps")
    group.add_argument("--dtype", metavar="NAME", help="auto, float32, bfloat16, float16")
    group.add_argument("--quantization", type=typed(read_quantization), metavar="NAME", help="4bit, 8bit or none")


def add_run(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the run (defaults come from the settings)")
    group.add_argument("--headed", action="store_const", const=True, help="show the browser's window")
    group.add_argument("--max-steps", type=typed(read_count), metavar="N", help="steps before it counts as not done")
    group.add_argument("--viewport", type=typed(read_size), metavar="WxH", help="size of the page, in CSS pixels")
    group.add_argument("--scale", type=typed(read_scale), metavar="F", help="screenshot pixels for each CSS pixel")
    group.add_argument("--out", dest="runs", type=Path, metavar="DIR", help="where the run gets a folder of its own")


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
