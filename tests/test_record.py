"""tools/record.py: times are the clock's own; a real X screen; plain words where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tools.errors import UserError
from tools.record import record, screen
from tools.video import facts, frames, write_shown

ROOT = Path(__file__).parents[1]
MAIN = "import sys; from app.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_recording_has_the_times_of_the_clock_and_one_size(tmp_path: Path) -> None:
    sizes = iter([(64, 48), (64, 48), (80, 60)])
    begin = time.monotonic()
    seen: list[float] = []

    def capture() -> Image.Image:
        seen.append(time.monotonic() - begin)
        return Image.new("RGB", next(sizes, (64, 48)), (60 * min(len(seen), 4), 0, 0))

    shown = list(record(capture, 0.5, 10))
    assert all(image.size == (64, 48) for image, _ in shown)
    assert [at for _, at in shown] == pytest.approx(seen, abs=0.05) and shown[-1][1] == 0.5
    write_shown(tmp_path / "a.webm", shown)
    assert facts(tmp_path / "a.webm").seconds == pytest.approx(0.5, abs=0.1)
    (frame,) = frames(tmp_path / "a.webm", [0.0])
    assert frame.image.size == (64, 48)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about X11 and Wayland")
def test_without_a_screen_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UserError, match="no screen here"), screen():
        pass
    monkeypatch.setenv("DISPLAY", ":7654")
    with pytest.raises(UserError, match="cannot be captured"), screen():
        pass
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    with pytest.raises(UserError, match="Wayland"), screen():
        pass


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="needs Xvfb")
def test_an_x_screen_is_recorded_into_a_file(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "320x200x24"],
        pass_fds=[write_end], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        os.close(write_end)
        with os.fdopen(read_end) as told:
            display = f":{told.readline().strip()}"
        kept = ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE")
        environment = {key: value for key, value in os.environ.items() if key not in kept} | {"DISPLAY": display}
        command = [sys.executable, "-c", MAIN, "video", "record", str(tmp_path / "a.webm"), "--seconds", "1"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = facts(tmp_path / "a.webm")
        assert (found.size.width, found.size.height) == (320, 200)
        assert found.seconds == pytest.approx(1, abs=0.3)
    finally:
        server.terminate()
        server.wait()
