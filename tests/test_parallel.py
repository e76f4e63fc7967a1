"""agent/parallel.py"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from agent.parallel import Replies, in_order
from model.vlm import Reply


def slowly(number: int) -> int:
    time.sleep(0.01 * (number % 3))
    return number


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_results_come_in_the_order_of_the_work(workers: int) -> None:
    assert list(in_order((partial(slowly, n) for n in range(20)), workers)) == list(range(20))


def test_work_is_taken_no_further_ahead_than_said() -> None:
    taken: list[int] = []

    def work() -> Iterator[Callable[[], int]]:
        for n in range(100):
            taken.append(n)
            yield partial(int, n)

    results = in_order(work(), 3)
    assert [next(results), next(results)] == [0, 1]
    assert len(taken) <= 2 + 2 * 3
    results.close()


def test_several_work_at_a_time() -> None:
    meet = threading.Barrier(3, timeout=10)
    assert sorted(in_order((meet.wait for _ in range(3)), 3)) == [0, 1, 2]


def test_an_error_stops_the_rest() -> None:
    stopped = threading.Event()

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_order([fail, *[partial(stopped.wait, 10)] * 9], 2, stopped.set))
    assert stopped.is_set()


def test_replies_are_stopped_before_and_after() -> None:
    replies, told = Replies(), []
    heard = replies.heard_by(told.append)
    early, ended, late = (Reply(iter(())) for _ in range(3))
    ended.usage.finish = "stop"
    heard(early)
    heard(ended)
    replies.stop()
    heard(late)
    assert told == [early, ended, late]
    assert early.cancelled.is_set() and late.cancelled.is_set()
