"""Server: requests to an OpenAI-compatible server, tried again where that helps, dropped at once when cancelled.

The one place with an event loop: only there can a request be dropped while it waits for its first byte.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from model.local.turns import CANCEL_CHECK_S, Cancelled
from model.remote.address import Address
from model.vlm import ModelLost, PromptTooLarge
from tools.errors import UserError

CONCURRENT = 16  # requests under way at once; more wait here, in the order they came
CONNECT_S = 10.0
SILENCE_S = 600.0  # a long queue and a long prompt are waited for, a dead server is not waited for for ever
WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # before the second and each later try
LONGEST_WAIT_S = 30.0  # however long the server asks for
BUSY = {429, 502, 503, 504, 529}
LONGEST_LINE = 1 << 24  # bytes of one event
KEY = "HANDEYE_API_KEY"

log = logging.getLogger(__name__)


class Refusal(Exception):
    """The server answered that it will not: its status, and what it says."""

    def __init__(self, status: int, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.said = said
        self.wait_s = wait_s  # until another try, as the server asks for it


class Server:
    """Any thread may use it, several at once. key: "" for a server without one; it is sent and never shown."""

    def __init__(self, address: Address, key: str = "", waits_s: tuple[float, ...] = WAITS_S) -> None:
        self.address = address
        self.waits_s = waits_s
        self.client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(SILENCE_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=CONCURRENT),
            trust_env=not address.is_loopback,  # a proxy is not asked for what stays on this machine
        )
        self.places = asyncio.Semaphore(CONCURRENT)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="model-server", daemon=True)
        self.thread.start()
        self.closed = False

    def models(self) -> list[dict[str, Any]]:
        """What is served there. Raises UserError."""
        try:
            (found,) = self._told(self._answer("GET", "/models", None), threading.Event())
        except Refusal as refusal:
            nothing = self.no_such_server("it answers 404 to /models")
            raise (nothing if refusal.status == httpx.codes.NOT_FOUND else self.wrong(refusal)) from refusal
        listed = found.get("data")
        if not isinstance(listed, list) or not all(isinstance(one, dict) and one.get("id") for one in listed):
            raise self.no_such_server("it lists no models")
        return listed

    def ask(self, body: dict[str, Any], cancelled: threading.Event) -> dict[str, Any]:
        """The whole answer to a request without a stream. Raises Refusal, Cancelled, UserError."""
        (found,) = self._told(self._answer("POST", "/chat/completions", body), cancelled)
        return found

    def events(self, body: dict[str, Any], cancelled: threading.Event) -> Iterator[dict[str, Any]]:
        """The events of an answer as they come. Raises Refusal before the first, else Cancelled, UserError."""
        return self._told(self._stream("/chat/completions", body), cancelled)

    def close(self) -> None:
        """Drops what is under way."""
        if not self.closed:
            self.closed = True
            asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.client.aclose()

    def _told(self, found: AsyncIterator[dict[str, Any]], cancelled: threading.Event) -> Iterator[dict[str, Any]]:
        """What the loop's thread finds, for this one."""
        ours: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

        async def hand_over() -> None:
            async with self.places:
                async for one in found:
                    ours.put(one)

        self.check_open()
        task = asyncio.run_coroutine_threadsafe(hand_over(), self.loop)
        task.add_done_callback(lambda _: ours.put(None))
        try:
            while True:
                if cancelled.is_set():
                    raise Cancelled
                try:
                    one = ours.get(timeout=CANCEL_CHECK_S)
                except queue.Empty:
                    continue
                if one is None:
                    return task.result()
                yield one
        except concurrent.futures.CancelledError:
            self.check_open()
            raise
        finally:
            task.cancel()

    def check_open(self) -> None:
        if self.closed:
            raise UserError(f"the connection to {self.address.base} was closed; load the model again")

    async def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> AsyncIterator[dict[str, Any]]:
        wait = iter(self.waits_s if body else ())  # a person waits for the list of models
        while True:
            try:
                response = await self.client.request(method, self.address.base + path, json=body)
                check(response, response.content)
                yield self.parsed(response.content)
                return
            except (httpx.TransportError, Refusal) as error:
                await self._pause(error, wait)

    async def _stream(self, path: str, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        wait, begun = iter(self.waits_s), False
        while True:
            try:
                async with self.client.stream("POST", self.address.base + path, json=body) as response:
                    if response.status_code != httpx.codes.OK:
                        check(response, await response.aread())
                    async for line in lines(response):
                        event = self.parsed(line)
                        if error := event.get("error"):
                            raise Refusal(*as_error(error))
                        begun = True
                        yield event
                    return
            except (httpx.TransportError, Refusal) as error:
                if begun:
                    raise self.broken_off(str(error) or type(error).__name__) from error
                await self._pause(error, wait)

    async def _pause(self, error: httpx.TransportError | Refusal, wait: Iterator[float]) -> None:
        """Before another try; raises where none would help, or there were enough."""
        if isinstance(error, Refusal) and error.status not in BUSY:
            raise error
        seconds = next(wait, None)
        if seconds is None:
            raise error if isinstance(error, Refusal) else self.unreachable(error) from error
        if isinstance(error, Refusal) and error.wait_s is not None:
            seconds = min(max(seconds, error.wait_s), LONGEST_WAIT_S)
        why = f"{error.status} {error.said}" if isinstance(error, Refusal) else type(error).__name__
        log.warning("%s: %s; again in %.1f s", self.address.base, why, seconds)
        await asyncio.sleep(seconds)

    def parsed(self, text: bytes) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError as error:
            raise self.no_such_server(f"it answers {text[:60].decode(errors='replace')!r}") from error
        if not isinstance(found, dict):
            raise self.no_such_server("it answers no JSON object")
        return found

    def wrong(self, refusal: Refusal) -> UserError:
        """What a refusal means for a person, and what to do."""
        base, status, said = self.address.base, refusal.status, refusal.said
        if status in (401, 403):
            return UserError(
                f"{base} wants a key ({status}): set the variable {KEY} to the one that the server knows",
                f"{base} 需要密钥（{status}）：请把环境变量 {KEY} 设为服务器的密钥",
            )
        if 300 <= status < 400:
            return UserError(f"{base} sends to another place ({said}); give that address")
        if status == 404:
            return UserError(f"{base} says 404: {said}; {base}/models tells what it has")
        if status in BUSY:
            text = f"{base} is busy ({status} {said}) and stayed so; try later, or with fewer --workers"
            return ModelLost(text, f"{base} 正忙（{status}）；请稍后再试，或减少并行数")
        if status >= 500:
            text = f"{base} failed ({status} {said}); its own log says why"
            return UserError(text, f"{base} 出错（{status}）：{said}")
        if any(word in said.lower() for word in ("context length", "context size", "too long", "max_model_len")):
            text = f"{base} has not so much room: {said}; ask for less, or start it with a larger --max-model-len"
            return PromptTooLarge(text, f"{base} 上下文长度不足：{said}")
        return UserError(f"{base} refuses the request ({status}): {said}", f"{base} 拒绝了请求（{status}）：{said}")

    def no_such_server(self, why: str) -> UserError:
        base = self.address.base
        return UserError(
            f"there is no OpenAI-compatible server at {base}: {why}; check the address, its path is usually /v1",
            f"{base} 不是兼容 OpenAI 的服务器；请检查地址，路径通常是 /v1",
        )

    def unreachable(self, error: httpx.TransportError) -> ModelLost:
        base = self.address.base
        if isinstance(error, httpx.ReadTimeout):
            return ModelLost(f"{base} said nothing for {SILENCE_S:.0f} s; see whether it still runs")
        return ModelLost(
            f"no model server answers at {base} ({error or type(error).__name__}); start it, or check the address",
            f"{base} 没有模型服务器应答；请启动服务器或检查地址",
        )

    def broken_off(self, why: str) -> ModelLost:
        return ModelLost(
            f"{self.address.base} broke off in the middle of a reply ({why}); ask again, and see its own log",
            f"{self.address.base} 在回复中途断开；请重试",
        )


def check(response: httpx.Response, content: bytes) -> None:
    """Raises Refusal unless the answer is what was asked for."""
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if response.has_redirect_location:
        raise Refusal(status, response.headers["location"])
    try:
        told = json.loads(content)
    except ValueError:
        told = {}
    said = as_error(told.get("error", told) if isinstance(told, dict) else told)[1] or response.reason_phrase
    after = response.headers.get("retry-after", "")
    raise Refusal(status, said, float(after) if after.isdecimal() else None)


def as_error(error: Any) -> tuple[int, str]:
    """Status and text of an error as servers write it: an object, or words."""
    if not isinstance(error, dict):
        return 500, str(error)[:500]
    code, said = error.get("code"), error.get("message") or error.get("detail") or ""
    return code if isinstance(code, int) else 500, str(said)[:500]


async def lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """What stands behind each "data:", up to [DONE]. Words may hold what Unicode calls the end of a line."""
    rest = b""
    async for part in response.aiter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise Refusal(500, "it sends a line without an end")
        for line in whole:
            field, _, said = line.partition(b":")
            if line.strip() and field not in (b"data", b"event", b"id", b"retry", b""):
                said, field = line, b"data"  # no event stream: it will be told of
            if said.strip() == b"[DONE]":
                return
            if field == b"data":
                yield said.strip()
    if rest.strip():
        yield rest.strip().removeprefix(b"data:").strip()
