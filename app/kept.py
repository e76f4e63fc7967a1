"""Kept: what browsers have under way on this page, each thing for the one browser that knows its name."""

from __future__ import annotations

import secrets
import threading
from typing import Generic, Protocol, TypeVar

MOST = 16  # things; the one longest unused gives way


class Closes(Protocol):
    def close(self) -> None: ...


Thing = TypeVar("Thing", bound=Closes)


class Kept(Generic[Thing]):
    """For any thread. A browser keeps the name where a reload finds it again; nobody can guess it."""

    def __init__(self) -> None:
        self._things: dict[str, Thing] = {}  # the one used last at the end
        self._lock = threading.Lock()

    def put(self, thing: Thing) -> str:
        """Its name."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._things[name] = thing
            old = [self._things.pop(next(iter(self._things)))] if len(self._things) > MOST else []
        for one in old:
            one.close()
        return name

    def get(self, name: str | None) -> Thing | None:
        with self._lock:
            thing = self._things.pop(name, None) if name else None
            if name and thing:
                self._things[name] = thing
            return thing

    def drop(self, name: str | None) -> None:
        with self._lock:
            thing = self._things.pop(name, None) if name else None
        if thing:
            thing.close()

    def close(self) -> None:
        with self._lock:
            things, self._things = self._things, {}
        for thing in things.values():
            thing.close()
