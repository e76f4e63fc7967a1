"""Ten tasks with real programs: a scripted model does them through the whole loop, and programs and files tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from desktops import needs
from scripted import ScriptedModel

from agent.benchmarks.desktop import PROGRAMS, SCREEN, TASKS, play, run
from agent.languages.computer_use import ComputerUse
from agent.trajectory import Finish
from model.families import TINY
from tools.actions import Action, Click, Press, Type, Wait
from tools.geometry import Point
from tools.virtual_desktop import VirtualDesktop
from tools.x11 import X11

# Where things lie in their windows; negative numbers count from the right and the bottom.
DELETE, KEEP, OK, FIELD = (-52, -25), (-140, -25), (-51, -25), (90, 54)
BLUE, TEA, MILK = (31, 124), (35, 75), (35, 124)
SEVEN, TIMES, EIGHT, EQUALS = (34, 209), (229, 248), (99, 209), (294, 308)
FILE, TERMINAL = (206, 99), (200, 100)

Place = tuple[int, int]
SCRIPTS: dict[str, tuple[str, Sequence[Place | Action]]] = {
    "question": ("Question", [DELETE]),
    "refuse": ("Question", [KEEP]),
    "entry": ("Entry", [FIELD, Type("Zoë Berg"), OK]),
    "list": ("List", [BLUE, OK]),
    "checklist": ("Checklist", [TEA, MILK, OK]),
    "calculator": ("galculator", [SEVEN, TIMES, EIGHT, EQUALS, Press(("ctrl", "c"))]),
    "note": ("Mousepad", [Type("Grüße aus 北京 🙂"), Press(("ctrl", "s"))]),
    "copy": ("Mousepad", [Press(("ctrl", "a")), Press(("ctrl", "c"))]),
    "terminal": ("Terminal", [TERMINAL, Type("mkdir photos\n")]),
    "rename": ("files", [FILE, Press(("f2",)), Press(("ctrl", "a")), Type("new.txt"), Press(("enter",))]),
}


@pytest.fixture(autouse=True)
def programs() -> None:
    needs(*PROGRAMS)


def replies(virtual: VirtualDesktop, title: str, script: Sequence[Place | Action]) -> Iterator[str]:
    """In tiny's words; the windows are looked for when it is time."""
    language, grid = ComputerUse(TINY), TINY.grid(SCREEN)
    with closing(X11(virtual.display)) as eye:
        box = eye.window(title)
    assert box is not None
    for step in script:
        if not isinstance(step, tuple):
            yield language.write(step, grid)
            continue
        right, down = step
        x = right + (box.left if right >= 0 else box.right)
        y = down + (box.top if down >= 0 else box.bottom)
        yield language.write(Click(Point(x, y)), grid)
    yield language.write(Finish(True, ""), grid)


@pytest.mark.parametrize("name", TASKS)
def test_a_script_does_the_task(name: str) -> None:
    title, script = SCRIPTS[name]
    result = play(TASKS[name], lambda virtual: ScriptedModel(replies(virtual, title, script)), 1.0)
    assert result["solved"] and result["said"] == "finished", result
    assert result["steps"] == len(script) + 1


def test_what_is_not_done_is_not_counted_and_a_second_start_goes_on(tmp_path: Path) -> None:
    idle = [ComputerUse(TINY).write(action, TINY.grid(SCREEN)) for action in (Wait(0.0), Finish(True, "done"))]
    table = run(ScriptedModel(idle), ["question"], tmp_path, 1.0)
    assert "solved: 0 of 1" in table and "finished" in table
    assert run(ScriptedModel([]), ["question"], tmp_path, 1.0) == table
