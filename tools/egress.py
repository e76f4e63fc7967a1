"""Egress: the only way out of a browser, a proxy on this machine that contacts nothing the rules deny (P13, P14).

Chromium sends it all there is: pages, frames, redirects, workers, sockets, downloads. Of what is encrypted it sees
host and port. A name is resolved here, once, and what was judged is what is connected to.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing, suppress
from ipaddress import ip_address
from typing import Any

import psutil
from ada_url import URL

from tools.url_rules import (
    Address,
    Place,
    Rules,
    Verdict,
    as_ip,
    carried,
    is_metadata_ip,
    is_public,
    plain_host,
    read_address,
)

log = logging.getLogger(__name__)

HEAD_S = 60.0  # for a request's first lines; browsers open connections that they may need later
CONNECT_S = 15.0
MAX_HEAD = 256_000  # bytes
CHUNK = 65_536
MAX_DENIED = 100  # kept to be told
# What Chromium asks for on its own account; denied as all else is, but no page did it, so the model is not told.
BY_CHROMIUM = re.compile(
    r"^(https?://)?((update|optimizationguide-pa|content-autofill)\.googleapis|(accounts|clients\d?)\.google"
    r"|redirector\.gvt1)\.com[:/]"
)
HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"upgrade",
    b"host",
}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Denied(Exception):
    """Not to be contacted."""

    def __init__(self, url: str, verdict: Verdict) -> None:
        super().__init__(f"{url} is not contacted: {verdict.why} ({verdict.rule})")


class Egress:
    """Runs from when it is made until `close`, on a thread of its own."""

    def __init__(self, rules: Rules, resolve: Callable[[str, int], Sequence[Address]] | None = None) -> None:
        """resolve: the addresses behind a name; None: as this machine knows them."""
        self.rules = rules
        self._resolve = resolve or resolved
        self.port = 0
        self._denied: dict[str, None] = {}  # what to tell, each once
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="egress")
        self._thread.start()
        self._ready.wait()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def told(self) -> list[str]:
        """What was denied since it was last asked."""
        denied, self._denied = self._denied, {}
        return list(denied)

    def close(self) -> None:
        """May be called twice."""
        if not self._loop.is_closed() and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MAX_HEAD))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request for each connection, so that none comes by unjudged."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            if method == "CONNECT":
                await self._tunnel(target, (reader, writer))
            else:
                await self._forward(method, target, head, (reader, writer))
        except Denied as denial:
            log.debug("%s", denial)
            if len(self._denied) < MAX_DENIED and not BY_CHROMIUM.search(str(denial)):
                self._denied[str(denial)] = None
            await answer(writer, "403 Forbidden", str(denial))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            await answer(writer, "400 Bad Request", "this is no request to a proxy")
        except (OSError, asyncio.TimeoutError) as error:
            await answer(writer, "502 Bad Gateway", str(error) or "no answer in time")
        finally:
            writer.close()

    async def _tunnel(self, target: str, client: Streams) -> None:
        """What goes through cannot be read; it may be https or a socket."""
        read = URL(f"http://{target}")
        host, port = plain_host(read.hostname), int(target.rpartition(":")[2])
        verdicts = [self.rules.judge_place(Place(scheme, host, port)) for scheme in ("https", "http")]
        if not any(verdict.allowed for verdict in verdicts):
            raise Denied(f"{host}:{port}", verdicts[port == 80])
        server = await self._connect(Place("https" if verdicts[0].allowed else "http", host, port))
        client[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await joined(client, server)

    async def _forward(self, method: str, target: str, head: bytes, client: Streams) -> None:
        verdict = self.rules.judge(target)
        if not verdict.allowed:
            raise Denied(target, verdict)
        place, read = read_address(target), URL(target)
        if place is None or place.scheme != "http":
            raise ValueError("only http comes here unencrypted")
        headers = [line.partition(b":") for line in head.split(b"\r\n")[1:] if line]
        named = {name.strip().lower(): value.strip() for name, _, value in headers}
        if b"transfer-encoding" in named:
            raise ValueError("a body has a length")
        server = await self._connect(place)
        lines = [f"{method} {read.pathname}{read.search} HTTP/1.1".encode(), f"Host: {read.host}".encode()]
        lines += [name + b":" + value for name, _, value in headers if name.strip().lower() not in HOP]
        server[1].write(b"\r\n".join([*lines, b"Connection: close", b"", b""]))
        with closing(server[1]):
            length = int(named.get(b"content-length", b"0"))
            await first_of(self._reply(server[0], client), sent(client[0], server[1], length))

    async def _reply(self, server: asyncio.StreamReader, client: Streams) -> None:
        lines = [b"HTTP/1.1 100"]
        while lines[0].partition(b" ")[2].startswith(b"1"):  # there is more to come
            lines = (await server.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in HOP]
        client[1].write(b"\r\n".join([*kept, b"Connection: close", b"", b""]))
        await pour(server, client[1])

    async def _connect(self, place: Place) -> Streams:
        """To an address that was judged itself. Raises Denied, OSError."""
        literal = as_ip(place.host)
        if literal:
            ips: Sequence[Address] = [literal]
        else:
            ips = await self._loop.run_in_executor(None, self._resolve, place.host, place.port)
        for ip in ips:
            if verdict := self._judge_ip(ip, place):
                raise Denied(f"{place.host}:{place.port}", verdict)
        last: BaseException = OSError(f"{place.host} has no address")
        for ip in ips:
            try:
                return await asyncio.wait_for(asyncio.open_connection(str(ip), place.port, limit=MAX_HEAD), CONNECT_S)
            except (OSError, asyncio.TimeoutError) as error:
                last = error
        raise last

    def _judge_ip(self, ip: Address, place: Place) -> Verdict | None:
        """Why this address behind the name must not be contacted; None: it may."""
        if is_metadata_ip(ip):
            return Verdict(False, "P12", f"{ip} is where clouds tell their secrets")
        if place.port in (self.port, *self.rules.own_ports) and is_here(ip):
            return Verdict(False, "P14", "this is Handeye's own port")
        if not is_public(ip) and not self.rules.is_listed(place):
            return Verdict(False, "P13", f"{place.host} leads to {ip}, which is no public address")
        return None


def resolved(host: str, port: int) -> Sequence[Address]:
    """Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))


def is_here(ip: Address) -> bool:
    """Is it an address of this machine?"""
    ours = {each.address.partition("%")[0] for found in psutil.net_if_addrs().values() for each in found}
    return any(each.is_loopback or each.is_unspecified or str(each) in ours for each in (ip, *carried(ip)))


async def joined(one: Streams, other: Streams) -> None:
    """Until either side ends."""
    with closing(other[1]):
        await first_of(pour(one[0], other[1]), pour(other[0], one[1]))


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Until one has ended, however; the others are ended with it. Raises what it raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def sent(source: asyncio.StreamReader, to: asyncio.StreamWriter, length: int) -> None:
    """A request's body; ends when the browser has gone away. What else it says is dropped."""
    await pour(source, to, length)
    while await source.read(CHUNK):
        pass


async def pour(source: asyncio.StreamReader, to: asyncio.StreamWriter, count: int | None = None) -> None:
    """count: bytes; None: all until the end."""
    with suppress(OSError):  # either side may hang up
        while count is None or count > 0:
            piece = await source.read(CHUNK if count is None else min(CHUNK, count))
            if not piece:
                return
            to.write(piece)
            await to.drain()
            count = None if count is None else count - len(piece)


async def answer(writer: asyncio.StreamWriter, status: str, text: str) -> None:
    body = f"{text}\n".encode(errors="replace")
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    with suppress(OSError):
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
