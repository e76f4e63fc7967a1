"""`act`: whoever sits at the terminal is asked what the model wants to know; a run that broke off goes on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Site
from full import at_most
from PIL import Image
from scripted import ScriptedModel

from agent import prompts
from agent.resume import broken
from agent.runs import summary
from agent.safety import Request
from agent.store import Recording, replay
from agent.trajectory import Step
from agent.verify import verify
from app import cli
from app.commands.act import Nobody, Outcome, ask_whether_done, asked, perform, who_answers
from app.settings import Approve, Settings, recorded, to_json
from model.computer_use import call, response
from model.messages import Message
from model.vlm import Reply, Sampling
from tools.actions import Click
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Point, Size


@contextmanager
def at_a_terminal(words: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody sits there and types this."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, words.encode())
    with os.fdopen(terminal) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        yield
    os.close(keyboard)


PAGE = (
    "<title>t</title><body style='margin: 0'><button style='width: 400px; height: 300px' onclick='document.title += 1'>"
)
CLICKS = [call("left_click", coordinate=[100, 100]), call("terminate", status="success")]


@pytest.mark.parametrize(
    ("typed", "approve", "reason", "title"),
    [
        ("yes\n", "irreversible", "finished", "page1"),
        ("\n", "irreversible", "denied", "page"),
        ("no\n", "always", "denied", "page"),
        ("", "never", "finished", "page1"),
    ],
)
def test_what_may_not_be_undone_is_asked_about_at_the_terminal(
    typed: str,
    approve: Approve,
    reason: str,
    title: str,
    tmp_path: Path,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = site.put("/page", PAGE + "Delete \u202eall")
    settings, titles = Settings(runs=tmp_path, approve=approve, viewport=Size(400, 300)), []
    with at_a_terminal(typed, monkeypatch):
        outcome = perform(
            settings,
            ScriptedModel(CLICKS),
            "Do it",
            page,
            lambda step: titles.append(step.screenshot.title),
            guide=who_answers(),
        )
    assert (outcome.ending.reason, titles[-1]) == (reason, title)
    if approve != "never":
        said = capsys.readouterr().err
        assert "May it do this? click at (" in said and "button “Delete \\u202eall”" in said and page in said
        assert "because: “Delete” may not be undone" in said and (outcome.report.parent / "asked.png").is_file()


def test_where_nobody_is_nothing_is_allowed(tmp_path: Path, site: Site) -> None:
    page = site.put("/page", PAGE + "Delete all")
    outcome = perform(Settings(runs=tmp_path, viewport=Size(400, 300)), ScriptedModel(CLICKS), "Do it", page)
    assert outcome.ending.reason == "denied" and "“Delete” may not be undone" in outcome.ending.text


def test_the_model_asks_at_the_terminal_and_reads_what_is_typed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ScriptedModel([call("interact", text="Which\x1b[2J Anna?"), call("terminate", status="success")])
    with at_a_terminal("Anna Berg\n", monkeypatch):
        outcome = perform(Settings(runs=tmp_path), model, "Do it", "about:blank", guide=who_answers())
    assert outcome.ending.success and model.asked[1][-1].text == response(prompts.answered("Anna Berg"))
    assert "the model asks: Which [2J Anna?\nyour answer: " in capsys.readouterr().err
    assert "The user answers: Anna Berg" in outcome.report.read_text()


CLICK = call("left_click", coordinate=[60, 30])
DONE = call("terminate", status="success")
SENDING = '<button onclick="fetch(\'/sent\')" style="position:fixed;inset:0">Send</button>'


class Dies(Exception):
    """A crash of the program, at the worst of moments."""


class DyingModel(ScriptedModel):
    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        try:
            return super().stream(messages, sampling)
        except AssertionError as error:  # the script is over
            raise Dies from error


@pytest.fixture
def page(site: Site) -> str:
    site.pages["/sent"] = "ok"
    return site.put("/send", SENDING)


def break_off(runs: Path, url: str) -> Path:
    """The folder of a run whose first step is over, and that died while the model thought of the next one."""
    with pytest.raises(Dies):
        perform(Settings(runs=runs, approve="never", viewport=Size(400, 300)), DyingModel([CLICK]), "Send it", url)
    (folder,) = runs.iterdir()
    return folder


def without_outcome(folder: Path) -> None:
    """As if it had died between the click and the line that says so."""
    lines = (folder / "steps.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "steps.jsonl").write_bytes(b"".join(lines[:-1]))


def doubtful(runs: Path) -> Path:
    """A run that died in its first step."""
    with Recording(runs, "Do it", "scripted", "tiny", {"url": "about:blank"}) as recording:
        recording.intent(Step(0, Screenshot(Image.new("RGB", (80, 60))), CLICK, (Click(Point(3, 4)),)))
    return recording.folder


def resumed(folder: Path, replies: list[str], was_done: bool = False) -> Outcome:
    one = broken(folder)
    settings = Settings(**{"runs": folder.parent, **recorded(one.run.settings)})
    again = replace(one, was_done=was_done)
    return perform(settings, ScriptedModel(replies), one.run.task, one.start, again=again, at=one.url)


def sent(site: Site) -> int:
    return site.asked.count("/sent")


def test_a_run_that_broke_off_between_steps_goes_on_behind_them(tmp_path: Path, page: str, site: Site) -> None:
    folder = break_off(tmp_path, page)
    outcome = resumed(folder, [DONE])
    assert (outcome.steps, outcome.ending.reason, sent(site)) == (2, "finished", 1)
    assert [step.index for step in replay(folder)] == [0, 1] and verify(folder).state == "untouched"
    assert outcome.report.parent == folder and list(tmp_path.iterdir()) == [folder]
    assert replay_last(folder).screenshot.size == Size(800, 600) and replay_last(folder).screenshot.url == page
    with pytest.raises(UserError, match="has ended"):
        broken(folder)


def test_where_a_run_has_come_to_is_no_place_that_a_person_gave(tmp_path: Path, site: Site, other_site: Site) -> None:
    """It was led there; a link to more of that site is asked about before and after."""
    away = other_site.put("/page", f'<a href="{other_site.at("/more")}" style="position:fixed;inset:0">More</a>')
    start = site.put("/start", f"<script>location = '{away}'</script>")
    settings = Settings(runs=tmp_path, allow=("127.0.0.1:*",), viewport=Size(400, 300))
    with pytest.raises(Dies):
        perform(settings, DyingModel([call("wait", time=0.1)]), "Look", start)
    (folder,) = tmp_path.iterdir()
    one = broken(folder)
    assert (one.url, one.start, one.given) == (away, start, True)
    ending = resumed(folder, [CLICK, DONE]).ending
    assert ending.reason == "denied" and "leaves the task's sites" in ending.text and "/more" not in other_site.asked


def test_where_a_run_has_come_to_is_contacted_only_if_the_rules_allow_it(
    tmp_path: Path, site: Site, other_site: Site
) -> None:
    """On a machine of one's own, that is; the start itself was given by a person."""
    settings = {**to_json(Settings()), "url": site.put("/start", "")}
    with Recording(tmp_path, "Look", "scripted", "tiny", settings) as recording:
        recording.intent(Step(0, Screenshot(Image.new("RGB", (80, 60)), url=other_site.put("/page", "")), DONE))
    with pytest.raises(UserError, match="P7"):
        resumed(recording.folder, [DONE])
    assert other_site.asked == []


def test_what_a_program_asked_for_stays_so_when_the_run_goes_on(tmp_path: Path) -> None:
    done = perform(Settings(runs=tmp_path), ScriptedModel([DONE]), "Do it", "about:blank", given=False)
    without_outcome(done.report.parent)
    assert not broken(done.report.parent).given


def test_the_picture_of_a_question_waits_for_room(tmp_path: Path) -> None:
    screen = Screenshot(Image.effect_noise((200, 200), 90).convert("RGB"))
    with Recording(tmp_path, "Do it", "scripted", "tiny", {}) as recording:
        limit, request = at_most(1000), Request(Click(Point(3, 4)), screen)
        limit.__enter__()
        recording.wait = lambda told, tries: not limit.__exit__(None, None, None)
        assert not asked(Nobody(), recording, request)
    assert Image.open(recording.folder / "asked.png").size == (200, 200)


def replay_last(folder: Path) -> Step:
    return list(replay(folder))[-1]


@pytest.mark.parametrize("was_done", [True, False])
def test_what_may_have_been_done_is_not_done_again_but_by_the_model(
    tmp_path: Path, page: str, site: Site, was_done: bool
) -> None:
    folder = break_off(tmp_path, page)
    without_outcome(folder)
    one = broken(folder)
    assert one.doubtful and one.doubtful.actions and not one.steps and sent(site) == 1
    outcome = resumed(folder, [DONE], was_done)
    assert (outcome.steps, sent(site)) == (2, 1), "nothing was clicked"
    told = prompts.DONE_BEFORE if was_done else prompts.NOT_DONE_BEFORE
    assert [step.result for step in replay(folder)] == [told, ""]
    assert summary(folder).ending == outcome.ending and verify(folder).state == "untouched"


def test_with_nobody_at_the_terminal_a_doubt_is_a_refusal_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = doubtful(tmp_path)
    before = (folder / "steps.jsonl").read_bytes()
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert cli.main(["act", "--resume", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "step 1 had begun" in said and "click at" in said and "--last-step done or --last-step undone" in said
    assert (folder / "steps.jsonl").read_bytes() == before


def test_a_terminal_that_ends_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (step,) = replay(doubtful(tmp_path))
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"\x04")  # Ctrl-D
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(UserError, match="--last-step"):
            ask_whether_done(step, None)
    os.close(keyboard)


@pytest.mark.parametrize(("typed", "was_done"), [("what?\nyes\n", True), ("\nN\n", False)])
def test_at_the_terminal_the_person_says_whether_it_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, was_done: bool
) -> None:
    (step,) = replay(doubtful(tmp_path))
    keyboard, terminal = os.openpty()
    os.write(keyboard, typed.encode())
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert ask_whether_done(step, None) is was_done
    os.close(keyboard)
    assert ask_whether_done(step, "done") and not ask_whether_done(step, "undone")


def test_a_run_that_had_only_to_be_written_to_its_end_is(tmp_path: Path) -> None:
    folder = perform(Settings(runs=tmp_path), ScriptedModel([DONE]), "Do it", "about:blank").report.parent
    without_outcome(folder)
    assert broken(folder).doubtful
    outcome = resumed(folder, [])
    assert outcome.ending.success and outcome.steps == 1 and verify(folder).state == "untouched"


def test_a_run_that_still_goes_on_is_left_alone(tmp_path: Path) -> None:
    with Recording(tmp_path, "Do it", "scripted", "tiny", {}) as live:
        with pytest.raises(UserError, match="another program is at the run"):
            Recording.resumed(live.folder, {})
        assert verify(live.folder).faults == ()
    Recording.resumed(live.folder, {}).close()


def test_a_run_that_was_changed_does_not_go_on(tmp_path: Path) -> None:
    folder = doubtful(tmp_path)
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace("Do it", "Do more"))
    with pytest.raises(UserError, match="runs verify"):
        broken(folder)


def test_the_command_goes_on_with_the_embedded_model_and_the_runs_own_settings(
    tmp_path: Path, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = break_off(tmp_path, page)
    assert cli.main(["act", "--resume", "last", "--out", str(tmp_path), "--max-steps", "2"]) in (0, 1)
    assert "2 steps" in capsys.readouterr().out
    assert replay_last(folder).screenshot.size == Size(800, 600), (
        "in pixels of the screenshot, two for each of the page"
    )
    line = (folder / "steps.jsonl").read_bytes().splitlines()[2]
    assert json.loads(line)["settings"]["max_steps"] == 2 and json.loads(line)["resumed"]
