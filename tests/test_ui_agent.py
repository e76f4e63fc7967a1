"""The agent, replay and grounding tabs in a real browser, with the embedded model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from scripted import ScriptedModel
from serving import chromium, enter

from agent import prompts
from app import address_book
from app.serve import Door, served
from app.settings import Settings
from model.computer_use import call, response
from tools.chromium import VARIABLE, find_browser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tiny learned from pages as Linux draws them")
SLOW_MS = 60_000  # a step of tiny on a machine that is busy with other things
ENVIRONMENT = {**os.environ, VARIABLE: str(find_browser())}
ASK, DONE = call("interact", text="Which <b>Anna</b>?"), call("terminate", status="success")
STATUS, STEPS = "#agent-status .status", "#agent-steps summary > span"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agent")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    settings = Settings(runs=folder / "runs", max_steps=address_book.MAX_STEPS)
    with served(settings, folder / "data", Door(port=0)) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = enter(browser, address)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.context.close()
    assert not errors


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()


def start(page: Page, asks: bool = False) -> None:
    """The demo's task."""
    show(page, "Agent")
    page.get_by_role("button", name="Send Anna a message").click()
    expect(page.locator("#agent-task textarea")).to_have_value(address_book.TASK)
    if asks:
        page.locator("#agent-options button").first.click()
        page.get_by_label("Ask me before every action").check()
    page.locator("#agent-go").click()


def clicks(page: Page) -> None:
    """On the field of the address book."""
    box = page.locator("#agent-screen .stage img").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 250 / 600, box["y"] + box["height"] * 148 / 480)


def test_a_run_is_seen_live_and_replays_step_for_step(page: Page) -> None:
    start(page)
    expect(page.locator("#agent-screen .stage img")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#agent-said p")).to_contain_text(re.compile("Click|Type"), timeout=SLOW_MS)
    expect(page.locator(STATUS)).to_contain_text(re.compile(r"step \d of at most 20"), timeout=SLOW_MS)
    page.reload()
    show(page, "Agent")
    expect(page.locator("#agent-task textarea")).to_have_value(address_book.TASK)
    expect(page.locator(STATUS)).to_contain_text(f"received: “{address_book.TEXT}” → Anna Berg", timeout=2 * SLOW_MS)
    live = page.locator(STEPS).all_inner_texts()
    assert len(live) == 8 and live[1] == "type “Anna”"
    show(page, "Replay")
    page.locator(".run-card").first.click()
    for number, done in enumerate(live, start=1):
        expect(page.locator("#replay-open .does").first).to_have_text(done)
        expect(page.locator("#replay-screen img")).to_have_attribute("alt", f"The screen of step {number}")
        page.locator("#replay-later").click()


def test_a_run_is_exported_with_one_click(page: Page, tmp_path: Path) -> None:
    show(page, "Replay")
    page.locator(".run-card").first.click()
    with page.expect_download() as download:
        page.locator("button[data-kind=script]").click()
    download.value.save_as(tmp_path / "again.py")
    with address_book.serve() as book:
        subprocess.run([sys.executable, str(tmp_path / "again.py"), book.url], check=True, env=ENVIRONMENT)
    assert address_book.is_done(book.sent)


def test_what_is_denied_is_not_done_and_ends_the_run(page: Page) -> None:
    start(page, asks=True)
    question = page.locator("#agent-question .question")
    expect(question).to_contain_text("click at (2", timeout=SLOW_MS)
    expect(question).to_contain_text("On the page http://127.0.0.1:")
    page.locator("#agent-deny").click()
    expect(page.locator(f"{STATUS}.over")).to_contain_text("Not allowed", timeout=SLOW_MS)
    expect(page.locator("#agent-steps summary b.bad")).to_have_count(1)
    page.locator("#agent-steps summary").first.click()
    expect(page.locator("#agent-steps .step-facts").first).to_contain_text("The user does not allow this.")


def test_a_person_takes_over_by_mouse_and_text_and_hands_back(page: Page) -> None:
    start(page)
    page.locator("#agent-take").click(timeout=SLOW_MS)
    expect(page.locator(f"{STATUS}.taken")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".stage[data-clickable]")).to_be_visible(timeout=SLOW_MS)
    done = page.locator("#agent-steps summary b.person")
    clicks(page)
    expect(done).to_have_count(1, timeout=SLOW_MS)
    page.fill("#agent-type textarea, #agent-type input", "Boris")
    page.keyboard.press("Enter")
    expect(done).to_have_count(2, timeout=SLOW_MS)
    expect(page.locator(STEPS).nth(-1)).to_have_text("type “Boris”")
    page.locator("#agent-take").click()
    expect(page.locator(STATUS)).to_contain_text(re.compile("Thinking|Acting"), timeout=SLOW_MS)
    page.locator("#agent-stop").click()
    expect(page.locator(f"{STATUS}.over")).to_be_visible(timeout=SLOW_MS)


def test_tiny_finds_what_it_is_asked_for_and_a_trial_can_be_cancelled(page: Page) -> None:
    show(page, "Grounding")
    page.locator("#grounding-draw").click()
    expect(page.locator("#grounding-picture img")).to_be_visible(timeout=SLOW_MS)
    page.locator("#grounding-find").click()
    expect(page.locator("#grounding-told .meaning")).to_contain_text("point (", timeout=SLOW_MS)
    page.locator("#grounding-calibrate").click()
    expect(page.locator("#grounding-trials figure").nth(1)).to_be_visible(timeout=SLOW_MS)
    page.locator("#grounding-end").click()
    expect(page.locator("#grounding-end")).to_be_hidden(timeout=SLOW_MS)
    expect(page.locator("#grounding-trials .status")).to_contain_text(" hit")


def test_everything_is_chinese_in_a_chinese_browser(browser: Browser, address: str) -> None:
    page = enter(browser, address, locale="zh-CN")
    for tab, word in {"代理": "任务", "回放": "刷新", "定位": "校准"}.items():
        show(page, tab)
        expect(page.get_by_text(word).locator("visible=true").first).to_be_visible()
    page.context.close()


def test_a_question_outlives_a_reload_is_answered_by_the_person_and_can_be_stopped(
    browser: Browser, tmp_path: Path
) -> None:
    model = ScriptedModel([ASK, DONE, ASK])
    with served(Settings(runs=tmp_path / "runs"), tmp_path / "data", Door(port=0), model) as address:
        page = enter(browser, address)
        start(page)
        question, stop = page.locator("#agent-question .question"), page.locator("#agent-stop")
        expect(question).to_contain_text("Which <b>Anna</b>?", timeout=SLOW_MS)
        page.reload()
        show(page, "Agent")
        expect(question).to_contain_text("Which <b>Anna</b>?", timeout=SLOW_MS)
        expect(page.locator("#agent-allow")).to_be_hidden()
        page.get_by_label("Your answer").fill("Anna Berg")
        page.locator("#agent-send").click()
        expect(page.locator(f"{STATUS}.over.good")).to_be_visible(timeout=SLOW_MS)
        assert page.locator(STEPS).first.inner_text() == "asks: Which <b>Anna</b>?"
        assert model.asked[1][-1].text == response(prompts.answered("Anna Berg"))
        start(page)
        expect(question).to_be_visible(timeout=SLOW_MS)
        stop.click()
        expect(page.locator(f"{STATUS}.over.bad")).to_contain_text("Stopped", timeout=SLOW_MS)
        expect(question).to_be_hidden()
        page.context.close()
