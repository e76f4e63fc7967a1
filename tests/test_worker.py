"""Work on a thread of its own: seen, held, stepped and stopped from others."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from app.worker import Worker
from tools.errors import UserError

LONG_S = 20.0


def counting(worker: Worker[int]) -> Iterator[int]:
    """Two places to hold in each step: one inside it, one at its end."""
    for number in range(5):
        worker.hold(ends_step=False)
        if worker.stopping.is_set():
            return
        yield number
        worker.hold()


def until(worker: Worker[int], count: int) -> None:
    """Wait until so many items have come, the work holds, or it is over."""
    seen = -1
    while len(worker.items) < count and not worker.is_over:
        seen = worker.wait(seen, LONG_S)


def held(worker: Worker[int]) -> None:
    seen = -1
    while not worker.is_held:
        seen = worker.wait(seen, LONG_S)
        assert not worker.is_over


def over(worker: Worker[int]) -> None:
    worker.join(LONG_S)
    assert worker.is_over


def started(paused: bool = False) -> Worker[int]:
    worker = Worker(counting)
    if paused:
        worker.pause()
    worker.start()
    return worker


def test_all_items_come_from_one_other_thread_on_which_the_iterator_is_closed_too() -> None:
    threads: list[int] = []

    def work(worker: Worker[int]) -> Iterator[int]:
        try:
            for number in range(3):
                threads.append(threading.get_ident())
                yield number
        finally:
            threads.append(threading.get_ident())

    worker = Worker(work)
    worker.start()
    over(worker)
    assert worker.items == [0, 1, 2] and worker.error is None
    assert len(threads) == 4 and len({*threads, threading.get_ident()}) == 2


def test_who_waits_is_told_of_every_item() -> None:
    go = threading.Event()

    def work(worker: Worker[int]) -> Iterator[int]:
        assert go.wait(LONG_S)
        yield 1

    worker = Worker(work)
    worker.start()
    assert worker.wait(0, 0.0) == 0 and not worker.items, "nothing new: the time was up"
    go.set()
    until(worker, 1)
    assert worker.items == [1] and worker.wait(0, LONG_S) > 0


def test_paused_it_does_nothing_and_resumed_all() -> None:
    worker = started(paused=True)
    held(worker)
    assert worker.items == [] and worker.is_paused
    worker.resume()
    over(worker)
    assert worker.items == [0, 1, 2, 3, 4] and not worker.is_paused


def test_a_single_step_goes_to_the_end_of_a_step() -> None:
    worker = started(paused=True)
    for count in range(1, 4):
        held(worker)
        worker.step_once()
        until(worker, count)
        held(worker)
        assert len(worker.items) == count and worker.is_paused
    worker.stop()
    over(worker)


def test_paused_while_it_runs_it_holds_at_the_next_place() -> None:
    arrived, go = threading.Event(), threading.Event()

    def work(worker: Worker[int]) -> Iterator[int]:
        arrived.set()
        assert go.wait(LONG_S)
        worker.hold()
        yield 1

    worker = Worker(work)
    worker.start()
    assert arrived.wait(LONG_S)
    worker.pause()
    assert not worker.is_held
    go.set()
    held(worker)
    assert worker.items == []
    worker.resume()
    over(worker)
    assert worker.items == [1]


def test_what_is_sent_is_heard_where_it_holds_and_nowhere_else() -> None:
    heard: list[str] = []

    def work(worker: Worker[int]) -> Iterator[int]:
        while message := worker.hold():
            heard.append(message)
            yield len(heard)

    worker = Worker(work)
    assert not worker.send("too early")
    worker.pause()
    worker.start()
    for word in ("one", "two"):
        held(worker)
        while not worker.send(word):  # the last one is still being fetched
            pass
        until(worker, len(heard) + 1)
    held(worker)
    worker.resume()
    over(worker)
    assert heard == ["one", "two"] and not worker.send("too late")


@pytest.mark.parametrize("paused", [True, False])
def test_stop_ends_it_held_or_not(paused: bool) -> None:
    worker = started(paused)
    if paused:
        held(worker)
    worker.stop()
    over(worker)
    assert worker.stopping.is_set() and (worker.items == [] or not paused)


def test_a_persons_mistake_is_kept_for_the_page() -> None:
    def work(worker: Worker[int]) -> Iterator[int]:
        yield 1
        raise UserError("no browser; install one")

    worker = Worker(work)
    worker.start()
    over(worker)
    assert worker.items == [1] and str(worker.error) == "no browser; install one"


def test_a_bug_is_shown_and_ends_the_work() -> None:
    told: list[type[BaseException]] = []
    before, threading.excepthook = threading.excepthook, lambda told_of: told.append(told_of.exc_type)

    def work(worker: Worker[int]) -> Iterator[int]:
        yield 1 // 0

    worker = Worker(work)
    worker.start()
    over(worker)
    threading.excepthook = before
    assert told == [ZeroDivisionError] and isinstance(worker.error, ZeroDivisionError)
