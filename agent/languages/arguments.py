"""The arguments of one call, checked and typed: what every language shares."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.families import Grid
from model.parsing import ParseError
from tools.geometry import Point
from tools.keys import parse_keys

MAX_TEXT = 100_000  # characters typed at once
MAX_WAIT_S = 300.0
MAX_SCROLL = 100_000.0  # pixels
COORDINATES = ("coordinate", "coordinates", "coord", "point", "position", "point_2d", "bbox_2d", "bbox", "start_box")
ONE = r"[+-]?\d{1,9}(?:\.\d{1,9})?"
NUMBER = re.compile(ONE)
# "[12, 34]", "(12, 34)", "12 34", "<point>12 34</point>"; 2 or 4 numbers and nothing else
WRITTEN = re.compile(
    rf"\s{{0,4}}(?:<point>|<\|box_start\|>)?[\[(\s]{{0,4}}{ONE}(?:[\s,]{{1,4}}{ONE}){{1,3}}[\])\s]{{0,4}}"
    r"(?:</point>|<\|box_end\|>)?\s{0,4}"
)
KEY_NOISE = re.compile(r"keys\s?=|[\[\]'\"“”]")  # "keys=[ctrl", "['ctrl": a list that was written into its own items


@dataclass(frozen=True)
class Arguments:
    """The arguments of `action`; keys that a language does not ask for are never looked at."""

    action: str
    values: dict[str, Any]
    grid: Grid

    def point(self, *names: str) -> Point:
        """The first of the named coordinates, in screen pixels. Raises ParseError when there is none."""
        point = self.point_if_any(*names)
        if point is None:
            raise ParseError(f'{self.action} needs "coordinate": [x, y]')
        return point

    def point_if_any(self, *names: str) -> Point | None:
        """None where the call names no place; null, or a place outside the screen, is an error."""
        value = self._place(names or COORDINATES)
        if value is None:
            return None
        numbers = _numbers(value)
        if len(numbers) not in (2, 4):
            raise ParseError(f"{_short(value)} is no place on the screen; {self.action} takes [x, y], two numbers")
        xs, ys = numbers[::2], numbers[1::2]
        for x, y in zip(xs, ys, strict=True):
            self._check_inside(x, y)
        return self._pixels(sum(xs) / len(xs), sum(ys) / len(ys))  # of a box, its centre

    def points(self, *names: str) -> list[Point]:
        """As `point_if_any`, of a path: [[x1, y1], [x2, y2]] is two points, and not the corners of a box."""
        value = self._place(names)
        if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
            return [replace(self, values={"coordinate": item}).point("coordinate") for item in value]
        if value is not None and len(_numbers(value)) == 4:
            raise ParseError(f'{self.action} takes "start_coordinate": [x, y] and "coordinate": [x, y]')
        point = self.point_if_any(*names)
        return [] if point is None else [point]

    def text(self, *names: str) -> str:
        """Literal text. Raises ParseError when it is missing or cannot be typed."""
        value = self._first(names)
        if not isinstance(value, str):
            raise ParseError(f'{self.action} needs "{names[0]}": "...", a string')
        return checked(value)

    def text_if_any(self, *names: str) -> str:
        return "" if self._first(names) is None else self.text(*names)

    def number(self, *names: str, low: float, high: float) -> float:
        """Raises ParseError when it is missing, no number, or outside low..high."""
        value = _number(self._first(names))
        if value is None:
            raise ParseError(f'{self.action} needs "{names[0]}", a number')
        if not low <= value <= high:
            raise ParseError(f'"{names[0]}" must be between {low:g} and {high:g}, not {value:g}')
        return value

    def keys(self, *names: str) -> tuple[str, ...]:
        """Key names; a list whose brackets and quotes slipped into its items is mended first."""
        value = self._first(names)
        written = [value] if isinstance(value, str) else value
        if not isinstance(written, list) or not all(type(key) in (str, int) for key in written):
            raise ParseError(f'{self.action} needs "{names[0]}": ["ctrl", "c"], a list of key names')
        try:
            return parse_keys(_mended([str(key) for key in written]))
        except ValueError as error:
            raise ParseError(str(error)) from error

    def flag(self, *names: str) -> bool:
        value = self._first(names)
        return value is True or (isinstance(value, str) and value.strip().lower() == "true")

    def choice(self, name: str, options: Sequence[str]) -> str:
        value = self.values.get(name)
        value = value.strip() if isinstance(value, str) else value
        if value not in options:
            raise ParseError(f'{self.action} needs "{name}": one of {", ".join(options)}')
        return str(value)

    def _first(self, names: Sequence[str]) -> Any:
        """None where none of the names is there; null counts as not there."""
        return next((self.values[name] for name in names if self.values.get(name) is not None), None)

    def _place(self, names: Sequence[str]) -> Any:
        value = self._first(names)
        if value is None and any(name in self.values for name in names):
            raise ParseError(
                f"the coordinate of {self.action} is null; give [x, y], or leave it out to act at the pointer"
            )
        if value is None and names == COORDINATES and "x" in self.values and "y" in self.values:
            return [self.values["x"], self.values["y"]]
        return value

    def _check_inside(self, x: float, y: float) -> None:
        """The far edge itself still counts, as models often name it. Raises ParseError outside."""
        size = self.grid.spoken
        if not (0 <= x <= size.width and 0 <= y <= size.height):
            raise ParseError(f"({x:g}, {y:g}) is outside the {size} screen; give a point inside it")

    def _pixels(self, x: float, y: float) -> Point:
        """The far edge, or rounding up to it, is the last pixel."""
        point, size = self.grid.to_pixels(x, y), self.grid.original
        right, bottom = float(size.width - 1), float(size.height - 1)
        return Point(point.x if point.x < size.width else right, point.y if point.y < size.height else bottom)


def checked(text: str) -> str:
    """The text itself, where it can be typed and written to a file. Raises ParseError."""
    if len(text) > MAX_TEXT:
        raise ParseError(f"{len(text)} characters at once; write at most {MAX_TEXT}")
    if "\0" in text:
        raise ParseError("the text holds a NUL character; leave it out")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ParseError("the text holds half a character (a lone surrogate); write the whole character")
    return text


def _numbers(value: Any) -> list[float]:
    """The numbers of a coordinate in any unambiguous spelling; [] when there is anything else in it."""
    if isinstance(value, str):
        return [float(number) for number in NUMBER.findall(value)] if WRITTEN.fullmatch(value[:100]) else []
    if isinstance(value, dict):
        names = ("x", "y") if "x" in value else ("x1", "y1", "x2", "y2")
        value = [value.get(name) for name in names]
    if not isinstance(value, list) or len(value) > 4:
        return []
    if len(value) in (1, 2) and all(isinstance(item, list) for item in value):
        value = [number for item in value for number in item[:5]]
    if len(value) == 1 and isinstance(value[0], str):
        return _numbers(value[0])
    numbers = [_number(item) for item in value]
    return [number for number in numbers if number is not None] if None not in numbers else []


def _number(value: Any) -> float | None:
    """A finite number, or a string that is one; true and false are not."""
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _mended(keys: list[str]) -> list[str]:
    """["['ctrl", "c']"], ["keys=[ctrl", "c]"] and "['ctrl', 'c']" -> ["ctrl", "c"]; a lone "[" or "'" stays a key."""
    if not any(len(key.strip()) > 1 and KEY_NOISE.search(key) for key in keys):
        return keys
    mended = [part for key in keys for part in KEY_NOISE.sub(" ", key[:1000]).split(",")]
    return [key.strip() for key in mended if key.strip()]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
