"""A folder of pictures as a video: their names tell the times, or so many of them are one second."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageOps

from tools.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
KINDS = ("PNG", "JPEG", "WEBP", "BMP")
NUMBER = r"\d{1,6}"
CLOCK = re.compile(rf"(?<!\d)({NUMBER})[-_h](\d\d)[-_m](\d\d(?:[.,]\d{{1,6}})?)s?$")  # 00-01-02.500, 0h01m02.5s
SECONDS = re.compile(rf"(?<![\d.])({NUMBER}(?:\.\d{{1,6}})?)s$|(?<![\d.])({NUMBER}\.\d{{1,6}})$")  # 12.5, shot-3s
DIGITS = re.compile(r"(\d+)")


class Stills:
    """Only a child process has one (see tools/apart.py). fps: of pictures whose names tell no times.

    Raises UserError when the folder holds no pictures.
    """

    def __init__(self, folder: Path, fps: float) -> None:
        files = sorted((file for file in folder.iterdir() if file.suffix.lower() in ENDINGS), key=in_order)
        if not files:
            raise UserError(
                f"{folder.name} holds no pictures; give a folder of PNG, JPEG, WebP or BMP files",
                f"{folder.name} 中没有图片；请使用包含 PNG、JPEG、WebP 或 BMP 的文件夹",
            )
        told = [time_of(file.stem) for file in files]
        times = [time for time in told if time is not None]
        if len(times) < len(files):
            times = [index / fps for index in range(len(files))]
        self.on = sorted(zip(times, files, strict=True))

    def facts(self) -> dict[str, Any]:
        times = [time for time, _ in self.on]
        length = times[-1] - times[0]
        fps = (len(times) - 1) / length if length else 0.0
        return {"size": picture(self.on[0][1]).size, "fps": fps, "codec": "pictures", "has_subtitles": False}

    def seconds(self) -> float:
        """The last one stays as long as most do."""
        times = [time for time, _ in self.on]
        gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
        return times[-1] + (median(gaps) if gaps else 1.0)

    def shown(self, times_s: Sequence[float], pixels: int) -> Iterator[tuple[float, Image.Image]]:
        """For each second the last picture that came on by then; before the first one, the first."""
        at = 0
        for wanted in times_s:
            while at + 1 < len(self.on) and self.on[at + 1][0] <= wanted + 1e-6:
                at += 1
            yield self.on[at][0], shrunk(picture(self.on[at][1]), pixels)

    def small(self, begin_s: float, size: tuple[int, int]) -> Iterator[tuple[float, Any]]:
        """Every picture from there on, so small: (seconds, picture)."""
        yield from ((at_s, picture(file).resize(size)) for at_s, file in self.on if at_s >= begin_s)

    def close(self) -> None:
        """Nothing is held open."""


def time_of(stem: str) -> float | None:
    """ "00-01-02.500" -> 62.5, "shot_12.50" -> 12.5, "3s" -> 3.0; None for "frame_0001", which only counts."""
    if match := CLOCK.search(stem):
        hours, minutes, seconds = (float(part.replace(",", ".")) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds
    match = SECONDS.search(stem)
    return float(match[1] or match[2]) if match else None


def in_order(file: Path) -> list[tuple[int, str]]:
    """frame2 comes before frame10."""
    return [(int(part) if part.isdigit() else 0, part) for part in DIGITS.split(file.stem.lower())]


def picture(file: Path) -> Image.Image:
    try:
        with Image.open(file, formats=KINDS) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{file.name} is no picture that can be read") from error


def shrunk(image: Image.Image, pixels: int) -> Image.Image:
    """To at most so many pixels."""
    scale = min(1.0, (pixels / (image.width * image.height)) ** 0.5)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if scale == 1 else image.resize(size, Image.Resampling.BICUBIC)
