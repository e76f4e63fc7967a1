from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from app.pictures import grid, in_words, pointed_out, read_picture, seen, seen_frames, video_grid
from model.families import QWEN2_5_VL, QWEN2_VL, TINY, Family
from tools.errors import UserError
from tools.geometry import Box, Point, Size


def test_a_file_is_seen_upright_and_without_its_transparency(tmp_path: Path) -> None:
    sideways, clear = Image.new("RGB", (40, 20), "red"), Image.new("RGBA", (5, 5), (0, 0, 0, 0))
    turned = Image.Exif()
    turned[0x0112] = 6
    sideways.save(tmp_path / "a.jpg", exif=turned)
    clear.save(tmp_path / "b.png")
    assert read_picture(tmp_path / "a.jpg").size == (20, 40)
    assert read_picture(tmp_path / "b.png").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>", b"\x89PNG\r\n\x1a\n" + b"x" * 99])
def test_what_is_no_picture_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UserError, match="no picture"):
        read_picture(tmp_path / "x.png")


def test_too_many_pixels_are_told_before_they_are_read(tmp_path: Path) -> None:
    Image.new("1", (8000, 8000)).save(tmp_path / "x.png")
    with pytest.raises(UserError, match="8000x8000"):
        read_picture(tmp_path / "x.png")


@pytest.mark.parametrize("family", [TINY, QWEN2_5_VL, QWEN2_VL])
@pytest.mark.parametrize("tokens", [0, 1, 64, 100_000])
@pytest.mark.parametrize("size", [(640, 480), (33, 900), (2000, 1500)])
def test_within_its_budget_the_model_sees_just_what_was_made(
    family: Family, tokens: int, size: tuple[int, int]
) -> None:
    made = seen(Image.new("RGB", size), family, tokens)
    assert family.grid(Size(*made.size)).resized == grid(Size(*size), family, tokens).resized
    if tokens >= 64:
        assert grid(Size(*size), family, tokens).tokens <= tokens


@pytest.mark.parametrize("family", [TINY, QWEN2_5_VL])
@pytest.mark.parametrize("tokens", [0, 1, 160, 100_000])
@pytest.mark.parametrize("size", [(640, 480), (33, 900), (1920, 1080)])
def test_the_frames_of_a_video_are_seen_just_as_they_were_made(
    family: Family, tokens: int, size: tuple[int, int]
) -> None:
    made = seen_frames([Image.new("RGB", size)] * 6, family, tokens)
    where = video_grid(Size(*size), 6, family, tokens)
    assert family.video_grid(Size(*made[0].size), 6).resized == where.resized
    if tokens >= 160:
        assert where.tokens <= 1.2 * 3 * tokens  # thin pictures grow in whole tokens


def test_places_are_said_in_the_familys_words_and_read_back() -> None:
    box = Box(64, 48, 320, 240)
    for family, said in ((TINY, "[64, 48, 322, 238]"), (QWEN2_VL, "(100,100),(500,500)")):
        where = grid(Size(640, 480), family, 0)
        assert in_words(box, where) == said
        found = pointed_out(said, where)[0].box
        assert found is not None
        assert abs(found.left - 64) < 2
        assert abs(found.bottom - 240) < 2
    assert in_words(Point(320, 240), grid(Size(640, 480), QWEN2_VL, 0)) == "(500, 500)"


def test_a_reply_that_is_not_whole_yet_points_at_what_is_there() -> None:
    where = grid(Size(280, 280), TINY, 0)
    whole = '[{"bbox_2d": [10, 10, 60, 40], "label": "one"}, {"bbox_2d": [20, 20, 90, 90], "label": "two"}]'
    counts = [len(pointed_out(whole[:end], where)) for end in range(len(whole) + 1)]
    assert counts[-1] == 2
    assert pointed_out("Nothing to see.", where) == []
    assert pointed_out('<p data-bbox="1 2 30 40">Text</p>', where)[0].label == "Text"
