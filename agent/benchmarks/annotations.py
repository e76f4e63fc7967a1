"""Grounding data sets as they are published (ScreenSpot, -v2, -Pro, OSWorld-G), read into checked samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from PIL import Image, UnidentifiedImageError

from agent.benchmarks.score import Target
from tools.errors import UserError
from tools.geometry import Box, Point, Size

Format = Literal["screenspot", "screenspot-v2", "screenspot-pro", "osworld-g"]
BoxFormat = Literal["xywh", "xyxy"]

# What the four numbers of a box mean in the published files. Never guessed from the numbers: [10, 10, 100, 50] is a
# good box either way.
BOX_FORMATS: dict[Format, BoxFormat] = {
    "screenspot": "xywh",
    "screenspot-v2": "xywh",
    "screenspot-pro": "xyxy",
    "osworld-g": "xywh",
}
NAMED = 5  # bad records that an error lists before it only counts them


@dataclass(frozen=True)
class Sample:
    id: str
    instruction: str
    image: Path
    size: Size  # of the image file
    target: Target  # pixels of the image
    group: str  # the rows of the benchmark's own table: platform, application group or kind of target
    ui_type: str  # "text" or "icon"; for osworld-g its interface types


class BadRecord(ValueError):
    """What is wrong with one record; `load` adds where it stands."""


def load(
    format: Format, annotations: Sequence[Path], images: Path, bbox_format: BoxFormat | None = None
) -> list[Sample]:
    """Every sample of the files, in order. Raises UserError that names the records that are wrong."""
    if format not in get_args(Format):
        raise UserError(f"unknown format {format!r}; known: {', '.join(get_args(Format))}")
    boxes = bbox_format or BOX_FORMATS[format]
    if boxes not in get_args(BoxFormat):
        raise UserError(f"unknown box format {boxes!r}; known: {', '.join(get_args(BoxFormat))}")
    samples: dict[str, Sample] = {}
    wrong: list[str] = []
    for file in annotations:
        for index, record in enumerate(read_records(file)):
            name = str(record.get("id", f"{file.stem}-{index}"))
            try:
                sample = read_sample(format, record, name, file, images, boxes)
                if samples.setdefault(name, sample) is not sample:
                    raise BadRecord("this id was there before; score files that share ids into folders of their own")
            except BadRecord as error:
                wrong.append(f"{name} in {file}: {error}")
    if wrong:
        raise UserError(f"{list_wrong(wrong)}\nboxes were read as {boxes} ({format}); --bbox-format overrides")
    return list(samples.values())


def list_wrong(wrong: Sequence[str]) -> str:
    more = f"\n... and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return f"{len(wrong)} bad record(s):\n" + "\n".join(wrong[:NAMED]) + more


def read_records(file: Path) -> Iterator[dict[str, Any]]:
    try:
        records = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}; give the annotation file(s) of the set") from error
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UserError(f"{file} is not a list of records, as the published annotation files are")
    yield from records


def read_sample(
    format: Format, record: dict[str, Any], name: str, file: Path, images: Path, boxes: BoxFormat
) -> Sample:
    """Raises BadRecord."""
    path = images / text_of(record, "image_path" if format == "osworld-g" else "img_filename")
    size = image_size(path)
    noted = record.get("image_size" if format == "osworld-g" else "img_size")
    if noted is not None and noted != [size.width, size.height]:
        raise BadRecord(f"the record says its image is {noted} but {path} is {size}")
    instruction = text_of(record, "instruction")
    match format:
        case "screenspot" | "screenspot-v2":
            target: Target = box_of(record.get("bbox"), boxes)
            group, ui_type = platform(file), text_of(record, "data_type")
        case "screenspot-pro":
            target = box_of(record.get("bbox"), boxes)
            group, ui_type = text_of(record, "group"), text_of(record, "ui_type")
        case "osworld-g":
            target = osworld_target(record, boxes)
            group, ui_type = text_of(record, "box_type"), ", ".join(map(str, record.get("GUI_types") or ()))
    check_inside(target, size)
    return Sample(name, instruction, path, size, target, group, ui_type)


def text_of(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value:
        raise BadRecord(f"no {key}")
    return value


def image_size(path: Path) -> Size:
    """Read from the file's header only."""
    try:
        with Image.open(path) as image:
            return Size(*image.size)
    except FileNotFoundError as error:
        raise BadRecord(f"no image {path}") from error
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadRecord(f"cannot read the image {path}: {error}") from error


def platform(file: Path) -> str:
    """screenspot_mobile_v2.json -> mobile."""
    return file.stem.removeprefix("screenspot_").removesuffix("_v2")


def numbers(value: object) -> list[float]:
    if not isinstance(value, list) or not all(isinstance(n, int | float) and abs(n) < 1e6 for n in value):
        raise BadRecord(f"coordinates are numbers in a list, not {value!r}")
    return [float(number) for number in value]


def box_of(value: object, boxes: BoxFormat) -> Box:
    found = numbers(value)
    if len(found) != 4:
        raise BadRecord(f"a box is four numbers, not {value!r}")
    a, b, c, d = found
    return Box.from_xywh(a, b, c, d) if boxes == "xywh" else Box(a, b, c, d)


def osworld_target(record: dict[str, Any], boxes: BoxFormat) -> Target:
    match record.get("box_type"):
        case "bbox":
            return box_of(record.get("box_coordinates"), boxes)
        case "polygon":
            found = numbers(record.get("box_coordinates"))
            if len(found) < 6 or len(found) % 2:
                raise BadRecord(f"a polygon is at least three pairs of numbers, not {len(found)} numbers")
            return tuple(Point(x, y) for x, y in zip(found[::2], found[1::2], strict=True))
        case "refusal":
            return None
        case other:
            raise BadRecord(f"box_type is bbox, polygon or refusal, not {other!r}")


def bounds(target: Target) -> Box | None:
    """The box around the target; None when there is nothing to point at."""
    match target:
        case Box() | None:
            return target
        case corners:
            xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
            return Box(min(xs), min(ys), max(xs), max(ys))


def check_inside(target: Target, size: Size) -> None:
    box = bounds(target)
    if box is None:
        return
    if box.width <= 0 or box.height <= 0:
        raise BadRecord(f"{corners_of(box)} encloses nothing")
    if box.left < 0 or box.top < 0 or box.right > size.width or box.bottom > size.height:
        raise BadRecord(f"{corners_of(box)} reaches outside its {size} image")


def corners_of(box: Box) -> str:
    return f"the box from ({box.left:g}, {box.top:g}) to ({box.right:g}, {box.bottom:g})"
