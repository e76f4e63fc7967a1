"""Address: "http://host:8000/v1#ID@FAMILY" as a person writes it for a server and a model there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from model.families import FAMILIES, Family
from tools.errors import UserError

SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class Address:
    base: str  # up to and with the path, "/v1" unless another was given; no slash at the end
    host: str
    model: str = ""  # the id that the server knows it by; "": the only one there
    family: Family | None = None  # None: as the model's name says

    @property
    def is_loopback(self) -> bool:
        """Does what is sent stay on this machine?"""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def is_readable_on_the_way(self) -> bool:
        return self.base.startswith("http://") and not self.is_loopback


def is_address(name: str) -> bool:
    """Is this name of a model the address of a server?"""
    return name.strip().lower().startswith(SCHEMES)


def read_address(text: str) -> Address:
    """Raises UserError."""
    example = "such as http://127.0.0.1:8000/v1 or http://127.0.0.1:8000/v1#Qwen/Qwen2.5-VL-7B-Instruct"
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UserError(f"{without_key(text)} is no address ({error}); give one {example}") from error
    if parts.username is not None or parts.password is not None:
        raise UserError(
            f"{without_key(text)}: a key does not belong in an address, which is kept with every run; "
            "put it into the variable HANDEYE_API_KEY",
            "密钥不要写在地址里；请放入环境变量 HANDEYE_API_KEY",
        )
    if not host or parts.query:
        raise UserError(f"{without_key(text)} is no address of a model server; give one {example}")
    shown = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    base = f"{parts.scheme.lower()}://{shown}{f':{port}' if port else ''}{path}"
    model, _, family = parts.fragment.rpartition("@")
    if family not in FAMILIES:  # an id may have an @ of its own
        return Address(base, host, parts.fragment)
    return Address(base, host, model, FAMILIES[family])


def without_key(text: str) -> str:
    """The address without what stands before an @ of its host, for a message."""
    scheme, _, rest = text.strip().partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
