"""The report shows the run, in one file that loads and runs nothing."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from agent.report import write_report
from agent.store import Recording, record
from agent.trajectory import Ending, Finish, Seconds, Step
from model.computer_use import call
from model.vlm import Usage
from tools.actions import Click, Type
from tools.chromium import find_browser
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Point
from tools.overlay import mark
from tools.sandbox import Sandbox

HOSTILE = "\"'><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202e\ud800&amp;"


def steps() -> list[Step]:
    desk = Sandbox.random(3)
    click = call("left_click", coordinate=[60, 80])
    usage = Usage(1200, 1000, 40, 0.5, 1.5, "stop")
    return [
        Step(
            0,
            desk.screenshot(),
            f"I click the first button.\n{click}",
            (Click(Point(60, 80)), Type("tea")),
            result="a tab opened",
            seconds=Seconds(0.1, 1.5, 0.4),
            usage=usage,
        ),
        Step(
            1, Screenshot(desk.screenshot().image, HOSTILE, HOSTILE), HOSTILE, result=HOSTILE, mistake=True, usage=usage
        ),
        Step(
            2,
            Sandbox.random(4).screenshot(),
            call("answer", text="4 €"),
            finish=Finish(True, "4 €"),
            ending=Ending("finished", "4 €"),
            usage=usage,
        ),
    ]


def report(parent: Path, run: list[Step], task: str = "Find the price of tea") -> str:
    with Recording(parent, task, "scripted", "tiny", {"max_steps": 30}) as recording:
        list(record(run, recording))
    return write_report(recording.folder).read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Every element with its attributes, and the text as a reader sees it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def pictures(page: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(found))) for found in re.findall(r'base64,([^"]+)"', page)]


def test_the_report_tells_task_outcome_model_and_totals(tmp_path: Path) -> None:
    text = Tags(report(tmp_path, steps())).text
    for told in ("Find the price of tea", "finished: 4 €", "scripted (tiny)", "2.0 s", "3600 read, 120 written"):
        assert told in text


def test_each_step_tells_what_was_thought_said_done_and_what_came_of_it(tmp_path: Path) -> None:
    text = Tags(report(tmp_path, steps())).text
    for told in ("1. click at (60, 80), then type “tea”", "I click the first button.", "a tab opened", "think 1.5"):
        assert told in text
    assert call("left_click", coordinate=[60, 80]) in text and "3. finish: 4 €" in text


def test_the_picture_of_a_step_bears_the_mark_of_its_click(tmp_path: Path) -> None:
    run = steps()
    shown = pictures(report(tmp_path, run))
    assert len(shown) == 3
    marked = mark(run[0].screenshot.image, Click(Point(60, 80)))
    assert 2 * difference(shown[0], marked) < difference(shown[0], run[0].screenshot.image)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean over the pixels around the click, 0 to 255."""
    around = (45, 65, 75, 95)
    a, b = (list(image.convert("L").crop(around).tobytes()) for image in (one, other))
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    page = report(tmp_path, steps(), task=HOSTILE)
    tags = Tags(page)
    assert {tag for tag, _ in tags.found}.isdisjoint({"script", "a", "link", "iframe", "form"})
    assert len([tag for tag, _ in tags.found if tag == "img"]) == 3
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert tags.text.count(HOSTILE.replace("\ud800", "?").replace("\u202e", r"\u202e")) == 6


def test_the_report_needs_nothing_but_itself(tmp_path: Path) -> None:
    for tag, attributes in Tags(report(tmp_path, steps())).found:
        source = attributes.get("src") or ""
        assert source.startswith("data:image/") or (not source and tag != "img")
        assert "href" not in attributes and "srcset" not in attributes


def test_a_large_screen_is_shown_smaller(tmp_path: Path) -> None:
    (picture,) = pictures(report(tmp_path, [Step(0, Screenshot(Image.new("RGB", (3840, 2160))))]))
    assert picture.size == (1280, 720)


def test_a_run_that_was_killed_has_a_report(tmp_path: Path) -> None:
    with Recording(tmp_path, "Do it", "scripted", "tiny", {}) as recording:
        assert "not ended" in write_report(recording.folder).read_text()
        recording.intent(steps()[0])
    page = write_report(recording.folder).read_text()
    assert "interrupted: unknown" in page and page.count("<section>") == 1


def test_a_folder_without_a_run_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        write_report(tmp_path)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    browser = find_browser()
    if browser is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=browser) as chromium:
        yield chromium.new_page(viewport={"width": 375, "height": 800})


def test_in_a_browser_nothing_hostile_runs_and_a_phone_shows_it_whole(page: Page, tmp_path: Path) -> None:
    written = report(tmp_path, steps(), task="Find " + HOSTILE)
    path = tmp_path / "report.html"
    path.write_text(written, encoding="utf-8")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert page.title().startswith("Find ")
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= 375, "nothing sticks out to the side"
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_page_in_light_and_dark(page: Page, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(report(tmp_path, steps()), encoding="utf-8")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(path.as_uri())
    darkness = Image.open(io.BytesIO(page.screenshot())).convert("L").getpixel((2, 2))
    assert isinstance(darkness, int) and (darkness < 60 if scheme == "dark" else darkness > 240)
    for selector in ("h1", ".good", "section .bad", "section .dim", "section pre"):
        assert contrast(page, selector) >= 4.5, f"{selector} is below WCAG AA"


def contrast(page: Page, selector: str) -> float:
    """WCAG 2 contrast of the words against what is behind them, read from the drawn pixels."""
    drawn = Image.open(io.BytesIO(page.locator(selector).first.screenshot())).convert("RGB")
    counts = drawn.getcolors(1 << 24) or []
    luminances = [luminance(color) for _, color in counts if isinstance(color, tuple)]
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def luminance(color: tuple[float, ...]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
