"""tools/desktop.py on real X servers: what is asked for arrives at programs, at its place and in its letters."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator

import numpy as np
import pytest
from desktops import Reporter, content, needs, output, person, reporter, surroundings, virtual_desktop, wait_for
from PIL import Image
from Xlib import X

from tools.actions import Back, Click, Drag, Goto, Move, Press, Scroll, Type, Wait
from tools.desktop import Desktop, to_units
from tools.display import own_display
from tools.environment import ActionFailed, EnvironmentLost
from tools.errors import UserError
from tools.geometry import Box, Point, Size
from tools.pointer import is_corner
from tools.virtual_desktop import VirtualDesktop
from tools.x11 import connect

SCRIPTS = {
    "latin": [(0x20, 0x7E), (0xA1, 0xFF), (0x100, 0x17F)],
    "chinese": [(0x4E00, 0x9FA5)],
    "arabic": [(0x621, 0x64A)],
    "emoji": [(0x1F300, 0x1F5FF), (0x1F600, 0x1F64F)],
}
SLOW = pytest.mark.slow
LEFT, RIGHT = Box(0, 100, 1280, 900), Box(1280, 0, 2304, 768)  # two monitors, not level


@pytest.fixture(scope="module")
def empty() -> Iterator[VirtualDesktop]:
    """Nothing but a screen."""
    with virtual_desktop() as made:
        yield made


def strings(count: int) -> list[str]:
    """Of every script in turn, 1 to 60 characters each."""
    rng = random.Random(7)
    ranges = [SCRIPTS[name] for name in SCRIPTS]
    return [
        "".join(chr(rng.randint(*rng.choice(ranges[at % 4]))) for _ in range(rng.randint(1, 60))) for at in range(count)
    ]


def typed(made: VirtualDesktop, lines: list[str], before: tuple[str, ...] = ()) -> list[str]:
    """The lines as an editor saves them. before: a command that is run first."""
    file = made.home / "typed.txt"
    file.write_text("")
    made.run(["mousepad", "--disable-server", str(file)])
    with Desktop(made.display) as desktop:
        wait_for(lambda: "typed.txt" in desktop.screenshot().title)
        if before:
            subprocess.run(before, env=surroundings(made.display), check=True)
        for line in lines:
            desktop.perform(Type(line + "\n"))
        desktop.perform(Press(("ctrl", "s")))
        wait_for(lambda: content(file).count("\n") >= len(lines))
    return content(file).split("\n")[:-1]


@pytest.mark.parametrize("count", [8, pytest.param(500, marks=SLOW)])
def test_a_file_holds_what_was_typed_in_any_script(count: int) -> None:
    needs("mousepad")
    with virtual_desktop() as made:
        assert typed(made, strings(count)) == strings(count)


@pytest.mark.parametrize(
    "layout", [pytest.param("de", marks=SLOW), pytest.param("ru", marks=SLOW), "us,ru -option grp:caps_toggle"]
)
def test_it_types_the_same_in_any_keyboard_layout(layout: str) -> None:
    needs("mousepad", "setxkbmap", "xdotool")
    text = 'yz YZ <>{}[]|@# "Ünï" жук ^` ¡中!'
    with virtual_desktop() as made:
        subprocess.run(["setxkbmap", *layout.split(" ", 1)[:1], *layout.split()[1:]], env=surroundings(made.display))
        switch = ("xdotool", "key", "ISO_Next_Group") if "," in layout else ()
        assert typed(made, [text, text.upper()], switch) == [text, text.upper()]


def test_caps_lock_changes_nothing() -> None:
    needs("mousepad", "xdotool")
    with virtual_desktop() as made:
        assert typed(made, ["Ab Éé"], ("xdotool", "key", "Caps_Lock")) == ["Ab Éé"]


@pytest.mark.parametrize("text", ["a\x07b", "a\x1b[2Jb", "\x00", "\x9b", "\ud800"])
def test_control_characters_are_refused_and_nothing_of_the_text_is_typed(empty: VirtualDesktop, text: str) -> None:
    with reporter(empty.display) as window, Desktop(empty.display) as desktop:
        with pytest.raises(ActionFailed, match=r"control characters that no key types \(U\+"):
            desktop.perform(Type(text))
        desktop.perform(Click(Point(7, 7)))
        assert window.next()[0] == X.ButtonPress


@pytest.mark.parametrize("scale", [1.0, 1.25, 2.0])
@pytest.mark.parametrize("count", [8, pytest.param(500, marks=SLOW)])
def test_clicks_land_on_the_pixel_that_the_screenshot_shows(empty: VirtualDesktop, scale: float, count: int) -> None:
    rng = random.Random(3)
    with reporter(empty.display) as window, Desktop(empty.display, scale=scale, settle_cap_s=0) as desktop:
        size = desktop.screenshot().size
        assert size == Size(round(1280 * scale), round(800 * scale))
        for at in [Point(0, 0), Point(size.width - 1, size.height - 1), *points(rng, size, count - 2)]:
            hit = clicked(desktop, window, at)
            assert abs(at.x / scale - hit.x) <= 1 and abs(at.y / scale - hit.y) <= 1


@pytest.mark.parametrize("count", [10, pytest.param(500, marks=SLOW)])
def test_clicks_land_on_either_of_two_monitors(count: int) -> None:
    needs("xrandr")
    with virtual_desktop(size=Size(2304, 900)) as made:
        for name, box in (("L", LEFT), ("R", RIGHT)):
            place = f"{box.width:.0f}/300x{box.height:.0f}/200+{box.left:.0f}+{box.top:.0f}"
            output(["xrandr", "--setmonitor", name, place, "screen" if name == "L" else "none"], made.display)
        with reporter(made.display) as window:
            for number, box in ((1, LEFT), (2, RIGHT)):
                with Desktop(made.display, part=str(number), settle_cap_s=0) as desktop:
                    assert desktop.monitors == [Box(0, 0, 2304, 900), LEFT, RIGHT]
                    size = desktop.screenshot().size
                    assert size == Size(round(box.width), round(box.height))
                    for at in points(random.Random(number), size, count // 2):
                        hit = clicked(desktop, window, at)
                        assert (hit.x, hit.y) == (box.left + at.x, box.top + at.y)


def points(rng: random.Random, size: Size, count: int) -> Iterator[Point]:
    for _ in range(count):
        yield Point(rng.randrange(size.width), rng.randrange(size.height))


def clicked(desktop: Desktop, window: Reporter, at: Point) -> Point:
    """Where the window was hit."""
    desktop.perform(Click(at))
    press, release = window.next(), window.next()
    assert (press[:2], release[:2]) == ([X.ButtonPress, 1], [X.ButtonRelease, 1])
    return Point(*press[2:4])


def test_places_left_of_the_first_monitor_are_negative() -> None:
    area = Box(-1920, -200, 0, 880)
    assert to_units(Point(0, 0), area, 1.0) == Point(-1920, -200)
    assert to_units(Point(3839, 2159), area, 2.0) == Point(-1, 879)
    assert to_units(Point(1250, 1250), area, 1.25) == Point(-920, 800)


def test_a_corner_is_where_no_monitor_goes_on() -> None:
    both = [LEFT, RIGHT]
    assert all(is_corner(at, both) for at in (Point(0, 100), Point(0, 899), Point(2303, 0), Point(2303, 767)))
    assert not any(is_corner(at, both) for at in (Point(1279, 500), Point(1280, 500), Point(0, 500), Point(600, 100)))


def test_the_mouse_does_what_each_action_says(empty: VirtualDesktop) -> None:
    with reporter(empty.display) as window, Desktop(empty.display) as desktop:
        desktop.perform(Click(Point(50, 60), "right", 2, ("shift",)))
        events = [window.next() for _ in range(6)]
        buttons = [[X.ButtonPress, 3], [X.ButtonRelease, 3]] * 2
        assert [event[:2] for event in events[1:5]] == buttons
        assert [event[0] for event in events[::5]] == [X.KeyPress, X.KeyRelease]
        assert events[1][4] & X.ShiftMask
        desktop.perform(Drag(Point(300, 200), Point(100, 100)))
        assert [window.next()[:4] for _ in range(2)] == [[X.ButtonPress, 1, 100, 100], [X.ButtonRelease, 1, 300, 200]]
        desktop.perform(Move(Point(11, 12)))
        desktop.perform(Scroll(-106.0, 53.0))
        told = [window.next()[1:4] for _ in range(6)]
        assert told == [[4, 11, 12]] * 4 + [[7, 11, 12]] * 2


def test_a_chord_with_a_shifted_character_has_its_shift_and_lent_keys_are_given_back(empty: VirtualDesktop) -> None:
    needs("xmodmap")
    before = output(["xmodmap", "-pke"], empty.display)
    with reporter(empty.display) as window, Desktop(empty.display) as desktop:
        desktop.perform(Press(("ctrl", "+")))
        events = [window.next() for _ in range(6)]
        assert [event[0] for event in events] == [X.KeyPress] * 3 + [X.KeyRelease] * 3
        assert events[2][4] & X.ShiftMask and events[2][4] & X.ControlMask
        desktop.perform(Type("中"))
        assert output(["xmodmap", "-pke"], empty.display) != before
    assert output(["xmodmap", "-pke"], empty.display) == before


def test_two_single_clicks_at_one_place_are_no_double_click(empty: VirtualDesktop) -> None:
    with reporter(empty.display) as window, Desktop(empty.display) as desktop:
        began = clicked(desktop, window, Point(5, 5))
        start = time.monotonic()
        assert clicked(desktop, window, Point(6, 5)) == Point(began.x + 1, began.y)
        assert time.monotonic() - start > 0.4  # what programs take for a double click


def test_nothing_stays_pressed_when_an_action_fails(empty: VirtualDesktop) -> None:
    with reporter(empty.display) as window, Desktop(empty.display) as desktop:
        with pytest.raises(ActionFailed, match="no key f24"):
            desktop.perform(Press(("ctrl", "shift", "f24")))
        events = [window.next()[0] for _ in range(4)]
        assert sorted(events) == [X.KeyPress] * 2 + [X.KeyRelease] * 2


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (Goto("https://example.com"), "there is no goto on a desktop"),
        (Back(), "there is no back on a desktop"),
        (Click(Point(1280, 5)), r"outside the 1280x800 screen"),
        (Press(("ctrl", "alt", "esc")), "how a person stops this"),
        (Press(("nosuchkey",)), "unknown key"),
        (Wait(-1), "cannot wait"),
        (Scroll(float("nan")), "too far"),
    ],
)
def test_what_cannot_be_done_is_told_to_the_model(empty: VirtualDesktop, action: Goto, told: str) -> None:
    with Desktop(empty.display) as desktop, pytest.raises(ActionFailed, match=told):
        desktop.perform(action)


def test_a_part_is_seen_alone_and_clicked_at_its_place(empty: VirtualDesktop) -> None:
    with reporter(empty.display) as window, Desktop(empty.display, part="100,50,400,300") as desktop:
        assert desktop.screenshot().size == Size(400, 300)
        assert clicked(desktop, window, Point(10, 20)) == Point(110, 70)


def test_a_capture_is_the_pixels_of_this_moment_and_one_object_while_they_stay(empty: VirtualDesktop) -> None:
    rng = np.random.default_rng(0)
    x = connect(empty.display)
    root = x.screen().root
    with Desktop(empty.display, part="0,0,300,200") as desktop:
        for _ in range(3):
            shown = rng.integers(0, 256, (200, 300, 3), np.uint8)
            root.put_pil_image(root.create_gc(), 0, 0, Image.fromarray(shown))
            x.sync()
            seen = desktop.capture()
            assert np.array_equal(np.asarray(seen), shown)
            assert desktop.capture() is seen
    x.close()


def test_a_window_is_followed_where_it_goes() -> None:
    needs("xdotool")
    with virtual_desktop("xterm -T Target -geometry 40x10+100+100") as made:
        with Desktop(made.display, part="window:target") as desktop:
            before, size = desktop.area, desktop.screenshot().size
            output(["xdotool", "search", "--name", "Target", "windowmove", "500", "400"], made.display)
            wait_for(lambda: desktop.screenshot() and desktop.area.left > before.left + 300)
            assert desktop.size == size
        with pytest.raises(UserError, match="no window with 'nobody'"):
            Desktop(made.display, part="window:nobody")
        with pytest.raises(UserError, match="the screen has no part '7'"):
            Desktop(made.display, part="7")


def test_two_runs_cannot_have_one_screen(empty: VirtualDesktop) -> None:
    with Desktop(empty.display), pytest.raises(UserError, match=r"in use by another run \(process \d+\)"):
        Desktop(empty.display)
    Desktop(empty.display).close()


def test_a_screen_that_goes_away_ends_the_run() -> None:
    with virtual_desktop() as made, Desktop(made.display) as desktop:
        made.close()
        with pytest.raises(EnvironmentLost):
            desktop.screenshot()
        with pytest.raises(EnvironmentLost):
            desktop.perform(Click(Point(5, 5)))


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "DISPLAY is not set.*--sandbox"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "Wayland.*X11"),
        ({"DISPLAY": ":0", "XDG_SESSION_TYPE": "wayland"}, "Wayland.*X11"),
    ],
)
def test_a_screen_that_cannot_be_used_says_why(variables: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        own_display(variables, "linux")


def test_a_display_that_does_not_answer_says_so() -> None:
    with pytest.raises(UserError, match="cannot be"):
        Desktop(own_display({"DISPLAY": ":987"}, "linux"))


def test_a_person_beside_is_free_to_move_the_pointer(empty: VirtualDesktop) -> None:
    with Desktop(empty.display) as desktop, person(empty.display) as somebody:
        somebody.does("to 640 400")
        desktop.perform(Click(Point(0, 0)))  # legal, and no reason to stop
        desktop.perform(Move(Point(9, 9)))
