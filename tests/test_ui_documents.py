"""The documents tab in a real browser, with a model that knows the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from media import Reader, pdf
from playwright.sync_api import Browser, Page, expect
from serving import chromium, enter, page_of

LOCKED = Path(__file__).parent / "fixtures" / "locked.pdf"
LIT = ".part.lit, .spot.lit"
SLOW_MS = 60_000  # on a machine that is busy with other things
reader = Reader()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with page_of(tmp_path_factory.mktemp("documents"), reader) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SLOW_MS)
    with chromium() as browser:
        yield browser
    expect.set_options(timeout=None)


@pytest.fixture(scope="module")
def shared_page(browser: Browser, address: str) -> Iterator[Page]:
    """One person's, as opening a page takes seconds; what a test leaves there the next one replaces."""
    page = opened(browser, address)
    yield page
    page.context.close()


@pytest.fixture
def page(shared_page: Page) -> Iterator[Page]:
    reader.begin()
    errors: list[str] = []
    shared_page.on("pageerror", lambda error: errors.append(str(error)))
    yield shared_page
    assert not errors


def opened(browser: Browser, address: str) -> Page:
    page = enter(browser, address)
    page.get_by_role("tab", name="Documents").click()
    return page


def read(page: Page, path: Path) -> None:
    page.set_input_files("#documents-files input[type=file]", path)
    expect(page.locator("#documents-files .file")).to_have_count(1)
    page.locator("#documents-read").click()


def over(page: Page) -> None:
    expect(page.locator("#documents-status .over")).to_be_visible()


def download(page: Page, kind: str) -> str:
    with page.expect_download() as got:
        page.locator(f"#documents-downloads [data-kind={kind}]").click()
    return Path(got.value.path()).read_text(encoding="utf-8")


def test_pages_are_read_linked_edited_and_exported(page: Page, tmp_path: Path) -> None:
    read(page, pdf(tmp_path / "hours.pdf"))
    over(page)
    expect(page.locator("#documents-status")).to_contain_text("2 pages read")
    parts, spots = page.locator(".part"), page.locator(".spot")
    expect(parts).to_have_count(3)
    expect(parts.first.locator(".page h1")).to_have_text("Opening hours")  # the model said "upening"
    expect(parts.first).to_contain_text("2 of 2 words as in the file, 1 spelled as in the file")
    expect(parts.nth(2)).to_contain_text("words by the model")

    where, sheet = spots.first.bounding_box(), page.locator(".sheet").bounding_box()
    assert where and sheet
    assert where["x"] - sheet["x"] == pytest.approx(0.08 * sheet["width"], abs=6)
    assert where["y"] - sheet["y"] == pytest.approx(0.16 * sheet["height"], abs=6)

    for pointed in (parts.nth(1), spots.nth(1)):
        pointed.hover()
        expect(page.locator(LIT)).to_have_count(2)
        assert page.locator(LIT).evaluate_all("(all) => all.map((one) => one.dataset.block)") == ["1", "1"]
    page.mouse.move(0, 0)
    expect(page.locator(LIT)).to_have_count(0)
    spots.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.locator(".part.lit").get_attribute("data-block") == "2"
    page.keyboard.press("Enter")
    expect(parts.nth(2).locator("[data-edit]")).to_be_focused()

    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("| What | Price |\n| --- | --- |\n| Cake | <b>5</b> |")
    page.keyboard.press("Control+Enter")
    expect(parts.nth(2).locator(".page td").nth(1)).to_have_text("<b>5</b>")
    expect(parts.nth(2)).to_contain_text("written by you")
    expect(parts.nth(2).locator("[data-edit]")).to_be_focused()
    blocks = json.loads(download(page, "json"))["pages"][0]["blocks"]
    assert blocks[2]["cells"][3]["text"] == "<b>5</b>" and blocks[2]["words"]["from_person"] == 4
    assert 'data-by="person"' in download(page, "html")
    assert "| Cake | <b>5</b> |" in download(page, "markdown")

    page.get_by_label("JSON", exact=True).check(force=True)
    expect(parts.first.locator("pre.json")).to_contain_text('"kind": "heading"')
    page.get_by_label("Next page").click()
    expect(parts.first.locator("pre.json")).to_contain_text('"text": "Prices"')
    expect(page.get_by_label("Page before")).to_be_enabled()

    page.reload()
    page.get_by_role("tab", name="Documents").click()
    expect(parts.first.locator(".page h1")).to_have_text("Prices")
    page.locator("[data-sheet='0']").last.click()
    expect(parts.nth(2)).to_contain_text("written by you")


def test_a_stop_keeps_what_was_read(page: Page, tmp_path: Path) -> None:
    reader.slow_from = 2
    read(page, pdf(tmp_path / "long.pdf", 4))
    expect(page.locator(".part h1")).to_have_text("Opening hours")
    expect(page.locator("#documents-status")).to_contain_text("long.pdf: page 2 of 4 · ")
    page.locator("#documents-stop").click()
    over(page)
    expect(page.locator("#documents-status")).to_contain_text("Stopped.")
    expect(page.locator(".chip")).to_have_text(["1", "2!"])
    page.locator(".chip").last.click()
    expect(page.locator(".part.unread mark")).to_have_text("[unread]")
    expect(page.locator(".note.bad")).to_have_text("the reply was stopped")


def test_words_of_a_hostile_page_do_nothing_but_stand_there(page: Page, tmp_path: Path) -> None:
    reader.hostile = True
    read(page, pdf(tmp_path / "<img src=x onerror=bad=4>.pdf", 1))
    over(page)
    expect(page.locator(".part").nth(1).locator(".as.page")).to_contain_text('<img src=x onerror="window.bad=1">')
    expect(page.locator(".part").nth(1).locator(".as.page")).to_contain_text("${window.bad=2} {{window.bad=3}}")
    page.locator(".part").nth(1).locator("[data-edit]").click()
    page.locator(".part textarea").fill('<svg onload="window.bad=5">')
    page.locator(".part form .save").click()
    expect(page.locator(".part").nth(1).locator(".as.page")).to_have_text('<svg onload="window.bad=5">')
    assert page.evaluate("window.bad") is None
    assert page.locator("#documents-paper :is(img[src=x], svg, script)").count() == 0


def test_another_browser_sees_nothing_of_it_and_a_form_is_filled(
    page: Page, browser: Browser, address: str, tmp_path: Path
) -> None:
    read(page, pdf(tmp_path / "mine.pdf", 1))
    over(page)
    other = opened(browser, address)
    expect(other.locator("#documents-paper .empty")).to_be_visible()
    other.locator("#documents-read").click()
    expect(other.get_by_test_id("toast-text")).to_have_text("Drop a PDF file or a picture of a page first.")
    assert "mine.pdf" not in other.locator("body").inner_html()
    other.context.close()

    page.locator("#documents-fill button").first.click()
    page.locator("#documents-form-text textarea").fill('{"cake": 0, "total": 0}')
    page.locator("#documents-fill-in").click()
    expect(page.locator(".filled tbody tr")).to_have_text(["cakethree1", "total31"])
    expect(page.locator(".filled .bad")).to_contain_text("cake: 'three' is not of type")
    page.locator("#documents-form-text textarea").fill("no")
    page.locator("#documents-fill-in").click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("The form is no JSON")


def test_a_locked_file_asks_for_its_password(page: Page) -> None:
    expect(page.locator("#documents-password")).to_be_hidden()
    read(page, LOCKED)
    expect(page.locator("#documents-status p.bad")).to_contain_text("it needs a password")
    page.locator("#documents-form-text textarea").fill('{"cake": "", "total": 0}')
    page.locator("#documents-fill-in").click()
    expect(page.locator("#documents-values p.bad")).to_contain_text("it needs a password")
    page.locator("#documents-password input").fill("opensesame")
    page.locator("#documents-fill-in").click()
    expect(page.locator(".filled .good")).to_have_text("Fits the form")
    page.locator("#documents-password input").press("Enter")
    expect(page.locator("#documents-status")).to_contain_text("1 page read")
