"""Browser: a Chromium of its own as an Environment, seen and touched through pixels."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from PIL import Image
from playwright.sync_api import Dialog, Download, FileChooser, Frame, Page, Route
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tools.actions import (
    Action,
    Back,
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
    points,
)
from tools.addresses import BLANK, is_within, page_address, start_address
from tools.downloads import free_path
from tools.egress import Egress
from tools.engine import ANSWER_S, Engine
from tools.environment import ActionFailed, EnvironmentLost, Screenshot
from tools.errors import UserError
from tools.geometry import Point, Size
from tools.hands import Hands, known_keys
from tools.overlay import black_out
from tools.secrets import FIND as HIDE
from tools.secrets import NAMED, Secrets, as_boxes
from tools.settle import is_still, settle
from tools.tab import DRAWN_IN_PAGE, Tab
from tools.targets import Target, answer, as_target, find
from tools.traffic import Traffic
from tools.url_rules import Rules

LOAD_S = 20.0  # for the first byte of a page
START_S = 2.0  # for a reload or a step in the history to begin
MAX_WAIT_S = 300.0
MAX_QUOTE = 300  # characters of a page's own words in a result
MAX_NOTES = 8  # said with one result; a page can ask questions without end

Seen = TypeVar("Seen")

# What the browser itself, not the page, does with a chord; keys sent to a page never reach it.
SHORTCUTS: dict[tuple[str, ...], Action] = {
    ("alt", "left"): Back(),
    ("alt", "right"): Forward(),
    ("f5",): Reload(),
    ("ctrl", "r"): Reload(),
    ("ctrl", "shift", "r"): Reload(),
    ("ctrl", "w"): CloseTab(),
}


class Browser:
    def __init__(
        self,
        url: str = "about:blank",
        *,
        viewport: Size = Size(1280, 800),
        scale: float = 1.0,
        headed: bool = False,
        downloads: Path | None = None,
        settle_cap_s: float = 5.0,
        answer_s: float = ANSWER_S,
        rules: Rules | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        """viewport: CSS pixels; screenshots are `scale` times as large. downloads: None refuses them.
        answer_s: after which a page that leaves one click or capture unanswered is ended.
        rules: what may be contacted; None: anything, for pages of one's own. secrets: what {{name}} stands for.

        Raises UserError when no browser starts or `url` cannot be opened.
        """
        self.viewport, self.scale, self.headed = viewport, scale, headed
        self._downloads, self._cap_s = downloads, settle_cap_s
        self._tabs: list[Tab] = []
        self._front = 0
        self._notes: list[str] = []  # what to tell beside the next result
        self._asked: set[tuple[str, str]] = set()  # questions of the page that the last action got Cancel for
        self._asked_before: set[tuple[str, str]] = set()
        self._offered: list[str] = []  # files that the last action would have saved
        self._may_save = True
        self._saving = 0  # downloads under way
        self._navigations = 0
        self._frame: Image.Image | None = None  # the screen as the last action left it
        self._closed = False
        self._rules, self._secrets = rules, secrets or Secrets({})
        self._egress = Egress(rules) if rules else None
        self._engine = self._started(headed, answer_s)
        middle = Point(self.size.width / 2, self.size.height / 2)
        self._hands = Hands(self._engine, lambda: self.page, scale, middle)
        try:
            self._open_context()
            self._open_start(url)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close(interrupted=isinstance(error, KeyboardInterrupt))

    @property
    def page(self) -> Page:
        """The tab in front, for harnesses that set a page up or ask it for the outcome."""
        return self._tab.page

    @property
    def size(self) -> Size:
        """Of the screenshots, in physical pixels."""
        return Size(round(self.viewport.width * self.scale), round(self.viewport.height * self.scale))

    def screenshot(self) -> Screenshot:
        self._frame = self._retried(self._settled)
        title, url = self._retried(self._title), self.page.url
        image = self._retried(lambda: self._blacked(self._frame or self._capture()))
        return Screenshot(image, self._secrets.hidden(title), self._secrets.hidden(url))

    def perform(self, action: Action) -> str:
        for point in points(action):
            if not point.inside(self.size):
                raise ActionFailed(f"{point} is outside the {self.size} screen; give a point inside it")
        self._asked, self._asked_before = set(), self._asked
        self._offered = []
        self._frame = None
        self._traffic.forget_earlier()
        page = self._tab.page
        try:
            self._do(action)
        except PlaywrightError as error:
            mended = self._mended(error)
            if mended or not page.is_closed():  # a tab that the action made close has done what was asked
                raise ActionFailed(self._told(mended or f"the browser refused: {_first_line(error)}")) from error
        except ActionFailed as error:
            raise ActionFailed(self._told(str(error))) from error
        self._frame = self._retried(self._settled)
        return self._told()

    def resize(self, viewport: Size) -> None:
        """viewport: CSS pixels, of every tab from now on."""
        self.viewport, self._frame = viewport, None
        for tab in self._tabs:
            with self._engine.answers():
                tab.resize(viewport)

    def target(self, action: Action) -> Target:
        """What the browser knows of the element that the action is aimed at."""
        aimed = points(action)
        at = Point(aimed[-1].x / self.scale, aimed[-1].y / self.scale) if aimed else None
        pending = (*(said or "to be left" for _, said in sorted(self._asked)), *(f"to save {n}" for n in self._offered))
        try:
            with self._engine.answers():
                found = find(self._tab.session, at)
        except PlaywrightError:  # it is just going elsewhere, or does not answer
            return Target(foreign="one that cannot be asked", page=self.page.url, pending=pending)
        hidden = {key: self._secrets.hidden(value) if isinstance(value, str) else value for key, value in found.items()}
        return as_target(hidden, self._secrets.hidden(self.page.url), pending)

    def grant(self, allowed: bool) -> None:
        """Has a person allowed the next action? From then on a file is saved only after one that was."""
        self._may_save = allowed

    def close(self, interrupted: bool = False) -> None:
        """May be called twice. interrupted: by Ctrl-C, perhaps in the middle of a Playwright call."""
        if not self._closed:
            self._closed = True
            self._engine.close(interrupted)
            if self._egress:
                self._egress.close()

    # -- one action ---------------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        match action:
            case Click(at=at, button=button, times=times, modifiers=modifiers):
                self._hands.click(at, button, times, modifiers)
            case Move(at=at):
                self._hands.point(at)
            case Drag(start=start, to=to, button=button):
                self._hands.drag(start, to, button)
            case Scroll(at=at, dx=dx, dy=dy):
                self._hands.scroll(at, dx, dy)
            case Type(text=text):
                self._type(text)
            case Press(keys=names):
                keys = known_keys(names)
                self._do(SHORTCUTS[keys]) if keys in SHORTCUTS else self._hands.press(keys)
            case Wait(seconds=seconds):
                self._wait(seconds)
            case Goto(url=url):
                self._goto(self._allowed(page_address(url, self._files)))
            case Back():
                self._step(-1, "earlier")
            case Forward():
                self._step(1, "later")
            case Reload():
                self._begin_navigation(lambda: self._tab.session.send("Page.reload"))
            case SwitchTab(index=index):
                self._switch(index)
            case CloseTab():
                self._close_tab()

    def _type(self, text: str) -> None:
        if NAMED.search(text):
            if foreign := self.target(Type(text)).foreign:
                raise ActionFailed(f"a secret is not typed into a page of another site, {foreign}")
            text = self._secrets.filled(text, self.page.url)
        self._hands.type(text)

    def _wait(self, seconds: float) -> None:
        if not seconds >= 0:  # NaN too
            raise ActionFailed(f"cannot wait {seconds} seconds; give a number from 0 to {MAX_WAIT_S:.0f}")
        end = time.monotonic() + min(seconds, MAX_WAIT_S)
        while (rest := end - time.monotonic()) > 0:
            self._pump(min(rest, 0.1))

    def _allowed(self, address: str) -> str:
        """The address, unless the rules deny it. Raises ActionFailed."""
        if reason := self._denial(address):
            raise ActionFailed(f"{address} may not be opened: {reason}; go elsewhere")
        return address

    def _denial(self, address: str) -> str:
        """Why no page of this address may be shown; "" when it may."""
        if self._rules is None or address.startswith("chrome-error:"):  # the browser's own words about a failure
            return ""
        if urlsplit(address).scheme == "file":
            return "" if is_within(address, self._files) else "it is a file of this computer"
        verdict = self._rules.judge(address)
        return "" if verdict.allowed else f"{verdict.why} ({verdict.rule})"

    def _goto(self, address: str) -> None:
        try:
            self._request(address)
        except PlaywrightTimeout as error:
            raise ActionFailed(f"{address} did not answer within {LOAD_S:.0f} s") from error
        except PlaywrightError as error:
            # interrupted: by the error page of an earlier failure, say; Chromium goes on to the address all the same
            if "Download is starting" in str(error) or "interrupted by another navigation" in str(error):
                return
            failure = re.search(r"net::ERR_(\w+)", str(error))
            if failure is None:
                raise
            if not self._asked:  # else the page was asked about and kept, which the note tells
                reason = failure[1].lower().replace("_", " ")
                raise ActionFailed(f"{address} could not be opened: {reason}") from error

    def _request(self, address: str) -> None:
        with self._engine.answers(LOAD_S):
            self.page.goto(address, wait_until="commit", timeout=LOAD_S * 1000)

    def _step(self, by: int, where: str) -> None:
        with self._engine.answers():
            entry = self._tab.history_entry(by)
        if entry is None:
            raise ActionFailed(f"there is no {where} page in this tab")
        self._begin_navigation(lambda: self._tab.session.send("Page.navigateToHistoryEntry", {"entryId": entry}))

    def _begin_navigation(self, send: Callable[[], object]) -> None:
        """Returns when it has begun, or the page has asked to stay; settling waits for the rest."""
        before = self._traffic.pages_asked + self._navigations
        with self._engine.answers():
            send()
        self._pump_until(lambda: self._traffic.pages_asked + self._navigations > before or bool(self._asked))

    def _switch(self, index: int) -> None:
        if not 0 <= index < len(self._tabs):
            raise ActionFailed(f"there is no tab {index}; the tabs are 0 to {len(self._tabs) - 1}")
        self._front = index
        with self._engine.answers():
            self.page.bring_to_front()
        self._notes.append(f"tab {index} of {len(self._tabs)} is in front: {self.page.url}")

    def _close_tab(self) -> None:
        if len(self._tabs) == 1:
            raise ActionFailed("this is the only tab; go to another address instead")
        page = self.page
        with self._engine.answers():
            page.close(run_before_unload=True)
        self._pump_until(lambda: page.is_closed() or bool(self._asked))

    # -- seeing ---------------------------------------------------------------------------------------------------

    def _settled(self) -> Image.Image:
        """The screen at rest, of a page that may be shown.

        One capture is enough when it still is as the last action left it.
        """
        if self._frame is not None and not self._is_busy():
            frame = self._capture()
            if is_still(self._frame, frame, self._tab.moving):
                return frame
        frame = settle(self._capture, self._cap_s, self._is_busy, self._tab.moving)
        if self._is_busy():
            self._notes += ["the page is still loading"] if self._traffic.awaits_page else []
            self._notes += ["a file is still being saved"] if self._saving else []
            self._traffic.give_up()
            self._tab.give_up()
        return self._settled() if self._has_left() else frame

    def _has_left(self) -> bool:
        """Does the tab show what the rules deny, such as a file or a data: page? Then it is blank now."""
        addresses = [self.page.url, *(frame.url for frame in self.page.frames if frame.url.startswith("file:"))]
        for address in addresses:
            if reason := self._denial(address):
                self._notes.append(f"{address[:MAX_QUOTE]} is not shown: {reason}")
                self._request(BLANK)
                return True
        return False

    def _blacked(self, frame: Image.Image) -> Image.Image:
        """The frame without the secrets that were typed, wherever the page shows them."""
        if not self._secrets.typed:
            return frame
        with self._engine.answers():
            found = answer(self._tab.session, HIDE, sorted(self._secrets.typed))
        return black_out(frame, as_boxes(found, self.scale))

    def _capture(self) -> Image.Image:
        with self._engine.answers():
            return self._tab.capture()

    def _title(self) -> str:
        with self._engine.answers():
            return self.page.title()

    def _is_busy(self) -> bool:
        """Is something under way that may show? Lets a little time pass when it is."""
        busy = self._traffic.is_busy or self._saving > 0
        if not busy:
            with self._engine.answers():
                busy = self._tab.is_busy()
        if busy:
            self._pump(0.02)
        return busy

    def _pump(self, seconds: float) -> None:
        """Wait while the browser's events come in."""
        with self._engine.answers():
            self.page.wait_for_timeout(seconds * 1000)

    def _pump_until(self, has_happened: Callable[[], bool]) -> None:
        end = time.monotonic() + START_S
        while not has_happened() and time.monotonic() < end:
            self._pump(0.01)

    def _told(self, *last: str) -> str:
        """All there is to say since it was last asked."""
        notes, self._notes = [*self._notes, *(self._egress.told() if self._egress else ())], []
        more = [f"and {len(notes) - MAX_NOTES} things more"] if len(notes) > MAX_NOTES else []
        return self._secrets.hidden("; ".join([*notes[:MAX_NOTES], *more, *last]))

    # -- tabs and what goes wrong with them -----------------------------------------------------------------------

    @property
    def _tab(self) -> Tab:
        if not self._tabs:
            if self.headed or not self._engine.chromium.is_connected():
                raise EnvironmentLost("the browser window was closed")
            self._context.new_page()  # the page closed its only tab; a person would open another
        return self._tabs[self._front]

    def _started(self, headed: bool, answer_s: float) -> Engine:
        try:
            return Engine(headed, answer_s, self._egress.address if self._egress else "")
        except UserError:
            if self._egress:
                self._egress.close()
            raise

    def _open_context(self) -> None:
        self._context = self._engine.chromium.new_context(
            viewport={"width": self.viewport.width, "height": self.viewport.height},
            device_scale_factor=self.scale,
            accept_downloads=self._downloads is not None,
            service_workers="block" if self._judges_paths else "allow",
        )
        if self._judges_paths:
            self._context.route(re.compile("https:"), self._pass)
        self._context.add_init_script(DRAWN_IN_PAGE)
        self._traffic = Traffic(self._context)
        self._context.on("page", self._adopt)
        self._context.on("dialog", self._answer)
        self._context.new_page()
        self._notes.clear()

    @property
    def _judges_paths(self) -> bool:
        """The proxy does not see the paths of encrypted addresses."""
        return self._rules is not None and self._rules.has_paths

    def _pass(self, route: Route) -> None:
        """By its path too; hops of a redirect do not come by here."""
        with suppress(PlaywrightError):  # the page may be gone by now
            if reason := self._denial(route.request.url):
                self._notes.append(f"{route.request.url[:MAX_QUOTE]} is not contacted: {reason}")
                route.abort("blockedbyclient")
            else:
                route.continue_()

    def _open_start(self, url: str) -> None:
        url = start_address(url)
        path = Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None
        self._files = path.resolve().parent if path else None
        try:
            self._goto(self._allowed(page_address(url, self._files)))
        except ActionFailed as error:
            raise UserError(f"cannot start there: {error}", f"无法从那里开始：{error}") from error

    def _adopt(self, page: Page) -> None:
        self._tabs.append(Tab(page, self.viewport, self.scale))
        self._front = len(self._tabs) - 1
        page.on("close", self._drop)
        page.on("download", self._save)
        page.on("filechooser", self._refuse_files)
        page.on("framenavigated", self._count_navigation)
        self._notes.append(f"a new tab is in front, tab {self._front} (of 0 to {self._front})")

    def _drop(self, page: Page) -> None:
        index = next((index for index, tab in enumerate(self._tabs) if tab.page == page), None)
        if index is None or self._closed:
            return
        del self._tabs[index]
        if index < self._front or self._front == len(self._tabs):
            self._front = max(0, self._front - 1)
        self._notes.append(f"tab {index} was closed; tab {self._front} is in front")

    def _retried(self, look: Callable[[], Seen]) -> Seen:
        """A tab may close, crash or move on while it is looked at."""
        for _ in range(3):
            try:
                return look()
            except PlaywrightError as error:
                last = error
                self._notes += [text for text in [self._mended(error)] if text]
        raise EnvironmentLost(f"the page cannot be seen: {_first_line(last)}")

    def _mended(self, error: PlaywrightError) -> str:
        """Make the tab in front usable again after `error`; what was wrong with it, "" when nothing was.

        Raises EnvironmentLost when the browser itself is gone.
        """
        if not self._engine.chromium.is_connected():
            raise EnvironmentLost("the browser was closed or has crashed") from error
        tab = self._tab
        hung = self._engine.ended_pages
        self._engine.ended_pages = False
        if tab.page.is_closed():
            self._drop(tab.page)
            return ""
        if not (hung or tab.crashed or "crash" in str(error).lower()):
            return ""
        try:
            self._replace(tab)
        except PlaywrightError as failure:
            raise EnvironmentLost(f"the page crashed and no other opens: {_first_line(failure)}") from failure
        what = f"did not answer for {self._engine.answer_s:.0f} s and was ended" if hung else "crashed"
        return f"the page {what}; it was opened again at {self.page.url}"

    def _replace(self, tab: Tab) -> None:
        """Open the tab's address in a new tab at its place."""
        index, address, notes = self._tabs.index(tab), tab.page.url, list(self._notes)
        self._tabs.remove(tab)
        self._context.new_page()
        self._tabs.insert(index, self._tabs.pop())
        self._front, self._notes = index, notes
        with suppress(PlaywrightError), self._engine.answers():
            tab.page.close()
        if urlsplit(address).scheme in ("http", "https", "file"):
            with suppress(PlaywrightError):
                self._request(address)

    # -- what pages bring up beside the picture -------------------------------------------------------------------

    def _answer(self, dialog: Dialog) -> None:
        """Messages are read; questions get the answer that changes nothing, and OK when the action is repeated.

        A dialog cannot be left open until the model has seen it: the click that brought it up would not return.
        """
        said = f'"{dialog.message[:MAX_QUOTE]}"' if dialog.message else "to leave it, though changes may be lost"
        question = (dialog.type, dialog.message)
        with suppress(PlaywrightError):  # the page may be gone by now
            if dialog.type == "alert":
                self._notes.append(f"the page said {said}")
                dialog.accept()
            elif question in self._asked_before:
                self._notes.append(f"the page asked {said} and was answered OK")
                dialog.accept(dialog.default_value)
            else:
                self._asked.add(question)
                self._notes.append(f"the page asked {said} and was answered Cancel; to answer OK, act the same again")
                dialog.dismiss()

    def _save(self, download: Download) -> None:
        name = download.suggested_filename
        if self._downloads is None:
            self._notes.append(f'the page offered the file "{name[:MAX_QUOTE]}"; downloads are refused here')
            return
        if not self._may_save:
            self._offered.append(name[:MAX_QUOTE])
            self._notes.append(f'the page offered the file "{name[:MAX_QUOTE]}"; to save it, act the same again')
            return
        path = free_path(self._downloads, name)
        self._saving += 1
        try:
            download.save_as(path)
            self._notes.append(f'the file "{path.name}" was saved ({path.stat().st_size} bytes)')
        except (PlaywrightError, OSError) as error:
            path.unlink(missing_ok=True)
            self._notes.append(f'the file "{path.name}" could not be saved: {_first_line(error)}')
        finally:
            self._saving -= 1

    def _refuse_files(self, chooser: FileChooser) -> None:
        """Not answering is what closing the dialog would be."""
        self._notes.append("the page asked for a file of this computer and was given none")

    def _count_navigation(self, frame: Frame) -> None:
        self._navigations += 1
        for tab in self._tabs:
            if frame == tab.page.main_frame:
                tab.begin_page()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
