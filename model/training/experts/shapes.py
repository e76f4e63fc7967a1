"""Experts at tasks of looking: forms, colours, sizes, and how many there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model.training.dom import scaled
from model.training.experts.aims import boxes, clicked, only
from model.training.experts.steps import Decision, Expert, Look, Lost, Want, find, groups, quoted
from tools.actions import Type
from tools.geometry import Box

DRAWN = "#area svg > *"
ROW = 20  # CSS pixels between the rows of a grid of shapes; a large shape fills it, a small one half of it
TAGS = {"circle": "circle", "rect": "rectangle", "polygon": "triangle"}
SHAPES_READ = """nodes => nodes.map(node => {
  const r = node.getBoundingClientRect();
  return [node.tagName, node.textContent, node.getAttribute('fill'), [r.left, r.top, r.right, r.bottom]];
})"""


@dataclass(frozen=True)
class Form:
    """One thing of a grid of shapes."""

    name: str  # circle, rectangle or triangle, or the letter or digit that it is
    kind: str  # shape, letter or digit
    colour: str
    size: str  # small or large
    box: Box  # what a click may hit

    def fits(self, described: str) -> bool:
        """described: as in "small red letter", of which the size and the colour may be missing."""
        *words, noun = described.split()
        named = noun in ("item", self.kind, self.name)
        return named and all(word in (self.size, self.colour) for word in words)


def forms(look: Look, selector: str = DRAWN) -> list[Form]:
    """The shapes of the page's drawing, row by row."""
    found = look.page.eval_on_selector_all(selector, SHAPES_READ)
    row = ROW * look.scale
    shapes = [form(tag, text, fill, scaled(corners, look.scale), row) for tag, text, fill, corners in found]
    return sorted(shapes, key=lambda one: (round(one.box.center.y / row), one.box.center.x))


def form(tag: str, text: str, colour: str, box: Box, row: float) -> Form:
    kind = "shape" if tag in TAGS else "digit" if text.isdigit() else "letter"
    size = "large" if box.height > 0.75 * row else "small"
    return Form(TAGS.get(tag, text), kind, colour, size, body(box) if tag == "polygon" else box)


def body(triangle: Box) -> Box:
    """The largest box that lies in a triangle with its tip up."""
    side = triangle.width / 4
    return Box(triangle.left + side, triangle.center.y, triangle.right - side, triangle.bottom)


def click_shape(said: str, look: Look) -> Iterator[Decision]:
    (described,) = groups(r"Click on a (.+)", said)
    shape = next((one for one in forms(look) if one.fits(described)), None)
    if shape is None:
        raise Lost(f"there is no {described}")
    yield clicked(f"Click the {written(described)}.", shape.box)


def written(described: str) -> str:
    """With quotes about a letter or digit that is to be read."""
    *words, noun = described.split()
    return " ".join([*words, f'"{noun}"' if len(noun) == 1 else noun])


def count_shape(said: str, look: Look) -> Iterator[Decision]:
    (described,) = groups(r"How many (.+)s are there", said)
    count = str(sum(one.fits(described) for one in forms(look)))
    yield clicked(f'There are {count}. Click "{count}".', find(Want("click", count), look()).box)


def add_blocks(said: str, look: Look) -> Iterator[Want | Decision]:
    first, second = (len(boxes(look, f"#visual-{side} .addition-block")) for side in (1, 2))
    total = str(first + second)
    yield Want("field")
    yield Decision(f'There are {first} and {second}: {total}. Type "{total}".', Type(total), None)
    yield Want("click", "Submit")


def click_shades(said: str, look: Look) -> Iterator[Want | Decision]:
    """One shade after the other; those that are done have a black border."""
    (colour,) = groups(r"shades of (\w+)", said)
    for _ in boxes(look, f'#area span[data-color="{colour}"]'):
        yield clicked(f"Click a shade of {colour}.", only(look, f'#area span[data-color="{colour}"]:not(.selected)'))
    yield Want("click", "Submit")


WIDGETS = {"text": "text field"}  # what a thought calls them otherwise than the task


def click_widget(said: str, look: Look) -> Iterator[Decision]:
    (kind,) = quoted(said)
    yield clicked(f"Click the {WIDGETS.get(kind, kind)}.", only(look, f'[data-type="{kind}"]'))


SHAPES: dict[str, Expert] = {
    "click-shape": click_shape,
    "count-shape": count_shape,
    "visual-addition": add_blocks,
    "click-shades": click_shades,
    "click-widget": click_widget,
}
