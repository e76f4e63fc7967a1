"""Does the agent solve tasks? MiniWoB++ and our practice pages, many seeds, scored with intervals and chance."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from tqdm import tqdm

from agent.benchmarks.episodes import Page, Pages, Player, play
from agent.benchmarks.score import chance_corrected, mean, percent, table, wilson
from agent.benchmarks.tasks import CHANCE, check, reserved
from agent.journal import Journal, claim, read
from model.vlm import VisionLanguageModel
from tools.environment import EnvironmentLost

log = logging.getLogger(__name__)

MAX_STEPS = 20  # as many as the longest tasks need: more steps are more chances to hit by accident
SCALE = 2.0  # at 1 the letters of MiniWoB++ are 10 pixels high, too small for the patches of a Qwen-VL
FONTS = ("Arial", "Verdana", "sans-serif", "serif", "monospace")  # what the pages ask for

Episode = tuple[str, int]  # task, seed


@dataclass(frozen=True)
class Summary:
    table: str
    episodes: int
    success: float  # 0..1, the mean over tasks of the share solved
    corrected: float | None  # the same, corrected for chance, over the tasks whose chance is known; None: there is none


def run(
    model: VisionLanguageModel | Player,
    tasks: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    pages: int = 1,
    *,
    name: str = "",
    scale: float = SCALE,
    max_steps: int = MAX_STEPS,
    chance: Path | None = None,
) -> Summary:
    """Play every (task, seed) that is not yet in `out`/episodes.jsonl, then score all that were asked for.

    Solved means `done and raw_reward == 1.0`. pages: episodes at a time, each in a browser of its own; a local
    model takes their questions in turn. name: what to call a Player. scale: of the screenshot, pixels per CSS pixel.
    chance: the folder of a run of `random_clicks`, to correct by. Raises UserError for an `out` of another run.
    """
    if left := reserved(tasks):
        log.warning("kept for the final score, in neither list T nor D: %s", ", ".join(left))
    for task in tasks:
        check(task)
    odds = CHANCE | (success_rates(read(chance / "episodes.jsonl")) if chance else {})
    player, called = (model, name) if callable(model) else (lambda page, seed: model, model.name)
    settings = {"benchmark": "miniwob", "model": called, "scale": scale, "max_steps": max_steps}
    with closing(Pages(scale)) as opened:
        claim(out, settings | browser_facts(opened.open(tasks[0])))
        asked = dict.fromkeys((task, seed) for task in tasks for seed in seeds)
        with Journal(out / "episodes.jsonl") as journal:
            played = {(record["task"], record["seed"]) for record in journal.records}
            waiting = [episode for episode in asked if episode not in played]
            with tqdm(total=len(waiting), unit="episode", disable=None) as progress:
                Round(deque(waiting), player, max_steps, journal, progress).play(opened, pages)
    return summarise([r for r in journal.records if (r["task"], r["seed"]) in asked], odds)


@dataclass
class Round:
    """Episodes taken by one or more threads, each with browsers of its own: a browser belongs to its thread."""

    waiting: deque[Episode]
    player: Player
    max_steps: int
    journal: Journal
    progress: tqdm[Any]
    lock: Lock = field(default_factory=Lock)

    def play(self, opened: Pages, pages: int) -> None:
        """This thread plays too; when one fails, the others end after the episode they are at."""
        with ThreadPoolExecutor(max(1, pages - 1)) as pool:
            others = [pool.submit(self.work_alone, opened.scale) for _ in range(pages - 1)]
            self.work(opened)
        for other in others:
            other.result()

    def work_alone(self, scale: float) -> None:
        with closing(Pages(scale)) as opened:
            self.work(opened)

    def work(self, opened: Pages) -> None:
        try:
            while episode := self.take():
                self.write(self.surely(opened, *episode))
        except BaseException:
            self.waiting.clear()
            raise

    def take(self) -> Episode | None:
        with self.lock:
            return self.waiting.popleft() if self.waiting else None

    def surely(self, opened: Pages, task: str, seed: int) -> dict[str, Any]:
        """Once more in a new browser when the first is lost, which is no fault of the model."""
        try:
            return play(opened.open(task), task, seed, self.player, self.max_steps)
        except EnvironmentLost as error:
            log.warning("%s seed %d: %s; again in a new browser", task, seed, error)
            opened.close()
            return play(opened.open(task), task, seed, self.player, self.max_steps)

    def write(self, record: dict[str, Any]) -> None:
        with self.lock:
            self.journal.append(record)
            self.progress.update()


def browser_facts(opened: Page) -> dict[str, Any]:
    """The browser's version and the fonts it really draws with: either changes pixels, and with them scores."""
    page = opened.browser.page
    page.set_content("".join(f'<p style="font-family: {font}">letters</p>' for font in FONTS))
    session = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        session.send(f"{domain}.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    nodes = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": "p"})["nodeIds"]
    drawn = [session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"] for node in nodes]
    version = session.send("Browser.getVersion")["product"]
    session.detach()
    return {
        "browser": version,
        "fonts": {font: used[0]["familyName"] for font, used in zip(FONTS, drawn, strict=True)},
    }


def success_rates(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Task → share solved."""
    return {task: mean(r["success"] for r in members) for task, members in by_task(records).items()}


def by_task(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        found.setdefault(record["task"], []).append(record)
    return found


def summarise(records: Sequence[Mapping[str, Any]], odds: Mapping[str, float]) -> Summary:
    """odds: task → how often chance solves it; tasks without are left out of the corrected mean."""
    rates = success_rates(records)
    corrected = {task: chance_corrected(rate, odds[task]) for task, rate in rates.items() if task in odds}
    rows = []
    for task, members in by_task(records).items():
        low, high = wilson(sum(r["success"] for r in members), len(members))
        rows.append(
            [
                task,
                str(len(members)),
                percent(rates[task]),
                f"{percent(low)}-{percent(high)}",
                percent(odds[task]) if task in odds else "-",
                percent(corrected[task]) if task in odds else "-",
                f"{mean(r['steps'] for r in members):.1f}",
                f"{mean(r['seconds'] for r in members):.1f}",
            ]
        )
    success, above = mean(rates.values()), mean(corrected.values()) if corrected else None
    shown = percent(above) if above is not None else "-"
    rows.append(["mean of tasks", str(len(records)), percent(success), "", "", shown, "", ""])
    header = ["task", "n", "solved %", "95 %", "chance %", "above chance %", "steps", "s"]
    note = (
        f"above chance: 0 is chance, 100 perfect; over the {len(corrected)} of {len(rates)} tasks whose chance is known"
    )
    return Summary(f"{table(header, rows)}\n{note}", len(records), success, above)
