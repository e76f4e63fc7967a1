"""One at a time, first come first served."""

from __future__ import annotations

import threading

import pytest

from model.local.turns import Cancelled, Turns


def queued(turns: Turns, count: int) -> None:
    """Returns when so many callers hold or wait for a turn."""
    with turns.moved:
        while len(turns.queue) < count:
            turns.moved.wait(0.01)


def test_turns_come_in_the_order_asked_and_one_at_a_time() -> None:
    turns, order, inside, most = Turns(), list[int](), 0, 0

    def take(number: int) -> None:
        nonlocal inside, most
        with turns.turn(threading.Event()):
            inside += 1
            most = max(most, inside)
            order.append(number)
            inside -= 1

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    with turns.turn(threading.Event()):
        for number, thread in enumerate(threads):
            thread.start()
            queued(turns, number + 2)
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    assert most == 1


def test_cancel_while_waiting_leaves_the_queue() -> None:
    turns, cancelled, ended = Turns(), threading.Event(), threading.Event()

    def wait() -> None:
        with pytest.raises(Cancelled), turns.turn(cancelled):
            raise AssertionError("it was not its turn")
        ended.set()

    with turns.turn(threading.Event()):
        thread = threading.Thread(target=wait)
        thread.start()
        queued(turns, 2)
        cancelled.set()
        assert ended.wait(10)
        assert len(turns.queue) == 1
    thread.join()


def test_an_error_inside_gives_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns.turn(threading.Event()):
        raise KeyError
    with turns.turn(threading.Event()):
        pass
