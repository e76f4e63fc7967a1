"""Virtual desktops for tests, a window that says where it is clicked, and a person at the same screen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tools.display import Display
from tools.virtual_desktop import VirtualDesktop

# Prints a line of JSON for every button and key event; covers the whole screen and is nobody's window.
REPORTER = """
import json
from Xlib import X, display
d = display.Display()
root = d.screen().root
size = root.get_geometry()
mask = X.ButtonPressMask | X.ButtonReleaseMask | X.KeyPressMask | X.KeyReleaseMask
window = root.create_window(0, 0, size.width, size.height, 0, X.CopyFromParent, event_mask=mask, background_pixel=0,
                            override_redirect=1)
window.map()
d.sync()
window.set_input_focus(X.RevertToParent, X.CurrentTime)
d.sync()
print(json.dumps("ready"), flush=True)
while True:
    seen = d.next_event()
    if seen.type in (X.ButtonPress, X.ButtonRelease, X.KeyPress, X.KeyRelease):
        print(json.dumps([seen.type, seen.detail, seen.root_x, seen.root_y, seen.state]), flush=True)
"""
# Does what it reads: a person's hands, in a process of their own.
PERSON = """
import sys
from Xlib import X, XK, display
from Xlib.ext import xtest
d = display.Display()
for line in sys.stdin:
    what, *rest = line.split()
    if what == "to":
        xtest.fake_input(d, X.MotionNotify, x=int(rest[0]), y=int(rest[1]))
    else:
        code = d.keysym_to_keycode(XK.string_to_keysym(rest[0]))
        xtest.fake_input(d, X.KeyPress if what == "down" else X.KeyRelease, code)
    d.sync()
    print("done", flush=True)
"""


def needs(*programs: str) -> None:
    """Skip where one is not installed."""
    if not sys.platform.startswith("linux"):
        pytest.skip("virtual desktops need Linux")
    missing = [name for name in ("Xvfb", "openbox", *programs) if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def surroundings(display: Display) -> dict[str, str]:
    return {**os.environ, "DISPLAY": display.name, "XAUTHORITY": str(display.authority)}


@contextmanager
def python(script: str, display: Display) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=surroundings(display), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


class Person:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def does(self, *deeds: str) -> None:
        """ "to X Y", "down KEY", "up KEY"; returns when done."""
        assert self._process.stdin is not None and self._process.stdout is not None
        for deed in deeds:
            self._process.stdin.write(deed + "\n")
            self._process.stdin.flush()
            self._process.stdout.readline()


@contextmanager
def person(display: Display) -> Iterator[Person]:
    with python(PERSON, display) as process:
        yield Person(process)


class Reporter:
    """What its window was told, as [type, detail, x, y, state]."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._lines = process.stdout

    def next(self) -> Any:
        return json.loads(self._lines.readline())


@contextmanager
def reporter(display: Display) -> Iterator[Reporter]:
    with python(REPORTER, display) as process:
        made = Reporter(process)
        assert made.next() == "ready"
        yield made


def wait_for(is_so: Callable[[], Any], patience_s: float = 10.0) -> Any:
    """What it returns as soon as that is true; fails when it never is."""
    end = time.monotonic() + patience_s
    while not (found := is_so()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
    return found


def output(command: Sequence[str], display: Display) -> str:
    """Of a program that is run on the screen."""
    return subprocess.run(command, env=surroundings(display), capture_output=True, text=True, timeout=20).stdout


def content(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@contextmanager
def virtual_desktop(*apps: str, **more: Any) -> Iterator[VirtualDesktop]:
    """apps: command lines; skips where they are not installed."""
    needs(*(app.split()[0] for app in apps))
    with VirtualDesktop(apps, **more) as made:
        yield made


def is_free(display: Display) -> bool:
    """Does the server know of no key and no button that is down?"""
    from Xlib import X
    from Xlib.display import Display as Connection

    with display.connecting():
        connection = Connection(display.name)
    try:
        buttons = X.Button1Mask | X.Button2Mask | X.Button3Mask
        return not any(connection.query_keymap()) and not connection.screen().root.query_pointer().mask & buttons
    finally:
        connection.close()
