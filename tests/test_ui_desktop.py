"""The agent tab with a desktop: a virtual one with programs, and the person's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desktops import needs, person, virtual_desktop
from playwright.sync_api import Browser, Page, expect
from scripted import ScriptedModel
from serving import chromium, enter

from app.serve import Door, served
from app.settings import Settings
from model.computer_use import call
from tools.geometry import Size

STATUS, DONE = "#agent-status .status", call("terminate", status="success")
WAIT_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """With a model that says `request.param`."""
    settings = Settings(runs=tmp_path / "runs", viewport=Size(640, 480), approve="never")
    model = ScriptedModel(request.param)
    with served(settings, tmp_path / "data", Door(port=0), model) as address:
        page = enter(browser, address)
        page.get_by_role("tab", name="Agent").click()
        yield page
        page.context.close()


def start(page: Page, place: str) -> None:
    page.fill("#agent-task textarea", "Do it")
    page.get_by_label(place).check()


@pytest.mark.parametrize("page", [[call("type", text="exit\n"), DONE]], indirect=True)
def test_a_task_on_a_virtual_desktop_is_watched_live(page: Page) -> None:
    needs("xterm")
    start(page, "Virtual desktop")
    expect(page.locator("#agent-start")).to_be_hidden()
    expect(page.locator("#agent-asks")).to_contain_text("asks only if you choose to be asked before every action")
    page.fill("#agent-task textarea", "Type {{word}}")
    page.locator("#agent-go").click()
    expect(page.locator(f"{STATUS}.bad")).to_contain_text("nothing fills in {{word}}", timeout=WAIT_MS)
    expect(page.locator("#agent-screen")).not_to_contain_text("Opening")
    page.fill("#agent-task textarea", "Do it")
    page.get_by_label("Programs").fill("nosuchprogram")
    page.locator("#agent-go").click()
    expect(page.locator(f"{STATUS}.bad")).to_contain_text("not installed: nosuchprogram", timeout=WAIT_MS)
    page.get_by_label("Programs").fill("xterm -T Here")
    page.locator("#agent-go").click()
    expect(page.locator("#agent-screen .stage img")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(f"{STATUS}.over.good")).to_be_visible(timeout=WAIT_MS)
    assert page.locator("#agent-steps summary > span").first.inner_text().startswith("type")
    page.reload()
    page.get_by_role("tab", name="Agent").click()
    expect(page.get_by_label("Programs")).to_have_value("xterm -T Here")


@pytest.mark.parametrize("page", [[call("type", text="endless " * 5000)]], indirect=True)
def test_on_the_own_screen_it_counts_down_and_the_stop_key_ends_it(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    with virtual_desktop() as own, person(own.display) as somebody:
        monkeypatch.setenv("DISPLAY", own.display.name)
        monkeypatch.setenv("XAUTHORITY", str(own.display.authority))
        for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
            monkeypatch.delenv(name, raising=False)
        start(page, "This screen")
        expect(page.locator("#agent-own")).to_contain_text("Ctrl+Alt+Esc")
        expect(page.locator("#agent-asks")).to_contain_text("not before it clicks")
        page.locator("#agent-go").click()
        expect(page.locator(f"{STATUS}.counting")).to_contain_text("takes mouse and keyboard in", timeout=WAIT_MS)
        expect(page.locator(f"{STATUS}.acting")).to_be_visible(timeout=WAIT_MS)
        somebody.does("down Control_L", "down Alt_L", "down Escape", "up Escape", "up Alt_L", "up Control_L")
        expect(page.locator(f"{STATUS}.over")).to_contain_text("Stopped", timeout=WAIT_MS)
