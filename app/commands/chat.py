"""`chat`: talk with the model at the terminal, about pictures too; one question, or a conversation."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from app import wiring
from app.pictures import read_file
from app.settings import read_settings
from app.show import printable
from model.messages import ImagePart, Message, assistant, system, user
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.errors import UserError

HELP = "Say something; /image FILE adds a picture to what you say next, /new forgets everything, an empty line ends."
BESIDE = {"\n", "\t"}  # what of a reply moves the cursor and may


def run(arguments: Namespace) -> int:
    pictures = [ImagePart(picture) for path in arguments.image for picture in read_file(existing(path))]
    settings = read_settings(vars(arguments))
    sampling = Sampling(arguments.max_tokens, temperature=arguments.temperature)
    begin = [system(arguments.system)] if arguments.system else []
    lines = iter([arguments.text]) if arguments.text is not None else typed(interactive=not arguments.json)
    with closing(wiring.load_model(settings)) as model:
        talk(model, lines, pictures, begin, sampling, arguments.json)
    return 0


def talk(
    model: VisionLanguageModel,
    lines: Iterator[str],
    pictures: list[ImagePart],
    begin: list[Message],
    sampling: Sampling,
    as_json: bool,
) -> None:
    """Raises PromptTooLarge, and UserError for a picture that cannot be read."""
    messages = [*begin]
    for line in lines:
        command, _, rest = line.partition(" ")
        if command == "/new":
            messages, pictures = [*begin], []
        elif command == "/image":
            pictures = [*pictures, *map(ImagePart, read_file(existing(Path(rest.strip()))))]
        else:
            messages.append(user(line, *pictures))
            pictures = []
            reply = model.stream(messages, sampling)
            said = spoken_json(reply) if as_json else spoken(reply)
            messages.append(assistant(said))


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
    print(f"\n[{cost} {usage.prefill_s:.1f} s{cut}]", file=sys.stderr)
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


def existing(path: Path) -> Path:
    """Raises UserError."""
    if not path.is_file():
        raise UserError(f"there is no file {printable(str(path))}; name a picture")
    return path


def safe(piece: str) -> str:
    """A page may have had its words in the reply: nothing of it may move the cursor."""
    return "".join(letter if letter.isprintable() or letter in BESIDE else " " for letter in piece)
