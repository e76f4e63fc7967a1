"""A folder of OmniDocBench: a JSON file that tells what stands on each page, and the pictures of the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tools.errors import UserError
from tools.geometry import Box

Kind = Literal["text", "formula", "table"]
COUNTED = ("title", "text_block", "code_txt", "reference", "code_algorithm")
# May be read or not: what is said of them is paired with them, so that it is not taken for an addition.
OPTIONAL = (
    "figure_caption", "figure_footnote", "table_caption", "table_footnote", "equation_caption", "code_txt_caption",
    "code_algorithm_caption", "header", "footer", "page_number", "page_footnote",
)  # fmt: skip
MASKS = ("abandon", "mask", "text_mask", "table_mask", "need_mask")  # places of which nothing is scored


@dataclass(frozen=True)
class Piece:
    """What stands on a page in one place. In a table `text` is HTML, in a formula LaTeX."""

    kind: Kind
    text: str
    counts: bool = True


@dataclass(frozen=True)
class Truth:
    """One page. Its pieces are in reading order."""

    picture: Path
    language: str  # "" where none is named
    pieces: tuple[Piece, ...]
    masks: tuple[Box, ...] = ()  # pixels of the picture

    @property
    def id(self) -> str:
        return self.picture.name


def load(folder: Path) -> list[Truth]:
    """All pages of OmniDocBench.json in `folder`, or of its one JSON file. Raises UserError.

    The pictures lie beside it or in `folder`/images.
    """
    files = sorted(folder.glob("OmniDocBench.json")) or sorted(folder.glob("*.json"))
    if len(files) != 1:
        raise UserError(f"{folder} holds {len(files)} JSON files; give a folder with one, and its pictures in images")
    try:
        records = json.loads(files[0].read_text(encoding="utf-8"))
        return [page(record, folder) for record in records]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{files[0]} is not as OmniDocBench writes it: {error!r}") from error


def page(record: dict[str, Any], folder: Path) -> Truth:
    info = record["page_info"]
    name = Path(info["image_path"]).name  # a name only: a record may not lead elsewhere
    picture = next((path for path in (folder / "images" / name, folder / name) if path.is_file()), None)
    if picture is None:
        raise UserError(f"the picture {name} is neither in {folder / 'images'} nor in {folder}")
    dets = [det for det in record["layout_dets"] if not is_masked(det)]
    relations = (record.get("extra") or {}).get("relation") or []
    pieces = [piece for det in whole(dets, relations) for piece in pieces_of(det)]
    language = str((info.get("page_attribute") or {}).get("language") or "")
    masks = tuple(bounds(det["poly"]) for det in record["layout_dets"] if is_masked(det) and det.get("poly"))
    return Truth(picture, language, tuple(pieces), masks)


def is_masked(det: dict[str, Any]) -> bool:
    return bool(det.get("ignore")) or det["category_type"] in MASKS


def whole(dets: Iterable[dict[str, Any]], relations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """In reading order; a paragraph that a column or a page cuts in two is one again, where its first part stands."""
    ordered = sorted(dets, key=lambda det: det.get("order") or 0)
    by_id = {det.get("anno_id"): det for det in ordered}
    first = {at: at for at in by_id}
    for relation in relations:
        ends = [relation.get("source_anno_id"), relation.get("target_anno_id")]
        if relation.get("relation_type") == "truncated" and all(end in by_id for end in ends):
            one, other = first[ends[0]], first[ends[1]]
            first = {at: one if begin == other else begin for at, begin in first.items()}
    groups: dict[Any, list[dict[str, Any]]] = {}
    for number, det in enumerate(ordered):
        at = det.get("anno_id")
        groups.setdefault(("alone", number) if at is None else first[at], []).append(det)
    return [group[0] | {"text": " ".join(str(det.get("text") or "") for det in group)} for group in groups.values()]


def pieces_of(det: dict[str, Any]) -> Iterator[Piece]:
    match det["category_type"]:
        case "table":
            yield Piece("table", str(det.get("html") or det.get("latex") or ""))
        case "equation_isolated":
            yield Piece("formula", str(det.get("latex") or ""))
        case kind if kind in COUNTED or kind in OPTIONAL:
            yield Piece("text", str(det.get("text") or ""), counts=kind in COUNTED)


def bounds(poly: list[float]) -> Box:
    """poly: x and y of each corner in turn."""
    xs, ys = poly[::2], poly[1::2]
    return Box(min(xs), min(ys), max(xs), max(ys))
