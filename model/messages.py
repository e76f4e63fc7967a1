"""What is said to a model: messages of text, images and videos, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL import Image

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class ImagePart:
    image: Image.Image  # any mode and size; the model's own resize happens in model/preprocess.py, once


@dataclass(frozen=True)
class VideoPart:
    frames: tuple[Image.Image, ...]  # all of one size
    times_s: tuple[float, ...]  # when each frame is seen, seconds from the start, rising


Part = str | ImagePart | VideoPart


@dataclass(frozen=True)
class Message:
    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part for part in self.parts if isinstance(part, str))


def system(text: str) -> Message:
    return Message("system", (text,))


def user(*parts: Part) -> Message:
    return Message("user", parts)


def assistant(text: str) -> Message:
    return Message("assistant", (text,))
