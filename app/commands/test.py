"""`test`: pytest on this checkout, with whatever flags it was given; without any, all tests by several processes."""

from __future__ import annotations

import os
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

from tools.errors import UserError

ROOT = Path(__file__).parents[2]
ALL = ["-n", "logical", "--maxprocesses", "4", "--dist", "loadfile"]  # the tests of one file share a browser


def run(arguments: Namespace) -> int:
    if find_spec("pytest") is None:
        raise UserError('pytest is not installed in this environment; run: pip install -e ".[dev]"')
    import pytest

    os.chdir(ROOT)
    return int(pytest.main(arguments.rest or ALL))
