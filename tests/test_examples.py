"""Recorded runs as conversations to learn from: what the model was asked is what it learns to answer."""

from __future__ import annotations

from pathlib import Path

from screens import Screens
from scripted import ScriptedModel

from agent.examples import examples
from agent.loop import Agent
from agent.store import Recording
from model.computer_use import call
from model.families import QWEN2_5_VL, TINY, Family
from model.messages import Message, assistant

REPLIES = [
    "First.\n" + call("left_click", coordinate=[30, 40]),
    "nothing to learn here",
    call("left_click", coordinate=[9000, 40]),
    *[call("type", text=str(number)) for number in range(8)],
    call("terminate", status="success"),
]


def recorded(parent: Path, family: Family) -> tuple[Path, list[list[Message]]]:
    """The run's folder, and what the model was asked at each step."""
    model = ScriptedModel(REPLIES, family)
    with Recording(parent, "Do it", model.name, family.name, {}) as recording:
        for _ in Agent(model, Screens(), journal=recording).run("Do it"):
            pass
    return recording.folder, model.asked


def test_an_example_is_the_prompt_the_model_saw_and_its_reply(tmp_path: Path) -> None:
    for family in (TINY, QWEN2_5_VL):
        folder, asked = recorded(tmp_path, family)
        good = [index for index in range(len(REPLIES)) if index not in (1, 2)]
        assert list(examples(folder, family)) == [[*asked[index], assistant(REPLIES[index])] for index in good]


def test_mistakes_are_seen_but_not_learned(tmp_path: Path) -> None:
    folder, _ = recorded(tmp_path, TINY)
    learned = [conversation[-1].text for conversation in examples(folder, TINY)]
    assert REPLIES[1] not in learned and REPLIES[2] not in learned and learned[-1] == REPLIES[-1]
    assert assistant(REPLIES[1]) in list(examples(folder, TINY))[1]
