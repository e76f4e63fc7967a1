"""Which X display to use: the person's own or a virtual one, with what lets us in."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.errors import UserError

_CONNECTING = threading.Lock()  # libraries find the cookie through a variable of the whole process


@dataclass(frozen=True)
class Display:
    name: str = ""  # as DISPLAY has it; "" where a system has no such names
    authority: Path | None = None  # the file with the cookie; None: wherever libraries look by themselves

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """Connections made in here are let in."""
        with _CONNECTING:
            before = os.environ.get("XAUTHORITY")
            if self.authority:
                os.environ["XAUTHORITY"] = str(self.authority)
            try:
                yield
            finally:
                if before is not None:
                    os.environ["XAUTHORITY"] = before
                elif self.authority:
                    del os.environ["XAUTHORITY"]


def own_display(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Display:
    """The screen that the person sits at. Raises UserError where there is none that can be used."""
    if platform in ("win32", "darwin"):
        return Display()
    if environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland":
        raise UserError(
            "this session runs on Wayland, which lets no program see the screen or move the pointer; log in to an X11 "
            '("Xorg") session, or take a virtual desktop (--sandbox)',
            "当前会话使用 Wayland，不允许程序查看屏幕或移动指针；请登录 X11（“Xorg”）会话，或改用虚拟桌面",
        )
    if not environment.get("DISPLAY"):
        raise UserError(
            "there is no screen here (DISPLAY is not set); start Handeye from a terminal on the desktop, or take a "
            "virtual desktop (--sandbox)",
            "这里没有屏幕（未设置 DISPLAY）；请在桌面上的终端中启动 Handeye，或改用虚拟桌面",
        )
    return Display(environment["DISPLAY"])
