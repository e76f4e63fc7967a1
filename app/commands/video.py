"""`video`: ask about videos, find when something happens, have everything told or read; record a screen."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from agent.film_answers import Answer, answers, asked_about, compare, is_long, look_at, sum_up
from agent.film_batch import Piece, claim_of, kept, places, videos_in, write
from agent.film_texts import Glance, glances
from agent.films import Stretch, events, find, parts
from agent.reading import cut_short
from agent.views import Clock, Source, View, open_source, sizes
from app import wiring
from app.film_lines import as_json, content_of, in_form, in_words, keep, lines, piece_lines, problem_of, text_lines
from app.settings import read_settings
from model.prompts import SUMMARY
from model.vlm import Reply, VisionLanguageModel
from tools.browser import Browser
from tools.errors import UserError
from tools.record import record, screen
from tools.video import facts, write_shown

CLOCKS: dict[str, Clock] = {"as-is": "as is", "seconds": "seconds", "minutes": "minutes", "hours": "hours"}


@dataclass(frozen=True)
class Job:
    """One video and what is asked about it."""

    model: VisionLanguageModel
    file: Path
    arguments: Namespace
    place: Path | None  # of the results, without an ending; None: they are only told


def run(arguments: Namespace) -> int:
    """0; 1 when nothing was found, or an answer was cut or could not be understood."""
    if arguments.verb == "record":
        return film(arguments)
    files = videos_in(arguments.files)
    if arguments.verb == "caption" and arguments.to and len(files) > 1:
        raise UserError("--to is for one video; give --out DIR for several")
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        if arguments.verb == "ask":
            return ask(model, files, arguments)
        return all_of(model, files, arguments)


def view_of(arguments: Namespace) -> View:
    begin, end = arguments.span or (0.0, None)
    clock = CLOCKS[arguments.clock] if "clock" in arguments else "as is"
    return View(begin, end, arguments.scenes, arguments.verb != "read" and arguments.subtitles, clock)


def ask(model: VisionLanguageModel, files: Sequence[Path], arguments: Namespace) -> int:
    view = view_of(arguments)
    if len(files) > 1:
        looking = compare(model, files, arguments.text, arguments.fps, view)
        about: dict[str, Any] = {"files": [str(file) for file in files]}
    else:
        source = open_source(files[0], arguments.fps, view)
        if is_long(source, model) and not arguments.whole:
            return ask_long(model, source, arguments)
        looking = look_at(model, source, arguments.text)
        about = {"file": str(files[0]), "length_s": source.facts.seconds}
    for file, shown in zip(files, looking.shown, strict=True):
        print(f"[{file.name}: {sizes(shown, model.family)}]", file=sys.stderr)
    seen = [list(shown.at_s) for shown in looking.shown]
    about["seen_s"] = seen if len(files) > 1 else seen[0]
    plain = len(files) > 1 or looking.shown[0].is_plain
    return answer(looking.reply, arguments, about, None if plain else looking.shown[0].told)


def answer(reply: Reply, arguments: Namespace, about: dict[str, Any], told: Callable[[str], str] | None = None) -> int:
    """Said as it comes, unless its times have to be made those of the whole video first: then `told` does it."""
    try:
        if arguments.json or told:
            reply.read()
        else:
            for piece in reply:
                print(lines(piece), end="", flush=True)
            print()
    finally:
        said, problem = told(reply.text) if told else reply.text, cut_short(reply)
        content = {"question": arguments.text, "answer": said, "problem": problem} | about
        if arguments.out:
            write(arguments.out / "answer.json", as_json(content) + "\n")
    if arguments.json:
        print(as_json(content), flush=True)
    elif told:
        print(lines(said), flush=True)
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


def ask_long(model: VisionLanguageModel, source: Source, arguments: Namespace) -> int:
    """Stretch by stretch, each answer as it comes; then one about all of them."""
    count = len(asked_about(arguments.text, parts(source, model)))
    print(f"[{count} stretches of {source.end_s - source.begin_s:.0f} s; --whole looks once]", file=sys.stderr)
    job = Job(model, source.path, arguments, places([source.path], arguments.out, "ask")[source.path])

    def work(before: Sequence[Answer]) -> Iterator[Answer]:
        return answers(model, source, arguments.text, done=len(before))

    found = told_one_by_one(job, Answer, work, count)
    code = 1 if any(one.problem for one in found) else 0
    if len(found) == 1:
        return code
    about = {"file": str(source.path), "length_s": source.facts.seconds, "stretches": count}
    return max(code, answer(sum_up(model, arguments.text, found), arguments, about))


def all_of(model: VisionLanguageModel, files: Sequence[Path], arguments: Namespace) -> int:
    """One video after the other; of several, one that cannot be read stops no other."""
    failed, found = False, False
    for file, place in places(files, arguments.out, arguments.verb).items():
        try:
            if len(files) > 1 and not arguments.json:
                say(f"{file}:")
            found |= one_of(Job(model, file, arguments, place))
        except UserError as error:
            if len(files) == 1:
                raise
            print(f"error: {file}: {error}", file=sys.stderr)
            failed = True
    return 1 if failed or not found else 0


def one_of(job: Job) -> bool:
    """Was anything found?"""
    model, file, arguments = job.model, job.file, job.arguments
    view, fps = view_of(arguments), arguments.fps
    if arguments.verb == "read":
        source = open_source(file, fps, View(view.begin_s, view.end_s, subtitles=False))
        count = None if view.scenes else max(1, round((source.end_s - source.begin_s) * fps))

        def look(before: Sequence[Glance]) -> Iterator[Glance]:
            known = before[-1].said if before else ""
            return glances(model, file, fps, view=view, done=len(before), known=known)

        return any(one.said for one in told_one_by_one(job, Glance, look, count))

    def watch(before: Sequence[Stretch]) -> Iterator[Stretch]:
        if arguments.verb == "find":
            return find(model, file, arguments.text, fps, view=view, done=len(before))
        return events(model, file, fps, view=view, done=len(before))

    found = told_one_by_one(job, Stretch, watch)
    if arguments.verb == "caption" and arguments.summary:
        sum_up_events(job, found)
    return any(stretch.spans for stretch in found)


def sum_up_events(job: Job, found: Sequence[Stretch]) -> None:
    told = [Answer(part.begin_s, part.end_s, in_words(part.spans) or part.said) for part in found]
    summary = sum_up(job.model, SUMMARY, told).read()
    if job.place:
        write(job.place.with_name(job.place.name + ".summary.txt"), summary + "\n")
    if job.arguments.kind != "lines" and not job.arguments.to:  # standard output holds the subtitles
        print(lines(summary), file=sys.stderr)
    else:
        say(as_json({"file": str(job.file), "summary": summary}) if job.arguments.json else lines(summary))


def told_one_by_one(
    job: Job, kind: type[Piece], work: Callable[[Sequence[Piece]], Iterator[Piece]], count: int | None = None
) -> list[Piece]:
    """Each piece as it comes, from disk or from the model. What there is when Ctrl-C comes is told and written too."""
    file, arguments = job.file, job.arguments
    found: list[Piece] = []
    whole = False
    coming = kept(job.place, claim(job), kind, work) if job.place else work([])
    try:
        for piece in (bar := tqdm(coming, total=count, desc=file.name, unit="part", disable=None, leave=False)):
            if isinstance(piece, Stretch) and not found:
                bar.total = piece.of
                print(f"[{file.name}: {piece.of} x {piece.note}]", file=sys.stderr)
            found.append(piece)
            if "kind" not in arguments or arguments.kind == "lines":
                for line in [as_json({"file": str(file)} | asdict(piece))] if arguments.json else piece_lines(piece):
                    say(line)
            if problem := problem_of(piece):
                print(problem, file=sys.stderr)
        whole = True
    finally:
        if found or whole:
            if job.place:
                keep(job.place, file, found, whole)
            finish(file, arguments, found, whole)
    return found


def finish(file: Path, arguments: Namespace, found: Sequence[Any], whole: bool) -> None:
    """What can be said only of all pieces together."""
    if arguments.verb == "read":
        if arguments.json:
            say(as_json({"file": str(file), "whole": whole, "texts": content_of(file, found, whole).get("texts", [])}))
        for line in [] if arguments.json else text_lines(found):
            say(line)
    if arguments.verb == "caption" and arguments.kind != "lines":
        text = in_form(arguments.kind, file, found, whole)
        if arguments.to:
            write(arguments.to, text)
        else:
            print(text, end="")


def claim(job: Job) -> dict[str, Any]:
    """What two runs have in common when one can go on where the other stopped."""
    names = ("verb", "text", "fps", "span", "scenes", "subtitles", "clock")
    asked = {name: vars(job.arguments).get(name) for name in names}
    return claim_of(job.file, model=job.model.name, **asked)


def say(line: str) -> None:
    """Beside the line of progress."""
    tqdm.write(line)
    sys.stdout.flush()


def film(arguments: Namespace) -> int:
    """0; Ctrl-C ends the recording and keeps it."""
    if arguments.file.suffix.lower() != ".webm":
        raise UserError(f"a recording is a WebM file; name it {arguments.file.with_suffix('.webm').name}")
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    if arguments.url:
        with Browser(arguments.url, settle_cap_s=0.0) as browser:
            shoot(lambda: browser.screenshot().image, arguments)
    else:
        with screen(arguments.screen) as capture:
            shoot(capture, arguments)
    found = facts(arguments.file)
    print(f"{arguments.file}: {found.seconds:.1f} s, {found.size}")
    return 0


def shoot(capture: Callable[[], Any], arguments: Namespace) -> None:
    def shown() -> Iterator[Any]:
        try:
            yield from record(capture, arguments.seconds, arguments.fps)
        except KeyboardInterrupt:
            print("stopped; what was recorded is kept", file=sys.stderr)

    write_shown(arguments.file, shown())
