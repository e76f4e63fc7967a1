"""Recorded steps as fine-tuning conversations: exactly what the model saw, and what it said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.memory import messages
from agent.store import read_run, replay
from agent.trajectory import Step
from model.families import Family
from model.messages import Message, assistant


def examples(folder: Path, family: Family) -> Iterator[list[Message]]:
    """One conversation for each reply that did what it should; its last message is the reply to learn.

    Replies that were a mistake stay in the conversations that follow them, as the model saw them, but are not
    learned. Raises UserError when the folder holds no run.
    """
    task = read_run(folder).task
    steps: list[Step] = []
    for step in replay(folder):
        if step.readable and not step.mistake:
            yield [*messages(task, steps, step.screenshot, family), assistant(step.reply)]
        steps.append(step)
