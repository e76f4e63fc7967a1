"""What differs between the Qwen-VL families (patches, pixels, coordinates, words), and Grid, the map to pixels."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from tools.errors import UserError
from tools.geometry import Point, Size

MAX_RATIO = 200  # longest to shortest side; beyond it the official resize refuses
Colour = tuple[float, float, float]  # red, green, blue, each 0..1

log = logging.getLogger(__name__)


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
    viewport: Size = Size(1288, 812)  # of a page, in CSS pixels; a multiple of `factor`, so that nothing is resized
    mean: Colour = (0.48145466, 0.4578275, 0.40821073)  # CLIP's, subtracted from every pixel
    std: Colour = (0.26862954, 0.26130258, 0.27577711)
    stop: tuple[str, ...] = ("<|im_end|>", "<|endoftext|>")  # tokens that end a reply
    default_system: str | None = "You are a helpful assistant."  # said when nothing else is; None: no such turn
    tokens_per_second: float | None = None  # time ids of a video; None: they count its grids instead
    timestamps: bool = False  # the seconds of every grid of a video are written out before it
    video_min_tokens: int = 128  # of one grid (a pair of frames)
    video_max_tokens: int = 768
    video_tokens: int = 115_200  # of a whole video: 90 % of 128,000
    video_frames: int = 128  # that a chat takes of a long video; more would each be too small to be read

    @property
    def factor(self) -> int:
        """Both sides of a resized picture are multiples of this: one token's side in pixels."""
        return self.patch * self.merge

    def grid(self, original: Size) -> Grid:
        """Where a picture of this size lands when the model looks at it."""
        return Grid(original, smart_resize(original, self.factor, self.min_pixels, self.max_pixels), self)

    def video_grid(self, original: Size, frames: int) -> Grid:
        """Where a video of so many frames lands: every frame gets an even share of the video's tokens.

        Source: qwen-vl-utils `fetch_video`.
        """
        least = self.video_min_tokens * self.factor**2
        return Grid(original, smart_resize(original, self.factor, least, self.video_pixels(frames)), self, frames)

    def video_pixels(self, frames: int) -> int:
        """The most that one of so many frames may have."""
        area = self.factor**2
        share = self.video_tokens * area / frames * self.temporal_patch
        return int(max(min(self.video_max_tokens * area, share), self.video_min_tokens * area * 1.05))


QWEN2_VL = Family("qwen2-vl", "thousandths")
QWEN2_5_VL = Family("qwen2.5-vl", "pixels", tokens_per_second=2.0)
QWEN3_VL = Family(
    "qwen3-vl",
    "thousandths",
    patch=16,
    min_pixels=64 * 32 * 32,
    max_pixels=16384 * 32 * 32,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    default_system=None,
    timestamps=True,
    viewport=Size(1280, 800),
)
TINY = Family(
    "tiny",
    "pixels",
    tokens_per_second=2.0,
    max_pixels=1536 * 28 * 28,
    video_min_tokens=4,
    video_tokens=1536,  # as much as one picture
    video_frames=32,  # as many as it is taught with
    tool_prompt="compact",
    images_kept=1,
    images_dropped=1,
    device_scale=2.0,
    viewport=Size(392, 294),
)
FAMILIES = {family.name: family for family in (QWEN2_VL, QWEN2_5_VL, QWEN3_VL, TINY)}
MODEL_TYPES = {
    "qwen2_vl": QWEN2_VL,
    "qwen2_5_vl": QWEN2_5_VL,
    "qwen3_vl": QWEN3_VL,
    "qwen3_vl_moe": QWEN3_VL,  # differs inside the language model only
}

# Spelled without case, dots, dashes and sizes. Fara and GUI-Owl are Qwen-VL models trained further.
SPELLINGS = {
    "qwen25vl": QWEN2_5_VL,
    "qwen2vl": QWEN2_VL,
    "qwen3vl": QWEN3_VL,
    "tiny": TINY,
    "fara15": QWEN3_VL,
    "fara": QWEN2_5_VL,
    "guiowl15": QWEN3_VL,
    "guiowl": QWEN2_5_VL,
}


def spelled(name: str) -> Family | None:
    """The family that a model's name, hub id or folder begins with; None: it says none."""
    letters = re.sub(r"[^a-z0-9]", "", name[:200].rstrip("/").rsplit("/", 1)[-1].lower())
    return next((family for start, family in SPELLINGS.items() if letters.startswith(start)), None)


def family_of(config: dict[str, Any], preprocessor: dict[str, Any] | None = None) -> Family:
    """The family of a checkpoint, with the patches and pixel budget that its own files state.

    config: its config.json. preprocessor: its preprocessor_config.json or processor_config.json; None when it has
    neither, and then the published checkpoint's budget holds. Raises UserError for a model that is not a Qwen-VL one.
    """
    family = _published(config)
    if preprocessor is None:
        log.warning(
            "no preprocessor_config.json beside the weights: using the published %s budget of %d to %d pixels",
            family.name,
            family.min_pixels,
            family.max_pixels,
        )
    images = (preprocessor or {}).get("image_processor") or preprocessor or {}
    size = images.get("size") or {}
    vision = config.get("vision_config") or {}
    found: dict[str, Any] = {
        "patch": vision.get("patch_size") or vision.get("spatial_patch_size") or images.get("patch_size"),
        "merge": vision.get("spatial_merge_size") or images.get("merge_size"),
        "temporal_patch": vision.get("temporal_patch_size") or images.get("temporal_patch_size"),
        "min_pixels": images.get("min_pixels") or size.get("shortest_edge") or size.get("min_pixels"),
        "max_pixels": images.get("max_pixels") or size.get("longest_edge") or size.get("max_pixels"),
        "mean": tuple(images.get("image_mean") or ()),
        "std": tuple(images.get("image_std") or ()),
        "tokens_per_second": family.tokens_per_second and vision.get("tokens_per_second"),
    }
    family = replace(family, **{name: value for name, value in found.items() if value})
    if family.min_pixels > family.max_pixels:
        raise UserError(
            f"the checkpoint's preprocessor_config.json asks for at least {family.min_pixels} and at most "
            f"{family.max_pixels} pixels; set max_pixels above min_pixels there"
        )
    return family


def _published(config: dict[str, Any]) -> Family:
    name, model_type = str(config.get("handeye_family")), str(config.get("model_type"))
    if name in FAMILIES:
        return FAMILIES[name]
    if model_type in MODEL_TYPES:
        return MODEL_TYPES[model_type]
    known = ", ".join(MODEL_TYPES)
    raise UserError(f"the checkpoint's config.json says model_type {model_type!r}; Handeye runs {known}")


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
    frames: int = 1

    @property
    def patches(self) -> tuple[int, int, int]:
        """Patches along time, height and width: one row of `image_grid_thw` or `video_grid_thw`."""
        patch = self.family.patch
        times = -(-self.frames // self.family.temporal_patch)
        return (times, self.resized.height // patch, self.resized.width // patch)

    @property
    def tokens(self) -> int:
        return math.prod(self.patches) // self.family.merge**2

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
