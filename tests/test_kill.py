"""kill -9 at any point of a step: the run replays, nothing is done twice, no browser stays behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from conftest import Site
from killed import CLICK, REPLIES, Counted
from scripted import ScriptedModel

from agent import prompts
from agent.loop import Agent
from agent.resume import broken
from agent.store import UNKNOWN, Recording, read_run, replay
from agent.trajectory import Step
from agent.verify import verify
from app.commands.act import perform
from app.settings import Settings
from app.settings import recorded as recorded_settings
from model.computer_use import call

ROOT = Path(__file__).parents[1]
MEMORY = Path("/dev/shm")  # a kill loses nothing that was written, so the disk only makes the test slow
NO_ORPHAN_S = 10.0

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs kill -9")


@pytest.fixture(scope="module")
def killed() -> Iterator[list[Path]]:
    """The folder of a run for every state of the disk that it was killed in, in order; the last one ran to its end."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as out:
        subprocess.run(command("lines", Path(out)), env=environment(), check=True, timeout=250)
        yield [Path(out) / str(line) for line in range(1, len(list(Path(out).iterdir())) + 1)]


def command(kind: str, out: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "tests" / "killed.py"), kind, str(out), *more]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def recorded(folder: Path) -> list[Step]:
    """The steps of the one run in there, none when it died before there was one."""
    runs = [run for run in (folder / "runs").glob("*") if not run.name.startswith(".")]
    assert len(runs) <= 1
    for run in runs:
        assert read_run(run).task == "Do it"
    return [step for run in runs for step in replay(run)]


def done(folder: Path) -> int:
    marks = folder / "marks"
    return len(marks.read_text().split()) if marks.exists() else 0


def told(step: Step) -> tuple[object, ...]:
    return (step.index, step.screenshot.digest, step.reply, step.actions, step.finish, step.result, step.ending)


def test_killed_in_any_state_of_the_disk_the_run_replays_as_the_beginning_of_the_whole_run(killed: list[Path]) -> None:
    whole = recorded(killed[-1])
    assert len(whole) == 3 and whole[-1].ending and len(killed) > 20
    for folder in killed:
        steps = recorded(folder)
        cut = steps[-1:] if steps and steps[-1].result == UNKNOWN else []
        kept = steps[: len(steps) - len(cut)]
        assert [told(step) for step in kept] == [told(step) for step in whole[: len(kept)]], folder.name
        assert [told(step)[:5] for step in cut] == [told(step)[:5] for step in whole[len(kept) : len(steps)]]


def test_the_kills_reach_every_state_of_a_step(killed: list[Path]) -> None:
    states = [(len(steps), bool(steps) and steps[-1].result == UNKNOWN) for steps in map(recorded, killed)]
    assert sorted(set(states)) == [(0, False), *[(count, cut) for count in (1, 2, 3) for cut in (False, True)]]
    assert states == sorted(states, key=lambda state: (state[0], not state[1])), "a later kill never keeps less"


def test_nothing_is_done_before_its_intent_is_on_disk(killed: list[Path]) -> None:
    for folder in killed:
        steps = recorded(folder)
        acted = [step for step in steps if step.actions]
        certain = [step for step in acted if step.result != UNKNOWN]
        assert len(certain) <= done(folder) <= len(acted), folder.name


def test_killed_in_any_state_of_the_disk_the_run_goes_on_and_nothing_is_done_twice(
    killed: list[Path],
) -> None:
    whole = recorded(killed[-1])
    resumed = 0
    for folder in killed[:-1]:
        for run in (folder / "runs").glob("[!.]*"):
            world = Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-again")))
            if [step.ending for step in replay(run)][-1:] == [whole[-1].ending]:  # killed after its last line
                continue
            resume(world, world / "runs" / run.name)
            resumed += 1
            steps = recorded(world)
            certain = [step for step in steps if step.result != prompts.NOT_DONE_BEFORE]
            assert done(world) == 1, folder.name
            assert [told(step)[2:5] for step in certain] == [told(step)[2:5] for step in whole], folder.name
            assert [step.index for step in steps] == list(range(len(steps))) and len(steps) <= 4
            assert verify(world / "runs" / run.name).state == "untouched"
    assert resumed > 10


def resume(world: Path, run: Path) -> None:
    """Go on with it as a person does who has looked whether the action was done."""
    one = broken(run)
    with Recording.resumed(run, {}) as recording:
        before = replace(one, was_done=done(world) > 0).taken_up(recording)
        over = [step for step in before if step.result != prompts.NOT_DONE_BEFORE]
        agent = Agent(ScriptedModel(REPLIES[len(over) :]), Counted(world / "marks"), journal=recording)
        list(agent.run("Do it", before))


POINTS = (
    "before the screenshot", "after the screenshot", "amid the reply", "after the reply",
    "before the rename", "after the rename", "before the intent", "after the intent",
    "amid the action", "after the action", "before the outcome", "after the outcome",
)  # fmt: skip
IN_DOUBT = ("after the intent", "amid the action", "after the action", "before the outcome")
CLICKS = 5
COUNTER = """<button style="position:fixed;inset:0;font-size:60px" onclick="fetch('/sent'); textContent++">0</button>"""


@pytest.mark.parametrize(("point", "number"), [("before the rename", 0), ("amid the action", 2)])
def test_killed_in_a_browser_a_run_loses_and_doubles_nothing(
    tmp_path: Path, site: Site, point: str, number: int
) -> None:
    kill_and_resume(tmp_path, site, point, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(CLICKS))
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_of_any_step_a_run_loses_and_doubles_nothing(
    tmp_path: Path, site: Site, point: str, number: int
) -> None:
    kill_and_resume(tmp_path, site, point, number)


def kill_and_resume(out: Path, site: Site, point: str, number: int) -> None:
    """The server of the page knows how often was really clicked."""
    url, site.pages["/sent"] = site.put("/count", COUNTER), "ok"
    agent = subprocess.Popen(command("point", out, url, str(CLICKS), point, str(number)), env=environment())
    started = await_death(agent)
    assert agent.returncode == -signal.SIGKILL and any("chrom" in name for name in started.values())
    _, alive = psutil.wait_procs(list(started), timeout=NO_ORPHAN_S)
    assert not [started[process] for process in alive if process.status() != psutil.STATUS_ZOMBIE]

    (run,) = out.iterdir()
    one, clicked = broken(run), site.asked.count("/sent")
    assert [step.index for step in one.steps] == list(range(number + (point == "after the outcome")))
    assert bool(one.doubtful) == (point in IN_DOUBT) and not verify(run).faults
    assert clicked - len(one.steps) in ((0, 1) if one.doubtful else (0,)), "what is not in the record was not done"
    settings = Settings(**{"runs": out, **recorded_settings(one.run.settings)})
    replies = [CLICK] * (CLICKS - clicked) + [call("terminate", status="success")]
    again = replace(one, was_done=clicked > len(one.steps))
    assert perform(settings, ScriptedModel(replies), one.run.task, one.url, again=again).ending.success
    assert site.asked.count("/sent") == CLICKS
    steps = list(replay(run))
    assert len([step for step in steps if step.actions and step.result != prompts.NOT_DONE_BEFORE]) == CLICKS
    assert [step.index for step in steps] == list(range(len(steps))) and verify(run).state == "untouched"


def await_death(agent: subprocess.Popen[bytes]) -> dict[psutil.Process, str]:
    """All processes that it ever started, with their names, once it is dead."""
    started: dict[psutil.Process, str] = {}
    parent = psutil.Process(agent.pid)
    while agent.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in parent.children(recursive=True):
                if process not in started:
                    started[process] = process.name()
        with contextlib.suppress(subprocess.TimeoutExpired):
            agent.wait(0.02)
    return started
