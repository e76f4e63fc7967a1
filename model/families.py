"""What differs between the Qwen-VL families: patches, pixel budget, coordinate space, prompt words; and Grid, the map to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tools.geometry import Point, Size

MAX_RATIO = 200  # longest to shortest side; beyond it the official resize refuses


@dataclass(frozen=True)
class Family:
    name: Literal["qwen2-vl", "qwen2.5-vl", "qwen3-vl", "tiny"]
    space: Literal["pixels", "thousandths"]  # of the resized picture, or 0..1000 of either side
    patch: int = 14  # pixels along one side of a patch
    merge: int = 2  # patches along one side of a token
    temporal_patch: int = 2  # frames in one patch
    min_pixels: int = 4 * 28 * 28
    max_pixels: int = 16384 * 28 * 28
    tool_prompt: Literal["full", "compact"] = "full"  # compact: the model knows its tools by training
    images_kept: int = 6  # screenshots in the prompt before the oldest are dropped
    images_dropped: int = 3  # how many go at once, so that the prefix stays the same in between
    device_scale: float = 1.0  # what the browser should render at for this model to read well

    @property
    def factor(self) -> int:
        """Both sides of a resized picture are multiples of this: one token's side in pixels."""
        return self.patch * self.merge

    def grid(self, original: Size) -> Grid:
        """Where a picture of this size lands when the model looks at it."""
        return Grid(original, smart_resize(original, self.factor, self.min_pixels, self.max_pixels), self)


QWEN2_VL = Family("qwen2-vl", "thousandths")
QWEN2_5_VL = Family("qwen2.5-vl", "pixels")
QWEN3_VL = Family("qwen3-vl", "thousandths", patch=16, min_pixels=4 * 32 * 32, max_pixels=16384 * 32 * 32)
TINY = Family(
    "tiny",
    "pixels",
    max_pixels=1280 * 28 * 28,
    tool_prompt="compact",
    images_kept=1,
    images_dropped=1,
    device_scale=2.0,
)
FAMILIES = {family.name: family for family in (QWEN2_VL, QWEN2_5_VL, QWEN3_VL, TINY)}


def smart_resize(size: Size, factor: int, min_pixels: int, max_pixels: int) -> Size:
    """The size nearest to `size` whose sides are multiples of `factor` and whose area is within the budget.

    Raises ValueError when one side is over 200 times the other.
    Source: qwen-vl-utils `smart_resize`; Python's round-half-to-even is part of the rule.
    """
    width, height = size.width, size.height
    if max(width, height) > MAX_RATIO * min(width, height):
        raise ValueError(f"a {size} picture is over {MAX_RATIO} times longer than wide; crop it first")
    w, h = (max(factor, round(side / factor) * factor) for side in (width, height))
    if w * h > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        w, h = (max(factor, math.floor(side / shrink / factor) * factor) for side in (width, height))
    elif w * h < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        w, h = (math.ceil(side * grow / factor) * factor for side in (width, height))
    return Size(w, h)


@dataclass(frozen=True)
class Grid:
    """Maps between a picture's own pixels and the coordinates a model speaks, both ways."""

    original: Size
    resized: Size
    family: Family

    @property
    def patches(self) -> tuple[int, int, int]:
        """Patches along time, height and width: one row of `image_grid_thw`."""
        return (1, self.resized.height // self.family.patch, self.resized.width // self.family.patch)

    @property
    def tokens(self) -> int:
        _, rows, columns = self.patches
        return rows * columns // self.family.merge**2

    @property
    def spoken(self) -> Size:
        """The size of the space the model speaks in."""
        return self.resized if self.family.space == "pixels" else Size(1000, 1000)

    def to_pixels(self, x: float, y: float) -> Point:
        """What the model said -> the picture's own pixels."""
        return Point(x * self.original.width / self.spoken.width, y * self.original.height / self.spoken.height)

    def from_pixels(self, point: Point) -> tuple[float, float]:
        """The picture's own pixels -> what the model would say (not rounded)."""
        return (
            point.x * self.spoken.width / self.original.width,
            point.y * self.spoken.height / self.original.height,
        )
