from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tools import words
from tools.actions import Click, Press, Type
from tools.browser import Browser
from tools.errors import UserError
from tools.geometry import Point
from tools.page_style import draw_hue
from tools.pages import KINDS, TRAINING_SEEDS, VIEW, PracticePage

FITS = "() => (root => root.scrollHeight <= innerHeight && root.scrollWidth <= innerWidth)(document.documentElement)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(viewport=VIEW, scale=2.0) as one:
        yield one


def press(page: PracticePage, selector: str) -> None:
    box = page.browser.page.locator(selector).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.perform(Click(Point(x * page.scale, y * page.scale)))


def key(text: str) -> str:
    return f"[data-key={text!r}]"


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_fixes_task_and_pixels(browser: Browser, kind: str) -> None:
    page = PracticePage(kind, browser=browser)
    seen = []
    for seed in (3, 4, 3):
        task = page.reset(seed)
        seen.append((task, page.screenshot().digest))
    assert seen[0] == seen[2] != seen[1]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_in_view_at_first(browser: Browser, kind: str) -> None:
    page = PracticePage(kind, browser=browser)
    for seed in range(6):
        page.reset(seed)
        assert browser.page.evaluate(FITS), f"{kind} {seed} must be scrolled"


def test_the_named_button_solves_and_any_other_fails(browser: Browser) -> None:
    page = PracticePage("buttons", browser=browser)
    named = page.reset(1).split('"')[1]
    press(page, key(named))
    assert (page.done, page.raw_reward) == (True, 1.0)
    page.reset(1)
    press(page, f"[data-key]:not({key(named)})")
    assert (page.done, page.raw_reward) == (True, -1.0)


@pytest.mark.parametrize(("slip", "reward"), [("", 1.0), ("x", -1.0)])
def test_a_form_counts_only_when_every_field_holds_its_text(browser: Browser, slip: str, reward: float) -> None:
    page = PracticePage("form", browser=browser)
    *pairs, button = page.reset(2).split('"')[1::2]
    for text, label in zip(pairs[::2], pairs[1::2], strict=True):
        field = browser.page.get_by_label(label).or_(browser.page.get_by_placeholder(label))
        field.first.focus()
        page.perform(Type(text + slip))
    press(page, key(button))
    assert (page.done, page.raw_reward) == (True, reward)


def test_a_search_lists_results_by_button_and_by_enter(browser: Browser) -> None:
    page = PracticePage("search", browser=browser)
    asked, result = page.reset(5).split('"')[1::2]
    assert browser.page.locator(key(result)).count() == 0
    browser.page.focus("#f0")
    page.perform(Type(asked))
    page.perform(Press(("enter",)))
    press(page, key(result))
    assert (page.done, page.raw_reward) == (True, 1.0)


def test_nothing_happens_after_the_end(browser: Browser) -> None:
    page = PracticePage("buttons", browser=browser)
    named = page.reset(1).split('"')[1]
    press(page, key(named))
    before = page.screenshot().digest
    assert page.perform(Click(Point(20, 20))) == "The episode is over."
    assert page.screenshot().digest == before


def test_scoring_has_hues_that_training_never_shows() -> None:
    trained = {draw_hue(random.Random(seed), False) for seed in range(2000)}
    scored = {draw_hue(random.Random(seed), True) for seed in range(2000)}
    assert len(scored) > 50 and not trained & scored


def test_labels_of_one_page_differ_even_without_case() -> None:
    for seed in range(50):
        labels = words.distinct(random.Random(seed), words.label, 8, ("save",))
        assert len({text.lower() for text in [*labels, "save"]}) == 9


def test_training_seeds_rarely_repeat_a_task_of_scoring() -> None:
    """The words must be read: a model that knows every training task by heart knows few of these."""
    for kind, write in KINDS.items():
        scored = {write(random.Random(f"{kind}-{seed}")).task for seed in range(200)}
        trained = {write(random.Random(f"{kind}-{TRAINING_SEEDS + seed}")).task for seed in range(1000)}
        assert len(scored & trained) <= 0.2 * len(scored), kind


def test_an_unknown_kind_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="no practice page"):
        PracticePage("nothing")
