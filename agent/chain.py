"""Records that hold each other: each carries the hash of the one before it, so that no change goes unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def sealed(record: Mapping[str, Any], before: str) -> dict[str, Any]:
    """The record with two keys more: the hash of the record before it, and its own over all of that."""
    linked = {**record, "before": before}
    return {**linked, "hash": digest(linked)}


def is_whole(record: Mapping[str, Any]) -> bool:
    """Is its hash that of all the rest of it?"""
    return record.get("hash") == digest({key: value for key, value in record.items() if key != "hash"})


def digest(value: Mapping[str, Any]) -> str:
    """sha256 of the JSON with sorted keys and no blanks, as hexadecimal digits."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
