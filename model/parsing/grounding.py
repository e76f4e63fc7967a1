"""Boxes and points with their names, in every form that the Qwen-VL families write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from model.families import Grid
from model.parsing.loose import Budget, Json, ParseError, Reader, bounded
from model.parsing.results import Results
from tools.geometry import Box, Point

MAX_LINE = 2000  # characters of one line of plain text that are looked at
MAX_LINES = 10_000
ONE = r"[+-]?\d{1,9}(?:\.\d{1,9})?"
NUMBER = re.compile(ONE)
PAIR = rf"\(\s?({ONE})\s?,\s?({ONE})\s?\)"
FOUR = re.compile(
    rf"(?<![\w.,(\[])(?<!\d,\s)[\[(]?\s{{0,4}}({ONE}),\s{{0,4}}({ONE}),\s{{0,4}}({ONE}),\s{{0,4}}({ONE})\s{{0,4}}[\])]?(?!\s?,?\s?[\d.])"
)
CORNERS = re.compile(rf"{PAIR}\s?,?\s?{PAIR}")
TWO = re.compile(rf"(?<![\w=.,\])])[\[(]\s{{0,4}}({ONE})\s{{0,4}},\s{{0,4}}({ONE})\s{{0,4}}[\])]")
BRACKET = re.compile(r"[\[{]")
LABEL_EDGE = " \t:：,;-.\"'()[]"
BULLET = re.compile(r"\s{0,20}(?:[-*•]|\d{1,3}[.)])\s{1,4}")
TAGS = re.compile(
    r"(?:<\|object_ref_start\|>|<ref>)(?P<ref>[^<]{0,500})"
    r"|(?P<mark><\|box_start\|>|<\|quad_start\|>|<box>|<quad>|<point>|<bbox>)(?P<numbers>[^<]{0,400})"
    r"|<\s{0,4}points?(?=[\s/])(?P<attributes>[^<>]*)>(?P<inside>[^<]{0,500})"
)
ATTRIBUTE = re.compile(rf"""(?<!\w)([xy]\d{{0,4}})\s{{0,4}}=\s{{0,4}}["']?\s{{0,4}}({ONE})""")
ALT = re.compile(r"""(?<!\w)alt\s{0,4}=\s{0,4}(?:"([^"]{0,500})"|'([^']{0,500})')""")
BOX_KEYS = ("bbox_2d", "bbox", "box_2d", "box", "bounding_box", "boundingbox", "bboxes", "boxes", "quad", "polygon")
POINT_KEYS = ("point_2d", "point", "points", "points_2d", "coordinate", "coordinates", "position", "center")
LABEL_KEYS = ("label", "text_content", "description", "text", "name", "name_en", "title", "category", "class", "names")


@dataclass(frozen=True)
class Found:
    """One thing that was pointed out. In the picture's pixels where a grid was given, else as the model spoke."""

    label: str  # "" where it has none
    box: Box | None = None
    points: tuple[Point, ...] = ()  # corners of the outline where there is also a box
    box_3d: tuple[float, ...] = ()  # centre, size and angles as spoken: metres and turns, not pixels
    clamped: bool = False  # a coordinate lay outside the picture and was moved to its edge
    fields: Mapping[str, Any] = field(default_factory=dict)  # what else the JSON object says


def parse_grounding(text: str, grid: Grid | None = None) -> Results[Found]:
    """Every box and point of a reply. Empty only when the reply is an empty JSON list: nothing was found.

    Forms: JSON (bbox_2d, point_2d and their variants), `x1,y1,x2,y2 label` lines, XML points,
    <|box_start|> of Qwen2-VL, <box> and <quad> of Qwen-VL, a bare (x, y). Raises ParseError when there are none.
    """
    bounded(text)
    results: Results[Found] = Results()
    says_none = False
    for read in json_values(text):
        says_none = says_none or read.value in ([], {})
        results.truncated |= read.truncated
        _collect(read.value, "", results)
    if not results:
        results.extend(_from_tags(text))
    if "{" not in text and not any(found.label for found in results):
        lines = list(_from_lines(text))  # "a: [1, 2, 3, 4]" is a list to JSON, and its label is lost
        results[:] = lines if len(lines) >= len(results) else results
    if not results and not says_none:
        raise ParseError('no box or point in the reply; answer with [{"bbox_2d": [x1, y1, x2, y2], "label": "..."}]')
    return Results((place(found, grid) for found in results), results.truncated, results.skipped)


def parse_json(text: str) -> Json:
    """The first JSON object or list of a reply, fenced or not. Raises ParseError."""
    fence = bounded(text).find("```json")
    for start in (fence, 0):
        for read in json_values(text, start) if start >= 0 else ():
            return read
    raise ParseError("no JSON in the reply; answer with a JSON object")


def json_values(text: str, at: int = 0) -> Iterator[Json]:
    """Every outermost JSON object or list; of a broken one, the readable ones inside."""
    budget = Budget.of(text)
    while (at := _next_bracket(text, at)) >= 0:
        if budget.is_spent:
            yield Json(None, truncated=True)
            return
        reader = Reader(text, at, budget)
        try:
            yield reader.read()
            at = reader.at
        except ParseError:
            at += 1


def lines_of(text: str) -> Iterator[str]:
    """The lines with anything in them, cut to a length that can be searched."""
    lines = (line[:MAX_LINE] for line in text.splitlines() if line.strip())
    return islice(lines, MAX_LINES)


def place(found: Found, grid: Grid | None) -> Found:
    """From the model's coordinates to pixels of the picture, corners in order, inside it."""
    box = found.box
    points = [Point(box.left, box.top), Point(box.right, box.bottom)] if box else []
    points += found.points
    if grid:
        points = [grid.to_pixels(point.x, point.y) for point in points]
        width, height = grid.original.width, grid.original.height
        inside = [Point(min(max(p.x, 0.0), width), min(max(p.y, 0.0), height)) for p in points]
        clamped, points = inside != points, inside
    else:
        clamped = False
    if box:
        (a, b), points = points[:2], points[2:]
        box = Box(min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y))
    return Found(found.label, box, tuple(points), found.box_3d, clamped, found.fields)


def _next_bracket(text: str, at: int) -> int:
    match = BRACKET.search(text, at)
    return match.start() if match else -1


def _collect(value: Any, label: str, out: Results[Found]) -> None:
    """Walks through the JSON; a box outside an object takes the key it stands under as its label."""
    if isinstance(value, dict):
        if not _from_object(value, out):
            for key, item in value.items():
                if isinstance(item, dict) or (isinstance(item, list) and (len(item) == 4 or not _numbers(item))):
                    _collect(item, key, out)
        return
    if not isinstance(value, list):
        return
    if (numbers := _numbers(value)) and len(numbers) in (2, 4):
        out.append(_found(numbers, label))
    elif not numbers:
        for item in value:
            _collect(item, label, out)


def _from_object(value: dict[str, Any], out: Results[Found]) -> bool:
    """Does the object name a place, readable or not?"""
    keys = {key.lower(): key for key in value}
    name = next((keys[key] for key in (*BOX_KEYS, *POINT_KEYS, "bbox_3d") if key in keys), None)
    if name is None:
        return False
    shape = value[name]
    rest = {key: item for key, item in value.items() if key != name}
    label = _label(rest)
    if name.lower() == "bbox_3d":
        numbers = _numbers(shape)
        groups = [numbers] if len(numbers) == 9 else []
    else:
        groups = _groups(shape)
    if not groups:
        out.skipped += 1
    elif name.lower() == "bbox_3d":
        out.append(Found(label, box_3d=tuple(groups[0]), fields=rest))
    elif len(groups) > 1 and all(len(group) == 2 for group in groups) and name.lower() in POINT_KEYS:
        out.append(Found(label, points=tuple(Point(x, y) for x, y in groups), fields=rest))
    else:
        out.extend(_found(group, label, rest) for group in _joined(groups))
    return True


def _groups(shape: Any) -> list[list[float]]:
    """The number groups (a point, a box, or an outline of at least 3 points each) that a value holds."""
    if isinstance(shape, str):
        numbers = [float(number) for number in NUMBER.findall(shape[:MAX_LINE])]
        return [numbers] if len(numbers) in (2, 4, 8) else []
    if isinstance(shape, dict):
        named = [shape.get(key) for key in ("x", "y")] if "x" in shape else list(shape.values())
        return [numbers] if len(numbers := _numbers(named)) in (2, 4) else []
    if not isinstance(shape, list) or not shape:
        return []
    if numbers := _numbers(shape):
        return [numbers] if len(numbers) in (2, 4) or (len(numbers) >= 6 and len(numbers) % 2 == 0) else []
    groups = [_groups(item) for item in shape]
    return [group for inner in groups for group in inner] if all(groups) else []


def _joined(groups: list[list[float]]) -> list[list[float]]:
    """Two points under a box key are its corners, more are an outline."""
    if len(groups) > 1 and all(len(group) == 2 for group in groups):
        return [[number for group in groups for number in group]]
    return groups


def _numbers(value: Any) -> list[float]:
    """[] unless all of them are numbers, or strings that are; true and false are not numbers."""
    if not isinstance(value, list):
        return []
    numbers = []
    for item in value:
        if isinstance(item, str) and NUMBER.fullmatch(item.strip()):
            item = float(item)
        if isinstance(item, bool) or not isinstance(item, (int, float)):
            return []
        numbers.append(float(item))
    return numbers


def _label(rest: dict[str, Any]) -> str:
    """The first of the usual keys, else the first text."""
    named = [rest[key] for key in LABEL_KEYS if key in rest]
    for value in [*named, *rest.values()]:
        if isinstance(value, dict):
            value = value.get("en") or next((text for text in value.values() if isinstance(text, str)), None)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


def _found(numbers: list[float], label: str, fields: Mapping[str, Any] | None = None) -> Found:
    """Of 2 numbers (a point), 4 (a box) or more (an outline)."""
    points = tuple(Point(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True))
    if len(points) == 1:
        return Found(label, None, points, fields=fields or {})
    xs, ys = [point.x for point in points], [point.y for point in points]
    box = Box(*numbers) if len(numbers) == 4 else Box(min(xs), min(ys), max(xs), max(ys))
    return Found(label, box, points if len(points) > 2 else (), fields=fields or {})


def _from_tags(text: str) -> Iterator[Found]:
    label = ""
    for tag in TAGS.finditer(text):
        if tag["ref"] is not None:
            label = tag["ref"].strip()
        elif tag["mark"]:
            numbers = [float(number) for number in NUMBER.findall(tag["numbers"])]
            if len(numbers) in (2, 4, 8):
                yield _found(numbers, label)
        else:
            yield from _from_points(tag["attributes"], tag["inside"].strip())


def _from_points(attributes: str, inside: str) -> Iterator[Found]:
    """<points x1="1" y1="2" x2="3" y2="4" alt="name">name</points>, or <points 1 2>name</points>."""
    alt = ALT.search(attributes)
    label = inside or (alt and (alt[1] or alt[2])) or ""
    values = [(name, float(number)) for name, number in ATTRIBUTE.findall(attributes)]
    if values:
        at = dict(values)
        pairs = [(x, at["y" + name[1:]]) for name, x in at.items() if name[0] == "x" and "y" + name[1:] in at]
    else:
        numbers = [float(number) for number in NUMBER.findall(ALT.sub("", attributes))]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    if pairs:
        yield Found(label, points=tuple(Point(x, y) for x, y in pairs))


def _from_lines(text: str) -> Iterator[Found]:
    for line in lines_of(text):
        bullet = BULLET.match(line)
        line = line[bullet.end() :] if bullet else line
        for form in (CORNERS, FOUR, TWO):
            if matches := list(form.finditer(line)):
                yield from _labelled(line, matches)
                break


def _labelled(line: str, matches: list[re.Match[str]]) -> Iterator[Found]:
    """The label stands behind the numbers, or, where nothing does, in front of them."""
    ends = [match.start() for match in matches[1:]] + [len(line)]
    for match, end in zip(matches, ends, strict=True):
        label = line[match.end() : end].strip(LABEL_EDGE)
        if not label and len(matches) == 1:
            label = line[: match.start()].strip(LABEL_EDGE)
        yield _found([float(number) for number in match.groups()], label)
