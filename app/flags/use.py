"""Flags of what people use: the page, chat, tasks, runs, pointing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.flags.common import add_model, add_rules, add_run, command, typed
from app.settings import read_count, read_pages, read_rate


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
    where.add_argument("--sandbox", action="store_true", help="a virtual desktop, of 1280x800 or --viewport (Linux)")
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


def add_mcp(commands: Any) -> None:
    about = "what Handeye can do as MCP tools for other programs, over standard input and output"
    mcp = command(commands, "mcp", about, "mcp", "mcp --model Qwen/Qwen2.5-VL-7B-Instruct")
    add_model(mcp)
    add_run(mcp)
