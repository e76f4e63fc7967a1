"""Files that a person gives to a chat: which kind each is, and the pictures and videos that it brings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from PIL import Image

from agent.reading import Video, read_video
from app.pictures import PICTURES, check_size, read_picture
from model.families import Family
from tools.apart import Stuck
from tools.documents import pages
from tools.errors import UserError
from tools.geometry import Size
from tools.video import Facts, facts

MOST_FILES = 16  # in one turn; and so many pictures, of which every page is one
UPLOADS = ["image", "video", ".mkv", ".pdf"]  # in Gradio's words; Python knows no .mkv everywhere


@dataclass(frozen=True)
class Cut:
    """A PDF file with more pages than there was room for."""

    name: str
    shown: int
    count: int


@dataclass(frozen=True)
class Given:
    pictures: tuple[Image.Image, ...] = ()
    videos: tuple[Video, ...] = ()
    cuts: tuple[Cut, ...] = ()


def read_files(
    paths: Sequence[Path], family: Callable[[], Family], fps: float, numbers: Sequence[int] | None = None
) -> Given:
    """What the files bring, in their order. Raises UserError.

    family: asked only for a video, whose bounds are its own. numbers: the pages of a PDF file; None: from the first on.
    """
    pictures: list[Image.Image] = []
    videos: list[Video] = []
    cuts: list[Cut] = []
    for number, path in enumerate(paths, 1):
        match kind(path):
            case "picture":
                pictures.append(read_picture(path))
            case "pages":
                after = len(paths) - number  # each of these files has a place
                room = max(1, MOST_FILES - len(pictures) - after)
                shown, count = read_pages(path, room, numbers)
                pictures += shown
                cuts += [Cut(path.name, len(shown), count)] * (len(shown) < count)
            case Facts() as found:
                check_size(path.name, found.size)
                videos.append(read_video(path, found, family(), fps))
    return Given(tuple(pictures), tuple(videos), tuple(cuts))


def kind(path: Path) -> Literal["picture", "pages"] | Facts:
    """What a file is, by what is in it and not by its name; of a video, its facts. Raises UserError for others."""
    with path.open("rb") as file:
        if b"%PDF-" in file.read(1024):
            return "pages"
    if is_picture(path):
        return "picture"
    try:
        return facts(path)
    except Stuck:
        raise
    except UserError as error:
        kinds = "PNG, JPEG, WebP, GIF, BMP, PDF, MP4, WebM, MKV, AVI, MOV"
        raise UserError(
            f"{path.name} is no picture, PDF file or video that can be read; give {kinds}",
            f"{path.name} 不是可读取的图片、PDF 文件或视频；请使用 {kinds}",
        ) from error


def is_picture(path: Path) -> bool:
    try:
        with Image.open(path, formats=PICTURES):
            return True
    except Image.DecompressionBombError:
        return True  # and told so when it is read
    except (OSError, ValueError, SyntaxError):
        return False


def read_pages(path: Path, most: int, numbers: Sequence[int] | None = None) -> tuple[list[Image.Image], int]:
    """The first of the pages, and how many were asked for. Raises UserError."""
    shown = list(islice(pages(path, numbers), most))
    if not shown:
        raise UserError(f"{path.name} has no pages", f"{path.name} 没有页面")
    for page in shown:
        check_size(f"page {page.number} of {path.name}", Size(*page.image.size))
    return [page.image for page in shown], shown[0].of if numbers is None else len(numbers)
