"""What tiny says under the grammar of its language: the same where it was good, and nothing broken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from agent.languages.computer_use import ComputerUse
from agent.memory import messages
from model.families import QWEN2_5_VL
from model.local.load import load
from model.local.runner import LocalModel
from model.parsing import ParseError
from model.vlm import Sampling
from tools.environment import Screenshot
from tools.geometry import Size

TASKS = ("Click the Save button", 'Type "hello" into the name field', "Scroll down")


@pytest.fixture(scope="module")
def tiny() -> LocalModel:
    return load("tiny", device="cpu")


def form(seed: int) -> Image.Image:
    page = Image.new("RGB", (448, 336), (250, 250, 240 - 20 * seed))
    draw = ImageDraw.Draw(page)
    for row, name in enumerate(("Name", "Save", "Cancel")):
        left, top = 40 + 60 * seed, 40 + 80 * row
        draw.rectangle((left, top, left + 140, top + 40), (255, 255, 255), (60, 60, 60))
        draw.text((left + 20, top + 14), name, (0, 0, 0))
    return page


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("task", TASKS)
def test_a_good_reply_stays_as_it_is_and_no_reply_is_broken(tiny: LocalModel, task: str, seed: int) -> None:
    screen, language = Screenshot(form(seed)), ComputerUse(tiny.family)
    sampling = Sampling(200, stop=("</tool_call>",))
    asked = messages(task, [], screen, tiny.family)
    free = tiny.stream(asked, sampling).read()
    held = tiny.stream(asked, replace(sampling, grammar=language.grammar(screen.size))).read()
    language.read(held, screen.size, tiny.family.grid(screen.size))
    try:
        language.read(free, screen.size, tiny.family.grid(screen.size))
    except ParseError:
        return
    assert held == free


def test_other_models_are_held_to_nothing() -> None:
    assert ComputerUse(QWEN2_5_VL).grammar(Size(640, 480)) is None
