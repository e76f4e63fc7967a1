"""Which addresses a person may be taken to, and what a written one means."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tools.environment import ActionFailed
from tools.url_rules import BadAddress, Rules, origin

BLANK = "about:blank"
BARE = re.compile(r"(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\])(:\d+)?([/?#].*)?")  # no scheme: "example.org/a", "localhost:80"
LOCAL = re.compile(r"localhost|.*\.localhost|\[.*\]|[\d.]+")  # rarely speaks https


def start_address(written: str) -> str:
    """What a person gives to begin at: an address, or the path of a page on this machine."""
    path = Path(written).expanduser()
    return path.resolve().as_uri() if path.is_file() else written


def page_address(written: str, files: Path | None = None) -> str:
    """What to ask the browser for: http, https, the blank page, and file pages under the folder `files`.

    A missing scheme is https, or http on this machine. Raises ActionFailed for anything else: javascript: would run
    code, data: and view-source: show what no site answers for, and file: reads the person's own files.
    """
    text = written.strip()
    if text == BLANK:
        return text
    bare = BARE.fullmatch(text)
    if bare:
        text = f"{'http' if LOCAL.fullmatch(bare['host']) else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        host, user = parts.hostname, parts.username
    except ValueError as error:
        raise ActionFailed(f"{written[:200]!r} is not an address: {error}") from error
    match parts.scheme:
        case "http" | "https" if not host:
            raise ActionFailed(f"{written[:200]!r} names no host; write it as https://host/path")
        case "http" | "https" if user is not None:
            raise ActionFailed("an address must not carry a name or password; leave out what is before the @")
        case "http" | "https":
            return text
        case "file" if is_within(text, files):
            return text
        case "file":
            raise ActionFailed("files of this computer cannot be opened here")
        case _:
            raise ActionFailed(
                f"{written[:200]!r} cannot be opened; give an address that begins with https:// or http://"
            )


def is_within(address: str, files: Path | None) -> bool:
    """Is it a file under the folder?"""
    return files is not None and Path(url2pathname(urlsplit(address).path)).resolve().is_relative_to(files)


def with_start(rules: Rules, written: str) -> Rules:
    """The rules, and where a person said to begin allowed by its very host."""
    try:
        begin = origin(page_address(start_address(written)))
    except (ActionFailed, BadAddress):  # a file, the blank page, or what will be told when it is opened
        return rules
    return replace(rules, listed=(*rules.listed, begin))
