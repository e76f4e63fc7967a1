"""`demo`: an address book served from here, a message to be sent with it, and a check of whether it arrived."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing
from dataclasses import replace

from app import wiring
from app.address_book import MAX_STEPS, TASK, VIEW, is_done, serve, verdict
from app.commands.act import perform
from app.settings import read_settings


def run(arguments: Namespace) -> int:
    flags = {"viewport": VIEW, "max_steps": MAX_STEPS}
    settings = read_settings(flags | {name: value for name, value in vars(arguments).items() if value is not None})
    with closing(wiring.load_model(settings)) as model, serve() as book:
        scale = settings.scale or model.family.device_scale
        settings = replace(settings, scale=scale, approve="never")  # nothing can be harmed on this page
        print(f"task: {TASK}\nmodel: {model.name}, page: {book.url}, {settings.viewport} at scale {settings.scale:g}")
        outcome = perform(settings, model, TASK, book.url)
    good = is_done(book.sent)
    print(
        f"{'success' if good else 'no success'}: {verdict(book.sent)} ({outcome.steps} steps, {outcome.seconds:.0f} s)"
    )
    print(f"report: {outcome.report}")
    return 0 if good else 1
