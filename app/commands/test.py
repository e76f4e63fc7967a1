"""`test`: pytest on this checkout, with whatever flags it was given; all tests, by several processes at a time."""

from __future__ import annotations

import os
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

from tools.errors import UserError

ROOT = Path(__file__).parents[2]
SHARED_OUT = [
    "--numprocesses=logical",  # one for each core
    "--maxprocesses=4",  # each may hold a browser and a model
    "--dist=loadfile",  # the tests of a file share what they start
    "--no-loadscope-reorder",  # else the files with one long test come last, and the other processes wait for them
]


def run(arguments: Namespace) -> int:
    if not (find_spec("pytest") and find_spec("xdist")):
        raise UserError('pytest, or a part of it, is not installed in this environment; run: pip install -e ".[dev]"')
    import pytest

    os.chdir(ROOT)
    return int(pytest.main(arguments.rest or SHARED_OUT))
