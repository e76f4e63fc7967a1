"""A run that broke off goes on: what is known of it, and what of its last step is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from agent import prompts
from agent.store import Recording, Run, read_run, replay
from agent.trajectory import Step, ending_of
from agent.verify import verify
from tools.errors import UserError


@dataclass(frozen=True)
class Broken:
    """A run without an ending."""

    folder: Path
    run: Run
    steps: tuple[Step, ...]  # that are known to be over
    doubtful: Step | None  # the one after them, if it had begun; whether its actions were done, only a person can say
    was_done: bool = False  # what the person says

    @property
    def start(self) -> str:
        """Where it began."""
        return str(self.run.settings.get("url", "about:blank"))

    @property
    def given(self) -> bool:
        """Do task and start come from a person, and not from a program?"""
        return self.run.settings.get("given", True) is True

    @property
    def url(self) -> str:
        """Where it was."""
        last = self.doubtful or (self.steps[-1] if self.steps else None)
        return (last and last.screenshot.url) or self.start

    def taken_up(self, recording: Recording) -> list[Step]:
        """The steps before the next one; the doubtful one is written down as it was settled."""
        if self.doubtful is None:
            return list(self.steps)
        last = settled(self.doubtful, self.was_done)
        recording.outcome(last)
        return [*self.steps, last]


def broken(folder: Path) -> Broken:
    """Raises UserError when the folder holds no run, or one that cannot go on."""
    run, steps = read_run(folder), list(replay(folder))
    match verify(folder).state:
        case "unsealed":
            raise UserError(f"the run in {folder} was recorded before runs could go on; begin it anew with act")
        case "changed":
            raise UserError(f"the run in {folder} was changed; see: python3 launch.py runs verify {folder}")
    ending = steps[-1].ending if steps else None
    if ending is None:
        return Broken(folder, run, tuple(steps), None)
    if ending.reason != "interrupted":
        raise UserError(f"the run in {folder} has ended ({ending.reason}); begin it anew with act")
    *over, last = steps
    return Broken(folder, run, tuple(over), replace(last, ending=None))


def settled(step: Step, was_done: bool) -> Step:
    """The doubtful step as it goes down in the record; none of its actions is done by that.

    A question of the model's counts as not answered.
    """
    if step.finish:
        return replace(step, ending=ending_of(step.finish))
    told = prompts.DONE_BEFORE if was_done else prompts.NOT_DONE_BEFORE
    return replace(step, result=told, mistake=step.ask is not None)
