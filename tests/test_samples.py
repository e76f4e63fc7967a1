"""What tiny is trained on is, token for token, what the agent will ask it."""

import re

from PIL import Image

from agent.memory import messages
from agent.trajectory import Step
from model.chat import encode
from model.families import TINY
from model.training.architecture import tokenizer
from model.training.multimodal import drawn_sample, planned_sample
from model.training.samples import Reply, Sample, collate, lay_out, prepared, words
from tools.environment import Screenshot


def test_training_prompt_is_the_agents_prompt() -> None:
    screen = Screenshot(Image.new("RGB", (320, 420), "white"))
    size = TINY.grid(screen.size).resized
    first = Reply('Click the field "Name".', {"action": "left_click", "coordinate": [30, 40]})
    second = Reply('Type "Zoë".', {"action": "type", "text": "Zoë"})
    task = 'Enter "Zoë" into the field "Name" and press "Send".'
    sample = Sample(task, ((first.text, ""), (second.text, "a tab opened")), (), prepared(screen.image, size))
    steps = [Step(0, screen, first.text), Step(1, screen, second.text, result="a tab opened")]
    prompt = encode(messages(task, steps, screen, TINY), tokenizer(), TINY)
    laid = lay_out(sample)
    assert laid["ids"] == prompt.ids.tolist()
    assert laid["positions"].tolist() == prompt.positions.tolist()


def test_replies_do_not_see_each_other_but_share_their_start() -> None:
    sample = drawn_sample(3, 224, 224, 20)
    assert len(sample.replies) >= 2
    laid = lay_out(sample)
    starts = [laid["segment"].index(number) for number in (1, 2)]
    assert laid["positions"][:, starts[0]].tolist() == laid["positions"][:, starts[1]].tolist()


def test_pointers_stand_where_digits_are_said() -> None:
    batch = collate([drawn_sample(seed, 224, 224, 20) for seed in range(6)])
    assert len(batch.pointers) > 20
    for sample, place, *_ in batch.pointers.tolist():
        assert words().decode([int(batch.target[sample, place])]) in {*"0123456789, ", "]}}"}


def test_planned_replies_are_learned_but_for_places_nobody_could_know() -> None:
    for seed in range(50):
        sample = planned_sample(seed)
        laid = lay_out(sample)
        said = [target for target, weight in zip(laid["target"], laid["weight"], strict=True) if weight]
        whole = sample.replies[0].text + "<|im_end|>"
        assert words().decode(said) == re.sub(r"\d+, \d+\]}}", "", whole)
