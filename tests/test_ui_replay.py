"""The replay tab in a real browser: two recorded runs side by side."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect
from serving import chromium, enter, page_of

from agent.store import Recording
from agent.trajectory import Ending, Finish, Step
from tools.actions import Click
from tools.geometry import Point
from tools.sandbox import Sandbox


def record(parent: Path, task: str, clicks: int) -> None:
    with Recording(parent, task, "scripted", "tiny", {}) as recording:
        for index in range(clicks):
            screen = Sandbox.random(clicks + index).screenshot()
            recording.outcome(Step(index, screen, actions=(Click(Point(clicks, index)),)))
        recording.outcome(Step(clicks, screen, finish=Finish(True), ending=Ending("finished")))


def test_two_runs_are_compared_step_by_step(tmp_path: Path) -> None:
    record(tmp_path / "runs", "The short one", 1)
    record(tmp_path / "runs", "The long one", 2)
    with page_of(tmp_path) as address, chromium() as browser:
        page = enter(browser, address)
        page.get_by_role("tab", name="Replay").click()
        page.locator(".run-card", has_text="The long one").click()
        screens = page.locator("#replay-pair .stage img")
        deeds, heads = page.locator("#replay-pair .does"), page.locator("#replay-open .run-head")
        expect(deeds).to_have_text(["click at (2, 0)"])
        page.get_by_label("Compare with").click()
        page.get_by_role("option", name="The short one").click()
        expect(heads).to_contain_text(["The long one", "The short one"])
        expect(deeds).to_have_text(["click at (2, 0)", "click at (1, 0)"])
        one, other = (screens.nth(index).get_attribute("src") for index in range(2))
        assert one and other and one != other
        page.locator("#replay-later").click()
        expect(deeds).to_have_text(["click at (2, 1)", "says that it is done"])
        page.locator("#replay-later").click()
        expect(deeds).to_have_text(["says that it is done"])
        expect(page.locator("#replay-second")).to_have_text("This run ended before.")
        page.get_by_label("Compare with").click()
        page.get_by_role("option", name="nothing").click()
        expect(page.locator("#replay-second")).to_be_hidden()
        expect(heads).to_contain_text(["The long one"])
