"""Mouse, keyboard and windows of an X server, through its XTEST and RECORD extensions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from Xlib import X, Xatom, error
from Xlib.display import Display as Connection
from Xlib.ext import record, xtest
from Xlib.protocol import event as events
from Xlib.protocol import request, rq

from tools.actions import Button
from tools.display import Display
from tools.environment import ActionFailed, EnvironmentLost
from tools.errors import UserError
from tools.geometry import Box, Point
from tools.keys import X11 as NAMES
from tools.x11_letters import Letters, keysym, named

BUTTONS: dict[Button, int] = {"left": 1, "middle": 2, "right": 3}
WHEEL = {(0, -1): 4, (0, 1): 5, (-1, 0): 6, (1, 0): 7}  # buttons of a wheel, by (right, down)
SHIFT = "shift"
KEY_S = 0.001  # after each key; a program that gets hundreds at once may drop some
READ_S = 0.4  # for programs that do not answer whether they have read their keys
LOOK_S = 0.03  # between two looks at the pointer
ESCAPE, CTRL, ALT = ("Escape",), ("Control_L", "Control_R"), ("Alt_L", "Alt_R")  # the stop key: one of each


def connect(display: Display) -> Connection:
    """Raises UserError."""
    try:
        with display.connecting():
            connection = Connection(display.name)
    except (error.DisplayError, error.XauthError, OSError) as why:
        text = f"the screen {display.name} cannot be reached ({why}); is DISPLAY right, and may this user use it?"
        raise UserError(text, f"无法连接屏幕 {display.name}（{why}）；请检查 DISPLAY 及使用权限") from why
    for name in ("XTEST", "RECORD"):
        if not connection.has_extension(name):
            connection.close()
            raise UserError(f"the X server of {display.name} lacks its {name} extension; start it with that")
    return connection


class X11:
    def __init__(self, display: Display) -> None:
        self._display = display
        self._x = connect(display)
        self._root = self._x.screen().root
        self._keys: list[int] = []  # codes that are down, in the order they were pressed
        self._buttons: list[int] = []
        self._is_torn = False  # was a message to the server interrupted?
        self._letters = Letters(self._x, self._let_clients_read)

    def place(self) -> Point:
        with self._talking():
            return place_of(self._x)

    def move(self, to: Point) -> Point:
        with self._talking():
            asked = request.QueryPointer(display=self._x.display, defer=True, window=self._root.id)
            xtest.fake_input(self._x, X.MotionNotify, x=round(to.x), y=round(to.y))  # at once: nobody comes in between
            self._x.sync()
            asked.reply()
            return Point(asked.root_x, asked.root_y)

    def button(self, button: Button, down: bool) -> None:
        self._button(BUTTONS[button], down)

    def wheel(self, right: int, down: int) -> None:
        for is_down in (True, False):
            self._button(WHEEL[right, down], is_down)

    def key(self, name: str, down: bool) -> None:
        with self._talking():
            code, column = self._found(name)
            codes = [self._found(SHIFT)[0], code] if column else [code]
            for each in codes if down else reversed(codes):
                self._code(each, down)

    def write(self, text: str, beat: Callable[[], None]) -> None:
        with self._caps_lock_off(), self._talking():
            shift = self._found(SHIFT)[0]
            for code, column in self._letters.slots(text):
                beat()
                codes = [shift, code] if column else [code]
                for each in codes:
                    self._code(each, True)
                for each in reversed(codes):
                    self._code(each, False)
                time.sleep(KEY_S)

    def release(self) -> None:
        with self._talking():
            for button in reversed(self._buttons):
                xtest.fake_input(self._x, X.ButtonRelease, button)
            for code in reversed(self._keys):
                xtest.fake_input(self._x, X.KeyRelease, code)
            self._buttons, self._keys = [], []
            self._x.sync()

    def title(self) -> str:
        with self._talking():
            found = self._front()
            return self._name(found) if found else ""

    def window(self, title: str) -> Box | None:
        with self._talking():
            for found in reversed(self._windows("_NET_CLIENT_LIST")):
                if title.lower() in self._name(found).lower():
                    with suppress(error.BadWindow):
                        size, at = found.get_geometry(), self._root.translate_coords(found, 0, 0)
                        return Box.from_xywh(at.x, at.y, size.width, size.height)
            return None

    def windows(self) -> int:
        """How many programs' windows there are, as the window manager knows them; -1: there is none yet."""
        with self._talking():
            if not self._root.get_full_property(self._x.intern_atom("_NET_CLIENT_LIST"), X.AnyPropertyType):
                return -1
            return len(self._windows("_NET_CLIENT_LIST"))

    def watch(self, pushed: Callable[[Callable[[], Point]], bool], stop: Callable[[], None]) -> Callable[[], None]:
        key = StopKey(self._display, stop)
        corner = threading.Event()
        looks = connect(self._display)

        def look() -> None:
            with suppress(error.ConnectionClosedError):
                while not corner.wait(LOOK_S):
                    if pushed(lambda: place_of(looks)):
                        stop()
            looks.close()

        threading.Thread(target=look, daemon=True, name="corners").start()

        def end() -> None:
            corner.set()
            key.close()

        return end

    def close(self) -> None:
        with suppress(EnvironmentLost):
            self.release()
            with self._talking():
                if self._letters.is_lending:
                    self._let_clients_read()
                    self._letters.restore()
        with suppress(error.ConnectionClosedError, OSError):
            self._x.close()

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turns the end of the connection into EnvironmentLost, and begins a new one after an interrupt."""
        if self._is_torn:
            self._x, self._is_torn = connect(self._display), False
            self._root, self._letters.connection = self._x.screen().root, self._x
        try:
            yield
        except (error.ConnectionClosedError, OSError) as why:
            raise EnvironmentLost("the screen was closed") from why
        except KeyboardInterrupt:
            self._is_torn = True
            raise

    # -- keys -----------------------------------------------------------------------------------------------------

    def _found(self, name: str) -> tuple[int, int]:
        """The key, and whether it needs Shift."""
        symbol = named(NAMES[name]) if name in NAMES else keysym(name)
        if len(name) == 1:
            return next(self._letters.slots(name))
        found = self._letters.find(symbol)
        if found is None:
            raise ActionFailed(f"this keyboard has no key {name}; use another way")
        return found

    def _code(self, code: int, down: bool) -> None:
        with noted(self._keys, code, down):
            xtest.fake_input(self._x, X.KeyPress if down else X.KeyRelease, code)
            self._x.sync()

    def _tap(self, code: int) -> None:
        self._code(code, True)
        self._code(code, False)

    def _button(self, number: int, down: bool) -> None:
        with self._talking(), noted(self._buttons, number, down):
            xtest.fake_input(self._x, X.ButtonPress if down else X.ButtonRelease, number)
            self._x.sync()

    @contextmanager
    def _caps_lock_off(self) -> Iterator[None]:
        """It would turn letters around."""
        with self._talking():
            is_on = bool(self._root.query_pointer().mask & X.LockMask)
            code = self._found("capslock")[0] if is_on else 0
            for _ in range(is_on):
                self._tap(code)
        try:
            yield
        finally:
            with self._talking():
                for _ in range(is_on):
                    self._tap(code)

    # -- windows --------------------------------------------------------------------------------------------------

    def _windows(self, property: str) -> list[Any]:
        found = self._root.get_full_property(self._x.intern_atom(property), Xatom.WINDOW)
        return [self._x.create_resource_object("window", each) for each in found.value if each] if found else []

    def _front(self) -> Any | None:
        return next(iter(self._windows("_NET_ACTIVE_WINDOW")), None)

    def _name(self, window: Any) -> str:
        with suppress(error.BadWindow):
            for name, kind in (("_NET_WM_NAME", "UTF8_STRING"), ("WM_NAME", "STRING")):
                found = window.get_full_property(self._x.intern_atom(name), self._x.intern_atom(kind))
                if found:
                    value = found.value
                    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        return ""

    def _let_clients_read(self) -> None:
        """Ask the window in front whether it is alive: its answer comes after it has read the keys before."""
        window, ping = self._front(), self._x.intern_atom("_NET_WM_PING")
        protocols = self._x.intern_atom("WM_PROTOCOLS")
        with suppress(error.BadWindow):
            known = window and window.get_full_property(protocols, Xatom.ATOM)
            if window and known and ping in known.value:
                self._root.change_attributes(event_mask=X.SubstructureNotifyMask)
                stamp = int(time.monotonic() * 1000) & 0x7FFFFFFF
                data = (32, [ping, stamp, window.id, 0, 0])
                window.send_event(events.ClientMessage(window=window, client_type=protocols, data=data))
                self._x.sync()
                self._await(lambda seen: seen.type == X.ClientMessage and list(seen.data[1])[:2] == [ping, stamp])
                self._root.change_attributes(event_mask=X.NoEventMask)
                return
        time.sleep(READ_S)

    def _await(self, is_it: Callable[[Any], bool], patience_s: float = 5.0) -> None:
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            while self._x.pending_events():
                if is_it(self._x.next_event()):
                    return
            time.sleep(0.01)


class StopKey:
    """Hears Ctrl+Alt+Esc, whichever window has the keyboard, also while a menu holds it."""

    def __init__(self, display: Display, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._control, self._hears = connect(display), connect(display)
        groups = ([self._control.keysym_to_keycodes(named(name)) for name in names] for names in (ESCAPE, CTRL, ALT))
        self._chord = [{code for found in group for code, _ in found} for group in groups]
        self._down: set[int] = set()
        nothing = {"core_requests": (0, 0), "core_replies": (0, 0), "ext_requests": (0, 0, 0, 0)}
        nothing |= {"ext_replies": (0, 0, 0, 0), "delivered_events": (0, 0), "errors": (0, 0)}
        wanted = {**nothing, "device_events": (X.KeyPress, X.KeyRelease), "client_started": False, "client_died": False}
        self._context = self._hears.record_create_context(0, [record.AllClients], [wanted])
        threading.Thread(target=self._listen, daemon=True, name="stop key").start()

    def close(self) -> None:
        with suppress(error.ConnectionClosedError, OSError):
            self._control.record_disable_context(self._context)
            self._control.sync()
            self._control.close()

    def _listen(self) -> None:
        with suppress(error.ConnectionClosedError, OSError):
            self._hears.record_enable_context(self._context, self._hear)
            self._hears.record_free_context(self._context)
            self._hears.close()

    def _hear(self, reply: Any) -> None:
        if reply.category != record.FromServer:
            return
        rest = reply.data
        while rest:
            seen, rest = rq.EventField(None).parse_binary_value(rest, self._hears.display, None, None)
            if seen.type == X.KeyPress:
                self._down.add(seen.detail)
                if all(self._down & codes for codes in self._chord):
                    self._stop()
            elif seen.type == X.KeyRelease:
                self._down.discard(seen.detail)


def place_of(connection: Connection) -> Point:
    found = connection.screen().root.query_pointer()
    return Point(found.root_x, found.root_y)


@contextmanager
def noted(pressed: list[int], code: int, down: bool) -> Iterator[None]:
    """An interrupt may come at any moment: what may be down is noted, what is surely up is not."""
    if down:
        pressed.append(code)
    yield
    if not down:
        while code in pressed:
            pressed.remove(code)
