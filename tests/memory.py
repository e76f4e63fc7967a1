"""How much memory this process takes while something is done."""

from __future__ import annotations

import threading

import psutil


class Peak:
    """The most memory of this process while it is open, in bytes beyond what it had."""

    def __enter__(self) -> Peak:
        self.begin = self.most = psutil.Process().memory_info().rss
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.ended.wait(0.02):
            self.most = max(self.most, psutil.Process().memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    @property
    def grown(self) -> int:
        return self.most - self.begin
