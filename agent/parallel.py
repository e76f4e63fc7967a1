"""Work done several at a time, its results in the order of the work."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from model.vlm import Reply

T = TypeVar("T")


def in_order(
    work: Iterable[Callable[[], T]], workers: int = 1, on_stop: Callable[[], object] = lambda: None
) -> Generator[T, None, None]:
    """What each piece of work gives, one after the other; raises what it raises.

    work: is taken on the caller's thread, at most `workers` pieces ahead of those under way. on_stop: is called when
    nobody wants the rest, so that what is under way ends soon. One worker is the caller's thread itself.
    """
    if workers == 1:
        for do in work:
            yield do()
        return
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for do in work:
                waiting.append(pool.submit(do))
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            if waiting:
                on_stop()
            for future in waiting:
                future.cancel()


class Replies:
    """The replies under way on several threads, to stop them all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.live: list[Reply] = []
        self.stopped = False

    def heard_by(self, on_reply: Callable[[Reply], object]) -> Callable[[Reply], object]:
        """Tells of each reply before it is spoken, and remembers it; one that comes after `stop` is stopped at once."""

        def heard(reply: Reply) -> None:
            on_reply(reply)
            with self.lock:
                self.live = [each for each in self.live if each.usage.finish is None] + [reply]
                if self.stopped:
                    reply.cancel()

        return heard

    def stop(self) -> None:
        with self.lock:
            self.stopped = True
            for reply in self.live:
                reply.cancel()
