"""`act` on desktops: where it acts, what it says before, and how a run is kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from desktops import needs, reporter, virtual_desktop, wait_for
from scripted import ScriptedModel

from agent.exports import script
from agent.store import read_run
from app import cli, screens
from app.commands.act import perform
from app.settings import Settings
from model.computer_use import call
from tools.actions import Click
from tools.border import COLOUR
from tools.desktop import Desktop
from tools.errors import UserError
from tools.geometry import Point, Size

DONE = call("terminate", status="success")
# A run of `act` on a virtual desktop with a model that never ends.
ENDLESS = """
import sys
from pathlib import Path
from scripted import ScriptedModel
from app import screens
from app.commands.act import perform
from app.settings import Settings
from model.computer_use import call
screens.end_when_told()
print("begins", flush=True)
perform(Settings(runs=Path(sys.argv[1])), ScriptedModel([call("wait", time=100)]), "Wait", "sandbox:xterm")
"""


def start_of(*argv: str) -> str:
    return screens.start_of(cli.parse(["act", "Do it", *argv]))


@pytest.mark.parametrize(
    ("argv", "start"),
    [
        ([], "about:blank"),
        (["--url", "https://example.com"], "https://example.com"),
        (["--desktop"], "desktop:all"),
        (["--desktop", "--screen", "window:Mail"], "desktop:window:Mail"),
        (["--sandbox"], "sandbox:xterm"),
        (["--sandbox", "--apps", "mousepad,xterm -T A"], "sandbox:mousepad,xterm -T A"),
    ],
)
def test_the_flags_say_where(argv: list[str], start: str) -> None:
    assert start_of(*argv) == start


def test_an_address_says_which_desktop() -> None:
    assert screens.sandbox_apps("sandbox:a, b -c,") == ("a", "b -c")
    assert screens.sandbox_apps("sandbox:") == ("xterm",)
    assert screens.desktop_part("desktop:") == "all"
    assert (screens.sandbox_apps("https://a.b"), screens.desktop_part("https://a.b")) == ((), "")


@pytest.mark.parametrize(
    "argv", [["--apps", "xterm"], ["--screen", "1"], ["--desktop", "--apps", "a"], ["--sandbox", "--url", "a.b"]]
)
def test_flags_that_do_not_go_together_are_refused(argv: list[str]) -> None:
    with pytest.raises(UserError, match=r"add --|leave it out"):
        start_of(*argv)


def test_a_run_in_a_virtual_desktop_is_kept_and_makes_no_script_for_a_browser(tmp_path: Path) -> None:
    needs("xterm")
    model = ScriptedModel([call("visit_url", url="https://example.com"), call("type", text="exit\n"), DONE])
    outcome = perform(Settings(runs=tmp_path, viewport=Size(640, 480)), model, "Leave", "sandbox:xterm")
    assert outcome.ending.success and outcome.steps == 3
    assert "there is no goto on a desktop" in model.asked[1][-1].text
    folder = outcome.report.parent
    assert read_run(folder).settings["url"] == "sandbox:xterm"
    with pytest.raises(UserError, match="only runs in the browser"):
        script(folder)


def test_the_own_screen_is_framed_and_lent_after_a_countdown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with virtual_desktop(size=Size(640, 480)) as own:
        monkeypatch.setenv("DISPLAY", own.display.name)
        monkeypatch.setenv("XAUTHORITY", str(own.display.authority))
        for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
            monkeypatch.delenv(name, raising=False)
        outcome = perform(Settings(runs=tmp_path), ScriptedModel([DONE]), "Nothing", "desktop:all")
    assert outcome.ending.success
    assert [line[:6] for line in capsys.readouterr().err.splitlines()] == ["in 3 s", "in 2 s", "in 1 s"]
    pictures = sorted((outcome.report.parent / "screens").glob("*.png"))
    assert len(pictures) == 1


def test_the_frame_is_seen_and_lets_clicks_through() -> None:
    with virtual_desktop(size=Size(640, 480)) as own, reporter(own.display) as window:
        with Desktop(own.display, framed=True) as desktop:
            seen = desktop.screenshot().image
            colour = (COLOUR >> 16, COLOUR >> 8 & 255, COLOUR & 255)
            assert {seen.getpixel(at) for at in ((0, 0), (639, 0), (0, 479), (639, 479), (300, 3))} == {colour}
            assert seen.getpixel((300, 5)) != colour
            desktop.perform(Click(Point(0, 0)))
            assert window.next()[2:4] == [0, 0]
        with Desktop(own.display) as desktop:
            assert desktop.screenshot().image.getpixel((0, 0)) != colour


def test_a_run_that_is_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    needs("xterm")
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        me = psutil.Process(process.pid)
        wait_for(lambda: any(child.name() == "xterm" for child in me.children(recursive=True)))
        everyone = me.children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert psutil.wait_procs(everyone, timeout=10)[1] == []
