"""Pictures and frames -> the rows of patches a Qwen-VL tower reads, and the Grid that maps them back to pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from model.families import Family, Grid
from model.messages import ImagePart, VideoPart
from tools.geometry import Size

Picture = Image.Image | NDArray[np.uint8] | Tensor
Bytes = NDArray[np.uint8]

ORIENTATION = 0x0112  # the EXIF tag that says how a camera was held
WORTH_SPLITTING = 1_000_000  # bytes of pixels; below it starting threads costs more than they save
MOST_THREADS = 8
BLOCK = 256  # rows normalised at once, so that they are still in the cache when they are written


@dataclass(frozen=True)
class Patches:
    """One picture or video, ready for the tower."""

    # (N, 3 * frames * patch * patch) uint8 in the tower's order: merge blocks row by row, and in a row of the tensor
    # channel, frame, height, width. A picture keeps one frame here although the tower reads it twice.
    pixels: Tensor
    grid: Grid

    def values(self) -> Tensor:
        """What transformers calls pixel_values: (N, 3 * temporal_patch * patch * patch) float32, normalised."""
        family = self.grid.family
        std = np.array(family.std, np.float32).reshape(3, 1, 1)
        scale = np.float32(1) / (255 * std)
        shift = -np.array(family.mean, np.float32).reshape(3, 1, 1) / std
        rows = self.pixels.numpy().reshape(len(self.pixels), 3, -1, family.patch**2)
        # NumPy asks for huge pages, torch does not: a third of the time on a large screenshot.
        out = np.empty((len(rows), 3, family.temporal_patch, family.patch**2), np.float32)

        def fill(cut: tuple[int, int]) -> None:
            for start in range(*cut, BLOCK):
                part = slice(start, min(start + BLOCK, cut[1]))
                block = rows[part] * scale
                block += shift
                out[part] = block  # one frame fills both places

        parts = _threads(self.pixels.numel())
        _each(fill, _cuts(len(rows), parts), parts)
        return torch.from_numpy(out.reshape(len(rows), -1))


def prepare(part: ImagePart | VideoPart, family: Family) -> Patches:
    """Raises ValueError for a picture over 200 times longer than wide, and for a video without frames."""
    match part:
        case ImagePart(image=image):
            return picture_patches(image, family)
        case VideoPart(frames=frames):
            return video_patches(frames, family)


def grid_of(part: ImagePart | VideoPart, family: Family) -> Grid:
    """Where the part lands when the model looks at it, without touching its pixels."""
    match part:
        case ImagePart(image=image):
            return family.grid(upright_size(image))
        case VideoPart(frames=()):
            raise ValueError("a video needs at least one frame")
        case VideoPart(frames=frames):
            return family.video_grid(upright_size(frames[0]), len(frames))


def picture_patches(picture: Picture, family: Family, threads: int | None = None) -> Patches:
    """picture: PIL of any mode; (H, W), (H, W, 3 or 4) or (3, H, W) uint8 as array or tensor.

    threads: the bytes are the same for any number; None takes what pays for a picture of this size.
    """
    image = rgb(picture)
    grid = family.grid(Size(*image.size))
    rows = _rows(grid, frames=1)
    _fill(rows[0, ..., 0, :, :], image, family, threads or _threads(rows.size))
    return _finish(rows, grid)


def video_patches(frames: Sequence[Picture], family: Family) -> Patches:
    """frames: all of one size. An odd one out at the end is shown twice."""
    if not frames:
        raise ValueError("a video needs at least one frame")
    first = rgb(frames[0])
    grid = family.video_grid(Size(*first.size), len(frames))
    depth = family.temporal_patch
    rows = _rows(grid, frames=depth)

    def place(index: int) -> None:
        image = rgb(frames[min(index, len(frames) - 1)])
        if image.size != first.size:
            raise ValueError(f"frame {index} is {Size(*image.size)} in a video of {Size(*first.size)} frames")
        _fill(rows[index // depth, ..., index % depth, :, :], image, family, threads=1)

    _each(place, range(grid.patches[0] * depth), _threads(rows.size))
    return _finish(rows, grid)


def rgb(picture: Picture) -> Image.Image:
    """The picture upright, on white, eight bits a colour."""
    image = picture if isinstance(picture, Image.Image) else _from_array(picture)
    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)  # takes the tag away too: a second call changes nothing
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith(("I", "F")):
        return _from_deep(image).convert("RGB")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours).convert("RGB")
    return image.convert("RGB")


def upright_size(picture: Picture) -> Size:
    """The size after `rgb`, for the price of reading a tag."""
    image = picture if isinstance(picture, Image.Image) else _from_array(picture)
    width, height = image.size
    return Size(height, width) if _orientation(image) >= 5 else Size(width, height)


def resized(picture: Picture, family: Family) -> Image.Image:
    """The picture as the model sees it."""
    image = rgb(picture)
    size = family.grid(Size(*image.size)).resized
    return image.resize((size.width, size.height), Image.Resampling.BICUBIC)


def _orientation(image: Image.Image) -> int:
    """1 to 8 as EXIF has it; 5 and above lie on their side. Anything else counts as upright."""
    tag = image.getexif().get(ORIENTATION, 1)
    return tag if tag in range(1, 9) else 1


def _from_array(picture: Bytes | Tensor) -> Image.Image:
    is_tensor = isinstance(picture, Tensor)
    array = picture.cpu().numpy() if isinstance(picture, Tensor) else picture
    if array.ndim == 3 and array.shape[0] == 3 and (is_tensor or array.shape[2] not in (3, 4)):
        array = array.transpose(1, 2, 0)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(f"a picture is (H, W, 3) or (3, H, W) uint8, not {array.shape} {array.dtype}")
    return Image.fromarray(np.ascontiguousarray(array))


def _from_deep(image: Image.Image) -> Image.Image:
    """Grey of more than eight bits: PIL would cut everything above 255 off instead of scaling it."""
    array = np.asarray(image)
    is_deep = image.mode.startswith("I;16") or (array.size > 0 and array.max() > 255)
    scaled = array / 257 if is_deep else array
    return Image.fromarray(scaled.clip(0, 255).round().astype(np.uint8))


def _rows(grid: Grid, frames: int) -> Bytes:
    """Room for all patches: (T, rows, columns, merge, merge, 3, frames, patch, patch), rows and columns of tokens."""
    merge, patch = grid.family.merge, grid.family.patch
    times, high, wide = grid.patches
    return np.empty((times, high // merge, wide // merge, merge, merge, 3, frames, patch, patch), np.uint8)


def _finish(rows: Bytes, grid: Grid) -> Patches:
    count = grid.tokens * grid.family.merge**2
    return Patches(torch.from_numpy(rows.reshape(count, -1)), grid)


def _fill(out: Bytes, image: Image.Image, family: Family, threads: int) -> None:
    """Resize the picture and lay it into (rows, columns, merge, merge, 3, patch, patch).

    Bicubic runs along one side and then along the other, rounding in between: rows are independent while it runs
    along them, columns likewise, so cutting the picture accordingly gives the bytes of one whole resize.
    """
    rows, columns, merge, _, _, patch, _ = out.shape
    factor, width, height = family.factor, columns * family.factor, rows * family.factor

    def lay(strip: Image.Image, row: slice, column: slice) -> None:
        cells = np.asarray(strip).reshape(
            row.stop - row.start, merge, patch, column.stop - column.start, merge, patch, 3
        )
        out[row, column] = cells.transpose(0, 3, 1, 4, 6, 2, 5)

    def widen(cut: tuple[int, int]) -> Image.Image:
        return _resize(_crop(image, 0, cut[0], image.width, cut[1]), width, cut[1] - cut[0])

    def heighten(cut: tuple[int, int]) -> Image.Image:
        return _resize(_crop(image, cut[0], 0, cut[1], image.height), cut[1] - cut[0], height)

    def finish_columns(cut: tuple[int, int]) -> None:
        left, right = cut[0] * factor, cut[1] * factor
        lay(_resize(_crop(wide, left, 0, right, wide.height), right - left, height), slice(0, rows), slice(*cut))

    def finish_rows(cut: tuple[int, int]) -> None:
        top, bottom = cut[0] * factor, cut[1] * factor
        lay(_resize(_crop(high, 0, top, high.width, bottom), width, bottom - top), slice(*cut), slice(0, columns))

    if threads == 1:
        lay(_resize(image, width, height), slice(0, rows), slice(0, columns))
    elif image.height == height or not _is_height_first(image.size, (width, height)):
        wide = image if image.width == width else _stack(_each(widen, _cuts(image.height, threads), threads))
        _each(finish_columns, _cuts(columns, threads), threads)
    else:
        high = _beside(_each(heighten, _cuts(image.width, threads), threads))
        _each(finish_rows, _cuts(rows, threads), threads)


def _resize(image: Image.Image, width: int, height: int) -> Image.Image:
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BICUBIC)


@lru_cache(maxsize=64)
def _is_height_first(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Does Pillow resize along the height before it does along the width, for these sizes?

    Until version 12 it never did; since then it depends on the sizes by a rule of its own, so it is asked.
    """
    dust = np.random.default_rng(0).integers(0, 256, before[::-1], np.uint8)
    image = Image.fromarray(dust)
    whole = np.asarray(_resize(image, *after))
    rows_first = _resize(_resize(image, after[0], before[1]), *after)
    return not np.array_equal(whole, np.asarray(rows_first))


def _crop(image: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    whole = (left, top, right, bottom) == (0, 0, *image.size)
    return image if whole else image.crop((left, top, right, bottom))


def _stack(strips: list[Image.Image]) -> Image.Image:
    if len(strips) == 1:
        return strips[0]
    out = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)), None)
    top = 0
    for strip in strips:
        out.paste(strip, (0, top))
        top += strip.height
    return out


def _beside(strips: list[Image.Image]) -> Image.Image:
    if len(strips) == 1:
        return strips[0]
    out = Image.new("RGB", (sum(strip.width for strip in strips), strips[0].height), None)
    left = 0
    for strip in strips:
        out.paste(strip, (left, 0))
        left += strip.width
    return out


def _cuts(length: int, parts: int) -> list[tuple[int, int]]:
    """[0, length) in so many even pieces, or fewer when there is less to cut."""
    parts = min(parts, length)
    edges = [index * length // parts for index in range(parts + 1)]
    return list(pairwise(edges))


def _threads(work: int) -> int:
    """As many as this process may have, for so many bytes of pixels."""
    if work < WORTH_SPLITTING:
        return 1
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST_THREADS)


def _each(do: Callable[[Any], Any], items: Iterable[Any], threads: int) -> list[Any]:
    """In threads, as PIL and NumPy let go of the interpreter while they work."""
    if threads == 1:
        return [do(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(do, items))
