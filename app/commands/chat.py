"""`chat`: talk with the model at the terminal, about files too; one question, or a conversation."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from app import wiring
from app.files import Given, kind, read_files
from app.settings import read_settings
from app.show import printable
from model.families import Family
from model.messages import ImagePart, Message, Part, assistant, system, user
from model.preprocess import grid_of
from model.vlm import Reply, Sampling
from tools.errors import UserError
from tools.video import frames_per_second

HELP = (
    "Say something; /file FILE adds a picture, PDF or video to what you say next, /new forgets everything, "
    "an empty line ends."
)
BESIDE = {"\n", "\t"}  # what of a reply moves the cursor and may


def run(arguments: Namespace) -> int:
    files = [known(path) for path in arguments.image]
    settings = read_settings(vars(arguments))
    sampling = Sampling(arguments.max_tokens, temperature=arguments.temperature)
    begin = [system(arguments.system)] if arguments.system else []
    lines = iter([arguments.text]) if arguments.text is not None else typed(interactive=not arguments.json)
    with closing(wiring.load_model(settings)) as model:

        def read(paths: Sequence[Path]) -> list[Part]:
            given = read_files(paths, lambda: model.family, arguments.fps, arguments.pages)
            return [*map(ImagePart, given.pictures), *(video.part for video in told(given, model.family).videos)]

        talk(lambda said: model.stream(said, sampling), lines, read, files, begin, arguments.json)
    return 0


def talk(
    stream: Callable[[Sequence[Message]], Reply],
    lines: Iterator[str],
    read: Callable[[Sequence[Path]], list[Part]],
    files: list[Path],
    begin: list[Message],
    as_json: bool,
) -> None:
    """Raises PromptTooLarge, and UserError for a file that cannot be read."""
    messages = [*begin]
    for line in lines:
        command, _, rest = line.partition(" ")
        if command == "/new":
            messages, files = [*begin], []
        elif command in ("/file", "/image"):
            files = [*files, known(Path(rest.strip()))]
        else:
            messages.append(user(line, *read(files)))
            files = []
            reply = stream(messages)
            said = spoken_json(reply) if as_json else spoken(reply)
            messages.append(assistant(said))


def told(given: Given, family: Family) -> Given:
    """What of the files the model sees, to stderr."""
    for cut in given.cuts:
        print(f"[{printable(cut.name)}: the first {cut.shown} of {cut.count} pages; see --pages]", file=sys.stderr)
    for video in given.videos:
        grid, times = grid_of(video.part, family), video.part.times_s
        what = f"{video.seconds:.1f} s video, {len(times)} frames at {frames_per_second(times):.2g}/s"
        print(f"[{what} seen as {grid.resized}, {grid.tokens} tokens]", file=sys.stderr)
    return given


def spoken(reply: Reply) -> str:
    """Printed as it comes; what it cost goes to stderr, and so does why it was cut. Ctrl-C ends the reply."""
    try:
        for piece in reply:
            print(safe(piece), end="", flush=True)
    finally:
        reply.cancel()
    usage = reply.usage
    rate = max(usage.new_tokens - 1, 0) / max(usage.total_s - usage.prefill_s, 1e-6)
    cut = {"length": ", cut at --max-tokens", "repetition": ", ended as it repeated itself"}.get(usage.finish or "", "")
    cost = f"{usage.prompt_tokens} + {usage.new_tokens} tokens, {rate:.0f} a second, the first after"
    cached = f", {usage.cached_tokens} prompt tokens from cache" * bool(usage.cached_tokens)
    print(flush=True)
    print(f"[{cost} {usage.prefill_s:.1f} s{cached}{cut}]", file=sys.stderr)
    return reply.text


def spoken_json(reply: Reply) -> str:
    text = reply.read()
    print(json.dumps({"text": text, **asdict(reply.usage)}), flush=True)
    return text


def typed(interactive: bool) -> Iterator[str]:
    """Lines of standard input until an empty one, or the end."""
    if interactive and sys.stdin.isatty():
        print(HELP, file=sys.stderr)
    while True:
        try:
            line = input("> " if interactive and sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if not line:
            return
        yield line


def known(path: Path) -> Path:
    """Raises UserError for what is no file, or of no kind that can be seen: before the weights are loaded."""
    if not path.is_file():
        raise UserError(f"there is no file {printable(str(path))}; name a picture, PDF file or video")
    kind(path)
    return path


def safe(piece: str) -> str:
    """A page may have had its words in the reply: nothing of it may move the cursor."""
    return "".join(letter if letter.isprintable() or letter in BESIDE else " " for letter in piece)
