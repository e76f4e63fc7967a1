"""Lease: at most one agent has a screen."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from tools.display import Display
from tools.errors import UserError


class Lease:
    """Held from the beginning until `release`; the system takes it back from a process that has died."""

    def __init__(self, display: Display) -> None:
        """Raises UserError when somebody else has the screen."""
        name = re.sub(r"[^\w.]", "_", display.name.removesuffix(".0")) or "screen"
        self._holder = _folder() / f"screen{name}.pid"
        self._lock = FileLock(self._holder.with_suffix(".lock"), mode=0o600, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout as error:
            who = self._holder.read_text(encoding="utf-8") if self._holder.exists() else "another"
            raise UserError(
                f"this screen is in use by another run (process {who}); wait until it has ended or stop it, or add "
                "--sandbox for a desktop of its own",
                f"此屏幕正被另一个任务使用（进程 {who}）；请等待其结束或将其停止，或改用虚拟桌面",
            ) from error
        self._holder.write_text(str(os.getpid()), encoding="utf-8")

    def release(self) -> None:
        """May be called twice."""
        self._lock.release()


def _folder() -> Path:
    """Private to this user."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = folder / f"handeye-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        raise UserError(f"{folder} belongs to another user; remove it")
    return folder
