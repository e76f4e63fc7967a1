"""How a video looks on the page: player, timeline, what was found and said, and the frames that the model saw."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agent.report import words
from app.screening import Plan, Screening, Seen
from app.steps import Tell
from model.parsing import Span
from model.parsing.times import times_in

KINDS = ("srt", "vtt", "json")
THINNEST = 0.6  # percent of the timeline: a moment can still be seen and hit


def player(name: str, screening: Screening, tell: Tell) -> str:
    """app/look/player.js shows stills where the browser cannot play the file."""
    size, seconds = screening.facts.size, screening.facts.seconds
    label, still, at = (escape(tell(f"video.{key}", name=screening.name)) for key in ("player", "still", "moment"))
    shape = f"--shape: {size.width / max(1, size.height):.4f}"
    return (
        f'<div class="film" data-name="{escape(name)}" data-seconds="{seconds:.3f}" style="{shape}">'
        f'<video controls preload="metadata" playsinline src="{escape(screening.url)}" aria-label="{label}"></video>'
        f'<div class="stills" hidden><p class="note">{tell("video.unplayable")}</p><img alt="{still}">'
        f'<input type="range" min="0" max="{seconds:.2f}" step="0.1" value="0" aria-label="{at}"></div></div>'
    )


def known(screening: Screening, plan: Plan | None, wrong: str, tell: Tell) -> str:
    """The facts of the file, and what the model will see of it. wrong: why that is not known, as HTML."""
    found = screening.facts
    told = tell(
        "video.facts", name=screening.name, seconds=clock(found.seconds), size=str(found.size), fps=found.fps,
        codec=found.codec,
    )  # fmt: skip
    lines = [f"<p>{words(told)}</p>"]
    if plan:
        sees = tell("video.sees", frames=plan.frames, fps=plan.fps, size=str(plan.size))
        parts = f"; {tell('video.stretches', count=plan.stretches)}" if plan.stretches > 1 else ""
        lines.append(f"<p>{sees}{parts}</p>")
    if wrong:
        lines.append(f'<p class="bad">{wrong}</p>')
    return f'<div class="film-facts">{"".join(lines)}</div>'


def result(name: str, screening: Screening, tell: Tell, wrong: str) -> str:
    """Everything below the player."""
    return (
        status(screening, tell, wrong)
        + timeline(screening, tell)
        + answer(screening, tell)
        + listed(name, screening, tell)
    )


def status(screening: Screening, tell: Tell, wrong: str) -> str:
    wish, worker = screening.wish, screening.worker
    if wish is None or worker is None:
        return ""
    lines = [f'<p class="bad">{wrong}</p>'] if wrong else []
    for begin, end, problem in screening.problems:
        lines.append(f'<p class="bad">{clock(begin)} – {clock(end)}: {words(problem)}</p>')
    if not worker.is_over:
        told = tell(f"video.doing_{wish.verb}")
        told += f" · {tell('video.tokens', count=screening.tokens)}" if screening.tokens else ""
        share = 100 * screening.share if wish.verb != "ask" else 0
        bar = f'<i class="bar"><i style="width:{share:.0f}%"></i></i>'
        return f'<div class="status" role="status">{"".join(lines)}<p>{told}</p>{bar}</div>'
    if worker.stopping.is_set():
        lines.append(f"<p>{tell('video.stopped')}</p>")
    if wish.verb != "ask":
        lines.append(f"<p>{tell('video.count', count=len(screening.events))}</p>")
    state = "bad" if wrong or screening.problems else "good"
    return f'<div class="status over {state}" role="status">{"".join(lines)}</div>' if lines else ""


def timeline(screening: Screening, tell: Tell) -> str:
    """Events as bars over the whole length; app/look/events.js moves the hand with the player."""
    seconds = max(screening.facts.seconds, 1e-3)
    bars = "".join(bar(number, span, seconds, tell) for number, span in enumerate(screening.events))
    ticks = "".join(f"<span>{clock(seconds * quarter / 4)}</span>" for quarter in range(5))
    return (
        f'<div class="timeline" data-seconds="{seconds:.3f}"><div class="track" role="group" '
        f'aria-label="{tell("video.timeline")}">{bars}<i class="hand" hidden></i></div>'
        f'<div class="ticks" aria-hidden="true">{ticks}</div></div>'
    )


def bar(number: int, span: Span, seconds: float, tell: Tell) -> str:
    left = min(100 * span.start_s / seconds, 100 - THINNEST)
    width = max(THINNEST, min(100 * (span.end_s - span.start_s) / seconds, 100 - left))
    return (
        f'<button data-event="{number}" {moment(span)} style="left:{left:.2f}%;width:{width:.2f}%" '
        f'aria-label="{escape(label(span, tell))}" title="{words(span.text)}"></button>'
    )


def answer(screening: Screening, tell: Tell) -> str:
    if not screening.answer:
        return ""
    said = linked(screening.answer, screening.facts.seconds)
    return f'<div class="said"><p class="dim">{tell("video.answer")}</p><p>{said}</p></div>'


def linked(text: str, seconds: float) -> str:
    """The text as HTML, every time in it that the video has as a button that leads there."""
    parts, done = [], 0
    for begin, end, span in times_in(text):
        if span.start_s <= seconds:
            parts += [words(text[done:begin]), f'<button class="time" {moment(span)}>{words(text[begin:end])}</button>']
            done = end
    return "".join([*parts, words(text[done:])])


def listed(name: str, screening: Screening, tell: Tell) -> str:
    if not screening.events:
        return ""
    items = "".join(
        f'<li><button data-event="{number}" {moment(span)}><b>{times(span)}</b> <span>{words(span.text)}</span>'
        "</button></li>"
        for number, span in enumerate(screening.events)
    )
    head = tell("video.found", text=screening.sought) if screening.sought else tell("video.all_found")
    buttons = "".join(f'<button data-run="{escape(name)}" data-kind="{kind}">{kind.upper()}</button>' for kind in KINDS)
    return (
        f'<h3>{words(head)}</h3><ol class="events">{items}</ol>'
        f'<div class="downloads"><span class="dim">{tell("video.keep")}</span> {buttons}</div>'
    )


def frames(seen: Sequence[Seen], count: int, tell: Tell) -> str:
    """Those that the model saw."""
    if not seen:
        return ""
    told = tell("video.seen_some" if count > len(seen) else "video.seen", shown=len(seen), count=count)
    shown = "".join(
        f'<button data-at="{one.at_s:.3f}"><img alt="" src="{one.picture}"><span>{clock(one.at_s)}</span></button>'
        for one in seen
    )
    return f'<h3>{told}</h3><div class="frames">{shown}</div>'


def moment(span: Span) -> str:
    return f'data-at="{span.start_s:.3f}" data-end="{span.end_s:.3f}"'


def label(span: Span, tell: Tell) -> str:
    return f"{times(span)} {span.text}".strip() or tell("video.event")


def times(span: Span) -> str:
    return f"{clock(span.start_s)} – {clock(span.end_s)}" if span.end_s > span.start_s else clock(span.start_s)


def clock(seconds: float) -> str:
    """3723.5 to 1:02:03.5."""
    tenths = round(seconds * 10)
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"
