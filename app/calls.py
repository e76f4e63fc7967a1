"""Calls of an MCP client, one after the other on one thread: words go out while it works, a stop comes in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from model.vlm import PromptTooLarge, Reply
from tools.environment import EnvironmentLost
from tools.errors import UserError

T = TypeVar("T")


class Stopped(Exception):
    """The client has cancelled the call, and waits for nothing any more."""


class Call:
    """One call under way. All but `stop` is for the thread that does the work."""

    def __init__(self, context: Context) -> None:
        """Made in the event loop of the server."""
        self._context, self._loop = context, asyncio.get_running_loop()
        self._said = count(1)  # progress has to rise
        self._stopped = threading.Event()
        self._stop: Callable[[], None] = lambda: None

    def say(self, text: str) -> None:
        """To the client, as progress; not waited for. After a stop nobody listens."""
        if not self._stopped.is_set():
            telling = self._context.report_progress(next(self._said), message=text)
            asyncio.run_coroutine_threadsafe(telling, self._loop)

    def stops(self, stop: Callable[[], None]) -> None:
        """What ends the work that now begins."""
        self._stop = stop
        if self._stopped.is_set():
            stop()

    def heard(self, reply: Reply) -> Reply:
        """The same reply, when all of it was spoken. Raises Stopped."""
        self.stops(reply.cancel)
        reply.read()
        if self._stopped.is_set():
            raise Stopped
        return reply

    def stop(self) -> None:
        """From any thread."""
        self._stopped.set()
        self._stop()


class Calls:
    """A browser has to stay on its thread, and there is one model: so there is one thread for all."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "calls")

    async def do(self, context: Context, work: Callable[[Call], T]) -> T:
        """The work's result, when its turn has come. A cancel stops it, or takes it out of the queue.

        Raises ToolError with the words of a person's mistake.
        """
        call = Call(context)
        try:
            return await asyncio.wrap_future(self._thread.submit(work, call))
        except (UserError, PromptTooLarge, EnvironmentLost) as error:
            raise ToolError(str(error)) from error
        finally:
            call.stop()
