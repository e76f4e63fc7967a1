"""What the agent needs of a computer: look at it, do one thing to it, let go of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from PIL import Image

from tools.actions import Action
from tools.geometry import Size


class ActionFailed(Exception):
    """An action could not be done; the text is written for the model and says what to do instead."""


class EnvironmentLost(Exception):
    """The browser or screen is gone and no further action can be done; the run ends."""


@dataclass(frozen=True)
class Screenshot:
    image: Image.Image  # RGB, physical pixels: the space of every point an Environment is given
    title: str = ""
    url: str = ""

    @property
    def size(self) -> Size:
        return Size(*self.image.size)

    @cached_property
    def digest(self) -> str:
        """Of the size and the raw pixels; equal screens have equal digests."""
        pixels = hashlib.blake2b(self.image.tobytes(), digest_size=16)
        pixels.update(str(self.image.size).encode())
        return pixels.hexdigest()


class Environment(Protocol):
    def screenshot(self) -> Screenshot:
        """The screen as it is now, after it has come to rest. Raises EnvironmentLost."""
        ...

    def perform(self, action: Action) -> str:
        """Do it and wait until the screen rests; points are pixels of the last screenshot.

        Returns what a person would have noticed beside the picture (a tab opened, a dialog answered, a
        file saved), or "" when there is nothing to say. Raises ActionFailed, EnvironmentLost.
        """
        ...

    def close(self) -> None:
        """Release every key and button and end what was started; may be called twice."""
        ...
