"""A person stops the agent on a desktop: soon, at any moment, and with nothing left pressed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from desktops import Person, is_free, person, surroundings, virtual_desktop
from Xlib import X
from Xlib.display import Display as Connection

from tools.actions import Action, Click, Drag, Move, Scroll, Type, Wait
from tools.desktop import Desktop
from tools.environment import ActionFailed
from tools.geometry import Point
from tools.virtual_desktop import VirtualDesktop

LIMIT_S = 0.5
KEY = ("down Control_L", "down Alt_L", "down Escape")
LET_GO = ("up Escape", "up Alt_L", "up Control_L")
CORNERS = ("to 0 0", "to 1279 0", "to 0 799", "to 1279 799")
LONG: dict[str, Action] = {
    "typing": Type("abc Äöü 中文字 " * 2000),
    "dragging": Drag(Point(900, 600), Point(100, 100)),
    "scrolling": Scroll(90_000.0, at=Point(300, 300)),
    "waiting": Wait(60.0),
}
# Every input event with its time, whoever makes it; also what is down, as the server knows it, when asked.
LISTENER = """
import sys, time
from Xlib import X, display
from Xlib.ext import record
from Xlib.protocol import rq
d, control = display.Display(), display.Display()
nothing = dict(core_requests=(0, 0), core_replies=(0, 0), ext_requests=(0, 0, 0, 0), ext_replies=(0, 0, 0, 0),
               delivered_events=(0, 0), errors=(0, 0), client_started=False, client_died=False)
context = d.record_create_context(0, [record.AllClients], [{**nothing, "device_events": (X.KeyPress, X.MotionNotify)}])
def hear(reply):
    if reply.category == record.StartOfData:
        print("ready", flush=True)
    for _ in reply.data[::32]:
        print(time.monotonic(), flush=True)
d.record_enable_context(context, hear)
"""


# Hands that never rest, until they are told to end.
RESTLESS = """
import sys
from pathlib import Path
from app.screens import end_when_told
from tools.actions import Click, Drag, Press, Type
from tools.desktop import Desktop
from tools.display import Display
from tools.geometry import Point
end_when_told()
with Desktop(Display(sys.argv[1], Path(sys.argv[2])), settle_cap_s=0) as desktop:
    print("begins", flush=True)
    while True:
        desktop.perform(Drag(Point(500, 300), Point(100, 100)))
        desktop.perform(Type("ABC \u4e2d\u6587 Def"))
        desktop.perform(Click(Point(300, 300), modifiers=("ctrl", "shift")))
        desktop.perform(Press(("ctrl", "shift", "a")))
"""


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualDesktop]:
    with virtual_desktop("xterm") as made:
        yield made


@pytest.fixture
def somebody(screen: VirtualDesktop) -> Iterator[Person]:
    with person(screen.display) as found:
        yield found


class Times(list[float]):
    """When input events came, heard by a process of its own."""

    def __init__(self, screen: VirtualDesktop) -> None:
        command = [sys.executable, "-c", LISTENER]
        self.process = subprocess.Popen(
            command, env=surroundings(screen.display), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.append(float(line))

    def close(self) -> None:
        self.process.kill()
        self.thread.join()
        self.process.communicate()


def stop_once(screen: VirtualDesktop, somebody: Person, action: Action, deeds: tuple[str, ...], after_s: float) -> None:
    stopped, told = threading.Event(), threading.Event()
    somebody.does("to 640 400")
    with Desktop(screen.display, settle_cap_s=0) as desktop:
        desktop.obey(stopped, lambda: (stopped.set(), told.set()))  # type: ignore[func-returns-value]
        failures: list[str] = []

        def work() -> None:
            while not stopped.is_set():
                try:
                    desktop.perform(action)
                except ActionFailed as error:
                    failures.append(str(error))

        agent = threading.Thread(target=work)
        agent.start()
        time.sleep(after_s)
        times = Times(screen)
        try:
            somebody.does(*deeds)
            pressed = time.monotonic()
            assert told.wait(LIMIT_S), "nobody heard"
            somebody.does(*(LET_GO if deeds == KEY else ()))
            let_go = time.monotonic()
            agent.join(LIMIT_S)
            assert not agent.is_alive()
            time.sleep(0.05)
        finally:
            stopped.set()
            agent.join()
            times.close()
        assert is_free(screen.display)
        assert all(when < max(pressed + LIMIT_S, let_go + 0.05) for when in times)
        assert set(failures) <= {"a person has stopped this"}


@pytest.mark.parametrize("action", [LONG["typing"], LONG["dragging"]], ids=["typing", "dragging"])
@pytest.mark.parametrize("deeds", [KEY, CORNERS[:1]], ids=["key", "corner"])
def test_it_stops_in_the_middle_of_an_action(
    screen: VirtualDesktop, somebody: Person, action: Action, deeds: tuple[str, ...]
) -> None:
    stop_once(screen, somebody, action, deeds, 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_it_stops_at_any_moment(screen: VirtualDesktop, somebody: Person, seed: int) -> None:
    rng = random.Random(seed)
    deeds = KEY if seed % 2 else (rng.choice(CORNERS),)
    stop_once(screen, somebody, list(LONG.values())[seed // 2 % 4], deeds, rng.random() / 2)


def test_the_model_may_use_the_corners(screen: VirtualDesktop, somebody: Person) -> None:
    stopped = threading.Event()
    somebody.does("to 640 400")
    with Desktop(screen.display, settle_cap_s=0) as desktop:
        desktop.obey(stopped, stopped.set)
        for corner in (Point(0, 0), Point(1279, 0), Point(1279, 799), Point(0, 799)):
            desktop.perform(Click(corner))
            time.sleep(0.1)
            desktop.perform(Move(Point(640, 400)))
            desktop.perform(Drag(corner, Point(640, 400)))
            time.sleep(0.1)
        somebody.does("to 300 300", "to 1279 400")  # an edge is no corner
        time.sleep(0.2)
        assert not stopped.is_set()
        somebody.does("to 0 0")
        assert stopped.wait(LIMIT_S)


def test_the_stop_key_is_heard_while_a_menu_holds_the_keyboard(screen: VirtualDesktop, somebody: Person) -> None:
    stopped = threading.Event()
    with screen.display.connecting():
        menu = Connection(screen.display.name)
    with Desktop(screen.display) as desktop:
        desktop.obey(stopped, stopped.set)
        assert menu.screen().root.grab_keyboard(True, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime) == X.GrabSuccess
        somebody.does("down Escape", "up Escape", "down Control_L", "down Escape", "up Escape", "up Control_L")
        assert not stopped.wait(0.1)
        somebody.does(*KEY, *LET_GO)
        assert stopped.wait(LIMIT_S)
    menu.close()


@pytest.mark.parametrize("count", [2, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_at_any_moment_it_leaves_nothing_pressed(screen: VirtualDesktop, how: int, count: int) -> None:
    rng, authority = random.Random(count), str(screen.display.authority)
    for _ in range(count):
        command = [sys.executable, "-c", RESTLESS, screen.display.name, authority]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as hands:
            assert hands.stdout is not None
            assert hands.stdout.readline() == "begins\n"
            time.sleep(rng.random() * 1.5)
            hands.send_signal(how)
            hands.wait(10)
        assert is_free(screen.display)
