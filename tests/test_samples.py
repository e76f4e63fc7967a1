"""What tiny is trained on is, token for token, what the agent will ask it."""

import re

import numpy as np
import pytest
from PIL import Image
from prompts import encode

from agent.memory import messages
from agent.trajectory import Step
from model.families import TINY
from model.training.architecture import tokenizer
from model.training.plans import planned_sample
from model.training.pointing import drawn_sample
from model.training.samples import Answer, Laid, Picture, Reply, Sample, collate, lay_out, place_in, prepared, words
from tools.environment import Screenshot


def test_training_prompt_is_the_agents_prompt() -> None:
    screen = Screenshot(Image.new("RGB", (320, 420), "white"))
    size = TINY.grid(screen.size).resized
    first = Reply('Click the field "Name".', {"action": "left_click", "coordinate": [30, 40]})
    second = Reply('Type "Zoë".', {"action": "type", "text": "Zoë"})
    task = 'Enter "Zoë" into the field "Name" and press "Send".'
    shown = Picture(prepared(screen.image, size)[None])
    sample = Sample(task, ((first, ""), (second, "a tab opened")), (), (shown,))
    steps = [Step(0, screen, first.text), Step(1, screen, second.text, result="a tab opened")]
    prompt = encode(messages(task, steps, screen, TINY), tokenizer(), TINY)
    laid = lay_out(sample)
    assert laid.ids == prompt.ids.tolist()
    assert np.concatenate(laid.positions, 1).tolist() == prompt.positions.tolist()


def test_replies_do_not_see_each_other_but_share_their_start() -> None:
    sample = drawn_sample(3, 224, 224, 20)
    assert len(sample.replies) >= 2
    laid = lay_out(sample)
    positions = np.concatenate(laid.positions, 1)
    starts = [laid.segment.index(number) for number in (1, 2)]
    assert positions[:, starts[0]].tolist() == positions[:, starts[1]].tolist()


def test_digits_look_at_the_target_and_letters_at_themselves() -> None:
    samples = [drawn_sample(seed, 224, 224, 20) for seed in range(6)]
    batch = collate(samples)
    assert int((batch.pointers[:, :, 0] > 0).sum()) > 20 and int((batch.reads[:, :, 0] > 0).sum()) > 20
    for index, sample in enumerate(samples):
        boxes = [reply.box for reply in sample.replies if reply.box is not None]
        for place, _, _, *cells in batch.pointers[index][batch.pointers[index, :, 0] > 0].tolist():
            assert words().decode([int(batch.target[index, place])]) in {*"0123456789, ", "]}}"}
            assert any(touches(cells, box) for box in boxes)
        said = [(letter, box) for r in sample.replies for letter, box in zip(bare(r.name), r.letters, strict=False)]
        for place, _, _, *cells in batch.reads[index][batch.reads[index, :, 0] > 0].tolist():
            letter = words().decode([int(batch.ids[index, place])])
            assert any(letter == one and touches(cells, box) for one, box in said)


def bare(name: str) -> str:
    return "".join(name.split())


def touches(cells: list[int], box: tuple[float, float, float, float]) -> bool:
    top, left, bottom, right = cells
    return left * 28 <= box[2] and right * 28 + 28 >= box[0] and top * 28 <= box[3] and bottom * 28 + 28 >= box[1]


def test_words_to_repeat_are_looked_up_where_they_stand() -> None:
    batch = collate([planned_sample(seed) for seed in range(20)])
    found = batch.copies[:, :, 0] > 0
    assert int(found.sum()) > 100
    for index, number in found.nonzero().tolist():
        place, source = batch.copies[index, number].tolist()
        said, there = (words().decode([int(t)]) for t in (batch.target[index, place], batch.ids[index, source]))
        over = said in {'"', '"}}'}  # the name is over, whatever follows it in the task
        assert source <= place and (said.lower() == there.lower() or over)


def test_words_to_repeat_in_other_case_are_looked_up_too() -> None:
    reply = Reply('Type "ZOE".', {"action": "type", "text": "ZOE"}, planned=True)
    laid = lay_out(Sample('Enter "Zoe" in all upper case letters.', (), (reply,)))
    pairs = [words().decode([laid.target[place], laid.ids[source]]) for place, source in laid.copies]
    assert pairs[:3] == ["ZZ", "Oo", "Ee"]


@pytest.mark.parametrize(
    ("box", "place"), [((0, 0, 28, 28), (7, 7)), ((30, 100, 60, 126), (49, 119)), ((10, 10, 13, 80), (11, 49))]
)
def test_clicks_are_taught_at_patch_centres(box: tuple[float, ...], place: tuple[int, int]) -> None:
    assert place_in(box) == place  # type: ignore[arg-type]


def test_every_planned_reply_is_learned_but_for_places_nobody_could_know() -> None:
    for seed in range(50):
        sample = planned_sample(seed)
        laid = lay_out(sample)
        wanted = "".join(re.sub(r"\d+, \d+\]}}", "", reply.text) + "<|im_end|>" for reply in planned(sample))
        assert words().decode(learned(laid)) == wanted


def planned(sample: Sample) -> list[Reply]:
    return [*(reply for reply, _ in sample.history), *sample.replies]


def learned(laid: Laid) -> list[int]:
    return [target for target, weight in zip(laid.target, laid.weight, strict=True) if weight]


def test_marks_stay_right_where_characters_share_a_token_or_take_several() -> None:
    text, box = "确}}a 12", (0.0, 0.0, 28.0, 28.0)
    answer = Answer(text, letters=((0, box), (3, box)), places=((5, 7, box),))
    laid = lay_out(Sample("Read it.", (), (answer,), (Picture(np.zeros((1, 28, 28, 3), np.uint8)),), "s"))
    begin = laid.segment.index(1)
    assert words().decode(laid.ids[begin:]) == text + "<|im_end|>"
    assert [words().decode(laid.ids[begin : place + 1]) for place, *_ in laid.reads] == ["确", "确}}a"]
    digits, letters = laid.pointers[:2], laid.pointers[2:]
    assert [words().decode([laid.target[place]]) for place, *_ in digits] == ["1", "2"]
    assert [laid.weight[place] for place, *_ in digits] == [2.0, 2.0]
    said = [laid.target[place] for place, *_ in letters]  # every byte of a letter is told by a look at it
    assert words().decode(said) == "确a"
