"""`runs`: recorded runs listed, shown and exported."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import Any

from agent import exports, runs, store
from agent.trajectory import Step
from app.settings import read_settings
from app.show import printable, step_lines
from tools.actions import to_json


def run(arguments: Namespace) -> int:
    parent = read_settings(vars(arguments)).runs
    match arguments.verb:
        case "list":
            show_list(runs.summaries(parent), arguments.json)
        case "show":
            show(runs.summary(runs.find(parent, arguments.name)), arguments.json)
        case _:
            _, content = exports.exported(runs.find(parent, arguments.name), arguments.kind)
            if arguments.to:
                arguments.to.write_bytes(content)
                print(arguments.to)
            else:
                sys.stdout.buffer.write(content)
    return 0


def show_list(found: list[runs.Summary], as_json: bool) -> None:
    if as_json:
        print(json.dumps([as_data(one) for one in found], indent=2))
        return
    for one in found:
        ended = one.ending.reason if one.ending else "not ended"
        print(f"{one.name}  {ended}  {one.steps} steps, {one.seconds:.0f} s  {printable(one.run.task)}")
    if not found:
        print("no runs yet; the first one: python3 launch.py demo")


def show(one: runs.Summary, as_json: bool) -> None:
    steps = store.replay(one.folder)
    if as_json:
        print(json.dumps(as_data(one) | {"done": [step_data(step) for step in steps]}, indent=2))
        return
    print(f"task: {printable(one.run.task)}\nmodel: {printable(one.run.model)}, began {one.run.began}")
    for step in steps:
        print(step_lines(step))
    print(printable(str(one.ending or "not ended: the program stopped between two steps")))


def as_data(one: runs.Summary) -> dict[str, Any]:
    ended = {"ending": one.ending.reason, "said": one.ending.text} if one.ending else {"ending": None, "said": ""}
    told = {"task": one.run.task, "model": one.run.model, "began": one.run.began}
    return {"name": one.name, "folder": str(one.folder), **told, "steps": one.steps, "seconds": one.seconds, **ended}


def step_data(step: Step) -> dict[str, Any]:
    return {
        "step": step.index,
        "title": step.screenshot.title,
        "url": step.screenshot.url,
        "reply": step.reply,
        "actions": [to_json(action) for action in step.actions],
        "result": step.result,
        "mistake": step.mistake,
        "by_person": step.by_person,
        "seconds": step.seconds.total,
    }
