"""`test`: pytest on this checkout, with whatever flags it was given."""

from __future__ import annotations

import os
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

from tools.errors import UserError

ROOT = Path(__file__).parents[2]


def run(arguments: Namespace) -> int:
    if find_spec("pytest") is None:
        raise UserError('pytest is not installed in this environment; run: pip install -e ".[dev]"')
    import pytest

    os.chdir(ROOT)
    return int(pytest.main(arguments.rest))
