"""`video`: ask about a video, find when something happens in it, or have everything in it told."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict

from agent.films import Stretch, clock, events, find, to_srt, to_vtt
from agent.reading import ask_video, cut_short
from app import wiring
from app.settings import read_settings
from app.show import printable, printable_line
from model.vlm import VisionLanguageModel
from tools.disk import write_whole, writing


def run(arguments: Namespace) -> int:
    """0; 1 when nothing was found, or an answer was cut or could not be understood."""
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        match arguments.verb:
            case "ask":
                return ask(model, arguments)
            case "find":
                return show(find(model, arguments.file, arguments.text, arguments.fps), arguments.json)
            case _:
                return caption(events(model, arguments.file, arguments.fps), arguments)


def ask(model: VisionLanguageModel, arguments: Namespace) -> int:
    watching = ask_video(model, arguments.file, arguments.text, arguments.fps)
    print(f"[{len(watching.times_s)} frames of {watching.length_s:.1f} s]", file=sys.stderr)
    if arguments.json:
        answer = watching.reply.read()
        print(json.dumps({"answer": answer, "length_s": watching.length_s, "seen_s": watching.times_s}))
    else:
        for piece in watching.reply:
            print("\n".join(printable_line(line) for line in piece.split("\n")), end="", flush=True)
        print()
    if problem := cut_short(watching.reply):
        print(problem, file=sys.stderr)
    return 1 if problem else 0


def show(stretches: Iterator[Stretch], as_json: bool) -> int:
    """Each as it is watched."""
    found = False
    for stretch in stretches:
        found = found or bool(stretch.spans)
        if as_json:
            print(json.dumps(asdict(stretch), ensure_ascii=False), flush=True)
            continue
        for span in stretch.spans:
            to = f" - {clock(span.end_s, '.')}" if span.end_s > span.start_s else ""
            print(f"{clock(span.start_s, '.')}{to}  {printable(span.text)}".rstrip(), flush=True)
        if stretch.problem:
            print(f"[{stretch.begin_s:.0f} to {stretch.end_s:.0f} s: {stretch.problem}]", file=sys.stderr)
    return 0 if found else 1


def caption(stretches: Iterator[Stretch], arguments: Namespace) -> int:
    if arguments.kind == "lines":
        return show(stretches, arguments.json)
    all_of_it = list(stretches)
    for stretch in all_of_it:
        if stretch.problem:
            print(f"[{stretch.begin_s:.0f} to {stretch.end_s:.0f} s: {stretch.problem}]", file=sys.stderr)
    spans = [span for stretch in all_of_it for span in stretch.spans]
    text = to_srt(spans) if arguments.kind == "srt" else to_vtt(spans)
    if arguments.to:
        with writing(arguments.to.parent):
            write_whole(arguments.to, text.encode())
    else:
        print(text, end="")
    return 0 if spans else 1
