"""tools/virtual_desktop.py: a screen and a home of its own, and nothing of it left however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from desktops import content, needs, virtual_desktop, wait_for

from tools.actions import Type
from tools.errors import UserError
from tools.geometry import Size
from tools.virtual_desktop import VirtualDesktop

# Opens a desktop whose terminal leaves a program in the background, tells of it, and waits to be ended.
OWNER = """
import json, sys, time
from tools.virtual_desktop import VirtualDesktop
with VirtualDesktop(["xterm -e sh -c 'nohup setsid sleep 1000 & sleep 1000'"]) as made:
    print(json.dumps([str(made.home), made._keeper.pid]), flush=True)
    if sys.argv[1] == "error":
        raise ZeroDivisionError
    time.sleep(100)
"""


@pytest.fixture(autouse=True)
def programs() -> None:
    needs("xterm")


def family(number: int) -> list[psutil.Process]:
    keeper = psutil.Process(number)
    return [keeper, *keeper.children(recursive=True)]


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OWNER, request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("owner", ["kill", "term", "error", "keeper"], indirect=True)
def test_nothing_is_left_of_it(owner: subprocess.Popen[str], request: pytest.FixtureRequest) -> None:
    assert owner.stdout is not None
    home, number = json.loads(owner.stdout.readline())
    how = request.node.callspec.params["owner"]
    everyone = family(number) if how != "error" else []
    if how != "error":
        wait_for(lambda: any(process.name() == "sleep" for process in family(number)))
        everyone = family(number)
        assert {"Xvfb", "openbox", "xterm"} <= {process.name() for process in everyone}
    match how:
        case "kill":
            owner.kill()
        case "term":
            owner.terminate()
        case "keeper":
            os.kill(number, signal.SIGTERM)
    wait_for(lambda: not any(map(lives, everyone)))
    wait_for(lambda: not Path(home).exists())


def test_programs_have_a_home_of_their_own_and_nothing_of_the_persons_session() -> None:
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere"
    try:
        with virtual_desktop("xterm", size=Size(640, 480)) as made:
            home = made.home
            with made.desktop() as desktop:
                assert desktop.screenshot().size == Size(640, 480)
                desktop.perform(Type("env > seen; touch seen.whole\n"))
                wait_for(lambda: (home / "seen.whole").exists())
                seen = dict(line.split("=", 1) for line in content(home / "seen").splitlines() if "=" in line)
    finally:
        del os.environ["DBUS_SESSION_BUS_ADDRESS"]
    assert seen["HOME"] == str(home) and seen["DISPLAY"] == made.display.name
    assert seen["DBUS_SESSION_BUS_ADDRESS"] == "disabled:"
    assert "PYTHONPATH" not in seen
    assert not home.exists()


def test_without_its_cookie_nobody_is_let_in() -> None:
    needs("xdpyinfo")
    with virtual_desktop() as made:
        variables = {**os.environ, "DISPLAY": made.display.name, "XAUTHORITY": os.devnull}
        assert subprocess.run(["xdpyinfo"], env=variables, capture_output=True).returncode != 0
        assert made.display.authority is not None and made.display.authority.stat().st_mode & 0o77 == 0


def test_two_at_a_time_do_not_meet() -> None:
    with virtual_desktop("xterm") as one, virtual_desktop("xterm") as other:
        assert one.display.name != other.display.name
        with one.desktop() as first, other.desktop() as second:
            first.perform(Type("touch one\n"))
            second.perform(Type("touch other\n"))
            wait_for(lambda: (one.home / "one").exists() and (other.home / "other").exists())
            assert not (one.home / "other").exists()


@pytest.mark.parametrize(
    ("apps", "told"),
    [
        (["nosuchprogram --flag"], "not installed: nosuchprogram; on Debian or Ubuntu: apt-get install nosuchprogram"),
        (["'half"], "cannot be read"),
        ([" "], "has no name"),
    ],
)
def test_a_program_that_cannot_be_started_is_told_before_anything_is(apps: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        VirtualDesktop(apps)
