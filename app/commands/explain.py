"""`explain reply`: what would be done with a model's reply; with --jsonl a verdict for each line."""

from __future__ import annotations

import sys
from argparse import Namespace

from agent.explain import BadQuestion, explain_jsonl, explain_text, family_named
from tools.errors import UserError


def run(arguments: Namespace) -> int:
    if arguments.jsonl:
        explain_jsonl(sys.stdin.buffer, sys.stdout)
        return 0
    if arguments.screen is None:
        raise UserError("explain reply needs --screen WxH, the size of the screenshot that the reply is about")
    try:
        family = family_named(arguments.family)
    except BadQuestion as error:
        raise UserError(f"--family: {error}") from error
    reply = arguments.reply if arguments.reply != "-" else sys.stdin.buffer.read().decode("utf-8", "replace")
    seen = arguments.model_screen or family.grid(arguments.screen)
    said = explain_text(reply, family, arguments.screen, seen)
    print(said.encode(errors="replace").decode())  # half a character has no UTF-8 form
    return 0
