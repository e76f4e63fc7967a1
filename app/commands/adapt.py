"""`adapt`: a checkpoint learns from recorded runs."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing

from agent.examples import examples
from app import wiring
from app.settings import read_settings


def run(arguments: Namespace) -> int:
    from model.training.adapt import adapt  # its libraries take seconds to load

    with closing(wiring.load_local(read_settings(vars(arguments)))) as model:
        conversations = [one for folder in arguments.runs for one in examples(folder, model.family)]
        print(f"{len(conversations)} replies to learn from {len(arguments.runs)} runs")
        adapt(model, conversations, arguments.out, steps=arguments.steps, rate=arguments.rate, rank=arguments.rank)
    print(f"saved; use it with: --model {arguments.out}")
    return 0
