"""Worker: an iterator on a thread of its own, which pages watch, hold and stop; pages come and go, the work goes on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Generic, TypeVar

from tools.environment import EnvironmentLost
from tools.errors import UserError

Item = TypeVar("Item")


class Worker(Generic[Item]):
    """Runs `work(worker)` to its end; everything that the iterator opens lives and is closed on the one thread.

    The work calls `hold` where it may be kept waiting and `changed` when there is something new to see, and ends
    early when `stopping` is set. All else is for pages, from any thread.
    """

    def __init__(self, work: Callable[[Worker[Item]], Iterator[Item]]) -> None:
        self.items: list[Item] = []  # what came so far
        self.error: BaseException | None = None  # why it could not go on
        self.stopping = threading.Event()
        self.version = 0  # another number whenever there is something new to see
        self._work = work
        self._moved = threading.Condition()
        self._paused = self._stepping = self._holds = self._ended = False
        self._sent: deque[Any] = deque()
        self._thread = threading.Thread(target=self._run, daemon=True, name="worker")

    def start(self) -> None:
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return self._ended

    @property
    def is_paused(self) -> bool:
        return self._paused

    @property
    def is_held(self) -> bool:
        """Does it wait at this moment, so that `send` is heard?"""
        return self._holds

    def pause(self) -> None:
        self._tell(paused=True)

    def resume(self) -> None:
        self._tell(paused=False)

    def step_once(self) -> None:
        """Paused: on to the next place where a step ends."""
        self._tell(paused=True, stepping=True)

    def stop(self) -> None:
        self.stopping.set()
        self._tell(paused=False)

    def send(self, message: Any) -> bool:
        """For the work, which gets it from `hold`; False: it does not wait now."""
        with self._moved:
            if not self._holds or self._sent:
                return False
            self._sent.append(message)
            self._moved.notify_all()
            return True

    def wait(self, seen: int, timeout_s: float) -> int:
        """The version, as soon as it is another than the one seen, it is all over, or the time is up."""
        with self._moved:
            self._moved.wait_for(lambda: self.version != seen or self._ended, timeout_s)
            return self.version

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def changed(self) -> None:
        with self._moved:
            self.version += 1
            self._moved.notify_all()

    def hold(self, ends_step: bool = True) -> Any | None:
        """Wait here while paused; what was sent meanwhile, None when nothing was. Only for the work itself.

        ends_step: `step_once` goes through all places but these.
        """
        with self._moved:
            if ends_step:
                self._stepping = False
            if self._may_go():
                return None
            self._holds = True
            self.changed()
            self._moved.wait_for(lambda: self._sent or self._may_go())
            self._holds = False
            self.changed()
            return self._sent.popleft() if self._sent else None

    def _may_go(self) -> bool:
        return not self._paused or self._stepping

    def _tell(self, paused: bool, stepping: bool = False) -> None:
        with self._moved:
            self._paused, self._stepping = paused and not self.stopping.is_set(), stepping
            self.changed()

    def _run(self) -> None:
        try:
            with closing(self._work(self)) as items:  # type: ignore[type-var]
                for item in items:
                    self.items.append(item)
                    self.changed()
        except BaseException as error:
            self.error = error
            if not isinstance(error, (UserError, EnvironmentLost)):
                raise  # a bug, and the terminal shows it
        finally:
            with self._moved:
                self._ended, self._paused = True, False
                self.changed()
