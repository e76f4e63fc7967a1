"""Published grounding files: what each number means, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.benchmarks.annotations import BOX_FORMATS, load
from tools.errors import UserError
from tools.geometry import Box, Point, Size

FIXTURES = Path(__file__).parent / "fixtures" / "grounding"
PLATFORMS = ("mobile", "desktop", "web")
FILES: dict[Any, list[Path]] = {
    "screenspot": [FIXTURES / f"screenspot_{platform}.json" for platform in PLATFORMS],
    "screenspot-v2": [FIXTURES / f"screenspot_{platform}_v2.json" for platform in PLATFORMS],
    "screenspot-pro": [FIXTURES / "pro_office.json", FIXTURES / "pro_dev.json"],
    "osworld-g": [FIXTURES / "osworld_g.json"],
}
NEWS = {"img_filename": "web.png", "instruction": "read the news", "bbox": [10, 80, 100, 90], "data_type": "icon"}


def written(folder: Path, *records: dict[str, Any], name: str = "screenspot_web.json") -> list[Path]:
    (folder / name).write_text(json.dumps(records))
    return [folder / name]


@pytest.mark.parametrize("format", BOX_FORMATS)
def test_the_ten_records_of_each_format_are_read(format: Any) -> None:
    samples = load(format, FILES[format], FIXTURES)
    assert len(samples) == len({sample.id for sample in samples}) == 10
    assert all(sample.image.is_file() and sample.instruction for sample in samples)


def test_boxes_are_xywh_but_for_screenspot_pro() -> None:
    first = {format: load(format, files, FIXTURES)[0].target for format, files in FILES.items()}
    assert first["screenspot"] == first["screenspot-v2"] == first["osworld-g"] == Box(14, 40, 154, 70)
    assert first["screenspot-pro"] == Box(100, 8, 150, 32)


def test_the_box_format_is_never_guessed(tmp_path: Path) -> None:
    """[10, 80, 100, 90] is a good box either way."""
    file = written(tmp_path, NEWS)
    assert load("screenspot", file, FIXTURES)[0].target == Box(10, 80, 110, 170)
    assert load("screenspot", file, FIXTURES, "xyxy")[0].target == Box(10, 80, 100, 90)


def test_groups_are_platforms_application_groups_and_kinds_of_target() -> None:
    groups = {format: {sample.group for sample in load(format, files, FIXTURES)} for format, files in FILES.items()}
    assert groups == {
        "screenspot": set(PLATFORMS),
        "screenspot-v2": set(PLATFORMS),
        "screenspot-pro": {"Office", "Dev"},
        "osworld-g": {"bbox", "polygon", "refusal"},
    }


def test_osworld_targets_are_boxes_polygons_and_nothing() -> None:
    targets = {sample.id: sample.target for sample in load("osworld-g", FILES["osworld-g"], FIXTURES)}
    assert targets["g6"] == (Point(260, 200), Point(340, 100), Point(420, 200))
    assert targets["g7"] is None


def test_the_size_is_that_of_the_image_file() -> None:
    assert load("screenspot", FILES["screenspot"], FIXTURES)[0].size == Size(168, 308)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bbox": [220, 80, 100, 90]}, "reaches outside its 308x252 image"),
        ({"bbox": [-1, 80, 100, 90]}, "reaches outside"),
        ({"bbox": [10, 80, 0, 90]}, "encloses nothing"),
        ({"bbox": [10, 80, 100]}, "a box is four numbers"),
        ({"bbox": [10, 80, 100, "90"]}, "numbers in a list"),
        ({"bbox": [10, 80, 100, float("nan")]}, "numbers in a list"),
        ({"bbox": None}, "numbers in a list"),
        ({"img_filename": "gone.png"}, "no image"),
        ({"img_filename": "draw.py"}, "cannot read the image"),
        ({"img_size": [616, 504]}, "says its image is"),
        ({"instruction": ""}, "no instruction"),
        ({"data_type": 3}, "no data_type"),
    ],
)
def test_a_bad_record_is_refused_with_its_id_and_file(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = written(tmp_path, NEWS, {**NEWS, **change})
    with pytest.raises(UserError, match=said) as refusal:
        load("screenspot", file, FIXTURES)
    assert f"screenspot_web-1 in {file[0]}" in str(refusal.value)
    assert "read as xywh" in str(refusal.value)


def test_the_wrong_box_format_is_refused_where_it_shows() -> None:
    with pytest.raises(UserError, match=r"10 bad record.*\n.*desk_office_0(?s:.*)\.\.\. and 5 more"):
        load("screenspot-pro", [*FILES["screenspot-pro"], *FILES["screenspot-pro"]], FIXTURES)
    with pytest.raises(UserError, match="encloses nothing"):
        load("screenspot", FILES["screenspot"], FIXTURES, "xyxy")


@pytest.mark.parametrize("polygon", [[60, 80, 200, 80], [60, 80, 200, 80, 100], [60, 80, 200, 80, 481, 100]])
def test_a_bad_polygon_is_refused(tmp_path: Path, polygon: list[int]) -> None:
    record = {
        "id": "p",
        "image_path": "desk.png",
        "instruction": "it",
        "box_type": "polygon",
        "box_coordinates": polygon,
    }
    with pytest.raises(UserError, match="p in "):
        load("osworld-g", written(tmp_path, record), FIXTURES)


def test_files_that_are_no_annotations_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("no JSON")
    (tmp_path / "object.json").write_text("{}")
    for name, said in (("gone.json", "cannot read"), ("text.json", "is not JSON"), ("object.json", "not a list")):
        with pytest.raises(UserError, match=said):
            load("screenspot", [tmp_path / name], FIXTURES)
