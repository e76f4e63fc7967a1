"""The one entry: makes its own environment when it has none, then calls app.cli.main. Standard library only."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from tools.chromium import find_browser
from tools.errors import UserError

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "set-up.json"  # what is done: {"packages": a digest, "browser": path or "", "desktop": programs}
LOG = VENV / "install.log"

MINIWOB = "miniwob==1.1.0"  # wanted for the task pages in its wheel; what it asks for (selenium, gymnasium) is not
PROBE = "import sys, pip; sys.exit(sys.version_info < (3, 10) or sys.prefix == sys.base_prefix)"
SHOWN_LINES = 12  # of the log, when something failed
TICK_S = 0.2
QUIET_S = 15  # between two lines of progress where lines cannot be rewritten
DOWNLOAD_LIMIT_S = 900
BROWSER_ADVICE = (
    "install Chrome, Chromium or Edge (on Debian or Ubuntu: apt-get install chromium fonts-liberation), "
    "or set HANDEYE_BROWSER to the program's path"
)
# program of the tests of desktops -> Debian's package
DESKTOP = {
    "Xvfb": "xvfb",
    "openbox": "openbox",
    "xrandr": "x11-xserver-utils",
    "xdpyinfo": "x11-utils",
    "setxkbmap": "x11-xkb-utils",
    **{name: name for name in ("zenity", "galculator", "mousepad", "xterm", "pcmanfm", "xdotool", "xclip")},
}
REMEDIES = {  # what pip or apt says -> what a person can do
    "No space left on device": "free some disk space (about 6 GB are needed, far less without a GPU build of torch)",
    "externally-managed-environment": "remove PIP_TARGET, PIP_USER and the like from pip's settings",
    "Permission denied": "make this folder writable for you",
}


def main(argv: Sequence[str] | None = None) -> int:
    if sys.version_info < (3, 10):  # noqa: UP036  an older Python can run this file so far, and gets a plain word
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"Handeye needs Python 3.10 or newer and this is {version}; start it with a newer one", file=sys.stderr)
        return 2
    from app import cli

    argv = sys.argv[1:] if argv is None else argv
    cli.parse(argv)  # help and mistakes end here, before anything is installed
    if is_installed() and not in_own_environment():
        return cli.main(argv)
    return cli.guarded(lambda: start(argv))


def start(argv: Sequence[str]) -> int:
    set_up(argv[0] if argv else "")
    if in_own_environment():
        from app import cli

        if not is_installed():
            raise UserError(f"{VENV} was made by another version of Python; delete that folder and start again")
        return cli.main(argv)
    command = [str(PYTHON), str(ROOT / "launch.py"), *argv]
    sys.stdout.flush()
    if os.name == "nt":  # there execv returns to the shell before the command has ended
        return subprocess.call(command)
    os.execv(command[0], command)


def in_own_environment() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def is_installed() -> bool:
    """Has the Python that runs this Handeye among its packages?

    Only its package folder counts: pip leaves handeye.egg-info here too, where every Python would find it.
    """
    return any(importlib.metadata.distributions(name="handeye", path=[sysconfig.get_paths()["purelib"]]))


def set_up(command: str = "") -> None:
    """Whatever `command` needs and is not done yet.

    Each stage is noted when it has ended, so an interrupted set-up goes on there.
    """
    if read_stamp().get("packages") != wanted() or not PYTHON.exists():
        stop_when_told()
        install_packages()
        write_stamp(packages=wanted())
    if "browser" not in read_stamp():
        stop_when_told()
        write_stamp(browser=str(find_browser() or install_browser() or ""))
    if command == "test" and "desktop" not in read_stamp():
        stop_when_told()
        write_stamp(desktop=install_desktop())


def wanted() -> str:
    """Changes when an installed package could: the project's part of pyproject.toml, our place, what we add."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\n[tool.")[0]
    return hashlib.sha256("\n".join([project, str(ROOT), MINIWOB]).encode()).hexdigest()


def read_stamp() -> dict[str, str]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_stamp(**stages: str) -> None:
    """Written beside and renamed: a stamp is whole or not there."""
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(read_stamp() | stages), encoding="utf-8")
    fresh.replace(STAMP)


def stop_when_told() -> None:
    """A polite kill and a closed terminal end set-up as Ctrl-C does, so that nothing is left running."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)


def install_packages() -> None:
    if not has_pip():
        make_environment()
    pip = [str(PYTHON), "-m", "pip", "install", "--no-input", "--progress-bar", progress_bar()]
    for asked in (["--editable", ".[dev]"], ["--no-deps", MINIWOB]):
        code = run([*pip, *asked], "installing", Packages(VENV).read)
        require(code, f"the packages could not be installed ({asked[-1]})")


def has_pip() -> bool:
    """False for a half-made environment, or for one whose Python has gone."""
    try:
        return (
            subprocess.run([PYTHON, "-c", PROBE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        )
    except OSError:
        return False


def make_environment() -> None:
    """Raises UserError."""
    VENV.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    log = ROOT / ".venv.log"  # beside it, as --clear empties the folder
    try:
        code = run(command, "making an environment", log=log)
        if code and can_use_apt():  # Debian's Python comes without ensurepip
            apt_install("python3-venv", log=log)
            code = run(command, "making an environment", log=log)
        require(code, "no environment could be made; on Debian or Ubuntu first: apt-get install python3-venv", log)
    finally:
        log.unlink(missing_ok=True)


def progress_bar() -> str:
    """ "raw" writes bytes done as plain lines; pip has it since 24.1."""
    found = [re.fullmatch(r"pip-(\d+)\.(\d+).*", name) for name in installed(VENV)]
    return "raw" if any(name and (int(name[1]), int(name[2])) >= (24, 1) for name in found) else "off"


def installed(venv: Path) -> list[str]:
    """Names of the packages' own folders; the newest to come may be half there."""
    sites = [*venv.glob("lib/python*/site-packages"), *venv.glob("Lib/site-packages")]
    return [entry.name for site in sites for entry in site.iterdir() if entry.suffix == ".dist-info"]


class Packages:
    """What pip is at: read from its lines, and from the folder it fills, as it does not say what it has filled."""

    def __init__(self, venv: Path) -> None:
        self.venv = venv
        self.seen = 0  # packages met so far
        self.names: list[str] = []  # all that pip is about to install, in its order
        self.before = 0  # installed when it began to
        self.doing = "packages"
        self.share = ""  # of the download

    def read(self, line: str) -> str:
        """One line of pip's, or "" when there is none; returns what to show."""
        if found := re.match(r"Progress (\d+) of (\d+)", line):
            self.share = f", {int(found[1]) * 100 // max(1, int(found[2]))} %"
        elif found := re.match(r"\s*(Collecting|Downloading|Using cached|Processing) (\S+)( \([\d.]+ \wB\))?", line):
            self.meet(found[1], found[2], found[3] or "")
        elif line.startswith("Installing collected packages: "):
            self.names = line.partition(": ")[2].strip().split(", ")
            self.before = self.installed()
        if self.names:
            at = min(self.installed() - self.before, len(self.names) - 1)
            return f"{self.names[at]}, {at + 1} of {len(self.names)}"
        return self.doing + self.share

    def meet(self, verb: str, what: str, size: str) -> None:
        """what: a requirement, or a file's name, path or address."""
        if what.endswith(".metadata"):
            return
        self.seen += verb == "Collecting"
        self.share = ""
        name = re.split(r"[<>=!~;\[]|-\d", re.split(r"[/\\]", what)[-1])[0] or what
        self.doing = f"{verb.lower()} {name}{size}, package {max(1, self.seen)}"

    def installed(self) -> int:
        return len(installed(self.venv))


def install_browser() -> Path | None:
    """Playwright's own Chromium, else Debian's. Set-up goes on without one: not every command needs it."""
    fetch = [str(PYTHON), "-m", "playwright", "install", "chromium"]
    if run(fetch, "downloading Chromium", limit_s=DOWNLOAD_LIMIT_S) == 0 and starts(find_browser()):
        return find_browser()
    if can_use_apt() and apt_install("chromium", "fonts-liberation") == 0 and starts(find_browser()):
        return find_browser()
    print(f"No browser could be found or installed: {BROWSER_ADVICE}. The log is {LOG}", file=sys.stderr)
    return None


def install_desktop() -> str:
    """Debian's programs for the tests of desktops, which are skipped without them; those that are there now."""
    missing = [package for program, package in DESKTOP.items() if shutil.which(program) is None]
    if missing and sys.platform == "linux" and can_use_apt():
        apt_install(*missing)
    return " ".join(program for program in DESKTOP if shutil.which(program))


def starts(browser: Path | None) -> bool:
    """A downloaded browser may lack the system's libraries."""
    if browser is None or os.name == "nt":  # chrome.exe --version opens a window
        return browser is not None
    try:
        return subprocess.run([browser, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def can_use_apt() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def apt_install(*packages: str, log: Path = LOG) -> int:
    doing = f"installing {' '.join(packages)}"
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    run(["apt-get", "update"], doing, log=log)
    return run(install, doing, log=log)


def run(
    command: Sequence[str],
    doing: str,
    read: Callable[[str], str] = lambda line: "",
    *,
    log: Path = LOG,
    limit_s: float = float("inf"),
) -> int:
    """Run it with its output in the log, a progress line on the terminal, and nothing left of it whatever happens.

    read: is given every line of the output, and "" at each tick, and returns what to show. Returns the exit status.
    """
    settings = {"PYTHONUNBUFFERED": "1", "DEBIAN_FRONTEND": "noninteractive"}
    progress = Progress(doing)
    with log.open("ab") as out, log.open(encoding="utf-8", errors="replace") as written:
        written.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that it can be ended with all that it started
        )
        try:
            while process.poll() is None:
                if progress.seconds > limit_s:
                    return 124
                shown = read("")
                for line in written:
                    shown = read(line)
                progress.show(shown)
                time.sleep(TICK_S)
            return process.returncode
        finally:
            end(process)
            progress.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started; does nothing when it has ended by itself."""
    if process.poll() is not None:
        return
    impatient = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave the rest running
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True)
    else:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(10)
    process.wait()
    signal.signal(signal.SIGINT, impatient)


class Progress:
    """One line that is rewritten on a terminal; elsewhere a new line now and then."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.began = time.monotonic()
        self.printed = -float("inf")
        self.rewrites = sys.stderr.isatty()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def show(self, what: str) -> None:
        if not self.rewrites and self.seconds - self.printed < QUIET_S:
            return
        self.printed = self.seconds
        minutes, seconds = divmod(int(self.seconds), 60)
        line = f"Set-up: {self.doing} {what}".rstrip() + f" ({minutes}:{seconds:02})"
        if self.rewrites:
            sys.stderr.write("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1])
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        if self.rewrites:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def require(code: int, wrong: str, log: Path = LOG) -> None:
    """Raises UserError with the end of the log unless `code` is 0."""
    if code == 0:
        return
    text = log.read_text(encoding="utf-8", errors="replace")
    known = [advice for said, advice in REMEDIES.items() if said in text]
    advice = known[0] if known else "look at the lines above; most often the network or pip's settings are at fault"
    last = "\n".join("  " + line for line in text.splitlines()[-SHOWN_LINES:])
    kept = f" The whole log is {log}." if log == LOG else ""
    raise UserError(f"{wrong}:\n{last}\nTo go on, {advice}, and start again: what is done stays done.{kept}")


if __name__ == "__main__":
    sys.exit(main())
