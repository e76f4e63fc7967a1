"""What an action touches, drawn on a copy of the screenshot: click marks, drag and scroll arrows, labelled boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFont

from tools.actions import Action, Button, Click, Drag, Move, Scroll
from tools.geometry import Box, Point

COLORS: dict[Button, str] = {"left": "#e6194b", "right": "#0057d9", "middle": "#8e24aa"}
BOX_COLORS = ("#e6194b", "#0057d9", "#1b8a3a", "#b35900", "#8e24aa", "#00808a")
HALO = "white"  # under every stroke, so that it shows on any background

Stroke = Callable[[ImageDraw.ImageDraw, str, int], None]  # draws itself in a colour and a width


def mark(image: Image.Image, action: Action) -> Image.Image:
    """An RGB copy of the same size; the mere copy when the action touches no place of the screen."""
    picture = image.convert("RGB").copy()
    unit = _unit(picture)
    match action:
        case Click(at=Point() as at, button=button, times=times):
            _draw(picture, _click_mark(at, times, unit), COLORS[button])
        case Move(at=at):
            _draw(picture, _cross(at, 4 * unit), COLORS["left"])
        case Drag(start=start, to=to, button=button):
            _draw(picture, _drag_mark(start, to, unit), COLORS[button])
        case Scroll(at=at, dx=dx, dy=dy):
            middle = at or Point(picture.width / 2, picture.height / 2)
            _draw(picture, _scroll_mark(middle, dx, dy, unit), COLORS["left"])
        case _:
            pass
    return picture


def draw_boxes(image: Image.Image, boxes: Sequence[tuple[Box, str]]) -> Image.Image:
    """An RGB copy with each box outlined and its label, if any, above it (below where there is no room)."""
    picture = image.convert("RGB").copy()
    unit = _unit(picture)
    font = ImageFont.load_default(6 * unit + 4)
    for index, (box, label) in enumerate(boxes):
        color = BOX_COLORS[index % len(BOX_COLORS)]
        corners = [(box.left, box.top), (max(box.left, box.right - 1), max(box.top, box.bottom - 1))]
        _draw(picture, lambda pen, ink, width, at=corners: pen.rectangle(at, outline=ink, width=width), color)  # type: ignore[misc]
        if label:
            _write(ImageDraw.Draw(picture), label, box, color, font)
    return picture


def black_out(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """An RGB copy in which nothing inside the boxes is to be seen."""
    picture = image.convert("RGB").copy()
    for box in boxes:
        if box.right > box.left and box.bottom > box.top:
            corners = [
                (math.floor(box.left) - 1, math.floor(box.top) - 1),
                (math.ceil(box.right), math.ceil(box.bottom)),
            ]
            ImageDraw.Draw(picture).rectangle(corners, fill="black")
    return picture


def _unit(picture: Image.Image) -> int:
    """The width of a stroke: as visible on a small picture as on a large one."""
    return max(2, min(picture.size) // 250)


def _draw(picture: Image.Image, stroke: Stroke, color: str) -> None:
    pen, unit = ImageDraw.Draw(picture), _unit(picture)
    stroke(pen, HALO, unit + 2 * max(1, unit // 2))
    stroke(pen, color, unit)


def _click_mark(at: Point, times: int, unit: int) -> Stroke:
    """A cross with a ring for every click."""

    def stroke(pen: ImageDraw.ImageDraw, color: str, width: int) -> None:
        for ring in range(min(times, 3)):
            pen.circle((at.x, at.y), (6 + 4 * ring) * unit + width / 2, outline=color, width=width)
        _cross(at, 3 * unit)(pen, color, width)

    return stroke


def _cross(at: Point, reach: float) -> Stroke:
    def stroke(pen: ImageDraw.ImageDraw, color: str, width: int) -> None:
        pen.line([(at.x - reach, at.y), (at.x + reach, at.y)], color, width)
        pen.line([(at.x, at.y - reach), (at.x, at.y + reach)], color, width)

    return stroke


def _drag_mark(start: Point | None, to: Point, unit: int) -> Stroke:
    """From a ring to an arrow head; where the start is not known, the head's place alone."""

    def stroke(pen: ImageDraw.ImageDraw, color: str, width: int) -> None:
        if start is None:
            _click_mark(to, 1, unit)(pen, color, width)
            return
        pen.circle((start.x, start.y), 4 * unit + width / 2, outline=color, width=width)
        _arrow(pen, start, to, 7 * unit, color, width)

    return stroke


def _scroll_mark(middle: Point, dx: float, dy: float, unit: int) -> Stroke:
    """An arrow the way the view moves, its length telling little from much."""
    far = math.hypot(dx, dy) or 1.0
    length = unit * min(60.0, 15 + far / 20)
    to = Point(middle.x + dx / far * length, middle.y + dy / far * length)

    def stroke(pen: ImageDraw.ImageDraw, color: str, width: int) -> None:
        pen.circle((middle.x, middle.y), 2 * unit, fill=color)
        _arrow(pen, middle, to, 7 * unit, color, width)

    return stroke


def _arrow(pen: ImageDraw.ImageDraw, start: Point, to: Point, head: float, color: str, width: int) -> None:
    pen.line([(start.x, start.y), (to.x, to.y)], color, width)
    angle = math.atan2(to.y - start.y, to.x - start.x)
    for turn in (-2.6, 2.6):  # radians: each barb points back, 30 degrees off the shaft
        barb = (to.x + head * math.cos(angle + turn), to.y + head * math.sin(angle + turn))
        pen.line([(to.x, to.y), barb], color, width)


def _write(
    pen: ImageDraw.ImageDraw, label: str, box: Box, color: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
    height = bottom - top + 4
    y = box.top - height if box.top >= height else box.bottom
    pen.rectangle([(box.left, y), (box.left + right - left + 4, y + height)], fill=color)
    pen.text((box.left + 2 - left, y + 2 - top), label, HALO, font)
