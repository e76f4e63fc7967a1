"""Files from elsewhere are opened by a child process, which may take only so much time and memory and dies alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from PIL import Image

from tools.errors import UserError

PATIENCE_S = 8.0  # for one item, so that all is over in 10; a healthy file gives its first in well under one second
MEMORY = 1 << 30  # bytes of address space beyond what the child has when it begins

Item = dict[str, Any]


class Stuck(UserError):
    """The child gave nothing for too long, took too much, or died."""


def apart(reads: str, given: Item, patience_s: float = PATIENCE_S) -> Iterator[tuple[Item, Image.Image | None]]:
    """What the generator function `reads` ("tools.documents:read") yields for `given`, run in a child process.

    It yields pairs of plain data and a picture or None, one at a time, as fast as they are taken from here.
    Raises UserError with the words of the one it raises, and Stuck.
    """
    here = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    child = subprocess.Popen(
        [sys.executable, "-m", "tools.apart", reads],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    try:
        child.stdin.write(json.dumps(given).encode() + b"\n")
        child.stdin.close()
        while (item := patiently(child, patience_s)) is not None:
            yield item
    except BrokenPipeError as error:
        raise Stuck("the file could not be opened: its reader did not start") from error
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def patiently(child: subprocess.Popen[bytes], patience_s: float) -> tuple[Item, Image.Image | None] | None:
    """The next item, or None at the end. A child that takes too long is killed, which ends the reading."""
    late = threading.Event()

    def give_up() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(patience_s, give_up)
    timer.start()
    try:
        assert child.stdout is not None
        return receive(child.stdout)
    except EOFError as error:
        why = f"took over {patience_s:.0f} s" if late.is_set() else "broke its reader, or needs too much memory"
        text = f"the file {why}; it may be damaged or made to do harm"
        raise Stuck(text, "读取文件用了太多时间或内存；文件可能已损坏或怀有恶意") from error
    finally:
        timer.cancel()


def receive(pipe: IO[bytes]) -> tuple[Item, Image.Image | None] | None:
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    head = json.loads(line)
    if "end" in head:
        return None
    if "error" in head:
        raise UserError(head["error"], head["chinese"])
    if head["size"] is None:
        return head["item"], None
    width, height = head["size"]
    pixels = pipe.read(width * height * 3)
    if len(pixels) < width * height * 3:
        raise EOFError
    return head["item"], Image.frombytes("RGB", (width, height), pixels)


def send(pipe: IO[bytes], head: Item, picture: Image.Image | None = None) -> None:
    pipe.write(json.dumps(head).encode() + b"\n" + (picture.tobytes() if picture else b""))
    pipe.flush()


def main() -> None:
    """The child: the function's name is the argument, what it is given comes through stdin."""
    given = json.loads(sys.stdin.readline())
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not break the pipe
    module, name = sys.argv[1].split(":")
    read = getattr(import_module(module), name)
    limit_memory()
    try:
        for item, picture in read(**given):
            send(out, {"item": item, "size": picture and picture.size}, picture)
        send(out, {"end": True})
    except UserError as error:
        send(out, {"error": str(error), "chinese": error.chinese})
    except MemoryError:
        sys.exit(1)


def limit_memory() -> None:
    """Windows has no such limit: there only time is bounded."""
    if sys.platform == "win32":
        return
    import resource

    import psutil

    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


if __name__ == "__main__":
    main()
