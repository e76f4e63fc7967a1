"""Where a downloaded file is put: under a name that is harmless and its own."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from pathlib import Path

# control characters, what a system gives a meaning, and marks that turn the reading direction or take no room
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069]')
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names Windows keeps for itself


def free_path(folder: Path, suggested: str) -> Path:
    """A new empty file in `folder`, named as a site suggests as far as that is safe; never one that existed."""
    name = UNSAFE.sub("_", suggested).strip(". ") or "download"
    if DEVICES.fullmatch(name):
        name = f"_{name}"
    stem, suffix = Path(name).stem[:100], Path(name).suffix[:20]
    folder.mkdir(parents=True, exist_ok=True)
    for count in itertools.count(1):
        path = folder / (f"{stem}{suffix}" if count == 1 else f"{stem} ({count}){suffix}")
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
            return path
    raise AssertionError("numbers do not end")
