"""What the browser says of an element, whatever the page's own scripts would say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Site

from tools.actions import Click, Goto, Press
from tools.browser import Browser
from tools.geometry import Point, Size
from tools.targets import Target

PAGE = """<style>body {margin: 0}
.row {position: absolute; left: 0; width: 300px; height: 30px; overflow: hidden}</style>
<a class=row style="top: 0" href="/b?c">to <b>there</b></a>
<button class=row style="top: 30px" aria-label="Delete all"><img alt=bin src=none></button>
<form method=post action=/x><input type=password hidden>
  <input class=row style="top: 60px" name=q placeholder=words autofocus>
  <input class=row style="top: 90px" type=submit value="Go on">
  <label class=row style="top: 120px"><input type=checkbox> I agree</label>
</form>
<div class=row style="top: 150px" onclick="0">Pay</div>
<iframe class=row style="top: 180px; border: 0" srcdoc="<body style='margin: 0'><button>Inside</button>"></iframe>
<iframe class=row style="top: 210px; border: 0" src="ELSEWHERE"></iframe>
<div class=row style="top: 240px" id=host></div>
<a class=row style="top: 270px" href="/f" download>file</a>
<script>
  host.attachShadow({mode: 'open'}).innerHTML = '<button>Shadow</button>';
  document.elementFromPoint = () => null;
  Object.defineProperty(HTMLElement.prototype, 'innerText', {get: () => 'harmless'});
</script>"""


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with closing(Browser(viewport=Size(400, 320), scale=2.0)) as browser:
        yield browser


@pytest.fixture
def page(opened: Browser, site: Site, other_site: Site) -> Browser:
    other = other_site.put("/other", "<button>Elsewhere</button>").replace("127.0.0.1", "localhost")
    opened.perform(Goto(site.put("/page", PAGE.replace("ELSEWHERE", other))))
    return opened


def test_elements_are_named(page: Browser) -> None:
    def at(y: int) -> Target:
        return page.target(Click(Point(20, 2 * y)))

    address = page.page.url.removesuffix("/page")
    link = at(5)
    assert (link.role, link.name, link.leads_to, link.page) == ("link", "to there", f"{address}/b?c", f"{address}/page")
    assert (at(45).role, at(45).name) == ("button", "Delete all bin") and not at(45).form
    field = at(75)
    assert (field.role, field.form, field.secret, field.buttons) == ("text", "post", True, ("Go on",))
    assert not field.submits and at(105).submits and at(105).name == "Go on"
    assert at(135).role == "checkbox" and "I agree" in at(135).name
    assert (at(165).role, at(165).name) == ("", "Pay")
    assert at(190).name == "Inside" and not at(190).foreign
    assert at(220).foreign.endswith("/other") and at(220).name == ""
    assert at(245).name == "Shadow" and at(285).downloads
    assert page.target(Press(("enter",))) == field, "where the keyboard writes to"


def test_a_question_that_was_answered_with_cancel_is_told_and_so_is_a_file_that_was_not_saved(
    opened: Browser, site: Site
) -> None:
    site.put("/asks", "<button style='width: 200px; height: 200px' onclick=\"confirm('Really?')\">b</button>")
    opened.perform(Goto(site.at("/asks")))
    click = Click(Point(50, 50))
    assert opened.target(click).pending == ()
    opened.perform(click)
    assert opened.target(click).pending == ("Really?",)


def test_a_file_is_saved_only_after_what_a_person_allowed(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = "content"
    site.put("/has", "<a download href=/file style='font: 90px serif'>file</a>")
    folder = tmp_path / "saved"
    with closing(Browser(site.at("/has"), viewport=Size(400, 300), downloads=folder)) as browser:
        click = Click(Point(40, 60))
        browser.grant(False)
        assert "to save it, act the same again" in browser.perform(click) and not folder.exists()
        assert browser.target(click).pending == ("to save file.html",)
        browser.grant(True)
        assert "was saved" in browser.perform(click) and (folder / "file.html").read_text() == "content"
