"""Disks that are full, really: by a limit on the size of files, and a file system of one megabyte."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

SMALL_DISK = 1 << 20  # bytes
BLOCK = 1 << 12


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file of this process may grow over `size` bytes: the system then refuses in mid-write, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(at: Path) -> Iterator[Path]:
    """A file system of its own; skips the test where this user may not mount one."""
    at.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(at)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(file: Path) -> None:
    """Until nothing goes in any more."""
    with file.open("ab", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * BLOCK)


def free(file: Path, size: int) -> None:
    """Make the filler so many bytes smaller."""
    with file.open("r+b") as filler:
        filler.truncate(max(0, file.stat().st_size - size))
