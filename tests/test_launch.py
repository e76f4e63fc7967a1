from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import launch

ROOT = Path(__file__).parents[1]
BASE = Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else f"bin/python{sys.version_info[0]}")  # not ours
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}  # pip finds nothing, at once


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout as a person gets it: no environment, nothing installed."""
    folder = tmp_path / "checkout"
    for name in ("app", "agent", "model", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    for name in ("launch.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def start(folder: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [BASE, folder / "launch.py", *argv]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=250)


@pytest.mark.parametrize("argv", [["--help"], ["demo", "--help"], ["bench", "miniwob", "--help"], ["app", "--help"]])
def test_help_needs_no_set_up(copy: Path, argv: list[str]) -> None:
    done = start(copy, *argv)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python3 launch.py")
    assert not (copy / ".venv").exists()


def test_a_mistake_in_the_command_is_told_before_set_up(copy: Path) -> None:
    done = start(copy, "act")
    assert done.returncode == 2
    assert "TASK" in done.stderr
    assert not (copy / ".venv").exists()


def test_a_package_list_left_by_pip_does_not_count_as_installed(copy: Path) -> None:
    """pip puts handeye.egg-info beside launch.py, where the Python outside the environment sees it as well."""
    (copy / "handeye.egg-info").mkdir()
    (copy / "handeye.egg-info" / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: handeye\nVersion: 0.1.0\n")
    code = f"import sys; sys.path.insert(0, {str(copy)!r}); import launch; print(launch.is_installed())"
    said = subprocess.run([BASE, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "False\n"


def test_a_failed_set_up_says_why_and_what_to_do_and_is_not_noted_as_done(copy: Path) -> None:
    done = start(copy, "doctor", **NO_INDEX)
    assert done.returncode == 2
    assert "the packages could not be installed" in done.stderr
    assert "setuptools" in done.stderr  # the end of pip's own words
    assert "start again" in done.stderr
    assert str(copy / ".venv" / "install.log") in done.stderr
    assert "Traceback" not in done.stderr
    assert not (copy / ".venv" / "set-up.json").exists()


def test_a_half_made_environment_with_a_torn_stamp_is_made_anew(copy: Path) -> None:
    """Killed before pip was in it: only a Python is there."""
    venv.create(copy / ".venv", with_pip=False, symlinks=os.name != "nt")
    (copy / ".venv" / "set-up.json").write_text('{"packages": "')
    done = start(copy, "doctor", **NO_INDEX)
    assert "No module named pip" not in done.stderr
    assert "setuptools" in done.stderr  # so pip was there and ran


def wanted(folder: Path) -> str:
    code = "import launch; print(launch.wanted())"
    return subprocess.run([BASE, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_new_requirements_ask_for_a_new_set_up_and_settings_of_the_linter_do_not(copy: Path) -> None:
    project, before = copy / "pyproject.toml", wanted(copy)
    project.write_text(project.read_text().replace("line-length = 120", "line-length = 119"))
    assert wanted(copy) == before
    project.write_text(project.read_text().replace('"tqdm>=', '"one-more",\n    "tqdm>='))
    assert wanted(copy) != before


@pytest.fixture
def finished(copy: Path) -> Path:
    """A checkout whose environment is this one's packages, noted as complete."""
    venv.create(copy / ".venv", with_pip=False, symlinks=os.name != "nt")
    stamp = {"packages": wanted(copy), "browser": ""}
    (copy / ".venv" / "set-up.json").write_text(json.dumps(stamp), encoding="utf-8")
    site = next((copy / ".venv").glob("**/site-packages"))
    (site / "here.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    made = site / "handeye-0.1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: handeye\nVersion: 0.1.0\n")
    return copy


def test_a_second_start_sets_nothing_up_and_runs_the_command_in_the_environment(finished: Path) -> None:
    done = start(finished, "doctor", "--json", **NO_INDEX)
    checks = {check["part"]: check for check in json.loads(done.stdout)}
    assert str(finished / ".venv") in checks["python"]["text"]
    assert "Set-up" not in done.stderr
    assert not (finished / ".venv" / "install.log").exists()


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A set-up stage under way: it started a process of its own, which says its number in the log and then waits."""
    code = f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(ROOT)!r})
        import launch
        from app import cli
        launch.LOG = Path({str(tmp_path / "log")!r})
        inner = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
        outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {{inner!r}}])"
        launch.stop_when_told()
        sys.exit(cli.guarded(lambda: launch.run([sys.executable, "-c", outer], "waiting", log=launch.LOG)))
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_leaves_nothing_running(busy: subprocess.Popen[str], tmp_path: Path, number: int) -> None:
    inner = psutil.Process(first_number(tmp_path / "log"))
    busy.send_signal(number)
    said = busy.communicate(timeout=30)[1]
    assert busy.returncode == 130
    assert "Traceback" not in said
    assert not inner.is_running() or inner.status() == psutil.STATUS_ZOMBIE


def first_number(log: Path) -> int:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if log.exists() and (text := log.read_text()).endswith("\n"):
            return int(text)
    raise AssertionError("the stage did not start")


def test_a_stage_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    assert launch.run(command, "waiting", log=tmp_path / "log", limit_s=0.3) == 124


def test_progress_says_which_package_and_how_many(tmp_path: Path) -> None:
    packages = launch.Packages(tmp_path)
    site = tmp_path / "lib" / "python3" / "site-packages"
    (site / "pip-1.dist-info").mkdir(parents=True)
    assert packages.read("Collecting torch<2.14,>=2.6 (from handeye==0.1.0)") == "collecting torch, package 1"
    assert (
        packages.read("  Downloading torch-2.13.0-py3-none-any.whl.metadata (29 kB)") == "collecting torch, package 1"
    )
    packages.read("  Downloading torch-2.13.0-py3-none-any.whl (887.9 MB)")
    assert packages.read("Progress 500 of 1000") == "downloading torch (887.9 MB), package 1, 50 %"
    assert (
        packages.read("Installing collected packages: typing-extensions, torch, handeye") == "typing-extensions, 1 of 3"
    )
    (site / "typing_extensions-4.dist-info").mkdir()
    assert packages.read("") == "torch, 2 of 3"


def test_a_remedy_is_told_where_the_cause_is_known(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ERROR: [Errno 28] No space left on device\n")
    with pytest.raises(launch.UserError, match="free some disk space"):
        launch.require(1, "it failed", log)
