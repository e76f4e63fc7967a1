"""`explain`: what would be done with a reply, how an address is judged; with --jsonl a verdict for each line."""

from __future__ import annotations

import sys
from argparse import Namespace

from agent.explain import BadQuestion, explain_jsonl, explain_text, family_named
from agent.explain_urls import explain_url, explain_urls
from tools.errors import UserError
from tools.url_rules import Rules


def run(arguments: Namespace) -> int:
    if arguments.jsonl:
        (explain_urls if arguments.thing == "url" else explain_jsonl)(sys.stdin.buffer, sys.stdout)
        return 0
    said = about_url(arguments) if arguments.thing == "url" else about_reply(arguments)
    print(said.encode(errors="replace").decode())  # half a character has no UTF-8 form
    return 0


def about_url(arguments: Namespace) -> str:
    if arguments.url is None:
        raise UserError("explain url needs an address, or --jsonl and lines on standard input")
    return explain_url(arguments.url, Rules(arguments.allow, arguments.block or ()))


def about_reply(arguments: Namespace) -> str:
    if arguments.screen is None:
        raise UserError("explain reply needs --screen WxH, the size of the screenshot that the reply is about")
    try:
        family = family_named(arguments.family)
    except BadQuestion as error:
        raise UserError(f"--family: {error}") from error
    reply = arguments.reply if arguments.reply != "-" else sys.stdin.buffer.read().decode("utf-8", "replace")
    seen = arguments.model_screen or family.grid(arguments.screen)
    return explain_text(reply, family, arguments.screen, seen)
