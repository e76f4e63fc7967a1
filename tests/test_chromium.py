"""tools/chromium.py: the browser is found without being started, by a Python that has nothing installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.chromium import VARIABLE, find_browser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks in the places of Linux")


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No browser on the path, none downloaded, none chosen."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "cache"))


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o755)
    return path


def test_none_where_there_is_none() -> None:
    assert find_browser() is None


def test_a_command_on_the_path_is_found_and_chrome_comes_first(tmp_path: Path) -> None:
    chromium = program(tmp_path / "bin" / "chromium")
    assert find_browser() == chromium
    chrome = program(tmp_path / "bin" / "google-chrome")
    assert find_browser() == chrome


def test_the_newest_download_is_found(tmp_path: Path) -> None:
    program(tmp_path / "cache" / "chromium-999" / "chrome-linux" / "chrome")
    newest = program(tmp_path / "cache" / "chromium-1187" / "chrome-linux64" / "chrome")
    program(tmp_path / "cache" / "ffmpeg-2000" / "chrome-linux" / "chrome")
    assert find_browser() == newest


def test_an_installed_browser_comes_before_a_download(tmp_path: Path) -> None:
    program(tmp_path / "cache" / "chromium-1187" / "chrome-linux" / "chrome")
    edge = program(tmp_path / "bin" / "microsoft-edge")
    assert find_browser() == edge


def test_the_chosen_one_wins_and_a_wrong_choice_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin" / "chromium")
    chosen = program(tmp_path / "mine")
    monkeypatch.setenv(VARIABLE, str(chosen))
    assert find_browser() == chosen
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing"))
    assert find_browser() is None


def test_it_needs_the_standard_library_alone() -> None:
    folder = Path(__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import tools.chromium; tools.chromium.find_browser()"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
