"""The conversation: its layout, and what becomes of old pictures and new sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PIL import Image

from agent.memory import images_dropped, messages
from agent.trajectory import Step
from model.chat import lay_out
from model.computer_use import response, system_prompt
from model.families import FAMILIES, QWEN2_5_VL, QWEN3_VL, TINY, Family
from model.messages import ImagePart, Message, assistant, system, user
from model.training.architecture import tokenizer
from tools.environment import Screenshot
from tools.geometry import Size


def screen(shade: int, size: tuple[int, int] = (280, 140)) -> Screenshot:
    return Screenshot(Image.new("RGB", size, (shade, 0, 0)))


def steps(count: int) -> list[Step]:
    return [Step(i, screen(i), f"reply {i}", result="" if i % 2 else f"result {i}") for i in range(count)]


def shown(conversation: list[Message]) -> list[int]:
    """The shades of the pictures that are left."""
    parts = [part for message in conversation for part in message.parts]
    return [part.image.tobytes()[0] for part in parts if isinstance(part, ImagePart)]


def test_the_layout() -> None:
    run = steps(2)
    assert messages("Do it", run, screen(2), QWEN2_5_VL) == [
        system(system_prompt(QWEN2_5_VL, Size(280, 140))),
        user("Do it", ImagePart(run[0].screenshot.image)),
        assistant("reply 0"),
        user(response("result 0"), ImagePart(run[1].screenshot.image)),
        assistant("reply 1"),
        user("<tool_response>\nok\n</tool_response>", ImagePart(screen(2).image)),
    ]


def test_a_reply_is_kept_to_the_letter() -> None:
    reply = "  I think…\n\n<tool_call>\n{broken\n"
    said = messages("Do it", [Step(0, screen(0), reply)], screen(1), TINY)
    assert said[2] == assistant(reply)


def test_tiny_sees_the_newest_picture_only() -> None:
    for count in range(5):
        said = messages("Do it", steps(count), screen(count), TINY)
        assert shown(said) == [count]
        assert said[-1].parts[-1] == ImagePart(screen(count).image)
        assert all(message.parts for message in said)


def test_a_dropped_picture_leaves_the_text_of_its_message() -> None:
    said = messages("Do it", steps(2), screen(2), TINY)
    assert said[1] == user("Do it") and said[3] == user(response("result 0"))


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_no_more_pictures_than_the_family_takes_and_always_the_newest(family: Family) -> None:
    for count in range(40):
        left = shown(messages("Do it", steps(count), screen(count), family))
        assert 1 <= len(left) <= family.images_kept
        assert left == list(range(count + 1))[-len(left) :]


@pytest.mark.parametrize(("kept", "dropped"), [(6, 3), (1, 1), (3, 2), (4, 4), (2, 5)])
def test_the_conversation_only_grows_but_when_pictures_are_dropped_in_one_go(kept: int, dropped: int) -> None:
    family = replace(TINY, images_kept=kept, images_dropped=dropped)
    for count in range(30):
        before, after = (messages("Do it", steps(n), screen(n), family) for n in (count, count + 1))
        gone = images_dropped(count + 2, family) - images_dropped(count + 1, family)
        assert (after[: len(before)] == before) == (gone == 0)
        assert gone == 0 or len(shown(before)) == kept, "pictures go only when there is no room"


def test_a_new_screen_size_is_said_once_in_the_models_own_space() -> None:
    run = [Step(0, screen(0), "reply"), Step(1, screen(1, (140, 280)), "reply")]
    said = messages("Do it", run, screen(2, (140, 280)), QWEN2_5_VL)
    assert said[3].text == response("") + "\nThe screen's resolution is now 140x280."
    assert said[5].text == response("")
    assert "280x140" in said[0].text


def test_a_new_size_is_no_news_to_a_model_that_speaks_in_thousandths() -> None:
    said = messages("Do it", [Step(0, screen(0), "reply")], screen(1, (140, 280)), QWEN3_VL)
    assert said[3].text == response("")


@pytest.mark.parametrize("family", [QWEN2_5_VL, QWEN3_VL], ids=lambda family: family.name)
def test_a_step_costs_what_is_new_in_it_until_pictures_are_dropped(family: Family) -> None:
    words, run = tokenizer(), steps(12)
    before = lay_out(messages("Do it", run[:0], screen(0), family), words, family)
    for count in range(1, 12):
        after = lay_out(messages("Do it", run[:count], screen(count), family), words, family)
        grew = images_dropped(count + 1, family) == images_dropped(count, family)
        same = len(before) <= len(after) and torch.equal(after.ids[: len(before)], before.ids)
        assert same == grew
        assert not grew or torch.equal(after.positions[:, : len(before)], before.positions)
        before = after
