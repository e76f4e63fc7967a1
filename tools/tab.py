"""One tab of the browser: its page, its capture, and whether it is still about to change."""

from __future__ import annotations

import base64
import io

from PIL import Image
from playwright.sync_api import CDPSession, Page
from playwright.sync_api import Error as PlaywrightError

from tools.geometry import Size
from tools.settle import CELL, Moving

# What the page itself says is under way: loading, or a transition that will end soon. Endless and long ones do not
# count; nor does a page that cannot be asked because it is being replaced (the error is the answer).
UNDER_WAY = """() => {
  if (document.readyState !== 'complete') return 'loading';
  const soon = (animation) => {
    if (animation.playState !== 'running' || !(animation.timeline instanceof DocumentTimeline)) return false;
    const rest = animation.effect.getComputedTiming().endTime - animation.currentTime;
    return rest > 0 && rest < 2000;
  };
  return document.getAnimations().some(soon) ? 'moving' : '';
}"""


# Chromium draws two things in windows of their own or at moments of its own. This lets the page draw them: the list
# of a drop-down, which pixels could otherwise neither show nor click, and a caret that does not blink, so that equal
# screens are equal pictures. In adopted sheets, which leave the page's document as it is; they do not reach shadow
# trees by themselves. A Chromium that does not know these properties ignores them.
DRAWN_IN_PAGE = """(() => {
  const sheet = new CSSStyleSheet();
  const dropDown = 'select:not([multiple]):is(:not([size]), [size="0"], [size="1"])';
  sheet.replaceSync(`
    ${dropDown}, ${dropDown}::picker(select) { appearance: base-select !important; }
    * { caret-animation: manual !important; }
  `);
  for (const prototype of [Document.prototype, ShadowRoot.prototype]) {
    const sheets = Object.getOwnPropertyDescriptor(prototype, 'adoptedStyleSheets');
    Object.defineProperty(prototype, 'adoptedStyleSheets', {
      ...sheets,
      set(list) { sheets.set.call(this, [sheet, ...Array.from(list).filter((other) => other !== sheet)]); },
    });
  }
  document.adoptedStyleSheets = [];
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function attachShadow(options) {
    const root = attach.call(this, options);
    root.adoptedStyleSheets = [];
    return root;
  };
})()"""


class Tab:
    def __init__(self, page: Page, viewport: Size, scale: float) -> None:
        self.page = page
        self.viewport = viewport  # CSS pixels
        self.scale = scale
        self.crashed = False
        self.moving = Moving(round(CELL * scale))
        self._session: CDPSession | None = None
        self._given_up = False  # this page was busy for longer than anybody waits
        self._last: tuple[str, Image.Image] | None = None  # what came over the wire, and the picture it holds
        page.on("crash", self._note_crash)

    @property
    def session(self) -> CDPSession:
        """Our own line to the page, with the same metrics as Playwright's.

        A capture takes its size and scale from the line it is asked on. Set once here, it is exact in physical pixels,
        needs no clip that would have to follow the scroll, and never makes the page see another devicePixelRatio.
        (Where a side times the scale is not whole, all captures are resampled by a fraction of a pixel.)
        """
        if self._session is None:
            self._session = self.page.context.new_cdp_session(self.page)
            self.resize(self.viewport)
        return self._session

    def resize(self, viewport: Size) -> None:
        self.viewport = viewport
        self.page.set_viewport_size({"width": viewport.width, "height": viewport.height})
        size = {"width": viewport.width, "height": viewport.height}
        metrics = {**size, "deviceScaleFactor": self.scale, "mobile": False}
        self.session.send("Emulation.setDeviceMetricsOverride", metrics)

    def capture(self) -> Image.Image:
        """RGB, physical pixels, caret and all; the very same object when nothing has changed."""
        options = {"format": "png", "optimizeForSpeed": True}  # half the time of page.screenshot, equal pixels
        encoded = self.session.send("Page.captureScreenshot", options)["data"]
        if self._last is None or self._last[0] != encoded:
            self._last = encoded, Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
        return self._last[1]

    def begin_page(self) -> None:
        """It shows another page now, and what was known of the last one is void."""
        self.crashed = self._given_up = False
        self.moving.forget()

    def is_busy(self) -> bool:
        """Does the page say that it is about to change?"""
        try:
            state = self.page.evaluate(UNDER_WAY)
        except PlaywrightError as error:
            if "context was destroyed" in str(error):
                return True
            raise
        return bool(state) and not self._given_up

    def give_up(self) -> None:
        """The wait ended while it was busy: some pages load or move for ever, so do not wait for this one again."""
        self._given_up = True

    def history_entry(self, steps: int) -> int | None:
        """Which entry of the tab's history is `steps` further (negative: earlier); None when there is none.

        The blank page that every tab starts with is not a place a person would go back to.
        """
        history = self.session.send("Page.getNavigationHistory")
        index = history["currentIndex"] + steps
        if not 0 <= index < len(history["entries"]):
            return None
        entry = history["entries"][index]
        return None if index == 0 and entry["url"] == "about:blank" else int(entry["id"])

    def _note_crash(self, page: Page) -> None:
        self.crashed = True
