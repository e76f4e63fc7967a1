"""What counts as a loop, and what is honest text that repeats a little."""

from __future__ import annotations

import random
import time

import pytest

from model.local.repetition import is_loop


def block(length: int, seed: int = 0) -> list[int]:
    return random.Random(seed).choices(range(1000), k=length)


@pytest.mark.parametrize("period", [1, 2, 3, 7, 20, 100, 128, 129, 400, 600])
def test_a_block_said_over_and_over_is_a_loop(period: int) -> None:
    start = block(50, seed=1)
    assert is_loop(start + block(period) * (1 + 1800 // period))


@pytest.mark.parametrize("period", [1, 2, 3, 7, 20, 100, 129])
def test_a_block_said_twice_is_not(period: int) -> None:
    assert not is_loop(block(300, seed=1) + block(period) * 2)


def test_a_list_that_counts_is_not_a_loop() -> None:
    said = [token for number in range(60) for token in [7, 8, 9, number, 10, 11]]
    assert not is_loop(said)


def test_a_loop_left_behind_is_not_one_any_more() -> None:
    assert not is_loop([5] * 500 + block(30))


def test_an_empty_table_of_ten_rows_is_not_a_loop() -> None:
    row = [1, *[2, 3, 4, 5] * 5, 6, 7]
    assert not is_loop(row * 10)


@pytest.mark.parametrize("said", [[], [1], [1, 1, 1]])
def test_a_short_reply_is_not_a_loop(said: list[int]) -> None:
    assert not is_loop(said)


def test_a_long_reply_is_looked_at_from_its_end_only() -> None:
    nearly = ([1] * 700 + [2]) * 200
    began = time.process_time()
    assert not is_loop(nearly + block(5))
    assert time.process_time() - began < 1
