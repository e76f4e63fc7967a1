from __future__ import annotations

import pytest

from model.training.forms import forms

SIZES = [(224, 224), (308, 420), (448, 224), (644, 476)]


@pytest.mark.parametrize("seed", range(40))
def test_every_thing_lies_in_the_picture_and_no_two_are_called_the_same(seed: int) -> None:
    width, height = SIZES[seed % len(SIZES)]
    drawn = forms(seed, width, height)
    assert drawn.image.size == (width, height)
    things = [element for element in drawn.elements if element["kind"] == "shape"]
    assert things
    for left, top, right, bottom in (thing["box"] for thing in things):
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
    names = [thing["text"] for thing in things if thing["text"]]
    assert len(names) == len(set(names))


def test_a_seed_gives_the_same_picture_each_time() -> None:
    assert forms(3, 308, 420) == forms(3, 308, 420)
    assert forms(3, 308, 420) != forms(4, 308, 420)
