"""The page as a person starts it: the real command, the embedded model, Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect
from serving import chromium, enter

from app import cli
from tests.model_server import Running

ROOT = Path(__file__).parents[1]
Started = tuple[subprocess.Popen[str], str, Path]  # with the address, and the folder that all it writes is in
START = "import sys; from app import cli; sys.exit(cli.main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("app")
    environment = os.environ | {"HANDEYE_DATA": str(folder / "data"), "TMPDIR": str(folder)}
    command = [sys.executable, "-c", START, "app", "--no-open", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield process, re.findall(r"http\S+", process.stdout.readline())[0], folder
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def page(started: Started) -> Iterator[Page]:
    with chromium() as browser:
        yield enter(browser, started[1])


def test_the_embedded_model_answers_an_example_about_a_picture(page: Page) -> None:
    page.locator("#chat-transcript .example").nth(1).click()
    expect(page.locator("[data-testid=bot] small")).to_be_visible(timeout=60_000)
    expect(page.locator("[data-testid=bot] small")).to_contain_text("280x190 seen as 280x196")
    expect(page.locator(".picture .stage img")).to_be_visible()


def test_the_doctor_finds_everything_and_measures(page: Page) -> None:
    page.get_by_role("tab", name="Doctor").click()
    expect(page.locator(".checks li")).to_have_count(8, timeout=30_000)
    assert not page.locator(".mark.missing").count()
    page.locator("#doctor-measure").click()
    expect(page.locator("#doctor-speed")).to_contain_text("tokens/s (tiny)", timeout=60_000)


def test_another_model_is_loaded_in_its_place_and_a_wrong_one_is_not(page: Page) -> None:
    page.fill("#doctor-name textarea, #doctor-name input", "/nowhere")
    page.locator("#doctor-go").click()
    expect(page.locator("#doctor-said")).to_contain_text("⚠", timeout=30_000)
    page.fill("#doctor-name textarea, #doctor-name input", "tiny")
    page.locator("#doctor-go").click()
    expect(page.locator("#doctor-said")).to_contain_text("tiny answers now", timeout=60_000)


def test_the_doctor_takes_a_server_for_the_model(page: Page, model_server: Running) -> None:
    page.get_by_role("tab", name="Doctor").click()
    page.fill("#doctor-name textarea, #doctor-name input", model_server.address)
    page.locator("#doctor-go").click()
    expect(page.locator("#doctor-said")).to_contain_text("#tiny answers now: tiny, ", timeout=30_000)
    expect(page.locator("#doctor-checks")).to_contain_text("pictures keep their size", timeout=60_000)
    page.fill("#doctor-name textarea, #doctor-name input", "tiny")
    page.locator("#doctor-go").click()
    expect(page.locator("#doctor-said")).to_contain_text("million weights", timeout=60_000)


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_ctrl_c_leaves_nothing_behind(started: Started, page: Page) -> None:
    """Although a page is open."""
    process, _, folder = started
    inner = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert not [each for each in inner if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert process.stdout is not None
    assert process.stdout.read().endswith("stopped\n")
    assert not list(folder.glob("handeye-*"))  # uploads and what was shown


def test_other_machines_are_not_let_in_without_a_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HANDEYE_PASSWORD", raising=False)
    monkeypatch.setenv("HANDEYE_DATA", tempfile.mkdtemp())
    assert cli.main(["app", "--host", "0.0.0.0"]) == 2
    assert "HANDEYE_PASSWORD" in capsys.readouterr().err
