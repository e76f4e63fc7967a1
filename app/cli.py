"""The command line: what can be said, and which file does it. Standard library only, so that help needs no set-up."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from importlib import import_module

from app.flags.common import PROGRAM
from app.flags.make import add_adapt, add_doctor, add_explain, add_test, add_train
from app.flags.measure import add_bench
from app.flags.read import add_ask, add_extract, add_parse, add_video
from app.flags.use import add_act, add_app, add_chat, add_demo, add_ground, add_mcp, add_replay, add_runs, add_secrets
from app.settings import read_settings
from tools import offline
from tools.errors import UserError

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
