"""tools/browser.py: every input a person can give reaches a real page, and nothing a page does stops the browser."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import Site
from PIL import Image

from tools.actions import (
    Action,
    Back,
    Button,
    Click,
    CloseTab,
    Drag,
    Forward,
    Goto,
    Move,
    Press,
    Reload,
    Scroll,
    SwitchTab,
    Type,
    Wait,
)
from tools.browser import Browser
from tools.downloads import free_path
from tools.environment import ActionFailed, EnvironmentLost
from tools.errors import UserError
from tools.geometry import Point, Size

LOG = """<script>
const log = [];
for (const kind of ['mousedown', 'mouseup', 'click', 'dblclick', 'auxclick', 'contextmenu', 'keydown', 'keyup'])
  addEventListener(kind, (e) => log.push([kind, e.key ?? e.button, e.detail, e.shiftKey, e.ctrlKey]));
</script>"""


def at(browser: Browser, selector: str) -> Point:
    """The middle of an element, in screenshot pixels."""
    box = browser.page.locator(selector).bounding_box()
    assert box is not None
    return Point((box["x"] + box["width"] / 2) * browser.scale, (box["y"] + box["height"] / 2) * browser.scale)


def logged(browser: Browser, kind: str) -> list[list[object]]:
    return [entry[1:] for entry in browser.page.evaluate("log") if entry[0] == kind]


# -- pointer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("button", "code"), [("left", 0), ("middle", 1), ("right", 2)])
def test_each_button_is_pressed_and_released(browser: Browser, button: Button, code: int) -> None:
    browser.page.set_content(LOG)
    browser.perform(Click(Point(100, 100), button=button))
    assert [entry[0] for entry in logged(browser, "mousedown")] == [code]
    assert [entry[0] for entry in logged(browser, "mouseup")] == [code]


def test_several_clicks_count_up(browser: Browser) -> None:
    browser.page.set_content(LOG + "<p style='margin:0'>one two three</p>")
    browser.perform(Click(Point(20, 8), times=3))
    assert [entry[1] for entry in logged(browser, "click")] == [1, 2, 3]
    assert browser.page.evaluate("String(getSelection())").strip() == "one two three"


def test_modifiers_are_held_for_the_click_only(browser: Browser) -> None:
    browser.page.set_content(LOG)
    browser.perform(Click(Point(100, 100), modifiers=("shift", "ctrl")))
    browser.perform(Click(Point(100, 100)))
    assert [entry[2:] for entry in logged(browser, "click")] == [[True, True], [False, False]]


def test_a_click_without_a_place_is_where_the_pointer_is(browser: Browser) -> None:
    browser.page.set_content("<script>const hits = []; addEventListener('click', e => hits.push([e.x, e.y]))</script>")
    browser.perform(Move(Point(123, 45)))
    browser.perform(Click())
    assert browser.page.evaluate("hits") == [[123, 45]]


def test_hovering_shows_what_hovering_shows(browser: Browser) -> None:
    browser.page.set_content("<style>p{width:200px;height:100px} p:hover{background:rgb(0, 0, 255)}</style><p>")
    browser.perform(Move(at(browser, "p")))
    assert browser.screenshot().image.getpixel((60, 60)) == (0, 0, 255)


def test_a_mouse_drag_moves_a_slider(browser: Browser) -> None:
    browser.page.set_content(
        "<input type=range min=0 max=100 value=0 style='position:absolute;left:0;top:0;width:400px'>"
    )
    browser.perform(Drag(Point(380, 10), start=Point(10, 10)))
    assert int(browser.page.input_value("input")) > 85


def test_a_drag_carries_a_draggable_thing(browser: Browser) -> None:
    browser.page.set_content("""
      <style>div{position:absolute;width:100px;height:100px;background:#cce} #to{left:400px;top:300px}</style>
      <div id=from draggable=true>me</div><div id=to></div>
      <script>
        document.querySelector('#from').ondragstart = (e) => e.dataTransfer.setData('text/plain', 'carried');
        const to = document.querySelector('#to');
        to.ondragover = (e) => e.preventDefault();
        to.ondrop = (e) => { e.preventDefault(); to.textContent = e.dataTransfer.getData('text/plain'); };
      </script>""")
    browser.perform(Drag(at(browser, "#to"), start=at(browser, "#from")))
    assert browser.page.inner_text("#to") == "carried"


def test_scrolling_goes_both_ways_by_screenshot_pixels(browser: Browser) -> None:
    browser.page.set_content("<div style='width:3000px;height:3000px'>")
    browser.perform(Scroll(300, dx=200, at=Point(400, 300)))
    assert browser.page.evaluate("[scrollX, scrollY]") == [200, 300]
    browser.perform(Scroll(-100, dx=-50))
    assert browser.page.evaluate("[scrollX, scrollY]") == [150, 200]


def test_scrolling_moves_what_is_under_the_pointer(browser: Browser) -> None:
    browser.page.set_content(
        "<div style='overflow:auto;width:200px;height:200px'><p style='height:2000px'></div><p style='height:3000px'>"
    )
    browser.perform(Scroll(150, at=Point(100, 100)))
    assert browser.page.evaluate("[scrollY, document.querySelector('div').scrollTop]") == [0, 150]


@pytest.mark.parametrize(
    "action",
    [Click(Point(800, 10)), Move(Point(10, 600)), Drag(Point(1, 1), Point(-1, 5)), Scroll(5, at=Point(900, 900))],
)
def test_a_point_outside_is_refused_with_the_size(browser: Browser, action: Action) -> None:
    with pytest.raises(ActionFailed, match="800x600"):
        browser.perform(action)


def test_buttons_and_keys_are_released_when_an_action_fails(browser: Browser) -> None:
    browser.page.set_content(LOG)
    with pytest.raises(ActionFailed, match="F20"):
        browser.perform(Press(("shift", "f20")))
    browser.perform(Click(Point(5, 5)))
    assert [entry[0] for entry in logged(browser, "keyup")] == ["Shift"]
    assert [entry[2] for entry in logged(browser, "click")] == [False]


# -- keyboard -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["plain Text, 100%!", "Zoë £5 中文 עברית", "😀👨‍👩‍👧🇳🇴 e\u0301", " kept  spaces ", "C:\\new\\table", "x" * 3000],
)
def test_any_text_is_typed_as_it_is(browser: Browser, text: str) -> None:
    browser.page.set_content("<input style='width:700px'>")
    browser.perform(Click(at(browser, "input")))
    browser.perform(Type(text))
    assert browser.page.input_value("input") == text


def test_line_ends_and_tabs_are_the_keys(browser: Browser) -> None:
    browser.page.set_content("<textarea></textarea><input>")
    browser.perform(Click(at(browser, "textarea")))
    browser.perform(Type("one\ntwo\r\n\nfour\tnext"))
    assert browser.page.input_value("textarea") == "one\ntwo\n\nfour"
    assert browser.page.input_value("input") == "next"


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 100_001], ids=["nul", "half a letter", "endless"])
def test_what_cannot_be_typed_is_refused(browser: Browser, text: str) -> None:
    with pytest.raises(ActionFailed):
        browser.perform(Type(text))


def test_chords_edit_text(browser: Browser) -> None:
    browser.page.set_content("<input value=copied><textarea></textarea>")
    browser.perform(Click(at(browser, "input")))
    for keys in (("ctrl", "a"), ("Ctrl+C",), ("tab",), ("ctrl", "v"), ("shift", "left"), ("delete",), ("é",), ("A",)):
        browser.perform(Press(keys))
    assert browser.page.input_value("textarea") == "copieéA"


def test_keys_go_down_in_order_and_up_in_reverse(browser: Browser) -> None:
    browser.page.set_content(LOG)
    browser.perform(Press(("ctrl", "shift", "x")))
    assert [entry[0] for entry in logged(browser, "keydown")] == ["Control", "Shift", "X"]
    assert [entry[0] for entry in logged(browser, "keyup")] == ["X", "Shift", "Control"]


def test_an_unknown_key_is_refused_by_name(browser: Browser) -> None:
    with pytest.raises(ActionFailed, match="hyperdrive"):
        browser.perform(Press(("hyperdrive",)))


# -- places -------------------------------------------------------------------------------------------------------


def test_goto_back_forward_and_reload(browser: Browser, site: Site) -> None:
    first, second = site.put("/first", "<h1>1</h1>"), site.put("/second", "<h1>2</h1>")
    browser.perform(Goto(first))
    browser.perform(Goto(second))
    for action, address in ((Back(), first), (Forward(), second), (Press(("alt", "left")), first), (Reload(), first)):
        browser.perform(action)
        assert browser.page.url == address
        assert browser.screenshot().title == address.rpartition("/")[2]
    assert site.asked[-1] == "/first"  # only the reload asks again; the way back is in the browser's cache


def test_the_history_ends_are_refused(site: Site) -> None:
    with Browser(site.put("/first", "")) as browser:
        with pytest.raises(ActionFailed, match="earlier"):
            browser.perform(Back())
        with pytest.raises(ActionFailed, match="later"):
            browser.perform(Forward())
        browser.page.evaluate("history.pushState(null, '', '#part')")
        browser.perform(Back())
        assert browser.page.url == site.at("/first")


@pytest.fixture
def nowhere() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"


def test_a_place_that_cannot_be_reached_is_refused_with_the_reason(browser: Browser, site: Site, nowhere: str) -> None:
    with pytest.raises(ActionFailed, match="connection refused"):
        browser.perform(Goto(nowhere))
    browser.perform(Goto(site.put("/", "")))
    assert browser.page.url == site.at("/")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hostname", "javascript:alert(1)", "data:text/html,x", "chrome://version", "view-source:http://a.b",
     "https://user:word@example.org", "http://", "about:config", ""],
)  # fmt: skip
def test_only_pages_of_the_web_can_be_gone_to(browser: Browser, url: str) -> None:
    with pytest.raises(ActionFailed):
        browser.perform(Goto(url))
    assert browser.page.url == "about:blank"


def test_file_pages_open_beside_the_one_started_from(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for path in (folder / "a.html", folder / "b.html", tmp_path / "secret.html"):
        path.write_text(path.name)
    with Browser((folder / "a.html").as_uri()) as browser:
        browser.perform(Goto((folder / "b.html").as_uri()))
        assert browser.page.inner_text("body") == "b.html"
        with pytest.raises(ActionFailed):
            browser.perform(Goto((folder / ".." / "secret.html").as_uri()))


def test_a_start_that_cannot_be_opened_is_the_persons_mistake(nowhere: str) -> None:
    with pytest.raises(UserError, match="connection refused"):
        Browser(nowhere)


# -- tabs ---------------------------------------------------------------------------------------------------------


def test_a_new_tab_is_followed_and_left_again(browser: Browser, site: Site) -> None:
    site.held["/new"] = 0.5  # the tab itself comes up late, too
    new = site.put("/new", "new")
    browser.perform(Goto(site.put("/", "<a href=/new target=_blank>open</a>")))
    assert "tab 1" in browser.perform(Click(at(browser, "a")))
    assert browser.page.url == new
    assert "tab 0" in browser.perform(SwitchTab(0))
    assert browser.screenshot().url == site.at("/")
    browser.perform(SwitchTab(1))
    assert "tab 0 is in front" in browser.perform(CloseTab())
    assert browser.page.url == site.at("/")
    with pytest.raises(ActionFailed, match="only tab"):
        browser.perform(CloseTab())
    with pytest.raises(ActionFailed, match="0 to 0"):
        browser.perform(SwitchTab(1))


def test_a_tab_that_closes_itself_gives_way(browser: Browser, site: Site) -> None:
    site.put("/new", "<button onclick='window.close()'>close</button>")
    browser.perform(Goto(site.put("/", "<button onclick=\"window.open('/new')\">open</button>")))
    browser.perform(Click(at(browser, "button")))
    assert "closed" in browser.perform(Click(at(browser, "button")))
    assert browser.screenshot().url == site.at("/")


# -- what pages bring up ------------------------------------------------------------------------------------------


def test_a_message_is_read_out(browser: Browser) -> None:
    browser.page.set_content("<button onclick=\"alert('Saved as draft')\">save</button>")
    assert browser.perform(Click(at(browser, "button"))) == 'the page said "Saved as draft"'


def test_a_question_is_cancelled_first_and_confirmed_when_the_action_is_repeated(browser: Browser) -> None:
    browser.page.set_content("<button onclick=\"this.id = confirm('Delete all?')\">delete</button>")
    click = Click(at(browser, "button"))
    said = browser.perform(click)
    assert "Delete all?" in said and "Cancel" in said
    assert browser.page.get_attribute("button", "id") == "false"
    assert "OK" in browser.perform(click)
    assert browser.page.get_attribute("button", "id") == "true"
    assert "Cancel" in browser.perform(click)


@pytest.mark.parametrize("leave", [Goto("about:blank"), Reload(), Back()])
def test_a_page_with_unsaved_changes_is_left_only_on_the_second_try(
    browser: Browser, site: Site, leave: Action
) -> None:
    browser.perform(Goto(site.put("/before", "")))
    browser.perform(
        Goto(site.put("/", "<input><script>addEventListener('beforeunload', e => e.preventDefault())</script>"))
    )
    browser.perform(Click(at(browser, "input")))
    browser.perform(Type("draft"))
    assert "Cancel" in browser.perform(leave)
    assert browser.page.input_value("input") == "draft"
    browser.perform(leave)
    assert browser.page.locator("input").count() == 0 or browser.page.input_value("input") == ""


def test_downloads_are_kept_under_safe_names_of_their_own(browser: Browser, site: Site) -> None:
    site.pages["/file"] = b"%PDF-1"
    site.headers["/file"] = {"Content-Disposition": 'attachment; filename="../../re<port>.pdf"'}
    browser.perform(Goto(site.put("/", "<a href=/file>get</a>")))
    told = [browser.perform(Click(at(browser, "a"))) for _ in range(2)]
    folder = browser._downloads
    assert folder is not None
    saved = sorted(folder.iterdir())
    assert [path.read_bytes() for path in saved] == [b"%PDF-1"] * 2
    assert all(path.name in "".join(told) and path.suffix == ".pdf" for path in saved)
    assert browser.page.url == site.at("/")


def test_going_to_a_file_saves_it(browser: Browser, site: Site) -> None:
    site.pages["/archive"] = b"zip"
    site.headers["/archive"] = {"Content-Disposition": "attachment; filename=a.zip"}
    assert 'a.zip" was saved' in browser.perform(Goto(site.at("/archive")))


def test_downloads_are_refused_where_no_folder_is_given(site: Site) -> None:
    site.pages["/file"] = b"x"
    site.headers["/file"] = {"Content-Disposition": "attachment; filename=a.exe"}
    with Browser(site.put("/", "<a href=/file>get</a>")) as browser:
        assert "refused" in browser.perform(Click(at(browser, "a")))


@pytest.mark.parametrize(
    ("suggested", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "download"),
        ("", "download"),
        (".bashrc", "bashrc"),
        ("CON.txt", "_CON.txt"),
        ("a\x00b\u202ecod.exe", "a_b_cod.exe"),
        ("x" * 300 + ".tar", "x" * 100 + ".tar"),
    ],
)
def test_a_suggested_name_becomes_harmless(tmp_path: Path, suggested: str, name: str) -> None:
    assert free_path(tmp_path / "new", suggested).name == name
    assert free_path(tmp_path / "new", suggested).name != name


def test_a_file_chooser_is_dismissed_and_told(browser: Browser) -> None:
    browser.page.set_content("<input type=file>")
    assert "asked for a file" in browser.perform(Click(at(browser, "input")))
    assert browser.screenshot().size == Size(800, 600)


SELECT = "<select style='font-size:30px'><option>apple<option>pear<option>plum</select><br><br><br><br><br>"


@pytest.mark.parametrize("where", ["page", "frame", "shadow tree", "styled page"])
def test_an_option_of_a_drop_down_can_be_clicked(browser: Browser, site: Site, where: str) -> None:
    site.put("/inner", SELECT)
    shadow = (
        f'<p></p><script>document.querySelector("p").attachShadow({{mode: "open"}}).innerHTML = `{SELECT}`</script>'
    )
    bodies = {
        "page": SELECT,
        "frame": "<iframe src=/inner width=500 height=400></iframe>",
        "shadow tree": shadow,
        "styled page": "<style>select{appearance:none!important;background:pink}</style>" + SELECT,
    }
    browser.perform(Goto(site.put("/", bodies[where])))
    place = browser.page.frame_locator("iframe") if where == "frame" else browser.page
    select = place.locator("select")

    def middle(selector: str) -> Point:
        box = place.locator(selector).bounding_box()
        assert box is not None
        return Point(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    closed = browser.screenshot().digest
    browser.perform(Click(middle("select")))
    assert browser.screenshot().digest != closed
    browser.perform(Click(middle("option:nth-child(3)")))
    assert select.input_value() == "plum"


# -- seeing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1.25, 2.0])
def test_screenshots_are_exact_physical_pixels_and_pages_do_not_notice(scale: float) -> None:
    with Browser(viewport=Size(400, 300), scale=scale) as browser:
        browser.page.set_content("""
          <body style='margin:0;width:800px;height:2000px'>
          <div style='position:fixed;left:200px;top:150px;width:1px;height:1px;background:red'></div><p>some text</p>
          <script>
          const seen = []; addEventListener('resize', () => seen.push('resize'));
          matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () => seen.push('scale'));
          </script>""")
        browser.page.evaluate("scrollTo(0, 400)")
        screenshot = browser.screenshot()
        assert screenshot.size == browser.size == Size(int(400 * scale), int(300 * scale))
        assert screenshot.image.mode == "RGB"
        official = Image.open(io.BytesIO(browser.page.screenshot(caret="initial", animations="allow")))
        assert official.convert("RGB").tobytes() == screenshot.image.tobytes()
        assert browser.page.evaluate("[seen, devicePixelRatio]") == [[], scale]


def test_equal_screens_have_equal_digests_with_a_caret_in_a_field(browser: Browser) -> None:
    browser.page.set_content("<input style='caret-color:red;font-size:40px'>")
    browser.perform(Click(at(browser, "input")))
    first = browser.screenshot()
    browser.perform(Wait(0.7))
    assert browser.screenshot().digest == first.digest
    assert (255, 0, 0) in {color for _, color in first.image.getcolors(1 << 20)}


def test_the_screen_can_be_resized(browser: Browser) -> None:
    browser.resize(Size(500, 320))
    assert browser.screenshot().size == Size(500, 320)
    assert browser.page.evaluate("[innerWidth, innerHeight]") == [500, 320]
    browser.resize(Size(800, 600))
    assert browser.screenshot().size == Size(800, 600)


def test_waiting_is_for_real_numbers(browser: Browser) -> None:
    for seconds in (-1.0, float("nan")):
        with pytest.raises(ActionFailed):
            browser.perform(Wait(seconds))


# -- faults -------------------------------------------------------------------------------------------------------


def renderers(browser: Browser) -> list[psutil.Process]:
    children = psutil.Process(browser._engine.pid).children(recursive=True)
    return [process for process in children if "--type=renderer" in process.cmdline()]


@pytest.mark.parametrize("act", [Click(Point(5, 5)), Type("x"), None], ids=repr)
def test_a_crashed_page_is_opened_again(site: Site, act: Action | None) -> None:
    with Browser(site.put("/", "<h1>here</h1>")) as browser:
        for process in renderers(browser):
            process.kill()
            process.wait()
        if act is not None:
            with pytest.raises(ActionFailed, match="crashed"):
                browser.perform(act)
        assert browser.screenshot().url == site.at("/")
        assert browser.page.inner_text("h1") == "here"
        assert len(browser.page.context.pages) == 1


def test_a_page_that_hangs_is_ended_and_opened_again(site: Site) -> None:
    with Browser(site.put("/", "<button onclick='for (;;);'>hang</button>"), answer_s=8.0) as browser:
        with pytest.raises(ActionFailed, match="did not answer for 8 s"):
            browser.perform(Click(at(browser, "button")))
        assert browser.perform(Move(at(browser, "button"))) == ""


@pytest.mark.parametrize("look", [True, False])
def test_a_killed_browser_is_lost(look: bool) -> None:
    with Browser() as browser:
        chromium = psutil.Process(browser._engine.pid)
        chromium.kill()
        chromium.wait()
        with pytest.raises(EnvironmentLost):
            browser.screenshot() if look else browser.perform(Click(Point(5, 5)))


def test_closing_twice_is_closing_once() -> None:
    browser = Browser()
    pid = browser._engine.pid
    browser.close()
    browser.close()
    assert not psutil.pid_exists(pid)


def test_several_browsers_live_side_by_side() -> None:
    with Browser() as one, Browser() as two:
        one.page.set_content("<title>one</title>")
        two.page.set_content("<title>two</title>")
        assert [one.screenshot().title, two.screenshot().title] == ["one", "two"]
        one.close()
        assert two.screenshot().title == "two"


# Ctrl-C ends it also where this run was started in the background, with the signal ignored.
BUSY = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import psutil, sys
from tools.actions import Wait
from tools.browser import Browser
with Browser(downloads=None) as browser:
    print(*(process.pid for process in psutil.Process().children(recursive=True)), flush=True)
    {body}
"""


@pytest.fixture
def busy(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A Python with a Browser, leader of its own group as in a terminal, and all processes below it."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY.format(body=request.param)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    below = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    yield process, below
    process.kill()
    process.communicate()
    for orphan in below:
        if orphan.is_running():
            orphan.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    ("number", "busy"),
    [
        (signal.SIGKILL, "browser.perform(Wait(300))"),
        (signal.SIGINT, "browser.perform(Wait(300))"),
        (signal.SIGINT, "browser.page.wait_for_timeout(300_000)"),
        (signal.SIGTERM, "input()"),
    ],
    indirect=["busy"],
)
def test_no_process_outlives_ours(
    busy: tuple[subprocess.Popen[str], list[psutil.Process]], number: signal.Signals
) -> None:
    process, below = busy
    assert len(below) >= 4  # the driver, the browser, a zygote, a page
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as Ctrl-C does
    else:
        process.send_signal(number)
    _, left = psutil.wait_procs(below, timeout=10)
    assert left == []
    assert process.wait(10) != 0
