"""Where this machine's Chrome, Chromium or Edge is. Standard library only: launch.py asks before installing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "HANDEYE_BROWSER"  # a path that wins over everything found here

COMMANDS = (
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "microsoft-edge",
    "microsoft-edge-stable",
    "chromium-browser",  # last: on Ubuntu it may be a stub that only says how to install the snap
)
MAC_APPS = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS_PATHS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)
# below a folder such as chromium-1234; the platform's own folder has had several names over the years
DOWNLOADED = (
    "chrome-*/chrome",
    "chrome-*/chrome.exe",
    "chrome-*/*.app/Contents/MacOS/Chromium",
    "chrome-*/*.app/Contents/MacOS/Google Chrome for Testing",
)


def find_browser() -> Path | None:
    """The program to start, looked up without starting it; None when there is none."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return _program(chosen)
    return next(_installed(), None) or next(_downloaded(), None)


def _program(name: str) -> Path | None:
    """A path, or a command to be looked up."""
    found = shutil.which(Path(name).expanduser())
    return Path(found) if found else None


def _installed() -> Iterator[Path]:
    if sys.platform == "darwin":
        yield from _present([Path("/Applications"), Path.home() / "Applications"], MAC_APPS)
    elif sys.platform == "win32":
        variables = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        yield from _present([Path(os.environ[name]) for name in variables if name in os.environ], WINDOWS_PATHS)
    else:
        yield from (Path(found) for found in map(shutil.which, COMMANDS) if found)


def _present(folders: list[Path], names: tuple[str, ...]) -> Iterator[Path]:
    return (folder / name for name in names for folder in folders if (folder / name).is_file())


def _downloaded() -> Iterator[Path]:
    """Playwright's own downloads, newest first."""
    folder = _playwright_cache()
    builds = sorted(folder.glob("chromium-*"), key=_build_number, reverse=True)
    yield from (program for build in builds for name in DOWNLOADED for program in build.glob(name))


def _build_number(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _playwright_cache() -> Path:
    chosen = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "0")
    if chosen != "0":  # "0" means inside the package, where nobody but Playwright looks
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ms-playwright"
