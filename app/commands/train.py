"""`train`: one stage of the embedded model's training."""

from __future__ import annotations

from argparse import Namespace

from model.training import stages


def run(arguments: Namespace) -> int:
    stages.run(arguments.stage, arguments.out, arguments.rest)
    return 0
