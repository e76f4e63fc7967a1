"""Files that are whole or not there, whatever happens: a kill, a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from tools.errors import UserError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # EFBIG: a limit on the size of files, which can be raised meanwhile
ROOM_S = 2.0  # for whoever waits, between two looks whether there is room again

Wait = Callable[[str, int], bool]
"""Called with what is wrong and how often it was tried, when a disk is full; True: try again. May take its time."""


def give_up(told: str, tries: int) -> bool:
    return False


def patiently(folder: Path, write: Callable[[], None], wait: Wait = give_up) -> None:
    """Do what writes to the folder, again and again while the disk is full and `wait` says so. Raises UserError."""
    for tries in count(1):
        try:
            return write()
        except OSError as error:
            if error.errno not in FULL or not wait(told(folder, error), tries):
                raise unwritten(folder, error) from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raises UserError that names the folder when it cannot be written."""
    try:
        yield
    except OSError as error:
        raise unwritten(folder, error) from error


def unwritten(folder: Path, error: OSError) -> UserError:
    return UserError(told(folder, error), f"无法写入 {folder}：{error.strerror}；请释放空间或改用其他文件夹")


def told(folder: Path, error: OSError) -> str:
    return f"cannot write to {folder}: {error.strerror}; free some space or choose another folder"


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """On disk under its name when this returns; raises OSError and leaves what was there before.

    mode: who may read and write it, less what this user's umask takes away.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


class Lines:
    """A file to which whole lines are appended; what a kill left of one after the last line break is cut off."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("ab", buffering=0)
        self.end = whole_bytes(path)
        self.file.truncate(self.end)

    def append(self, line: bytes) -> None:
        """On disk when this returns; raises OSError and leaves nothing of it."""
        if os.fstat(self.file.fileno()).st_size != self.end:  # what a failed append left could not be cut off then
            self.file.truncate(self.end)
        rest = line
        try:
            while rest:
                rest = rest[self.file.write(rest) :]
            os.fsync(self.file.fileno())
        except OSError:
            with suppress(OSError):
                self.file.truncate(self.end)
            raise
        self.end += len(line)

    def close(self) -> None:
        """May be called twice."""
        self.file.close()


def whole_bytes(path: Path) -> int:
    """Up to and with the last line break: what comes after it was cut off by a kill. 0 when there is no file."""
    return path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0


def sync_folder(folder: Path) -> None:
    """Put a rename in the folder on disk; where a folder cannot be opened (Windows), the system does so itself."""
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
