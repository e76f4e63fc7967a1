"""The keeper of a virtual desktop: a process that starts the X server and programs, and ends them all when whoever
started it is gone, however that came about. Linux only, standard library and psutil."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

SET_DEATH_SIGNAL, SET_SUBREAPER = 1, 36  # of prctl
GRACE_S = 0.5  # for programs to end by themselves
COOKIE = b"MIT-MAGIC-COOKIE-1"
LOCAL = 256  # the family of addresses that means: this machine
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME", "SHELL")  # of the person's variables


def main() -> None:
    """stdin: {"screen"}, then {"run": [...]} lines until it ends. stdout: {"display", "home", "authority"},
    or {"error"}."""
    control = ctypes.CDLL(None).prctl
    control(SET_SUBREAPER, 1, 0, 0, 0)  # what programs leave behind becomes our child
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: sys.exit(1))
    home = Path(tempfile.mkdtemp(prefix="handeye-desktop-"))
    try:
        keep(home, control)
    finally:
        end_all()
        shutil.rmtree(home, ignore_errors=True)


def keep(home: Path, control: Callable[..., int]) -> None:
    given = json.loads(sys.stdin.readline())
    cookie, authority = secrets.token_bytes(16), home / ".Xauthority"
    write_cookie(authority, cookie, "0")  # the server wants only the cookie of it
    said, says = os.pipe()
    command = ["Xvfb", "-displayfd", str(says), "-screen", "0", f"{given['screen']}x24", "-auth", str(authority)]
    with (home / "xvfb.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "-nolisten", "tcp", "-noreset"], pass_fds=[says], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, preexec_fn=lambda: control(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0),
        )  # fmt: skip
    os.close(says)
    with os.fdopen(said) as pipe:
        number = pipe.readline().strip()
    if not number:
        server.wait()
        told = (home / "xvfb.log").read_text(errors="replace").strip()
        print(json.dumps({"error": told.splitlines()[-1] if told else "it ended at once"}), flush=True)
        return
    write_cookie(authority, cookie, number)
    print(json.dumps({"display": f":{number}", "home": str(home), "authority": str(authority)}), flush=True)
    variables = surroundings(home, number, authority)
    for line in sys.stdin:
        with suppress(OSError):  # no such program, say: then there is no window, which is noticed
            subprocess.Popen(
                json.loads(line)["run"], env=variables, cwd=home, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip


def surroundings(home: Path, number: str, authority: Path) -> dict[str, str]:
    """The variables of the programs: none that lead to the person's own session."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    folders = {"XDG_CONFIG_HOME": ".config", "XDG_DATA_HOME": ".local/share", "XDG_CACHE_HOME": ".cache"}
    folders |= {"XDG_RUNTIME_DIR": ".runtime", "XDG_STATE_HOME": ".local/state"}
    for folder in folders.values():
        (home / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    own = {"HOME": str(home), "DISPLAY": f":{number}", "XAUTHORITY": str(authority), "XDG_SESSION_TYPE": "x11"}
    quiet = {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "NO_AT_BRIDGE": "1", "GIO_USE_VFS": "local"}
    return {"LANG": "C.UTF-8"} | kept | {name: str(home / path) for name, path in folders.items()} | own | quiet


def write_cookie(path: Path, cookie: bytes, number: str) -> None:
    """In the form of an .Xauthority file: fields, each after its length in two bytes."""
    fields = (socket.gethostname().encode(), number.encode(), COOKIE, cookie)
    entry = LOCAL.to_bytes(2, "big") + b"".join(len(field).to_bytes(2, "big") + field for field in fields)
    path.touch(mode=0o600)
    path.write_bytes(entry)


def end_all() -> None:
    for how in ("terminate", "kill"):
        left = psutil.Process().children(recursive=True)
        for process in left:
            try:
                process.terminate() if how == "terminate" else process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=GRACE_S)


if __name__ == "__main__":
    main()
