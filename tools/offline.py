"""Offline: from `begin` on, this process reaches nothing but this machine. Standard library only."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address

QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
CALLS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
NAMES = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class Offline(OSError):
    """Something beyond this machine was asked for."""


def begin() -> None:
    """There is no way back: Python lets nobody take an audit hook away again."""
    os.environ.update(QUIET)
    sys.addaudithook(refuse)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Raises Offline for calls that would leave this machine, before they are made; asking for a name would, too."""
    if event in CALLS and len(arguments) > 1:
        address = arguments[1]
        if isinstance(address, tuple) and not is_here(address[0]):  # no tuple: a socket of this machine's own kind
            raise Offline(f"offline: {address[0]} is not contacted; leave out --offline")
    elif event in NAMES and not is_here(arguments[0]):
        raise Offline(f"offline: {arguments[0]!r} is not looked up; leave out --offline")


def is_here(host: object) -> bool:
    """Is it this machine? Names other than localhost are not asked about."""
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        ip = ip_address((host.decode("latin-1") if isinstance(host, bytes) else str(host)).partition("%")[0])
    except ValueError:
        return False
    return ip.is_loopback or ip.is_unspecified
