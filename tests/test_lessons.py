"""What is taught is what will be asked: the same prompt, letters where they stand, answers that rules can judge."""

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from prompts import encode
from scripted import ScriptedModel

from model.families import TINY
from model.training import attempts, dpo
from model.training.architecture import new_model, tokenizer
from model.training.attempts import Attempt, asked, flaws, is_right, question
from model.training.chats import album_sample, clip_sample, film_sample, line_sample
from model.training.lessons import Lessons, grouped, read_shares
from model.training.pointing import drawn_sample, form_sample
from model.training.samples import Answer, Reply, Sample, collate, lay_out, words

SAMPLES = {
    "line": line_sample,
    "clip": lambda seed: clip_sample(seed, random.Random(seed)),
    "film": lambda seed: film_sample(seed, random.Random(seed)),
    "album": album_sample,
    "drawn": lambda seed: drawn_sample(seed, 224, 224, 20),
    "form": lambda seed: form_sample(seed, 224, 224),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_prompt_is_the_one_that_will_be_asked(kind: str) -> None:
    for seed in range(3):
        sample = SAMPLES[kind](seed)
        laid = lay_out(sample)
        prompt = encode(question(sample), tokenizer(), TINY)
        end = laid.segment.index(1)
        assert laid.ids[:end] == prompt.ids.tolist()
        assert np.concatenate(laid.positions, 1)[:, :end].tolist() == prompt.positions.tolist()
        assert np.concatenate(laid.positions, 1)[:, end].tolist() == [prompt.next_position] * 3


@pytest.mark.parametrize("kind", ["line", "album"])
def test_letters_are_read_where_they_stand(kind: str) -> None:
    for seed in range(5):
        sample = SAMPLES[kind](seed)
        answer = sample.replies[0]
        assert isinstance(answer, Answer) and answer.letters
        for index, (left, top, right, bottom) in answer.letters:
            assert not answer.text[index].isspace()
            picture = sample.pictures[answer.grid].frames[0]
            ink = picture[int(top) : int(bottom) + 1, int(left) : int(right) + 2].astype(int)
            assert np.ptp(ink, axis=(0, 1)).max() > 40, answer.text[index]


def test_times_are_looked_up_in_the_pair_of_frames_where_it_happens() -> None:
    for seed in range(20):
        sample = clip_sample(seed, random.Random(seed))
        answer, laid = sample.replies[0], lay_out(sample)
        assert isinstance(answer, Answer)
        start, rows, columns = laid.starts[answer.grid]
        for place, first, wide, top, left, bottom, right in laid.pointers:
            assert words().decode([laid.target[place]]).isdigit()
            assert (first, wide) == (start, columns)
            assert 0 <= top <= bottom < rows and 0 <= left <= right < columns


def test_batches_hold_pictures_of_one_size() -> None:
    shares = read_shares("drawn=1,forms=1,clips=1,lines=1")
    for batch in islice(iter(Lessons([], shares, 1, 1500)), 8):
        assert len(batch.ids) == len(batch.pixels[0]) >= 1
        there = (batch.ids == tokenizer().convert_tokens_to_ids("<|image_pad|>")) | (
            batch.ids == tokenizer().convert_tokens_to_ids("<|video_pad|>")
        )
        assert there.sum(1).tolist() == [sum(t * r * c for t, r, c in batch.grids)] * len(batch.ids)


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="drawn"):
        read_shares("drawings=1")


def click(x: int, y: int, thought: str = 'Click "OK".') -> Reply:
    return Reply(thought, {"action": "left_click", "coordinate": [x, y]}, (10.0, 10.0, 50.0, 30.0), planned=True)


def test_a_click_anywhere_in_the_box_is_right_and_a_text_must_be_the_same() -> None:
    sample = Sample('Click "OK".', (), (click(21, 21),))
    assert is_right(sample, click(12, 29).text)
    assert not is_right(sample, click(9, 29).text)
    assert not is_right(sample, click(21, 21, 'Click "No".').text)
    assert not is_right(sample, "nonsense")
    read = Sample("Read it.", (), (Answer("Anna Berg"),))
    assert is_right(read, "Anna Berg ") and not is_right(read, "Anna Bern")


def test_answers_that_loop_or_do_not_parse_are_not_learned_from() -> None:
    assert flaws("ab" * 400) == "repeats itself"
    assert flaws("x y " * 400) == "too long"
    assert flaws('<tool_call>\n{"name": "computer_use", "arg') == "malformed"
    assert flaws(click(1, 1).text) == ""


def test_what_was_said_is_kept_and_not_asked_again(tmp_path: Path) -> None:
    def samples() -> Iterator[Sample]:
        return asked(drawn_sample(seed, 224, 224, 20) for seed in range(100))

    truth = [sample.replies[0].text for sample in islice(samples(), 3)]
    first = attempts.attempts(ScriptedModel([*truth, "no"], TINY), samples(), 2, 2, tmp_path / "said.jsonl")
    assert first[0].tries == (truth[0], truth[1])
    again = attempts.attempts(ScriptedModel([], TINY), samples(), 2, 2, tmp_path / "said.jsonl")
    assert [one.tries for one in again] == [one.tries for one in first]


def test_preferring_right_answers_looks_at_both_and_at_all_their_tokens() -> None:
    sample = Sample('Click "OK".', (), (click(21, 21),))
    one = Attempt(sample, (click(21, 21).text, click(60, 21).text, "Done."))
    pairs = list(dpo.pairs(one))
    assert [pair.replies[1].text for pair in pairs] == [click(60, 21).text, "Done."]
    model = new_model()
    with torch.no_grad():
        found = dpo.likelihoods(model, collate(pairs))
    for row, pair in enumerate(pairs):
        for column, reply in enumerate(pair.replies):
            assert found[row, column].item() == pytest.approx(alone(model, sample, reply.text), abs=1e-2)


def alone(model: torch.nn.Module, sample: Sample, text: str) -> float:
    """The log-likelihood of a reply as transformers' own forward gives it."""
    prompt = encode(question(sample), tokenizer(), TINY).ids
    reply = torch.tensor(tokenizer()(text + "<|im_end|>")["input_ids"])
    with torch.no_grad():
        logs = model(input_ids=torch.cat([prompt, reply])[None]).logits[0].log_softmax(-1)
    return float(logs[len(prompt) - 1 : -1].gather(1, reply[:, None]).sum())


def test_groups_wait_until_they_are_full() -> None:
    made = (drawn_sample(seed, *size, 20) for seed, size in enumerate([(224, 224), (308, 168)] * 50))
    for group in islice(grouped(made, 1200), 4):
        assert len({sample.pictures[0].frames.shape for sample in group}) == 1
