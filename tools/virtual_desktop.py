"""A desktop of its own: a screen in memory (Xvfb), a window manager and the programs that are asked for."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tools.desktop import Desktop
from tools.display import Display
from tools.errors import UserError
from tools.geometry import Size

SIZE = Size(1280, 800)
SERVER, MANAGER = "Xvfb", "openbox"
PACKAGES = {SERVER: "xvfb", MANAGER: "openbox"}  # of Debian, for what is needed in any case
START_S = 15.0  # for the window manager, and for all windows to come up
LOOK_S = 0.05
END_S = 5.0


class VirtualDesktop:
    """The screen and its programs; with whoever made it, all of them end, even where that one was killed."""

    def __init__(self, apps: Sequence[str] = (), size: Size = SIZE, needs: Sequence[str] = ()) -> None:
        """apps: command lines, started at once. needs: other programs. Raises UserError for what is not installed."""
        check(apps, needs)
        commands = [split(app) for app in apps]
        self._keeper = start_keeper()
        try:
            self._tell({"screen": str(size)})
            assert self._keeper.stdout is not None
            told = json.loads(self._keeper.stdout.readline() or '{"error": "it did not start"}')
            if "error" in told:
                raise UserError(f"no virtual desktop could be made: {told['error']}")
            self.display = Display(told["display"], Path(told["authority"]))
            self.home = Path(told["home"])  # of the programs; gone when this is closed
            self.run([MANAGER, "--sm-disable"])
            self.await_windows(0)
            for command in commands:
                self.run(command)
            self.await_windows(len(commands))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> VirtualDesktop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, command: Sequence[str]) -> None:
        """Start a program; nobody waits for it."""
        self._tell({"run": list(command)})

    def await_windows(self, count: int) -> None:
        """Until so many have come up; a program that shows none in time, or ends before, is not waited for."""
        from tools.x11 import X11  # not there on other systems

        eye = X11(self.display)
        end = time.monotonic() + START_S
        while eye.windows() < count and time.monotonic() < end:
            time.sleep(LOOK_S)
        eye.close()

    def desktop(self, scale: float = 1.0, part: str = "all") -> Desktop:
        """As an Environment; closing it closes all of this."""
        return Desktop(self.display, scale=scale, part=part, on_close=self.close)

    def close(self) -> None:
        """May be called twice."""
        with suppress(OSError):
            self._keeper.stdin.close()  # type: ignore[union-attr]
        with suppress(subprocess.TimeoutExpired):
            self._keeper.wait(END_S)
        if self._keeper.poll() is None:
            self._keeper.kill()
            self._keeper.wait()
        if self._keeper.stdout:
            self._keeper.stdout.close()

    def _tell(self, what: dict[str, object]) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(json.dumps(what) + "\n")
        self._keeper.stdin.flush()


def split(app: str) -> list[str]:
    """A command line as a shell would split it. Raises UserError."""
    try:
        words = shlex.split(app)
    except ValueError as error:
        raise UserError(f"the command {app!r} cannot be read: {error}") from error
    if not words:
        raise UserError("a program of the virtual desktop has no name; write --apps mousepad,xterm")
    return words


def check(apps: Sequence[str], needs: Sequence[str] = ()) -> None:
    """Is everything installed, and has each command line a program? Raises UserError."""
    if not sys.platform.startswith("linux"):
        raise UserError(
            "a virtual desktop needs Linux; here use your own screen or the browser",
            "虚拟桌面需要 Linux；此处请使用本机屏幕或浏览器",
        )
    programs = (*PACKAGES, *needs, *(split(app)[0] for app in apps))
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        packages = " ".join(PACKAGES.get(name, name) for name in missing)
        raise UserError(
            f"not installed: {', '.join(missing)}; on Debian or Ubuntu: apt-get install {packages}",
            f"未安装：{', '.join(missing)}；在 Debian 或 Ubuntu 上运行：apt-get install {packages}",
        )


def start_keeper() -> subprocess.Popen[str]:
    here = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "tools.keeper"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": paths}, start_new_session=True,
    )  # fmt: skip
