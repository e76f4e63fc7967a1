"""Messages -> the prompt a model was trained on: its text, its token ids, its pictures and where every token stands.

What people, pages and tools say is never read as control tokens: a page that shows "<|im_end|>" is a page that shows
ten characters. Only this file puts such tokens into a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.families import Family, Grid
from model.messages import ImagePart, Message, VideoPart, system
from model.positions import IMAGE, TEXT, VIDEO, position_ids
from model.preprocess import grid_of

START, END = "<|im_start|>", "<|im_end|>"
VISION_START, VISION_END = "<|vision_start|>", "<|vision_end|>"
IMAGE_PAD, VIDEO_PAD = "<|image_pad|>", "<|video_pad|>"
# Qwen2-VL answers with these tokens, so its own words keep them when they come back as history.
GROUNDING = re.compile(r"(<\|(?:object_ref|box|quad)_(?:start|end)\|>)")


@dataclass(frozen=True)
class Layout:
    """S tokens and where they stand, for which no pixel had to be touched."""

    ids: Tensor  # (S,) long
    kinds: Tensor  # (S,) int: what transformers calls mm_token_type_ids
    positions: Tensor  # (3, S) long
    next_position: int  # of the first token of the reply
    images: tuple[ImagePart, ...]
    videos: tuple[VideoPart, ...]
    image_grids: tuple[Grid, ...]
    video_grids: tuple[Grid, ...]
    seconds_per_grid: tuple[float, ...]  # one per video

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def parts(self) -> tuple[ImagePart | VideoPart, ...]:
        """All images, and then all videos."""
        return *self.images, *self.videos


@dataclass(frozen=True)
class Control:
    """A special token of the template, so many times."""

    token: str
    count: int = 1
    kind: int = TEXT


Piece = str | Control | ImagePart | VideoPart  # str: words, whatever they look like


def render(messages: Sequence[Message], family: Family, reply: bool = True) -> str:
    """The official chat template's text, pictures as one placeholder each. reply: end where the model should speak."""
    placeholders = {ImagePart: IMAGE_PAD, VideoPart: VIDEO_PAD}
    out = []
    for piece in _pieces(messages, family, reply):
        match piece:
            case str():
                out.append(piece)
            case Control(token=token):
                out.append(token)
            case _:
                out.append(VISION_START + placeholders[type(piece)] + VISION_END)
    return "".join(out)


def lay_out(messages: Sequence[Message], tokenizer: Any, family: Family) -> Layout:
    """Everything a model needs to answer the messages, but the work on the pixels.

    tokenizer: the checkpoint's own, from transformers.
    """
    pieces = list(_pieces(messages, family, reply=True))
    shown = [(piece, grid_of(piece, family)) for piece in pieces if isinstance(piece, (ImagePart, VideoPart))]
    grids = [grid for _, grid in shown]
    ids, kinds = _tokens(pieces, grids, tokenizer, family)
    videos = tuple(piece for piece, _ in shown if isinstance(piece, VideoPart))
    seconds = tuple(seconds_per_grid(video, family) for video in videos)
    positions, following = position_ids(kinds, [grid.patches for grid in grids], family, seconds)
    return Layout(
        ids=torch.tensor(ids),
        kinds=torch.tensor(kinds, dtype=torch.int),
        positions=positions,
        next_position=following,
        images=tuple(piece for piece, _ in shown if isinstance(piece, ImagePart)),
        videos=videos,
        image_grids=tuple(grid for piece, grid in shown if isinstance(piece, ImagePart)),
        video_grids=tuple(grid for piece, grid in shown if isinstance(piece, VideoPart)),
        seconds_per_grid=seconds,
    )


def seconds_per_grid(video: VideoPart, family: Family) -> float:
    """From the times the frames were really taken at: a rate asked for and a rate sampled differ."""
    times = video.times_s
    if len(times) < 2:
        return 1.0
    return (times[-1] - times[0]) / (len(times) - 1) * family.temporal_patch


def grid_seconds(video: VideoPart, family: Family) -> list[float]:
    """The time of every grid: halfway between its first and its last frame; the last frame fills a grid up."""
    depth = family.temporal_patch
    times = list(video.times_s) + [video.times_s[-1]] * (-len(video.times_s) % depth)
    return [(times[at] + times[at + depth - 1]) / 2 for at in range(0, len(times), depth)]


def _pieces(messages: Sequence[Message], family: Family, reply: bool) -> Iterator[Piece]:
    """The template. Source: chat_template.json of the published checkpoints."""
    if family.default_system is not None and (not messages or messages[0].role != "system"):
        messages = [system(family.default_system), *messages]
    for index, message in enumerate(messages):
        if family.default_system is None:
            _check(index, message, family)
        yield Control(START)
        yield f"{message.role}\n"
        for part in message.parts:
            if isinstance(part, str) and message.role == "assistant":
                yield from (_spoken(words) for words in GROUNDING.split(part))
            else:
                yield part
        yield Control(END)
        yield "\n"
    if reply:
        yield Control(START)
        yield "assistant\n"


def _spoken(words: str) -> Piece:
    return Control(words) if GROUNDING.fullmatch(words) else words


def _check(index: int, message: Message, family: Family) -> None:
    """This template drops in silence what it has no place for; we say so."""
    if message.role == "system" and index > 0:
        raise ValueError(f"{family.name} takes a system message at the start only, not as message {index}")
    if message.role != "user" and any(not isinstance(part, str) for part in message.parts):
        raise ValueError(f"{family.name} takes pictures from the user only, not in a {message.role} message")


def _tokens(
    pieces: Sequence[Piece], grids: Sequence[Grid], tokenizer: Any, family: Family
) -> tuple[list[int], list[int]]:
    """Ids and kinds. Words between two control tokens are encoded in one go, as the whole prompt's text would be."""
    ids: list[int] = []
    kinds: list[int] = []
    words = ""
    for piece in [*_expand(pieces, grids, family), Control(END, 0)]:
        if isinstance(piece, str):
            words += piece
            continue
        plain = tokenizer(words, add_special_tokens=False, split_special_tokens=True)["input_ids"] if words else []
        ids += plain + [tokenizer.convert_tokens_to_ids(piece.token)] * piece.count
        kinds += [TEXT] * len(plain) + [piece.kind] * piece.count
        words = ""
    return ids, kinds


def _expand(pieces: Sequence[Piece], grids: Sequence[Grid], family: Family) -> Iterator[str | Control]:
    """Every picture becomes its tokens; a video of a family with timestamps has each grid after its seconds."""
    left = iter(grids)
    for piece in pieces:
        match piece:
            case ImagePart():
                yield from _framed(IMAGE_PAD, next(left).tokens, IMAGE)
            case VideoPart() if family.timestamps:
                grid = next(left)
                for seconds in grid_seconds(piece, family):
                    yield f"<{seconds:.1f} seconds>"
                    yield from _framed(VIDEO_PAD, grid.tokens // grid.patches[0], VIDEO)
            case VideoPart():
                yield from _framed(VIDEO_PAD, next(left).tokens, VIDEO)
            case _:
                yield piece


def _framed(pad: str, count: int, kind: int) -> Iterator[Control]:
    yield Control(VISION_START)
    yield Control(pad, count, kind)
    yield Control(VISION_END)
