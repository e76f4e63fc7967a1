"""Who may use the weights now: one caller at a time, in the order they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

CANCEL_CHECK_S = 0.05  # how soon a caller that waits in the queue notices that it was cancelled


class Cancelled(Exception):
    """The reply was cancelled while it waited or ran."""


class Turns:
    """A lock that is fair: nobody who came later goes first."""

    def __init__(self) -> None:
        self.queue: deque[object] = deque()
        self.moved = threading.Condition()

    @contextmanager
    def turn(self, cancelled: threading.Event) -> Iterator[None]:
        """Raises Cancelled when that happens before the turn comes."""
        ticket = object()
        with self.moved:
            self.queue.append(ticket)
        try:
            self.wait(ticket, cancelled)
            yield
        finally:
            with self.moved:
                self.queue.remove(ticket)
                self.moved.notify_all()

    def wait(self, ticket: object, cancelled: threading.Event) -> None:
        with self.moved:
            while self.queue[0] is not ticket:
                if cancelled.is_set():
                    raise Cancelled
                self.moved.wait(CANCEL_CHECK_S)
