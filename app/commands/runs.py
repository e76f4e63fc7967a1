"""`runs`: recorded runs listed, shown, verified and exported."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent import exports, runs, store
from agent.trajectory import Step
from agent.verify import Verdict, verify
from app.settings import read_settings
from app.show import printable, step_lines
from tools.actions import to_json
from tools.disk import write_whole, writing


def run(arguments: Namespace) -> int:
    parent = read_settings(vars(arguments)).runs
    match arguments.verb:
        case "list":
            show_list(runs.summaries(parent), arguments.json)
        case "show":
            show(runs.summary(runs.find(parent, arguments.name)), arguments.json)
        case "verify":
            return show_verdict(runs.find(parent, arguments.name), arguments.json)
        case _:
            _, content = exports.exported(runs.find(parent, arguments.name), arguments.kind)
            if arguments.to:
                with writing(arguments.to.parent):
                    write_whole(arguments.to, content)
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


def show_verdict(folder: Path, as_json: bool) -> int:
    """0 for an untouched run, 1 for all others."""
    verdict = verify(folder)
    if as_json:
        print(json.dumps({"name": folder.name, "folder": str(folder), **asdict(verdict)}, indent=2))
    else:
        print(verdict_line(verdict))
    return 0 if verdict.state == "untouched" else 1


def verdict_line(verdict: Verdict) -> str:
    match verdict.state:
        case "untouched":
            return f"untouched: all {verdict.steps} steps are as they were written (seal {verdict.seal})"
        case "changed":
            told = [str(fault) for fault in verdict.faults]
            return f"changed: {'; '.join(told)}{'' if verdict.is_ended else '; the end is missing'}"
        case "cut":
            there = f"what is there, {verdict.steps} steps, is as it was written (seal {verdict.seal or 'none'})"
            return f"cut: the end is missing: the program stopped before it, or it was removed; {there}"
        case "unsealed":
            return "unsealed: recorded before runs were sealed; nothing can be said of it"


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
