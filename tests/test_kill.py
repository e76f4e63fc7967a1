"""kill -9 at any point of a step: the run replays, nothing is done twice, no browser stays behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from killed import REPLIES, Counted
from scripted import ScriptedModel

from agent import prompts
from agent.loop import Agent
from agent.resume import broken, settled
from agent.store import UNKNOWN, Recording, read_run, replay
from agent.trajectory import Step
from agent.verify import verify

ROOT = Path(__file__).parents[1]
MEMORY = Path("/dev/shm")  # a kill loses nothing that was written, so the disk only makes the test slow
NO_ORPHAN_S = 10.0

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs kill -9")


@pytest.fixture(scope="module")
def killed() -> Iterator[list[Path]]:
    """The folder of a run for every line it was killed at, in order; the last one ran to its end."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as out:
        subprocess.run(command("lines", Path(out)), env=environment(), check=True, timeout=250)
        yield [Path(out) / str(line) for line in range(1, len(list(Path(out).iterdir())) + 1)]


def command(kind: str, out: Path) -> list[str]:
    return [sys.executable, str(ROOT / "tests" / "killed.py"), kind, str(out)]


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


def test_killed_at_any_line_the_run_replays_as_the_beginning_of_the_whole_run(killed: list[Path]) -> None:
    whole = recorded(killed[-1])
    assert len(whole) == 3 and whole[-1].ending and len(killed) > 150
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


def test_killed_at_any_line_the_run_goes_on_where_it_was_and_nothing_is_done_twice(killed: list[Path]) -> None:
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
    assert resumed > 150


def resume(world: Path, run: Path) -> None:
    """Go on with it as a person does who has looked whether the action was done."""
    one = broken(run)
    with Recording.resumed(run, {}) as recording:
        before = list(one.steps)
        if one.doubtful:
            before.append(settled(one.doubtful, was_done=done(world) > 0))
            recording.outcome(before[-1])
        over = [step for step in before if step.result != prompts.NOT_DONE_BEFORE]
        agent = Agent(ScriptedModel(REPLIES[len(over) :]), Counted(world / "marks"), journal=recording)
        list(agent.run("Do it", before))


def test_a_killed_agent_leaves_no_browser_behind(tmp_path: Path) -> None:
    agent = subprocess.Popen(command("browser", tmp_path), env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert agent.stdout and agent.stdout.readline() == "acting\n"
        started = psutil.Process(agent.pid).children(recursive=True)
        assert any("chrom" in process.name() for process in started)
    finally:
        agent.kill()
        agent.wait()
    _, alive = psutil.wait_procs(started, timeout=NO_ORPHAN_S)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    (run,) = tmp_path.iterdir()
    (step,) = replay(run)
    assert step.ending and step.ending.reason == "interrupted"
