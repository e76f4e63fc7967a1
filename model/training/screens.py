"""Screens without a task, to look at and read: every kind of element in free layouts."""

from __future__ import annotations

import random
from html import escape

from tools import words
from tools.geometry import Size
from tools.page_style import FONTS, HELD_OUT_FONTS, color, stylesheet
from tools.pages import button, link, text_field, tick


def screen(seed: int, wide: bool = False, held_out: bool = False) -> tuple[str, Size]:
    """HTML of a page and the viewport to show it in, CSS pixels: 160x160 to 400x300, wide ones 400x300 to 1280x800.

    `held_out`: in colours and fonts that training never shows.
    """
    rng = random.Random(f"wide-{seed}" if wide else f"mixed-{seed}")
    size = Size(rng.randint(160, 400), rng.randint(160, 300))
    if wide:
        share = rng.random() ** 1.5
        size = Size(round(400 + 880 * share + rng.randint(0, 80)), round(300 + 420 * share + rng.randint(0, 80)))
    return page(rng, size, held_out), size


def page(rng: random.Random, size: Size, held_out: bool) -> str:
    """HTML that fills a viewport of that size, more or less."""
    room = size.width * size.height / 30_000  # about as many blocks as fit
    blocks = [rng.choice(BLOCKS)(rng) for _ in range(rng.randint(3, max(14, round(1.4 * room))))]
    extra = rng.choices([dialog, toolbar, nothing], [1, 1, 3])[0](rng)
    most = size.width // 150
    columns = f"column-count:{rng.choice([1, 1, 1, 2, 3, most])};column-gap:8px" if most > 1 else ""
    lines = f"main>div{{margin:{rng.uniform(0, 0.6):.2f}em 0;break-inside:avoid}} {EXTRA} {tab_rules(rng)}"
    style = stylesheet(rng, held_out, HELD_OUT_FONTS if held_out else FONTS) + f"\nmain{{{columns}}} {lines}"
    body = (
        f"{extra}<main>{''.join(f'<div>{block}</div>' for block in blocks)}</main>{FOCUS if rng.random() < 0.3 else ''}"
    )
    return f"<!doctype html><meta charset=utf-8><title>Screen</title><style>{style}</style>{body}"


FOCUS = "<script>{const one = document.querySelector('input[type=text]'); if (one) one.focus();}</script>"

EXTRA = """
.bar{display:flex;flex-wrap:wrap;gap:2px;padding:2px;border-bottom:1px solid #888}
.box{position:fixed;background:var(--ground);color:var(--ink);z-index:9}
.box{border:1px solid #777;padding:0;box-shadow:0 2px 8px #0006}
.box .head{display:flex;justify-content:space-between;align-items:center;padding:2px 4px;font-weight:bold}
.box .head button{margin:0;padding:0 .4em}
.box .rest{padding:4px 6px}
table{border-collapse:collapse} td,th{border:1px solid #8888;padding:2px 5px;text-align:left}
"""


def nothing(rng: random.Random) -> str:
    return ""


def heading(rng: random.Random) -> str:
    level = rng.choice([1, 2, 3])
    return f"<h{level} style='margin:.1em 0'>{escape(words.cased(rng, words.sentence(rng, 1, 4)))}</h{level}>"


def paragraph(rng: random.Random) -> str:
    parts = [escape(words.sentence(rng, 2, 8)) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.4:
        parts.insert(rng.randint(0, len(parts)), link(words.word(rng)))
    size = f" style='font-size:{rng.uniform(0.8, 1.3):.2f}em'" if rng.random() < 0.3 else ""
    return f"<p{size}>{' '.join(parts)}</p>"


def random_text(rng: random.Random) -> str:
    """Letters that make no words, as nothing but reading tells them."""
    tell = rng.choice([words.letters, words.number, words.letters, words.value])
    return "<p>" + escape(" ".join(tell(rng) for _ in range(rng.randint(2, 10)))) + "</p>"


def some_buttons(rng: random.Random) -> str:
    return "".join(button(words.label(rng)) for _ in range(rng.randint(1, 4)))


def some_links(rng: random.Random) -> str:
    anchors = [link(words.label(rng)) for _ in range(rng.randint(1, 6))]
    if rng.random() < 0.5:
        return "<ul>" + "".join(f"<li>{anchor}</li>" for anchor in anchors) + "</ul>"
    return rng.choice([" ", " | ", ", ", "<br>"]).join(anchors)


def some_fields(rng: random.Random) -> str:
    """Fields with their labels; a part of them holds text."""
    rows = []
    for _ in range(rng.randint(1, 3)):
        name = f"f{rng.randrange(10**9)}"
        row = text_field(name, words.field_label(rng), rng.random() < 0.3)
        if rng.random() < 0.5:
            row = row.replace(f"id={name}", f'id={name} value="{escape(words.value(rng))}"')
        rows.append(row)
    return "".join(rows)


def some_ticks(rng: random.Random) -> str:
    rows = [tick(f"c{rng.randrange(10**9)}", words.label(rng)) for _ in range(rng.randint(1, 5))]
    if rng.random() < 0.3:
        group = f"type=radio name=g{rng.randrange(10**9)}"
        rows = [row.replace("type=checkbox", group) for row in rows]
    return "".join(row.replace(" id=", " checked id=") if rng.random() < 0.4 else row for row in rows)


def choice(rng: random.Random) -> str:
    options = "".join(f"<option>{escape(words.label(rng))}</option>" for _ in range(3))
    return f"<label><span>{escape(words.field_label(rng))}</span> <select>{options}</select></label>"


def tabs(rng: random.Random) -> str:
    chosen = rng.randrange(3)
    heads = (
        f"<span role=tab aria-selected={'true' if i == chosen else 'false'}>{escape(words.label(rng))}</span>"
        for i in range(rng.randint(2, 4))
    )
    return f"<div class=tabs>{''.join(heads)}</div>{paragraph(rng)}"


def tab_rules(rng: random.Random) -> str:
    hue, edge = rng.random(), rng.randint(0, 6)
    pad = f"{rng.randint(1, 6)}px {rng.randint(3, 12)}px"
    return (
        f".tabs{{border-bottom:1px solid #888}} [role=tab]{{display:inline-block;cursor:pointer;padding:{pad};"
        f"border:1px solid #888;border-bottom:0;border-radius:{edge}px {edge}px 0 0;background:#ddd;color:#222}}"
        f"[role=tab][aria-selected=true]{{background:{color(hue, 0.6, 0.35)};color:#fff}}"
    )


def table(rng: random.Random) -> str:
    columns = rng.randint(2, 4)
    head = "<tr>" + "".join(f"<th>{escape(words.field_label(rng))}</th>" for _ in range(columns)) + "</tr>"
    rows = ("".join(f"<td>{escape(words.value(rng))}</td>" for _ in range(columns)) for _ in range(rng.randint(1, 4)))
    return f"<table>{head}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def dialog(rng: random.Random) -> str:
    """A box over the page with a cross to close it."""
    cross = rng.choice(["x", "×", "X", "✕"])
    place = f"left:{rng.randint(5, 40)}%;top:{rng.randint(5, 50)}%;width:{rng.randint(35, 58)}%"
    head = f"<div class=head><span>{escape(words.label(rng))}</span><button class=close>{cross}</button></div>"
    return (
        f'<div class=box style="{place}">{head}<div class=rest>{paragraph(rng)}{button(words.label(rng))}</div></div>'
    )


def toolbar(rng: random.Random) -> str:
    return "<div class=bar>" + "".join(button(words.label(rng)) for _ in range(rng.randint(3, 7))) + "</div>"


BLOCKS = [heading, paragraph, paragraph, random_text, random_text, some_buttons, some_buttons, some_links, some_links]
BLOCKS += [some_fields, some_fields, some_ticks, some_ticks, choice, tabs, table]
