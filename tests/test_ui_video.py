"""The video tab in a real browser, with a model that answers from a script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from media import Reader
from playwright.sync_api import Browser, Page, expect
from serving import chromium, enter, page_of
from test_video import write

AT = "document.querySelector('#video-player video').currentTime"
SLOW_MS = 60_000  # on a machine that is busy with other things
reader = Reader()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with page_of(tmp_path_factory.mktemp("video"), reader) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SLOW_MS)
    with chromium() as browser:
        yield browser
    expect.set_options(timeout=None)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "clip.webm", list(range(0, 8000, 200)), codec="libvpx")


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
    page.get_by_role("tab", name="Video").click()
    return page


def give(page: Page, path: Path) -> None:
    """In the place of the one before."""
    before = page.locator(".film").get_attribute("data-name") if page.locator(".film").count() else ""
    page.set_input_files("#video-file input[type=file]", path)
    page.wait_for_selector(f".film:not([data-name='{before}'])")
    expect(page.locator("#video-known")).to_contain_text("The model sees")


def test_events_are_found_jumped_to_and_exported(page: Page, clip: Path) -> None:
    give(page, clip)
    expect(page.locator("#video-known")).to_contain_text("160x96")
    page.wait_for_function("document.querySelector('#video-player video').duration > 7.7")
    page.fill("#video-text textarea", "it grows light")
    page.locator("#video-find").click()
    expect(page.locator("#video-result h3")).to_have_text("When: it grows light")
    expect(page.locator(".events b")).to_have_text("0:02.0 – 0:04.0")
    page.locator(".timeline .track button").click()
    page.wait_for_function(f"{AT} === 2")
    expect(page.locator(".events button")).to_have_class("now")
    frames = page.locator(".frames button")
    expect(page.locator("#video-seen h3")).to_have_text(f"Frames that the model saw: {frames.count()}")
    expect(frames.locator("span").nth(3)).to_have_text("0:01.5")
    frames.nth(3).click()
    page.wait_for_function(f"{AT} === 1.5")

    page.locator("#video-caption").click()
    expect(page.locator(".events span")).to_have_text(["it is <b>dark</b>", "it grows light"])
    with page.expect_download() as got:
        page.locator("#video-result [data-kind=srt]").click()
    assert got.value.suggested_filename == "clip.srt"
    assert "00:00:04,000 --> 00:00:05,500\nit grows light" in Path(got.value.path()).read_text()
    with page.expect_download() as got:
        page.locator("#video-result [data-kind=json]").click()
    assert json.loads(Path(got.value.path()).read_text())["events"][1]["end_s"] == 5.5

    page.reload()
    page.get_by_role("tab", name="Video").click()
    page.locator(".events button").last.click()
    page.wait_for_function(f"{AT} === 4")


def test_a_part_is_asked_about_and_only_that_is_seen(page: Page, clip: Path) -> None:
    give(page, clip)
    page.locator("#video-span button").first.click()
    page.evaluate(f"{AT} = 2.5")
    page.locator("#video-from-now").click()
    expect(page.locator("#video-from input, #video-from textarea")).to_have_value("2.5")
    page.locator("#video-to input, #video-to textarea").fill("0:01")
    page.fill("#video-text textarea", "What happens?")
    page.locator("#video-ask").click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("ends before it begins")
    page.locator("#video-to input, #video-to textarea").fill("0:04.5")
    page.locator("#video-ask").click()
    expect(page.locator("#video-result .said")).to_contain_text("It grows light at 3.5 s, for 2 s.")
    expect(page.locator(".frames span")).to_have_text(["0:02.5", "0:03.0", "0:03.5", "0:04.0"])
    page.locator(".said .time").click()
    page.wait_for_function(f"{AT} === 3.5")
    page.locator("#video-find").click()
    expect(page.locator(".events b")).to_have_text("0:04.5")  # what is beyond the part is moved to its end
    expect(page.locator(".frames span")).to_have_text(["0:02.5", "0:03.0", "0:03.5", "0:04.0"])


def test_a_stop_ends_the_watching(page: Page, clip: Path) -> None:
    reader.slow_from = 1
    give(page, clip)
    page.locator("#video-caption").click()
    expect(page.locator("#video-result .status")).to_contain_text("tokens so far")
    page.locator("#video-stop").click()
    expect(page.locator("#video-result .over")).to_contain_text("Stopped.")
    expect(page.locator("#video-caption")).to_be_enabled()


def test_a_video_that_the_browser_cannot_play_is_shown_in_stills(page: Page, tmp_path: Path) -> None:
    give(page, write(tmp_path / "old.avi", list(range(0, 4000, 200)), codec="mpeg4"))
    expect(page.locator(".stills .note")).to_contain_text("cannot play this file")
    still = page.locator(".stills img")
    page.wait_for_function("document.querySelector('.stills img').naturalWidth === 160")
    first = still.get_attribute("src")
    page.locator("#video-caption").click()
    page.locator(".events button").first.click()
    page.wait_for_function("(first) => document.querySelector('.stills img').src !== first", arg=first)
    assert page.locator(".stills input").input_value() == "1"


def test_the_video_is_for_its_own_browser_and_for_nobody_without_the_cookie(
    page: Page, browser: Browser, address: str, clip: Path, tmp_path: Path
) -> None:
    give(page, clip)
    url = page.locator("#video-player video").get_attribute("src")
    assert url
    other = opened(browser, address)
    expect(other.locator("#video-player .empty")).to_be_visible()
    assert "clip.webm" not in other.locator("body").inner_html()
    other.context.close()
    where = urlsplit(address)
    stranger = browser.new_context()
    assert stranger.request.get(f"{where.scheme}://{where.netloc}{url}").status == 401
    stranger.close()
    fake = tmp_path / "fake.mp4"
    fake.write_text("<script>bad()</script>")
    page.set_input_files("#video-file input[type=file]", fake)
    expect(page.get_by_test_id("toast-text").last).to_contain_text("is no video")
    expect(page.locator("#video-player video")).to_have_attribute("src", url)
