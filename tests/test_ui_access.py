"""The page without a mouse, without sight, without sharp eyes: every tab, light and dark, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from media import Reader, pdf
from playwright.sync_api import Page, expect
from serving import LOADED, READY, Echo, chromium, page_of
from test_video import write

from app import address_book
from model.messages import Message
from model.vlm import Reply, Sampling
from tools.geometry import Size

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
LINE = Path(__file__).parents[1] / "app" / "examples" / "line.png"
DESK, PHONE = Size(1280, 800), Size(390, 844)
SLOW_MS = 60_000  # on a machine that is busy with other things
BOX = '[{"bbox_2d": [10, 10, 60, 40], "label": "panda"}]'
FOCUSED = """() => {
  const now = document.activeElement, style = getComputedStyle(now);
  const name = now.matches("textarea") ? "textarea" : now.classList[0];
  return [now.id || `${now.closest("[id]").id} ${name}`, `${style.outlineStyle} ${style.outlineWidth}`];
}"""
SETTLED = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect.getTiming().iterations < Infinity)
  .map((one) => one.finished.catch(() => {})))"""


class Reads(Echo):
    """Echo, but for pages and videos."""

    def __init__(self) -> None:
        self.reader = Reader()

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        able = self.reader if self.reader.knows(messages[-1]) else super()
        return able.stream(messages, sampling)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page_of(tmp_path_factory.mktemp("access"), Reads()) as address, chromium() as browser:
        context = browser.new_context(viewport=shown(DESK), reduced_motion="reduce")
        context.set_default_timeout(SLOW_MS)
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(LOADED)
        page.evaluate(AXE)
        yield page


def shown(size: Size) -> Any:
    return {"width": size.width, "height": size.height}


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()
    expect(page.get_by_role("tabpanel")).to_be_visible()


def wait(page: Page, selector: str) -> None:
    expect(page.locator(selector).first).to_be_visible(timeout=SLOW_MS)


def wrong(page: Page) -> list[str]:
    """What axe finds on the page as it is now, in every look; and what does not fit a phone."""
    found = []
    for scheme in ("dark", "light"):
        for size in (PHONE, DESK):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(shown(size))
            page.wait_for_function("(dark) => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
            page.evaluate(SETTLED)
            found += [f"{scheme} {size} {problem}" for problem in problems(page, size)]
    return found


def problems(page: Page, size: Size) -> Iterator[str]:
    for each in page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]:
        if each["impact"] in ("serious", "critical"):
            yield f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}"
    if page.evaluate("document.documentElement.scrollWidth") > size.width:
        yield "is wider than the screen"


def test_the_tab_key_reaches_tabs_box_and_send_and_shows_where_it_is(page: Page) -> None:
    page.locator("#tab-chat-button").focus()
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        at, outline = page.evaluate(FOCUSED)
        assert outline == "solid 2px", f"{at}: {outline}"
        reached.add(at)
    assert {
        "tab-doctor-button",
        "chat-new",
        "chat-search scroll-hide",
        "chat-box textarea",
        "chat-box submit-button",
    } <= reached


def test_chat(page: Page) -> None:
    assert not wrong(page)
    page.set_input_files("#chat-box input[type=file]", LINE)
    wait(page, "#chat-box img")
    page.fill(READY, BOX)
    page.keyboard.press("Enter")
    wait(page, "[data-testid=bot] small")
    wait(page, ".picture .places button")
    page.locator(".past .now summary").click()
    page.locator("#chat-options button").first.click()
    assert not wrong(page)


def test_documents(page: Page, tmp_path: Path) -> None:
    show(page, "Documents")
    wait(page, "#documents-paper .empty")
    assert not wrong(page)
    page.set_input_files("#documents-files input[type=file]", pdf(tmp_path / "hours.pdf"))
    wait(page, "#documents-files .file")
    assert not wrong(page)
    page.locator("#documents-read").click()
    wait(page, "#documents-status .over")
    page.locator(".chip").last.click()
    page.locator(".part [data-edit]").first.click()
    page.locator("#documents-fill button").first.click()
    page.locator("#documents-fill-in").click()
    wait(page, ".filled")
    assert not wrong(page)


def test_video(page: Page, tmp_path: Path) -> None:
    show(page, "Video")
    wait(page, "#video-player .empty")
    page.locator("#video-span button").first.click()
    assert not wrong(page)
    clip = write(tmp_path / "clip.webm", list(range(0, 8000, 200)), codec="libvpx")
    page.set_input_files("#video-file input[type=file]", clip)
    wait(page, "#video-player video")
    page.locator("#video-caption").click()
    wait(page, ".events button")
    page.locator(".events button").first.click()
    assert not wrong(page)
    page.set_input_files("#video-file input[type=file]", write(tmp_path / "a.avi", [0, 200, 400], codec="mpeg4"))
    wait(page, ".stills img")
    assert not wrong(page)


def test_agent(page: Page) -> None:
    show(page, "Agent")
    wait(page, "#agent-screen .empty")
    page.locator("#agent-go").click()
    wait(page, "[data-testid=toast-text]")  # no task was given
    assert not wrong(page)
    expect(page.locator("#agent-go")).to_have_text("Start")
    expect(page.get_by_test_id("toast-text")).to_be_hidden(timeout=SLOW_MS)
    page.fill("#agent-task textarea", address_book.TASK)
    page.locator("#agent-options button").first.click()
    page.get_by_label("Ask me before every action").check()
    page.locator("#agent-go").click()
    wait(page, "#agent-question .question")
    assert not wrong(page)
    page.locator("#agent-take").click()
    page.locator("#agent-allow").click()
    wait(page, "#agent-hands")
    assert not wrong(page)
    page.locator("#agent-stop").click()
    wait(page, "#agent-status .over")
    page.locator("#agent-steps summary").first.click()
    assert not wrong(page)


def test_replay(page: Page) -> None:
    """Of the run of the test before."""
    show(page, "Replay")
    wait(page, ".run-card")
    assert not wrong(page)
    page.locator(".run-card").first.click()
    wait(page, "#replay-screen img")
    assert not wrong(page)


def test_grounding(page: Page) -> None:
    show(page, "Grounding")
    page.locator("#grounding-draw").click()
    wait(page, "#grounding-picture img")
    page.get_by_label("All of them, as boxes").check()
    page.locator("#grounding-find").click()
    wait(page, "#grounding-told .said pre")
    page.locator("#grounding-calibrate").click()
    wait(page, "#grounding-trials figure:nth-child(20)")
    assert not wrong(page)


def test_doctor(page: Page) -> None:
    show(page, "Doctor")
    wait(page, ".checks li:nth-child(8)")
    page.locator("#doctor-measure").click()
    expect(page.locator("#doctor-speed")).to_contain_text("tokens/s (echo)", timeout=SLOW_MS)
    assert not wrong(page)
