"""`secrets`: what {{name}} in a task stands for: add, list, remove."""

from __future__ import annotations

import sys
from argparse import Namespace
from getpass import getpass

from app.vault import vault


def run(arguments: Namespace) -> int:
    match arguments.verb:
        case "add":
            value = getpass(f"{arguments.name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
            vault().add(arguments.name, value, arguments.address)
        case "remove":
            vault().remove(arguments.name)
        case _:
            for name, bound in sorted(vault().names().items()):
                print(f"{name}  {bound}")
    return 0
