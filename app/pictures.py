"""Pictures and videos of a chat: what the model sees of them, and places in its words."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageOps

from model.families import MAX_RATIO, Family, Grid, smart_resize
from model.parsing import ParseError
from model.parsing.documents import parse_document
from model.parsing.grounding import Found, parse_grounding
from tools.documents import flat
from tools.errors import UserError
from tools.geometry import Box, Point, Size

MAX_PIXELS = 50_000_000  # of one picture; a 493 KB PNG can hold 169 million, which cost 1.3 GB
PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "ICO")  # what Pillow may take a file for


def read_picture(path: Path) -> Image.Image:
    """The picture in a file, upright, as the person sees it; of a moving GIF the first frame.

    Raises UserError when there is nothing to see in it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is lower
            with Image.open(path, formats=PICTURES) as file:
                check_size(path.name, Size(*file.size))
                return flat(ImageOps.exif_transpose(file))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            f"{path.name} is no picture that can be read; give PNG, JPEG, WebP, GIF or BMP",
            f"{path.name} 不是可读取的图片；请使用 PNG、JPEG、WebP、GIF 或 BMP",
        ) from error


def check_size(name: str, size: Size) -> None:
    """Raises UserError for what no model takes."""
    width, height = size.width, size.height
    if width * height > MAX_PIXELS:
        raise UserError(
            f"{name} has {size} pixels; make it {MAX_PIXELS // 10**6} million or fewer",
            f"{name} 有 {size} 像素；请缩小到 {MAX_PIXELS // 10**6} 百万像素以内",
        )
    if max(width, height) > MAX_RATIO * min(width, height):
        raise UserError(
            f"{name} is {size}, over {MAX_RATIO} times longer than wide; crop it first",
            f"{name} 的尺寸为 {size}，长边超过短边的 {MAX_RATIO} 倍；请先裁剪",
        )


def grid(size: Size, family: Family, tokens: int) -> Grid:
    """Where a picture lands when it may cost at most so many tokens; 0: as many as the family allows.

    Never fewer than the family's least: the model would make the picture that large again.
    """
    most = max(family.min_pixels, min(family.max_pixels, tokens * family.factor**2)) if tokens else family.max_pixels
    made = smart_resize(size, family.factor, family.min_pixels, most)
    return Grid(size, family.grid(made).resized, family)  # rounding down can leave fewer than the family's least


def seen(picture: Image.Image, family: Family, tokens: int) -> Image.Image:
    """The picture within its budget; the model's own resize then leaves it as it is."""
    if not tokens:
        return picture
    resized = grid(Size(*picture.size), family, tokens).resized
    if (resized.width, resized.height) == picture.size:
        return picture
    return picture.resize((resized.width, resized.height), Image.Resampling.BICUBIC)


def video_grid(size: Size, frames: int, family: Family, tokens: int) -> Grid:
    """The same for the frames of a video; tokens: of two frames, which are seen as one."""
    most = min(tokens, family.video_max_tokens) if tokens else family.video_max_tokens
    made = replace(family, video_max_tokens=most).video_grid(size, frames).resized
    return Grid(size, family.video_grid(made, frames).resized, family, frames)


def seen_frames(frames: Sequence[Image.Image], family: Family, tokens: int) -> tuple[Image.Image, ...]:
    if not tokens:
        return tuple(frames)
    resized = video_grid(Size(*frames[0].size), len(frames), family, tokens).resized
    size = (resized.width, resized.height)
    return tuple(frame.resize(size, Image.Resampling.BICUBIC) for frame in frames)


def in_words(place: Point | Box, where: Grid) -> str:
    """A place of the picture as the family writes it."""
    corners = [place] if isinstance(place, Point) else [Point(place.left, place.top), Point(place.right, place.bottom)]
    numbers = [round(number) for corner in corners for number in where.from_pixels(corner)]
    if len(numbers) == 2:
        return f"({numbers[0]}, {numbers[1]})"
    if where.family.name == "qwen2-vl":
        return f"({numbers[0]},{numbers[1]}),({numbers[2]},{numbers[3]})"
    return f"[{', '.join(map(str, numbers))}]"


def pointed_out(reply: str, where: Grid) -> list[Found]:
    """What a reply, perhaps not all of it yet, points at: named boxes and points, or the blocks of a page."""
    try:
        if "data-bbox" in reply:
            blocks = parse_document(reply, where)
            return [Found(block.text or block.kind, block.box) for block in blocks if block.box]
        return list(parse_grounding(reply, where))
    except ParseError:
        return []
