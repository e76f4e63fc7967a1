"""Files that are damaged or made to do harm: each is told in time, costs little here, and the next file is read."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.memory import Peak
from tests.test_documents import LOCKED, write
from tools.documents import Page, PasswordNeeded, pages
from tools.errors import UserError
from tools.geometry import Size

MOST_S, MOST_BYTES = 10.0, 50e6


def read(path: Path, **how: str) -> list[Page]:
    """Within the bounds; and a good file, read right after, still comes out."""
    began = time.monotonic()
    with Peak() as peak:
        try:
            return list(pages(path, **how))  # type: ignore[arg-type]
        finally:
            seconds = time.monotonic() - began
            assert seconds <= MOST_S
            assert peak.grown <= MOST_BYTES
            good = path.with_name("good.pdf")
            (page,) = pages(write(good, b"BT /F 24 Tf 20 60 Td (fine) Tj ET"))
            assert [word.text for word in page.words] == ["fine"]


def tiny_huge(path: Path) -> Path:
    """541 bytes for a page of 14,400 points a side, which at twice its size would take 5.6 GB."""
    return write(path, b"0 0 m 14400 14400 l S", box="0 0 14400 14400")


def endless(path: Path) -> Path:
    """Over a gigabyte of drawing: one packed block, again and again."""
    block, count = b"0 0 m 100 100 l S " * 1_000_000, 70
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _ in range(count):
        check = zlib.adler32(block, check)
    content = b"\x78\xda" + packed * count + b"\x03\x00" + struct.pack(">I", check)
    return write(path, content, filtered=b"/Filter/FlateDecode")


def png(path: Path, width: int, height: int) -> Path:
    """White, one bit for a pixel, packed well, written without ever being in memory."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packed = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (-(-width // 8))
    body = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return path


def cut(path: Path) -> Path:
    """A JPEG without its second half."""
    Image.effect_noise((800, 800), 90).convert("RGB").save(path, "JPEG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def cut_pdf(path: Path) -> Path:
    whole = write(path, b"BT /F 24 Tf 20 60 Td (gone) Tj ET")
    whole.write_bytes(whole.read_bytes()[:120])
    return path


def ring(path: Path) -> Path:
    """Its tree of pages is its own parent."""
    path.write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 99999999/Parent 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    )
    return path


def junk(path: Path) -> Path:
    path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("inflating.pdf", endless, "too much memory|took over"),
        ("vast.png", lambda path: png(path, 13_000, 13_000), "13000x13000 pixels; make it 50 million or fewer"),
        ("vaster.png", lambda path: png(path, 20_000, 20_000), "far too many pixels"),
        ("cut.jpg", cut, "cut.jpg is damaged or not whole"),
        ("cut.pdf", cut_pdf, "cut.pdf"),
        ("ring.pdf", ring, "ring.pdf"),
        ("junk.pdf", junk, "no PDF file that can be read"),
        ("empty.png", empty, "no PDF or picture"),
    ],
)
def test_a_bad_file_is_named_in_time(tmp_path: Path, name: str, make: Callable[[Path], Path], told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        read(make(tmp_path / name))
    assert any("一" <= letter <= "鿿" for letter in error.value.chinese)


def test_a_locked_file_asks_for_its_password_and_the_right_one_opens_it(tmp_path: Path) -> None:
    there = tmp_path / "locked.pdf"
    there.write_bytes(LOCKED.read_bytes())
    for how, told in (({}, "needs a password"), ({"password": "sesame"}, "is wrong")):
        with pytest.raises(PasswordNeeded, match=told) as error:
            read(there, **how)
        assert error.value.chinese
    assert len(read(there, password="opensesame")) == 1


def test_a_huge_page_of_a_small_file_is_read_within_the_budget(tmp_path: Path) -> None:
    path = tiny_huge(tmp_path / "huge.pdf")
    assert path.stat().st_size < 600
    (page,) = read(path)
    assert Size(*page.image.size) == Size(1536, 1536) and page.points == (14_400, 14_400)


def test_of_a_moving_picture_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Image.new("P", (300, 300), number) for number in range(200)]
    frames[0].putpalette([200, 30, 30] * 256)
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=20)
    (page,) = read(tmp_path / "a.gif")
    assert (page.of, page.image.size) == (1, (300, 300))


@pytest.mark.parametrize("turn", [2, 3, 5, 6, 8])
def test_a_photograph_is_read_as_a_person_sees_it(tmp_path: Path, turn: int) -> None:
    """The mark is seen at the top left of a page that is upright, whichever way the camera was held."""
    seen = Image.new("RGB", (90, 60), "white")
    ImageDraw.Draw(seen).rectangle((0, 0, 19, 9), fill="black")
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = seen.transpose(back[turn])
    exif = stored.getexif()
    exif[0x0112] = turn
    stored.save(tmp_path / "a.png", exif=exif)
    (page,) = pages(tmp_path / "a.png")
    assert page.image.size == (90, 60)
    assert page.image.convert("L").point(lambda value: 255 * (value < 128)).getbbox() == (0, 0, 20, 10)
