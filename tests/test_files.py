"""app/files.py: what each file is, and the pictures and videos that it brings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from test_video import write

from app.files import Cut, Given, kind, read_files
from model.families import QWEN2_5_VL, TINY, Family
from tools.documents import PasswordNeeded
from tools.errors import UserError
from tools.video import Facts, facts, write_webm

LOCKED = Path(__file__).parent / "fixtures" / "locked.pdf"
SECOND = list(range(0, 1000, 40))  # 25 frames


def read(*paths: Path, family: Family = TINY, fps: float = 2.0) -> Given:
    return read_files(paths, lambda: family, fps)


def picture(path: Path) -> Path:
    Image.new("RGB", (40, 30), "red").save(path, "PNG")
    return path


def document(path: Path, count: int) -> Path:
    sheets = [Image.new("RGB", (40, 60), (number, 0, 0)) for number in range(count)]
    sheets[0].save(path, "PDF", save_all=True, append_images=sheets[1:])
    return path


def test_a_file_is_what_is_in_it_whatever_it_is_called(tmp_path: Path) -> None:
    assert kind(picture(tmp_path / "a.pdf")) == "picture"
    assert kind(document(tmp_path / "b.mp4", 1)) == "pages"
    (tmp_path / "c.png").write_bytes(write(tmp_path / "c.mp4", [0, 40]).read_bytes())
    assert isinstance(kind(tmp_path / "c.png"), Facts)


def test_a_moving_gif_is_a_picture(tmp_path: Path) -> None:
    shown = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    shown[0].save(tmp_path / "a.gif", save_all=True, append_images=shown[1:])
    (seen,) = read(tmp_path / "a.gif").pictures
    assert seen.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg/>", b"\x89PNG\r\n\x1a\n" + b"x" * 99])
def test_what_is_none_of_these_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.png is no picture, PDF file or video"):
        kind(tmp_path / "x.png")


def test_pages_are_pictures_and_those_without_room_are_told(tmp_path: Path) -> None:
    given = read(picture(tmp_path / "a.png"), document(tmp_path / "b.pdf", 20), picture(tmp_path / "c.png"))
    assert len(given.pictures) == 16
    assert given.cuts == (Cut("b.pdf", 14, 20),)
    assert given.pictures[-1].size == (40, 30)
    assert read(document(tmp_path / "d.pdf", 2)).cuts == ()


def test_chosen_pages_come_alone(tmp_path: Path) -> None:
    given = read_files([document(tmp_path / "a.pdf", 5)], lambda: TINY, 2.0, range(3, 5))
    assert (len(given.pictures), given.cuts) == (2, ())


def test_an_encrypted_document_is_told() -> None:
    with pytest.raises(PasswordNeeded, match="is encrypted"):
        read(LOCKED)


def test_a_video_is_seen_so_many_times_a_second_and_a_long_one_evenly_fewer(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", list(range(0, 20_000, 500)))
    (video,) = read(path, fps=1.0).videos
    assert video.part.times_s == tuple(range(len(video.part.times_s)))
    assert video.seconds == pytest.approx(20, abs=0.6)
    (long,) = read(path, fps=8.0).videos
    gaps = {round(b - a, 6) for a, b in zip(long.part.times_s, long.part.times_s[1:], strict=False)}
    assert len(long.part.frames) == TINY.video_frames
    assert gaps == {round(long.seconds / TINY.video_frames, 6)}


def test_a_short_video_is_seen_four_times(tmp_path: Path) -> None:
    (video,) = read(write(tmp_path / "a.mp4", SECOND[:12])).videos
    assert len(video.part.frames) == 4


@pytest.mark.parametrize(("family", "most"), [(TINY, 1536), (QWEN2_5_VL, 20_480)])
def test_a_large_video_stays_within_its_tokens(tmp_path: Path, family: Family, most: int) -> None:
    path = write(tmp_path / "a.mp4", list(range(0, 4000, 250)), size=(1920, 1080))
    (video,) = read(path, family=family, fps=4.0).videos
    width, height = video.part.frames[0].size
    assert len(video.part.frames) == 16
    assert width * height <= 28 * 28 * min(family.video_max_tokens, most / 8) * 1.01


def test_a_small_video_is_kept_as_it_is(tmp_path: Path) -> None:
    (video,) = read(write(tmp_path / "a.mp4", SECOND)).videos
    assert video.part.frames[0].size == (160, 96)


def test_what_is_far_too_long_and_thin_is_told(tmp_path: Path) -> None:
    Image.new("RGB", (2010, 10)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="200 times longer"):
        read(tmp_path / "a.png")


def test_frames_can_be_played_at_their_times(tmp_path: Path) -> None:
    shown = [Image.new("RGB", (101, 77), (at * 60, 0, 0)) for at in range(4)]
    write_webm(tmp_path / "a.webm", shown, [0, 0.5, 1, 1.5], 2.2)
    found = facts(tmp_path / "a.webm")
    assert found.seconds == pytest.approx(2.2, abs=0.1)
    (video,) = read(tmp_path / "a.webm").videos
    reds = [frame.getpixel((50, 40))[0] for frame in video.part.frames]  # type: ignore[index]
    assert reds == pytest.approx([0, 60, 120, 180], abs=12)
