"""Flags that several commands share, and how a command is made. Standard library only."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.settings import read_approve, read_count, read_minutes, read_patterns, read_quantization, read_scale, read_size

PROGRAM = "python3 launch.py"


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
    about = "size of the page, in CSS pixels (default: what the model reads best)"
    group.add_argument("--viewport", type=typed(read_size), metavar="WxH", help=about)
    about = "screenshot pixels for each CSS pixel (default: what the model reads best)"
    group.add_argument("--scale", type=typed(read_scale), metavar="F", help=about)
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
