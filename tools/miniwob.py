"""One MiniWoB++ task as an Environment: its 160x210 task area in pixels, its utterance and its reward."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tools.actions import Action
from tools.browser import Browser
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Size

AREA = Size(160, 210)  # CSS pixels of the task; what lies right of it shows the reward and is never seen
WINDOW = Size(500, 320)  # as the pages expect: wider than the task, so that the reward display has its place
TEST_MODE = ("click-checkboxes-transfer", "email-inbox-nl-turk")  # scored on items that their 'train' mode never shows
PATIENCE_MS = 3_600_000  # the pages' own limits are 7 to 30 s, which a slow model would always lose

START = """([seed, patience, mode]) => {
  if (core.EP_TIMER !== null) core.endEpisode(0);
  document.activeElement?.blur();
  Math.seedrandom(seed);
  core.setDataMode(mode);
  core.EPISODE_MAX_TIME = patience;
  core.startEpisodeReal();
  const said = core.getUtterance();
  return typeof said === 'string' ? said : said.utterance;
}"""


class MiniWob:
    """Same seed, same task and same pixels. Solved means `done and raw_reward == 1.0`.

    `browser` may be shared by several tasks in turn; it must have the viewport WINDOW and the same scale.
    """

    def __init__(self, task: str, *, scale: float = 2.0, browser: Browser | None = None) -> None:
        self.url = task_page(task).as_uri()
        self.task = task
        self.mode = "test" if task in TEST_MODE else "train"
        self.scale = scale
        self._owns = browser is None
        self.browser = browser or Browser("about:blank", viewport=WINDOW, scale=scale)

    def reset(self, seed: int, *, reload: bool = True) -> str:
        """Start an episode; returns the utterance.

        Without `reload` it starts in the page that is open: many times faster, but some pages keep a tick or a date
        from the episode before.
        """
        page = self.browser.page
        page.mouse.move(WINDOW.width - 10, WINDOW.height - 10)  # no hover left from the last episode
        if reload or page.url != self.url:
            page.goto(self.url)
            page.wait_for_function("() => window.core && core.cover_div")
        said = str(page.evaluate(START, [str(seed), PATIENCE_MS, self.mode]))
        page.wait_for_function("() => WOB_TASK_READY")
        return said

    @property
    def done(self) -> bool:
        return bool(self.browser.page.evaluate("() => WOB_DONE_GLOBAL"))

    @property
    def raw_reward(self) -> float:
        """-1 to 1 without the page's time penalty; several tasks give partial credit."""
        return float(self.browser.page.evaluate("() => WOB_RAW_REWARD_GLOBAL"))

    def screenshot(self) -> Screenshot:
        whole = self.browser.screenshot()
        image = whole.image.crop((0, 0, round(AREA.width * self.scale), round(AREA.height * self.scale)))
        return Screenshot(image, whole.title, whole.url)

    def perform(self, action: Action) -> str:
        """Nothing happens once the episode is over: a click on the page's cover would start another."""
        if self.done:
            return "The episode is over."
        return self.browser.perform(action)

    def close(self) -> None:
        if self._owns:
            self.browser.close()


def task_page(task: str) -> Path:
    """The page of a task in the installed miniwob package, found without importing it (that needs selenium)."""
    found = importlib.util.find_spec("miniwob")
    if found is None or not found.submodule_search_locations:
        raise UserError("MiniWoB++ is not installed; run: pip install --no-deps miniwob==1.1.0")
    pages = Path(found.submodule_search_locations[0]) / "html" / "miniwob"
    page = pages / f"{task}.html"
    if page.parent != pages or not page.is_file():
        raise UserError(f"MiniWoB++ has no task {task!r}; its tasks are the *.html files of the package, as click-test")
    return page
