"""Messages and sampling as an OpenAI-compatible server reads them; pictures in the size that the model sees.

A video goes as its frames, a picture each with its time in words before it: what servers take as a video differs, and
none takes the times of its frames.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from PIL import Image

from model.chat import GROUNDING
from model.families import QWEN2_VL, Family, Grid
from model.messages import ImagePart, Message, VideoPart, system
from model.preprocess import grid_of, rgb
from model.vlm import Sampling

CONTROL = re.compile(r"<\|(?=\w+\|>)")  # how a control token begins; said by a page it must stay words


@dataclass(frozen=True)
class Picture:
    """A picture in the size that the model sees, so that a server has nothing left to resize."""

    image: Image.Image
    grid: Grid

    @cached_property
    def uuid(self) -> str:
        """The same for the same pixels."""
        size = f"{self.image.width}x{self.image.height} "
        return blake2b(size.encode() + self.image.tobytes(), digest_size=16).hexdigest()

    @cached_property
    def url(self) -> str:
        out = io.BytesIO()
        self.image.save(out, "PNG", compress_level=1)
        return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


Said = str | Picture


@dataclass(frozen=True)
class Turn:
    role: str
    parts: tuple[Said, ...]


def turns(messages: Sequence[Message], family: Family) -> list[Turn]:
    """Raises ValueError for a picture over 200 times longer than wide, and for a video without frames."""
    if family.default_system is not None and (not messages or messages[0].role != "system"):
        messages = [system(family.default_system), *messages]  # servers differ in whether they add it
    return [Turn(message.role, tuple(said(message, family))) for message in messages]


def said(message: Message, family: Family) -> Iterator[Said]:
    for part in message.parts:
        match part:
            case str():
                yield harmless(part, own=message.role == "assistant")
            case ImagePart(image=image):
                yield resized(image, grid_of(part, family))
            case VideoPart(frames=frames, times_s=times):
                grid = grid_of(part, family)
                for frame, time in zip(frames, times, strict=True):
                    yield f"<{time:.1f} seconds>"
                    yield resized(frame, Grid(grid.original, grid.resized, family))


def resized(image: Image.Image, grid: Grid) -> Picture:
    upright = rgb(image)
    size = (grid.resized.width, grid.resized.height)
    return Picture(upright if upright.size == size else upright.resize(size, Image.Resampling.BICUBIC), grid)


def harmless(words: str, own: bool) -> str:
    """No control tokens: a server would read them as such. own: the model's words, where marks of places may stay."""
    return "".join(
        part if own and GROUNDING.fullmatch(part) else CONTROL.sub("<| ", part)
        for part in (GROUNDING.split(words) if own else [words])
    )


def pictures_in(turns: Sequence[Turn]) -> list[Picture]:
    return [part for turn in turns for part in turn.parts if isinstance(part, Picture)]


def written(turns: Sequence[Turn], known: Collection[str] = ()) -> list[dict[str, Any]]:
    """The same turns always give the same bytes. known: uuids of pictures of which the server needs no more."""
    return [{"role": turn.role, "content": content(turn, known)} for turn in turns]


def content(turn: Turn, known: Collection[str]) -> str | list[dict[str, Any]]:
    words = [part for part in turn.parts if isinstance(part, str)]
    if len(words) == len(turn.parts):
        return "".join(words)
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {
            "type": "image_url",
            "image_url": None if part.uuid in known else {"url": part.url},
            "uuid": part.uuid,
        }
        for part in turn.parts
    ]


def chosen(sampling: Sampling, family: Family) -> dict[str, Any]:
    """All that changes which token comes next, said outright: servers have defaults of their own, and of the model."""
    found: dict[str, Any] = {
        "max_tokens": sampling.max_new_tokens,
        "temperature": max(sampling.temperature, 0.0),
        "top_p": sampling.top_p,
        "top_k": -1,
        "min_p": 0.0,
        "seed": sampling.seed,
        "repetition_penalty": sampling.repetition_penalty,  # vLLM and SGLang call it so
        "repeat_penalty": sampling.repetition_penalty,  # llama.cpp
    }
    if sampling.stop:  # the word itself stays in the text: vLLM's name for that, and SGLang's
        found |= {"stop": list(sampling.stop), "include_stop_str_in_output": True, "no_stop_trim": True}
    if sampling.schema is not None:
        held = {"name": "answer", "schema": dict(sampling.schema)}
        found["response_format"] = {"type": "json_schema", "json_schema": held}
    if family.name == QWEN2_VL.name:  # it tells places with tokens that servers take for silent ones
        found["skip_special_tokens"] = False
    return found
