"""A run that pages watch and persons steer: real Chromium, the address book, a model that says what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import Site
from demo_replies import replies
from full import fill, small_disk
from scripted import ScriptedModel

from agent import prompts
from agent.examples import examples
from agent.safety import Request
from agent.store import replay
from agent.trajectory import Ask, Ending
from app import address_book
from app.live import DEMO, Job, Live
from app.settings import Settings
from model.computer_use import call
from model.families import TINY
from tools.actions import Click, Type
from tools.geometry import Point, Size

LONG_S = 60.0
ASK = call("ask_user_question", question="Which Anna?")
DONE = call("terminate", status="success")
NAME = Point(250, 148)  # of the address book's field, in pixels of the screenshot


@pytest.fixture(scope="module")
def to_anna() -> list[str]:
    return list(replies(address_book.TO))


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    begun: list[Live] = []

    def begin(said: Sequence[str], asks: bool = False, paused: bool = False, again: Sequence[str] = ()) -> Live:
        settings = Settings(runs=tmp_path, max_steps=20, approve="always" if asks else "irreversible")
        job = Job(address_book.TASK, DEMO, tuple(again))
        live = Live(settings, job, lambda: ScriptedModel(said))
        if paused:
            live.worker.pause()
        begun.append(live)
        return live

    yield begin
    for live in begun:
        live.close()


def until(live: Live, has_come: Callable[[Live], object]) -> Live:
    seen = -1
    while not has_come(live):
        seen = live.worker.wait(seen, LONG_S)
        assert has_come(live) or live.phase != "over", live.worker.error
    return live


def is_over(live: Live) -> bool:
    return live.phase == "over"


def is_planned(live: Live) -> bool:
    return live.phase == "paused" and live.step is not None and bool(live.step.reply)


def is_seen(live: Live) -> bool:
    return live.phase == "paused" and live.step is not None and not live.step.reply


def recorded(live: Live) -> Path:
    assert live.recording is not None
    return live.recording.folder


def test_a_run_is_seen_live_and_replays_step_for_step(begin: Callable[..., Live], to_anna: list[str]) -> None:
    live = until(begin(to_anna), is_over)
    assert live.received == [(address_book.TO, address_book.TEXT)] and live.ending and live.ending.success
    assert live.worker.error is None and len(live.steps) == 8
    assert list(replay(recorded(live))) == list(live.steps)
    assert live.seconds_each and live.seconds_left == pytest.approx(12 * live.seconds_each)


def test_paused_the_plan_is_shown_and_single_steps_do_it(begin: Callable[..., Live], to_anna: list[str]) -> None:
    live = until(begin(to_anna, paused=True), is_seen)
    for count in range(2):
        live.step_once()
        until(live, lambda live, count=count: is_planned(live) and live.step.index == count)
        assert live.step and live.step.actions and len(live.steps) == count
    live.resume()
    assert until(live, is_over).ending and live.received


def test_a_click_of_the_person_is_done_instead_and_kept_as_such(begin: Callable[..., Live]) -> None:
    wrong = call("left_click", coordinate=[300, 400])
    live = until(begin([wrong, DONE], paused=True), is_seen)
    live.step_once()
    until(live, is_planned)
    assert live.act(Click(NAME))
    until(live, lambda live: len(live.steps) == 1)
    live.resume()
    until(live, is_over)
    first = live.steps[0]
    assert first.by_person and first.corrected == wrong
    (action,) = first.actions
    assert isinstance(action, Click) and action.at
    assert abs(action.at.x - NAME.x) < 1 and abs(action.at.y - NAME.y) < 1
    assert list(replay(recorded(live))) == list(live.steps)
    learned = [talk[-1].text for talk in examples(recorded(live), TINY)]
    assert wrong not in learned and first.reply in learned, "what is learned is what the person did"


def test_a_file_that_the_person_clicks_on_is_saved(tmp_path: Path, site: Site) -> None:
    """Whatever the model was allowed before."""
    site.pages["/file"] = "content"
    page = site.put("/page", "<a href='/file' download style='position: fixed; inset: 0'>Report</a>")
    job, waits = Job("Look", page), [call("wait", time=0.1)] * 2
    live = Live(Settings(runs=tmp_path, viewport=Size(400, 300)), job, lambda: ScriptedModel([*waits, DONE]))
    live.worker.pause()
    try:
        until(live, is_seen)
        for count in range(2):
            live.step_once()
            until(live, lambda live, count=count: is_planned(live) and live.step.index == count)
        assert live.act(Click(NAME))
        until(live, lambda live: any(step.by_person for step in live.steps))
        live.resume()
        until(live, is_over)
    finally:
        live.close()
    assert (recorded(live) / "downloads" / "file.html").read_text() == "content"


def test_taken_over_the_person_uses_the_browser_and_the_plan_is_dropped(begin: Callable[..., Live]) -> None:
    model_wants = call("left_click", coordinate=[300, 400])
    live = until(begin([model_wants, DONE], paused=True), is_seen)
    live.step_once()
    until(live, is_planned)
    live.take_over()
    until(live, is_seen)
    for count, action in enumerate([Click(NAME), Type("Anna")], start=1):
        assert live.act(action)
        until(live, lambda live, count=count: is_seen(live) and len(live.steps) == count)
    live.resume()
    until(live, is_over)
    assert not live.taken and [step.by_person for step in live.steps] == [True, True, False]
    assert not any(step.corrected for step in live.steps)


def test_nothing_is_done_that_is_not_allowed(begin: Callable[..., Live], to_anna: list[str]) -> None:
    live = until(begin([*to_anna[:2], DONE], asks=True), lambda live: live.question)
    question = live.question
    assert question and live.phase == "asking" and isinstance(question.about, Request)
    assert isinstance(question.about.action, Click) and "text" in question.about.aim
    live.answer(question.number, True)
    until(live, lambda live: live.question and live.question.number != question.number)
    live.answer(question.number, True)  # late, and not for this question
    assert live.phase == "asking" and live.question and isinstance(live.question.about, Request)
    assert isinstance(live.question.about.action, Type)
    live.answer(live.question.number, False)
    until(live, is_over)
    assert [step.mistake for step in live.steps] == [False, True]
    assert live.steps[1].result == prompts.DENIED and live.ending == Ending("denied", "type “Anna”")


def test_a_question_waits_for_words_of_the_person_and_the_run_replays(begin: Callable[..., Live]) -> None:
    live = until(begin([ASK, DONE], asks=True), lambda live: live.question)
    assert live.question and live.question.about == Ask("Which Anna?") and live.phase == "asking"
    live.answer(live.question.number, "Anna Berg")
    first, last = until(live, is_over).steps
    assert first.result == prompts.answered("Anna Berg") and last.ending == Ending("finished")
    assert list(replay(recorded(live))) == [first, last]


def test_leave_for_an_action_is_not_given_by_words(begin: Callable[..., Live], to_anna: list[str]) -> None:
    live = until(begin([to_anna[0], DONE], asks=True), lambda live: live.question)
    assert live.question
    live.answer(live.question.number, "yes")
    assert until(live, is_over).steps[0].result == prompts.DENIED


@pytest.mark.parametrize("state", ["paused", "asking", "asked"])
def test_stop_is_heard_in_every_state(begin: Callable[..., Live], to_anna: list[str], state: str) -> None:
    said = [ASK] if state == "asked" else to_anna
    begun = begin(said, asks=state == "asking", paused=state == "paused")
    live = until(begun, lambda live: live.phase == ("paused" if state == "paused" else "asking"))
    live.stop()
    until(live, is_over)
    assert live.ending and live.ending.reason == "cancelled" and live.received == []
    assert all(step.ending or not step.actions for step in live.steps)


def test_what_was_done_before_is_done_again_and_then_the_model_goes_on(
    begin: Callable[..., Live], to_anna: list[str]
) -> None:
    live = until(begin(to_anna[3:], again=to_anna[:3]), is_over)
    assert live.received == [(address_book.TO, address_book.TEXT)]
    assert [step.reply for step in live.steps] == to_anna


def test_a_page_that_does_not_open_leaves_no_run(tmp_path: Path) -> None:
    job = Job("x", "http://127.0.0.1:9/")
    live = until(Live(Settings(runs=tmp_path), job, lambda: ScriptedModel([])), is_over)
    assert "cannot start there" in str(live.worker.error) and not list(tmp_path.iterdir())


def test_on_a_full_disk_the_page_is_told_and_the_run_waits_for_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        live = Live(Settings(runs=disk), Job("x", "about:blank"), lambda: ScriptedModel([DONE]))
        live.worker.pause()
        until(live, is_seen)
        fill(disk / "filler")
        live.resume()
        until(live, lambda live: live.full)
        assert "No space left" in live.full and live.recording and live.recording.folder.name in live.full
        (disk / "filler").unlink()
        until(live, is_over)
        assert live.worker.error is None and live.ending == Ending("finished")


def test_a_run_that_waits_for_room_can_be_stopped(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        live = Live(Settings(runs=disk), Job("x", "about:blank"), lambda: ScriptedModel([DONE]))
        live.worker.pause()
        until(live, is_seen)
        fill(disk / "filler")
        live.resume()
        until(live, lambda live: live.full)
        live.stop()
        until(live, is_over)
        assert "free some space" in str(live.worker.error)
