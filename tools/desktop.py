"""Desktop: a whole screen, or a part of it, as an Environment; the only file that knows scales and monitors."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType

import mss
from mss.exception import ScreenShotError
from PIL import Image

from tools.actions import Action, Click, Drag, Move, Press, Scroll, Type, Wait, points
from tools.desktop_hands import DesktopHands, Stopped
from tools.display import Display
from tools.driver import open_driver
from tools.environment import ActionFailed, EnvironmentLost, Screenshot
from tools.errors import UserError
from tools.geometry import Box, Point, Size
from tools.lease import Lease
from tools.settle import settle

MAX_WAIT_S = 300.0
REACT_S = 0.15  # for a program to begin to show what an action did
PIECE_S = 0.02
STOPPED = "a person has stopped this"


class Desktop:
    def __init__(
        self,
        display: Display,
        *,
        part: str = "all",
        scale: float = 1.0,
        framed: bool = False,
        settle_cap_s: float = 5.0,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """part: "all", the number of a monitor from 1, "left,top,width,height", or "window:" and words of its title.
        scale: pixels of a screenshot for each that the system captures. framed: show a border around it (X11 only).
        on_close: what else ends with it.

        Raises UserError when the screen cannot be used, has no such part, or is another run's; EnvironmentLost.
        """
        self.part, self.scale, self._cap_s = part, scale, settle_cap_s
        self._stopped = threading.Event()
        self._stop: Callable[[], None] = self._stopped.set
        self._unwatch: Callable[[], None] = lambda: None
        self._last: tuple[bytearray, Image.Image] | None = None  # what the system gave, and the picture it holds
        with ExitStack() as opened:
            opened.callback(on_close)
            opened.callback(Lease(display).release)
            self._camera = open_camera(display)
            opened.callback(close_camera, self._camera)
            self._driver = open_driver(display)
            opened.callback(self._driver.close)
            self._hands = DesktopHands(self._driver, self.monitors[1:], self._beat)
            self._area = self._find()
            self._factor = self._scaled(self.capture()).width / self._area.width  # screenshot pixels to a desktop unit
            if framed and display.name:
                opened.callback(draw_border(display, self._area))
            self._opened = opened.pop_all()

    def __enter__(self) -> Desktop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def monitors(self) -> list[Box]:
        """In desktop units: the box around all, then each; what is left of or above the first has negative places."""
        return [Box.from_xywh(it["left"], it["top"], it["width"], it["height"]) for it in self._camera.monitors]

    @property
    def area(self) -> Box:
        """What is seen, in desktop units."""
        return self._area

    @property
    def size(self) -> Size:
        """Of the screenshots."""
        return Size(round(self._area.width * self._factor), round(self._area.height * self._factor))

    def obey(self, stopped: threading.Event, stop: Callable[[], None]) -> None:
        """stopped: no key or button is pressed once it is set. stop: is called, from another thread, when a person
        presses Ctrl+Alt+Esc or pushes the pointer into a corner; it sets `stopped`, or makes somebody set it."""
        self._unwatch()
        self._stopped, self._stop = stopped, stop
        self._unwatch = self._driver.watch(self._hands.pointer.pushed_into_corner, stop)

    def screenshot(self) -> Screenshot:
        try:
            self._area = self._find()
            picture = self._scaled(settle(self.capture, self._cap_s))
            self._factor = picture.width / self._area.width
            return Screenshot(picture, self._driver.title())
        except UserError as error:
            raise EnvironmentLost(str(error)) from error

    def capture(self) -> Image.Image:
        """The area this moment, in its own pixels. RGB; the very same object when nothing has changed."""
        area = self._area
        box = {"left": int(area.left), "top": int(area.top), "width": int(area.width), "height": int(area.height)}
        try:
            seen = self._camera.grab(box)
        except (ScreenShotError, AssertionError) as error:  # mss takes it for granted that the X server answers
            raise EnvironmentLost("the screen cannot be captured any more") from error
        size = (seen.width, seen.height)
        if self._last is None or self._last[1].size != size or self._last[0] != seen.raw:
            self._last = seen.raw, Image.frombytes("RGB", size, seen.raw, "raw", "BGRX")
        return self._last[1]

    def perform(self, action: Action) -> str:
        for point in points(action):
            if not point.inside(self.size):
                raise ActionFailed(f"{point} is outside the {self.size} screen; give a point inside it")
        self._do(action)
        acted = time.monotonic()
        settle(self.capture, self._cap_s, lambda: self._is_reacting(acted))
        return ""

    def close(self) -> None:
        self._unwatch()
        self._unwatch = lambda: None
        self._opened.close()

    # -- one action -----------------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        match action:
            case Click(at=at, button=button, times=times, modifiers=modifiers):
                self._hands.click(self._unit(at), button, times, modifiers)
            case Move(at=at):
                self._hands.point(self._unit(at))
            case Drag(start=start, to=to, button=button):
                self._hands.drag(self._unit(start), self._unit(to) or Point(0, 0), button)
            case Scroll(at=at, dx=dx, dy=dy):
                self._hands.scroll(self._unit(at), dx / self._factor, dy / self._factor)
            case Type(text=text):
                self._hands.type(text)
            case Press(keys=keys):
                self._hands.press(keys)
            case Wait(seconds=seconds):
                self._wait(seconds)
            case _:
                name = type(action).__name__.lower()
                raise ActionFailed(f"there is no {name} on a desktop; use the mouse and the keyboard")

    def _wait(self, seconds: float) -> None:
        if not seconds >= 0:  # NaN too
            raise ActionFailed(f"cannot wait {seconds} seconds; give a number from 0 to {MAX_WAIT_S:.0f}")
        end = time.monotonic() + min(seconds, MAX_WAIT_S)
        while (rest := end - time.monotonic()) > 0:
            self._beat()
            time.sleep(min(rest, PIECE_S))

    def _unit(self, point: Point | None) -> Point | None:
        """Screenshot pixels -> desktop units: the one place where points are converted."""
        return point and to_units(point, self._area, self._factor)

    def _beat(self) -> None:
        """Raises Stopped when a person wants it all to end."""
        if self._hands.pointer.pushed_into_corner():
            self._stop()
        if self._stopped.is_set():
            raise Stopped(STOPPED)

    # -- seeing ---------------------------------------------------------------------------------------------------

    def _find(self) -> Box:
        """The part as it lies now. Raises UserError."""
        monitors, region = self.monitors, re.fullmatch(r"(-?\d+),(-?\d+),(\d+),(\d+)", self.part)
        if self.part == "all":
            return monitors[0]
        if re.fullmatch("[1-9]", self.part) and int(self.part) < len(monitors):
            return monitors[int(self.part)]
        if region and (box := common(Box.from_xywh(*map(int, region.groups())), monitors[0])):
            return box
        if self.part.startswith("window:"):
            window = self._driver.window(self.part.removeprefix("window:"))
            if window and (box := common(window, monitors[0])):
                return box
            raise UserError(f"there is no window with {self.part.removeprefix('window:')!r} in its title")
        raise UserError(
            f"the screen has no part {self.part!r}; give all, a monitor from 1 to {len(monitors) - 1}, LEFT,TOP,WIDTH,"
            "HEIGHT or window:TITLE"
        )

    def _scaled(self, picture: Image.Image) -> Image.Image:
        if self.scale == 1.0:
            return picture
        size = (round(picture.width * self.scale), round(picture.height * self.scale))
        return picture.resize(size, Image.Resampling.LANCZOS)

    def _is_reacting(self, acted: float) -> bool:
        if self._stopped.is_set() or time.monotonic() - acted > REACT_S:
            return False
        time.sleep(PIECE_S)
        return True


def to_units(point: Point, area: Box, factor: float) -> Point:
    """The desktop unit that a pixel of the screenshot shows, inside the area.

    factor: screenshot pixels to one unit. The middle of a pixel counts: on a screen of two pixels to the unit, 0 and 1
    both show unit 0.
    """
    x, y = (int((at + 0.5) / factor) for at in (point.x, point.y))
    return Point(area.left + min(x, int(area.width) - 1), area.top + min(y, int(area.height) - 1))


def common(a: Box, b: Box) -> Box | None:
    """What both cover."""
    box = Box(max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom))
    return box if box.width > 0 and box.height > 0 else None


def open_camera(display: Display) -> mss.MSS:
    """Raises UserError."""
    try:
        with display.connecting():
            return mss.MSS(display=display.name) if display.name else mss.MSS()
    except ScreenShotError as error:
        text = f"the screen {display.name} cannot be captured ({error}); is DISPLAY right, and may this user use it?"
        raise UserError(text, f"无法截取屏幕 {display.name}（{error}）；请检查 DISPLAY 及使用权限") from error


def close_camera(camera: mss.MSS) -> None:
    with suppress(ScreenShotError):  # the screen may be gone
        camera.close()


def draw_border(display: Display, around: Box) -> Callable[[], None]:
    """Returns what takes it away."""
    from tools.border import Border

    return Border(display, around).close
