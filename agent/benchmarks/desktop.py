"""Ten tasks with real programs on a virtual desktop, judged by exit codes, the clipboard and files."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.benchmarks.score import percent, table, wilson
from agent.journal import Journal, claim
from agent.loop import Agent
from model.vlm import VisionLanguageModel
from tools.errors import UserError
from tools.geometry import Size
from tools.virtual_desktop import VirtualDesktop

SCREEN = Size(640, 480)
MAX_STEPS = 12
LATE_S = 2.0  # for a program to write what it was told to
POEM = "roses are red\nviolets are blue\n"

Check = Callable[[VirtualDesktop], bool]


@dataclass(frozen=True)
class Task:
    said: str
    app: str  # its command line; run in a shell at home
    check: Check
    files: tuple[tuple[str, str], ...] = ()  # there before: name and text


def holds(name: str, text: str) -> Check:
    return lambda desktop: read(desktop.home / name) == text


def clipboard(text: str) -> Check:
    return lambda desktop: pasted(desktop) == text


def is_folder(name: str) -> Check:
    return lambda desktop: (desktop.home / name).is_dir()


def renamed(old: str, new: str) -> Check:
    return lambda desktop: not (desktop.home / old).exists() and (desktop.home / new).exists()


QUESTION = (
    "zenity --question --title=Question --text='Delete the old file?' --ok-label=Delete --cancel-label=Keep; "
    "echo $? > answer"
)
LIST = "zenity --list --title=List --column=Colour Red Green Blue Black > answer"
DRINKS = "FALSE Tea FALSE Wine FALSE Milk"
CHECKLIST = f"zenity --list --checklist --title=Checklist --column=Take --column=Drink {DRINKS} > answer"
EDIT = "mousepad --disable-server"

TASKS: dict[str, Task] = {
    "question": Task("Click on Delete.", QUESTION, holds("answer", "0\n")),
    "refuse": Task("Click on Keep.", QUESTION, holds("answer", "1\n")),
    "entry": Task(
        'Enter "Zoë Berg" into the text field and press OK.',
        "zenity --entry --title=Entry --text=Name: > answer",
        holds("answer", "Zoë Berg\n"),
    ),
    "list": Task("Select Blue and click OK.", LIST, holds("answer", "Blue\n")),
    "checklist": Task("Select Tea and Milk and click OK.", CHECKLIST, holds("answer", "Tea|Milk\n")),
    "calculator": Task(
        "Work out 7 * 8 with the buttons and copy the result with ctrl+c.", "galculator", clipboard("56")
    ),
    "note": Task(
        'Type "Grüße aus 北京 🙂" and save the file with ctrl+s.',
        f"{EDIT} note.txt",
        holds("note.txt", "Grüße aus 北京 🙂"),
        (("note.txt", ""),),
    ),
    "copy": Task("Select all of the text and copy it.", f"{EDIT} poem.txt", clipboard(POEM), (("poem.txt", POEM),)),
    "terminal": Task(
        'Make a folder named "photos" with mkdir.', "xterm -T Terminal -geometry 70x20+10+40", is_folder("photos")
    ),
    "rename": Task(
        'Rename the file "old.txt" to "new.txt".',
        "pcmanfm files",
        renamed("files/old.txt", "files/new.txt"),
        (("files/old.txt", "x"),),
    ),
}
PROGRAMS = ("zenity", "galculator", "mousepad", "xterm", "pcmanfm", "xclip")  # beside those of every virtual desktop


def read_names(text: str | None) -> list[str]:
    """ "note,copy"; None: all. Raises UserError."""
    names = text.split(",") if text else list(TASKS)
    if unknown := [name for name in names if name not in TASKS]:
        raise UserError(f"there is no task {unknown[0]!r}; there are: {', '.join(TASKS)}")
    return names


def open_task(task: Task) -> VirtualDesktop:
    """The program is up when this returns. Raises UserError for what is not installed."""
    desktop = VirtualDesktop((), SCREEN, needs=PROGRAMS)
    try:
        for name, text in task.files:
            path = desktop.home / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        desktop.run(["sh", "-c", task.app])
        desktop.await_windows(1)
    except BaseException:
        desktop.close()
        raise
    return desktop


def play(task: Task, player: Callable[[VirtualDesktop], VisionLanguageModel], scale: float) -> dict[str, Any]:
    """One line of results.jsonl."""
    began, steps, ending = time.monotonic(), 0, None
    with open_task(task) as virtual, virtual.desktop(scale) as screen:
        agent = Agent(player(virtual), screen, max_steps=MAX_STEPS)
        screen.obey(agent.stopped, agent.stop)
        for step in agent.run(task.said):
            steps, ending = steps + 1, step.ending
        solved = is_solved(task, virtual)
    said = {"said": ending.reason, "text": ending.text} if ending else {}
    return {"solved": solved, "steps": steps, "seconds": round(time.monotonic() - began, 1), **said}


def is_solved(task: Task, desktop: VirtualDesktop) -> bool:
    end = time.monotonic() + LATE_S
    while not task.check(desktop):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def run(model: VisionLanguageModel, names: Sequence[str], out: Path, scale: float) -> str:
    """Plays what `out` does not hold yet; the table of all. Raises UserError."""
    claim(out, {"model": model.name, "scale": scale, "screen": str(SCREEN), "max_steps": MAX_STEPS})
    with Journal(out / "results.jsonl") as journal:
        done = {record["task"] for record in journal.records}
        for name in names:
            if name not in done:
                journal.append({"task": name, **play(TASKS[name], lambda desktop: model, scale)})
        results = [record for record in journal.records if record["task"] in names]
    solved = sum(record["solved"] for record in results)
    low, high = wilson(solved, len(results))
    rows = [[r["task"], "yes" if r["solved"] else "no", str(r["steps"]), r.get("said", "")] for r in results]
    total = f"solved: {solved} of {len(results)} [{percent(low)}, {percent(high)}] %"
    return f"{table(['task', 'solved', 'steps', 'the model ends'], rows)}\n{total}"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def pasted(desktop: VirtualDesktop) -> str:
    """What is on the clipboard of the screen."""
    variables = {**os.environ, "DISPLAY": desktop.display.name, "XAUTHORITY": str(desktop.display.authority)}
    command = shlex.split("xclip -o -selection clipboard")
    try:
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=5).stdout
    except subprocess.TimeoutExpired:  # its owner does not answer
        return ""
