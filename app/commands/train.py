"""`train`: one stage of the embedded model's training."""

from __future__ import annotations

from argparse import Namespace

from model import training


def run(arguments: Namespace) -> int:
    training.run(arguments)
    return 0
