"""`mcp`: tools for other programs, until they close standard input."""

from __future__ import annotations

import sys
from argparse import Namespace

from app.mcp_tools import server
from app.settings import read_settings


def run(arguments: Namespace) -> int:
    settings = read_settings(vars(arguments))
    if sys.stdin.isatty():
        print("An MCP client is waited for on standard input; README.md says how one starts this.", file=sys.stderr)
    server(settings).run("stdio")  # which sends to standard error what anything here prints
    return 0
