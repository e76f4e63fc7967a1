"""tools/documents.py: pages of PDF files, on files made here by hand, by Chromium and by Pillow."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tools.documents import Page, PasswordNeeded, pages
from tools.errors import UserError

LOCKED = Path(__file__).parent / "fixtures" / "locked.pdf"  # RC4, its password is "opensesame"


def write(path: Path, content: bytes, box: str = "0 0 200 100", extra: bytes = b"", filtered: bytes = b"") -> Path:
    """A PDF file of one page, by hand. extra: keys of the page. filtered: keys of its content stream."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>%s>>"
        % (box.encode(), extra),
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), filtered, content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj%s\nendobj\n" % (at, part) for at, part in enumerate(parts, 1))
    path.write_bytes(body + b"trailer<</Size 6/Root 1 0 R>>\n%%EOF")
    return path


def ink(page: Page) -> tuple[int, int, int, int]:
    """Where it is not white, in pixels."""
    box = page.image.convert("L").point(lambda value: 255 * (value < 128)).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_box_of_a_word_is_where_its_ink_is_however_the_page_is_turned(tmp_path: Path, turn: int) -> None:
    path = write(tmp_path / "word.pdf", b"BT /F 24 Tf 20 60 Td (Hxg) Tj ET", extra=b"/Rotate %d" % turn)
    (page,) = pages(path)
    assert page.image.width > page.image.height if turn % 180 == 0 else page.image.width < page.image.height
    (word,) = page.words
    left, top, right, bottom = ink(page)
    assert word.text == "Hxg"
    assert word.box.left - 3 <= left and right <= word.box.right + 3
    assert word.box.top - 3 <= top and bottom <= word.box.bottom + 3
    assert word.box.right - word.box.left < page.image.width / 2 or turn % 180


def test_asked_pages_come_in_the_asked_order_and_size(tmp_path: Path) -> None:
    sheets = [Image.new("RGB", (400, 600), "white") for _ in range(5)]
    for number, sheet in enumerate(sheets, 1):
        ImageDraw.Draw(sheet).rectangle((0, 0, 40 * number, 40), fill="black")
    path = tmp_path / "scan.pdf"
    sheets[0].save(path, save_all=True, append_images=sheets[1:], resolution=72)
    found = list(pages(path, [4, 2], pixels=60_000))
    assert [(page.number, page.of, page.words, page.points) for page in found] == [
        (4, 5, (), (400, 600)),
        (2, 5, (), (400, 600)),
    ]
    assert all(page.image.width * page.image.height <= 60_500 for page in found)
    assert ink(found[0])[2] == pytest.approx(2 * ink(found[1])[2], abs=2)
    with pytest.raises(UserError, match=r"scan\.pdf has 5 pages, so there is no page 6"):
        next(pages(path, [1, 6]))  # before the first is read


def test_a_locked_file_says_so_and_opens_with_its_password() -> None:
    with pytest.raises(PasswordNeeded, match="needs a password"):
        list(pages(LOCKED))
    with pytest.raises(PasswordNeeded, match="is wrong"):
        list(pages(LOCKED, password="sesame"))
    (page,) = pages(LOCKED, password="opensesame")
    assert [word.text for word in page.words] == ["Locked", "words"]


def test_what_is_no_pdf_or_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fake.pdf"
    path.write_text("hello")
    with pytest.raises(UserError, match=r"fake\.pdf is no PDF or picture"):
        list(pages(path))
    with pytest.raises(UserError, match="no file"):
        list(pages(tmp_path / "gone.pdf"))


def test_pictures_are_pages_too_upright_and_without_holes(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    exif = picture.getexif()
    exif[0x0112] = 6  # held on its side
    picture.save(tmp_path / "side.png", exif=exif)
    (page,) = pages(tmp_path / "side.png")
    assert (page.image.size, page.image.getpixel((0, 0)), page.points) == ((20, 30), (255, 255, 255), None)
    sheets = [Image.new("L", (9, 9), grey) for grey in (0, 100, 200)]
    sheets[0].save(tmp_path / "fax.tiff", save_all=True, append_images=sheets[1:])
    assert [page.image.getpixel((0, 0)) for page in pages(tmp_path / "fax.tiff", [3, 1])] == [(200,) * 3, (0,) * 3]
