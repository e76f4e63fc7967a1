"""PDF and picture files as pages: what each looks like, and the words that its text layer holds."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from tools.apart import apart
from tools.errors import UserError
from tools.geometry import Box, Size

PAGE_PIXELS = 1536 * 1536  # of one rendered page: letters of 8 points are 14 pixels high on A4
POINTS_PER_INCH = 72
MOST_PIXELS = 50_000_000  # of a picture; a PNG of 493 KB can hold 169 million, which cost 1.3 GB
MOST_SCALE = 300 / POINTS_PER_INCH  # small pages are not blown up beyond what a scanner gives
HYPHEN, NOTHING = "\x02", "\x00"  # how the reader writes a hyphen that ends a line, and what is no letter

Sent = tuple[dict[str, Any], Image.Image | None]  # from the child process


class PasswordNeeded(UserError):
    """The file is encrypted, and no password or a wrong one was given."""


@dataclass(frozen=True)
class Word:
    text: str
    box: Box  # pixels of the page's image


@dataclass(frozen=True)
class Page:
    number: int  # from 1
    of: int  # pages of the whole file
    image: Image.Image
    points: tuple[float, float] | None  # width and height on paper, 1/72 inch; None for a picture
    words: tuple[Word, ...]  # of the text layer, in its order; none when scanned


def pages(
    path: Path, numbers: Sequence[int] | None = None, *, password: str = "", pixels: int = PAGE_PIXELS
) -> Generator[Page, None, None]:
    """The pages of a file; None: all of them. A picture is one page, a TIFF may have more.

    pixels: what a page of a PDF file is rendered to at most; a picture keeps its size. Raises UserError for what is
    no such file or has no such page, PasswordNeeded, and tools.apart.Stuck for what takes too much time or memory.
    """
    if not path.is_file():
        raise UserError(f"no file at {path}")
    given = {"path": str(path), "numbers": numbers and list(numbers), "password": password, "pixels": pixels}
    for item, image in apart("tools.documents:read", given):
        if item.get("locked"):
            wrong = "the password is wrong" if password else "it needs a password"
            raise PasswordNeeded(f"{path.name} is encrypted, and {wrong}", f"{path.name} 已加密，需要正确的密码")
        assert image is not None
        words = tuple(Word(text, Box(*corners)) for text, *corners in item["words"])
        yield Page(item["number"], item["of"], image, tuple(item["points"]) if item["points"] else None, words)


def read(path: str, numbers: list[int] | None, password: str, pixels: int) -> Iterator[Sent]:
    """What the child process does."""
    with Path(path).open("rb") as file:  # by content: a name may lie
        is_pdf = b"%PDF-" in file.read(1024)
    yield from read_pdf(path, numbers, password, pixels) if is_pdf else read_picture(path, numbers)


def asked(name: str, count: int, numbers: list[int] | None) -> Sequence[int]:
    """The numbers of the pages asked for, from 1. Raises UserError, before any page is read, if one is not there."""
    wanted = numbers if numbers is not None else range(1, count + 1)
    for number in wanted:
        if not 1 <= number <= count:
            raise UserError(
                f"{name} has {count} page{'s' * (count > 1)}, so there is no page {number}",
                f"{name} 共 {count} 页，没有第 {number} 页",
            )
    return wanted


def read_pdf(path: str, numbers: list[int] | None, password: str, pixels: int) -> Iterator[Sent]:
    import pypdfium2

    name = Path(path).name
    try:
        pdf = pypdfium2.PdfDocument(path, password=password or None)
        pdf.init_forms()  # what was filled in is drawn too
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            yield {"locked": True}, None
            return
        raise UserError(f"{name} is no PDF file that can be read", f"{name} 不是可读取的 PDF 文件") from error
    for number in asked(name, len(pdf), numbers):
        try:
            yield render(pdf[number - 1], number, len(pdf), pixels)
        except pypdfium2.PdfiumError as error:
            raise UserError(f"page {number} of {name} cannot be drawn: {error}") from error


def read_picture(path: str, numbers: list[int] | None) -> Iterator[Sent]:
    name = Path(path).name
    try:
        with Image.open(path) as file:
            count = int(getattr(file, "n_frames", 1)) if file.format == "TIFF" else 1
            for number in asked(name, count, numbers):
                file.seek(number - 1)
                if file.width * file.height > MOST_PIXELS:
                    raise too_large(name, f"{file.width}x{file.height}")
                image = flat(ImageOps.exif_transpose(file))
                yield {"number": number, "of": count, "points": None, "words": []}, image
    except Image.DecompressionBombError as error:
        raise too_large(name, "far too many") from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"{name} is no PDF or picture that can be read; give PDF, PNG, JPEG, WebP or TIFF",
            f"{name} 不是可读取的 PDF 或图片；请使用 PDF、PNG、JPEG、WebP 或 TIFF",
        ) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"{name} is damaged or not whole: {error}", f"{name} 已损坏或不完整") from error


def too_large(name: str, size: str) -> UserError:
    most = MOST_PIXELS // 10**6
    return UserError(
        f"{name} has {size} pixels; make it {most} million or fewer", f"{name} 的像素过多，请缩小到 {most} 百万以内"
    )


def flat(picture: Image.Image) -> Image.Image:
    """RGB, with white where it was transparent."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def render(page: Any, number: int, count: int, pixels: int) -> Sent:
    width, height = page.get_size()
    scale = min(MOST_SCALE, (pixels / max(1.0, width * height)) ** 0.5)
    image = page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
    found = words_of(page, Size(*image.size))
    return {"number": number, "of": count, "points": [width, height], "words": found}, image


def words_of(page: Any, size: Size) -> list[list[Any]]:
    """[text, left, top, right, bottom] in pixels of the image; a word ends at a space or a new line."""
    import pypdfium2.raw as raw

    layer = page.get_textpage()
    found: list[list[Any]] = []
    is_open = False
    for index in range(layer.count_chars()):
        letter = chr(raw.FPDFText_GetUnicode(layer, index)).replace(HYPHEN, "-")
        if letter.isspace() or letter == NOTHING:
            is_open = False
            continue
        left, top, right, bottom = on_image(page, layer.get_charbox(index, loose=True), size)
        if is_open:
            text, *so_far = found[-1]
            left, top = min(left, so_far[0]), min(top, so_far[1])
            right, bottom = max(right, so_far[2]), max(bottom, so_far[3])
            found[-1] = [text + letter, left, top, right, bottom]
        else:
            found.append([letter, left, top, right, bottom])
        is_open = True
    return [[whole(text), *corners] for text, *corners in found]


def whole(text: str) -> str:
    """With the halves that letters beyond the first 65,536 come in put together."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def on_image(page: Any, corners: Sequence[float], size: Size) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of the page's own space, in pixels of its image however the page is turned."""
    import ctypes

    import pypdfium2.raw as raw

    xs, ys = [], []
    for x, y in ((corners[0], corners[1]), (corners[2], corners[3])):
        right, down = ctypes.c_int(), ctypes.c_int()
        # in hundredths, as it rounds to whole numbers
        raw.FPDF_PageToDevice(page, 0, 0, size.width * 100, size.height * 100, 0, x, y, right, down)
        xs.append(right.value / 100)
        ys.append(down.value / 100)
    return min(xs), min(ys), max(xs), max(ys)
