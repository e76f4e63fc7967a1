from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from model.training.dom import Element, Snapshot, snapshot
from tools.actions import Click
from tools.browser import Browser
from tools.geometry import Box, Size

VIEW = Size(300, 200)
SCALE = 2.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(viewport=VIEW, scale=SCALE) as one:
        yield one


def read(browser: Browser, html: str) -> Snapshot:
    browser.page.set_content(f"<style>body{{margin:10px;font:16px 'Liberation Sans'}}</style>{html}")
    return snapshot(browser.page, SCALE, VIEW)


def shown(screen: Snapshot, *kinds: str) -> list[tuple[str, str, str]]:
    return [(one.kind, one.text, one.state) for one in screen.elements if one.kind in kinds or not kinds]


def only(screen: Snapshot, kind: str) -> Element:
    found = [one for one in screen.elements if one.kind == kind]
    assert len(found) == 1
    return found[0]


def spelled(screen: Snapshot) -> str:
    return "".join(char for char, _ in screen.chars)


def ink(image: Image.Image, box: Box) -> int:
    """Dark pixels within the box."""
    part = np.asarray(image.convert("L"))[round(box.top) : round(box.bottom), round(box.left) : round(box.right)]
    return int((part < 128).sum())


def test_every_kind_is_told_with_its_text_and_state(browser: Browser) -> None:
    html = """<button>Save it</button> <a href=#>a link</a> <span role=tab aria-selected=true>First</span>
      <input type=submit value=Go><br><label><input type=checkbox checked> Tick</label>
      <input type=radio id=r><label for=r>Pick</label> <button class=close>×</button><br>
      <select><option>one<option>two</select>"""
    assert shown(read(browser, html), "button", "link", "tab", "checkbox", "radio", "close", "select") == [
        ("button", "Save it", ""),
        ("link", "a link", ""),
        ("tab", "First", "selected"),
        ("button", "Go", ""),
        ("checkbox", "Tick", "checked"),
        ("radio", "Pick", "unchecked"),
        ("close", "×", ""),
        ("select", "", ""),
    ]


def test_a_field_is_named_by_its_label_however_that_is_given(browser: Browser) -> None:
    html = """<label for=a>Name</label><input id=a><br><label>City <input></label><br><input placeholder=Mail><br>
      <input aria-label=Phone autofocus><br><span>words: </span><input><br><input>"""
    names = [text for _, text, _ in shown(read(browser, html), "field")]
    assert names == ["Name", "City", "Mail", "Phone", "words:", ""]


def test_a_field_tells_what_it_holds_and_that_it_has_the_focus(browser: Browser) -> None:
    browser.page.set_content("<input id=a value=before><script>a.focus()</script>")
    field = only(snapshot(browser.page, SCALE, VIEW), "field")
    assert (field.value, field.state) == ("before", "focused")


def test_text_is_told_by_lines_and_runs_on_through_bold_words(browser: Browser) -> None:
    screen = read(browser, "<p style='width:150px'>Enter <b>Kim</b> into the field, please</p>")
    assert [text for _, text, _ in shown(screen)] == ["Enter Kim into the", "field, please"]
    assert spelled(screen) == "EnterKimintothefield,please"


@pytest.mark.parametrize(
    "hide", ["display:none", "visibility:hidden", "opacity:0", "position:absolute;left:-999px", "margin-top:900px"]
)
def test_what_cannot_be_seen_is_not_told(browser: Browser, hide: str) -> None:
    screen = read(browser, f"<b>seen</b><div style='{hide}'>gone <button>gone</button></div>")
    assert shown(screen) == [("text", "seen", "")]
    assert spelled(screen) == "seen"


def test_what_lies_under_a_dialog_is_not_told(browser: Browser) -> None:
    dialog = "<div style='position:fixed;left:0;top:0;width:300px;height:60px;background:#fff'>over</div>"
    screen = read(browser, f"<button>under</button> under<br>{dialog}")
    assert spelled(screen) == "over"
    assert shown(screen) == [("text", "over", "")]


def test_of_a_button_half_covered_the_box_is_where_a_click_reaches(browser: Browser) -> None:
    button = "<button style='position:absolute;left:20px;top:20px;width:80px;height:80px'>Half</button>"
    screen = read(
        browser, button + "<div style='position:fixed;left:60px;top:0;width:200px;height:200px;background:#fff'>"
    )
    half = only(screen, "button")
    assert not half.whole
    assert half.box == Box(40, 40, 120, 200)


def test_boxes_are_pixels_of_the_screenshot_cut_at_its_edges(browser: Browser) -> None:
    screen = read(browser, "<button style='position:absolute;left:250px;top:20px;width:100px;height:30px'></button>")
    assert only(screen, "button").box == Box(500, 40, 600, 100)


def test_a_link_over_two_lines_has_the_box_of_the_longer(browser: Browser) -> None:
    screen = read(browser, "<p style='width:120px'>some words <a href=#>ab here is the longer</a></p>")
    link = only(screen, "link")
    lines = sorted({box.top for char, box in screen.chars})
    assert len(lines) >= 2 and link.box.top >= lines[1] - 1
    assert not link.whole


@pytest.mark.parametrize(
    "html",
    [
        "<p style='margin:20px'>il{}Mi</p>",
        "<input value='il{}Mi' style='margin:20px;font:20px Lato;padding:5px 9px'>",
        "<input type=button value='il{}Mi' style='margin:20px;padding:8px 30px'>",
        "<input placeholder='il{}Mi' style='margin:20px;font:20px monospace'><style>::placeholder{color:#000}</style>",
    ],
)
def test_every_character_lies_where_its_ink_is(browser: Browser, html: str) -> None:
    """Three blanks part the letters; there must be ink in every letter's box and none in the gap."""
    screen = read(browser, html.replace("{}", "\N{NO-BREAK SPACE}" * 3))
    image = browser.screenshot().image
    assert spelled(screen) == "ilMi"
    for _, box in screen.chars:
        assert ink(image, box) > 3
    gap = Box(
        screen.chars[1][1].right + 1, screen.chars[1][1].top, screen.chars[2][1].left - 1, screen.chars[1][1].bottom
    )
    assert gap.width > 15 and ink(image, gap) == 0


def test_the_middle_of_every_box_is_reached_by_a_click(browser: Browser) -> None:
    names = ["one", "two", "three"]
    screen = read(
        browser, "".join(f"<button onclick='document.title=this.innerText'>{name}</button>" for name in names)
    )
    for name, element in zip(names, screen.elements, strict=True):
        at = element.box.center
        browser.perform(Click(at))
        assert browser.page.title() == name
