"""tools/settle.py: what counts as rest, how much looking it costs, and what real pages make of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from conftest import Site
from PIL import Image, ImageDraw

from tools.actions import Click
from tools.browser import Browser
from tools.geometry import Box, Point
from tools.settle import LEVELS, Moving, changed_cells, is_still, regions, settle


def picture(*boxes: tuple[int, int, int, int], color: str = "black") -> Image.Image:
    image = Image.new("RGB", (800, 600), "white")
    for box in boxes:
        ImageDraw.Draw(image).rectangle(box, color)
    return image


BLANK = picture()


@pytest.mark.parametrize(
    "boxes",
    [
        pytest.param([], id="nothing"),
        pytest.param([(100, 100, 101, 118)], id="caret"),
        pytest.param([(700, 10, 790, 40)], id="clock"),
        pytest.param([(380, 280, 420, 320)], id="spinner"),
        pytest.param([(100, 100, 101, 118), (700, 10, 790, 40), (380, 280, 420, 320)], id="all three"),
    ],
)
def test_small_movements_are_still(boxes: list[tuple[int, int, int, int]]) -> None:
    assert is_still(BLANK, picture(*boxes))
    assert is_still(picture(*boxes), BLANK)


@pytest.mark.parametrize(
    "boxes",
    [
        pytest.param([(0, 0, 799, 599)], id="another page"),
        pytest.param([(100, 100, 500, 120)], id="a line of text"),
        pytest.param([(300, 200, 500, 400)], id="a picture"),
        pytest.param([(10, y, 30, y + 20) for y in range(0, 600, 60)], id="a list's icons"),
    ],
)
def test_what_a_person_waits_for_is_not_still(boxes: list[tuple[int, int, int, int]]) -> None:
    assert not is_still(BLANK, picture(*boxes))


def test_another_size_is_not_still() -> None:
    assert not is_still(BLANK, BLANK.resize((400, 300)))


def test_noise_that_no_person_sees_is_still() -> None:
    assert is_still(BLANK, Image.new("RGB", (800, 600), "#fcfcfc"))


def test_regions_are_groups_of_touching_cells() -> None:
    cells = changed_cells(BLANK, picture((0, 0, 20, 5), (100, 100, 130, 130), (799, 599, 799, 599)))
    boxes = sorted(regions(cells), key=lambda box: box.left)
    assert boxes == [Box(0, 0, 2, 1), Box(6, 6, 9, 9), Box(49, 37, 50, 38)]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("size", [(64, 48), (75, 33), (5, 3)], ids=str)
def test_a_square_has_changed_where_a_colour_of_one_of_its_pixels_has(mode: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    before = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)).convert(mode)
    after = before.copy()
    for _ in range(12):
        at = int(rng.integers(size[0])), int(rng.integers(size[1]))
        after.putpixel(at, int(rng.integers(256)) if mode == "L" else tuple(map(int, rng.integers(0, 256, len(mode)))))
    expected = np.zeros((-(-size[1] // 16), -(-size[0] // 16)), bool)
    for y, x in np.ndindex(size[1], size[0]):
        colours = (image.convert("RGB").getpixel((x, y)) for image in (before, after))
        expected[y // 16, x // 16] |= any(abs(a - b) > LEVELS for a, b in zip(*colours, strict=True))
    assert np.array_equal(changed_cells(before, after), expected)


class Screen:
    """Shows the given pictures one after the other, then the last for ever; counts the looks."""

    def __init__(self, pictures: Iterable[Image.Image]) -> None:
        self.rest = iter(pictures)
        self.looks = 0
        self.shown = BLANK

    def __call__(self) -> Image.Image:
        self.looks += 1
        self.shown = next(self.rest, self.shown)
        return self.shown


def test_a_screen_at_rest_costs_two_captures() -> None:
    screen = Screen([BLANK, BLANK.copy()])
    settle(screen, cap_s=60)
    assert screen.looks == 2


def test_it_returns_the_first_picture_that_stays() -> None:
    last = picture((0, 0, 800, 400))
    screen = Screen([BLANK, picture((0, 0, 800, 100)), picture((0, 0, 800, 200)), last, last.copy()])
    assert settle(screen, cap_s=60).tobytes() == last.tobytes()
    assert screen.looks == 5


def test_it_waits_for_what_cannot_be_seen_yet() -> None:
    under_way = iter([True, True, True, False, True, False])
    final = picture((0, 0, 800, 400))
    screen = Screen([BLANK, BLANK.copy(), final])
    assert settle(screen, 60, lambda: next(under_way)) is final


def test_the_cap_ends_a_wait_without_end() -> None:
    began = time.monotonic()
    settle(Screen([]), cap_s=0.2, is_busy=lambda: True)
    assert 0.2 <= time.monotonic() - began < 10


def turning() -> Iterable[Image.Image]:
    """A large spinner: too big to be overlooked by size."""
    while True:
        yield picture((200, 200, 400, 300))
        yield picture((200, 300, 400, 400))


def test_endless_movement_in_one_place_is_waited_for_only_once() -> None:
    moving, began = Moving(), time.monotonic()
    settle(Screen(turning()), 60, moving=moving)
    assert time.monotonic() - began < 30
    again = Screen(turning())
    settle(again, 60, moving=moving)
    assert again.looks == 2
    moving.forget()
    assert not moving.covers(changed_cells(BLANK, picture((200, 200, 400, 300))))


def test_movement_nearly_everywhere_is_waited_for_until_the_cap() -> None:
    moving, began = Moving(), time.monotonic()
    settle(Screen(itertools.cycle([BLANK, picture((0, 0, 799, 599))])), 2.5, moving=moving)
    assert time.monotonic() - began >= 2.5
    assert moving.cells is None


def test_a_change_of_place_before_the_movement_is_not_taken_for_it() -> None:
    moving = Moving()
    settle(Screen([BLANK, picture((0, 0, 799, 599)), *itertools.islice(turning(), 200)]), 60, moving=moving)
    assert moving.cells is None or not moving.covers(changed_cells(BLANK, picture((0, 0, 799, 599))))


def test_movement_elsewhere_is_not_excused_by_an_endless_one() -> None:
    moving = Moving()
    settle(Screen(turning()), 60, moving=moving)
    assert not is_still(BLANK, picture((0, 0, 799, 100)), moving)


# -- real pages ---------------------------------------------------------------------------------------------------

BUTTON = "<style>body{margin:0} button{position:fixed;left:0;top:0;width:100px;height:40px}</style><button>go</button>"
PRESS = Click(Point(50, 20))


def on_click(browser: Browser, script: str) -> None:
    browser.page.evaluate(f"() => {{ document.querySelector('button').onclick = () => {{ {script} }} }}")


def color_after(browser: Browser, page: str, script: str) -> tuple[int, ...]:
    """Of the page's middle, right after a click whose handler is `script`."""
    browser.page.goto(page)
    on_click(browser, script)
    assert browser.screenshot().image.getpixel((400, 300)) == (255, 255, 255)
    browser.perform(PRESS)
    return tuple(browser.screenshot().image.getpixel((400, 300)))


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("%s", id="at once"),
        pytest.param("requestAnimationFrame(() => { %s })", id="next frame"),
        pytest.param("document.body.style.transition = 'background 0.6s'; %s", id="transition"),
        pytest.param("document.body.style.transition = 'background 0.1s 0.5s'; %s", id="late transition"),
        pytest.param("fetch('/slow').then(() => { %s })", id="slow answer"),
        pytest.param("location = '/green'", id="slow page"),
        pytest.param("location = '/picture'", id="page with a slow picture"),
    ],
)
def test_the_screenshot_shows_what_the_click_brought(browser: Browser, site: Site, script: str) -> None:
    green = "<style>body{background:rgb(0, 128, 0)}</style>"
    site.put("/green", green)
    site.put("/picture", "<img src=/red.svg style='position:fixed;left:300px;top:200px' width=200 height=200>")
    drawing = "<svg xmlns='http://www.w3.org/2000/svg'><rect width='999' height='999' fill='#008000'/></svg>"
    site.pages["/red.svg"] = drawing
    site.headers["/red.svg"] = {"Content-Type": "image/svg+xml"}
    site.pages["/slow"] = "done"
    site.held = {"/slow": 0.7, "/green": 0.7, "/red.svg": 0.7}
    script = script.replace("%s", "document.body.style.background = 'rgb(0, 128, 0)'")
    assert color_after(browser, site.put("/", BUTTON), script) == (0, 128, 0)


def count_looks(browser: Browser, act: Callable[[], object]) -> int:
    """How often the screen is captured while `act` runs, as Chromium's side of the page tells it."""
    tab = browser._tab
    looks, original = 0, tab.session.send

    def counted(method: str, *arguments: object) -> object:
        nonlocal looks
        looks += method == "Page.captureScreenshot"
        return original(method, *arguments)  # type: ignore[arg-type]

    tab.session.send = counted  # type: ignore[method-assign, assignment]
    act()
    tab.session.send = original  # type: ignore[method-assign]
    return looks


def test_a_still_page_costs_two_captures_and_one_more_to_look(browser: Browser, site: Site) -> None:
    browser.page.goto(site.put("/", BUTTON + "<p>nothing moves here</p>"))
    browser.screenshot()
    assert count_looks(browser, lambda: browser.perform(PRESS)) == 2
    assert count_looks(browser, browser.screenshot) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "<style>@keyframes t{to{transform:rotate(1turn)}} i{position:fixed;left:300px;top:200px;width:200px;"
            "height:200px;background:linear-gradient(red,blue);animation:t 1s linear infinite}</style><i></i>",
            id="large spinner",
        ),
        pytest.param(
            "<h1 id=c>0</h1><script>setInterval(() => c.textContent = performance.now(), 20)</script>", id="counter"
        ),
    ],
)
def test_what_never_rests_does_not_cost_the_cap_each_time(site: Site, body: str) -> None:
    with Browser(site.put("/", BUTTON + body), settle_cap_s=60) as browser:
        browser.screenshot()  # learns what moves
        began = time.monotonic()
        assert count_looks(browser, lambda: browser.perform(PRESS)) < 30
        assert time.monotonic() - began < 50


def test_a_request_that_never_ends_is_waited_for_once(site: Site) -> None:
    site.put("/", BUTTON)
    site.pages["/poll"] = "late"
    site.held["/poll"] = 600.0
    with Browser(site.at("/"), settle_cap_s=1.0) as browser:
        on_click(browser, "fetch('/poll?' + Math.random())")
        browser.perform(PRESS)
        assert count_looks(browser, lambda: browser.perform(PRESS)) == 2
        assert len([path for path in site.asked if path.startswith("/poll")]) == 2
