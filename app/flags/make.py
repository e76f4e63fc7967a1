"""Flags of what makes models, and of what explains and checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.flags.common import add_model, add_rules, command, typed
from app.settings import read_count, read_size


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
