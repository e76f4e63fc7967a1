"""Experts at tasks of moving things: drags, sliders, spinners, and text to highlight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from model.training.dom import scaled
from model.training.experts.aims import boxes, clicked, dragged, middle, moved, only, pressed
from model.training.experts.shapes import DRAWN, Form, forms
from model.training.experts.steps import Decision, Expert, Look, Lost, Want, groups
from tools.geometry import Box

MOST_TURNS = 30  # of a spinner or a slider, after which something is wrong with it


def drag_item(said: str, look: Look) -> Iterator[Want | Decision]:
    noun, where = groups(r"Drag the (\w+) (\w+)", said)
    yield moved(f"Move to the {noun}.", forms(look)[0].box)
    yield dragged(f"Drag it {where}.", beside(only(look, DRAWN), where, look))
    yield Want("click", "Submit")


def beside(box: Box, where: str, look: Look) -> Box:
    """A place as large as the box next to it, as far as the screen goes."""
    right = {"left": -1, "right": 1}.get(where, 0) * box.width
    down = {"up": -1, "down": 1}.get(where, 0) * box.height
    across, high = look.area.width * look.scale, look.area.height * look.scale
    return Box(max(0.0, box.left + right), box.top + down, min(across, box.right + right), min(high, box.bottom + down))


def drag_shapes(said: str, look: Look) -> Iterator[Want | Decision]:
    """Those that lie in the box are done."""
    (name,) = groups(r"Drag all (\w+)s into", said)
    box = only(look, "#shape-container")
    for _ in outside(box, name, look):
        shape = outside(box, name, look)[0]
        yield moved(f"Move to the {shape.colour} {name}.", shape.box)
        yield dragged("Drag to the box.", box)
    yield Want("click", "Submit")


def outside(box: Box, name: str, look: Look) -> list[Form]:
    shapes = forms(look, f"{DRAWN}:not(#shape-container)")
    return [one for one in shapes if one.name == name and not box.contains(one.box.center)]


def drag_box(said: str, look: Look) -> Iterator[Want | Decision]:
    yield moved("Move to the smaller box.", middle(only(look, "#draggableSmall")))
    yield dragged("Drag to the larger box.", middle(only(look, "#draggableLarge")))
    yield Want("click", "Submit")


def drag_row(said: str, look: Look) -> Iterator[Decision]:
    name, where = groups(r"Drag (\S+) (.+)\.", said)
    names = look.page.locator("#sortable li div").all_inner_texts()
    rows = boxes(look, "#sortable li")
    at = names.index(name)
    to = new_row(where, at, len(rows))
    yield moved(f'Move to "{name}".', rows[at])
    yield dragged(f"Drag {where}.", past_middle(rows[to], 1 if to > at else -1))


def past_middle(row: Box, down: int) -> Box:
    """From the middle of the row on, since there the rows change places."""
    half = down * row.height / 2
    return replace(row, top=row.top + half, bottom=row.bottom + half)


def new_row(where: str, at: int, count: int) -> int:
    match where.split():
        case ["up", *_]:
            return at - 1
        case ["down", *_]:
            return at + 1
        case ["to", "the", "top"]:
            return 0
        case ["to", "the", "bottom"]:
            return count - 1
        case ["to", "the", ordinal, "position"]:
            return int(ordinal[0]) - 1
    raise Lost(f"nowhere to drag: {where!r}")


RESIZED = {
    ("width", "larger"): "right",
    ("width", "smaller"): "left",
    ("height", "larger"): "down",
    ("height", "smaller"): "up",
}


def resize(said: str, look: Look) -> Iterator[Want | Decision]:
    side, size = groups(r"the (width|height) is (larger|smaller)", said)
    where = RESIZED[side, size]
    corner = only(look, ".ui-resizable-se")
    yield moved("Move to the corner.", corner)
    yield dragged(f"Drag it {where}.", beside(corner, where, look))
    yield Want("click", "Submit")


def use_spinner(said: str, look: Look) -> Iterator[Decision]:
    wanted = number(said)
    for _ in range(MOST_TURNS):
        shown = int(look.page.input_value("#spinner"))
        if shown == wanted:
            break
        where = "up" if shown < wanted else "down"
        twice = abs(wanted - shown) > 1
        thought = f"It shows {shown}. {'Double-click' if twice else 'Click'} the {where} arrow."
        yield clicked(thought, only(look, f".ui-spinner-{where}"), 2 if twice else 1)
    yield submit(shown, look)


def number(said: str) -> int:
    return int(groups(r"Select (-?\d+) with", said)[0])


def submit(shown: int, look: Look) -> Decision:
    return clicked(f'It shows {shown}. Click "Submit".', only(look, "#subbtn"))


def use_slider(said: str, look: Look) -> Iterator[Decision]:
    wanted = number(said)
    yield from slide(wanted, look)
    yield submit(wanted, look)


def slide(wanted: int, look: Look) -> Iterator[Decision]:
    """A click brings the slider near, since pixels are too coarse for more; the arrow keys do the rest."""
    for turn in range(MOST_TURNS):
        shown = int(look.page.inner_text("#val"))
        if shown == wanted:
            return
        if turn == 0:
            yield clicked(f"It shows {shown}. Click the slider.", place(wanted, look))
        else:
            key = "right" if shown < wanted else "left"
            yield pressed(f"It shows {shown}. Press the {key} key.", key)


NEAR = 5  # CSS pixels to either side of the place on the slider


def place(value: int, look: Look) -> Box:
    """The part of the slider about a value."""
    least, most = (look.page.evaluate(f"$('#slider').slider('option', '{end}')") for end in ("min", "max"))
    bar, near, share = only(look, "#slider"), NEAR * look.scale, (value - least) / (most - least)
    if bar.width > bar.height:
        x = bar.left + share * bar.width
        return replace(bar, left=max(bar.left, x - near), right=min(bar.right, x + near))
    y = bar.bottom - share * bar.height
    return replace(bar, top=max(bar.top, y - near), bottom=min(bar.bottom, y + near))


def highlight(said: str, look: Look) -> Iterator[Want | Decision]:
    yield from highlighted("text", "#randomText", look)


def highlight_one(said: str, look: Look) -> Iterator[Want | Decision]:
    nth, paragraph = groups(r"in the ((\d)\w\w paragraph)", said)
    yield from highlighted(nth, f"#randomText p:nth-of-type({paragraph})", look)


def highlighted(named: str, selector: str, look: Look) -> Iterator[Want | Decision]:
    start, end = ends(look, selector)
    yield moved(f"Move to the start of the {named}.", start)
    yield dragged(f"Drag to the end of the {named}.", end)
    yield Want("click", "Submit")


MARGIN = 10  # CSS pixels beside a text in which a press still means its first or last letter
LINES = """node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return [...range.getClientRects()].map(r => [r.left, r.top, r.right, r.bottom]);
}"""


def ends(look: Look, selector: str) -> tuple[Box, Box]:
    """Where to press before the first and after the last letter of a text."""
    lines = [scaled(corners, look.scale) for corners in look.page.eval_on_selector(selector, LINES)]
    first, last, margin = lines[0], lines[-1], MARGIN * look.scale
    edge = look.area.width * look.scale
    start = replace(first, left=first.left - margin, right=first.left)
    return start, replace(last, left=last.right, right=min(edge, last.right + margin))


HANDS: dict[str, Expert] = {
    "drag-circle": drag_item,
    "drag-single-shape": drag_item,
    "drag-shapes": drag_shapes,
    "drag-box": drag_box,
    "drag-items": drag_row,
    "resize-textarea": resize,
    "use-spinner": use_spinner,
    "use-slider": use_slider,
    "highlight-text": highlight,
    "highlight-text-2": highlight_one,
}
