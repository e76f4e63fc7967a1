"""One-shot jobs beside pointing: read a page, answer a question about a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from model.families import Family
from model.messages import ImagePart, VideoPart, user
from model.parsing import Block, ParseError, parse_document
from model.prompts import document
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.errors import UserError
from tools.geometry import Size
from tools.video import Facts, even_times, facts, frames

PAGE = Sampling(max_new_tokens=4096)
ANSWER = Sampling(max_new_tokens=512)
FPS = 2.0  # frames a second; this and the next as qwen-vl-utils has it
FEWEST_FRAMES = 4  # however short the video is
VIDEO_TOKENS = 20_480  # of one video, the budget of the published notebooks; a family may have less


@dataclass(frozen=True)
class Reading:
    """What the model said of a page, and what that is."""

    said: str
    blocks: tuple[Block, ...] = ()  # in reading order, boxes in pixels of the page
    problem: str = ""  # what is missing or could not be understood; "" when nothing is

    @property
    def text(self) -> str:
        return "\n\n".join(block.text for block in self.blocks if block.text)


@dataclass(frozen=True)
class Video:
    """A video, or a stretch of one, as the model sees it."""

    part: VideoPart
    seconds: float  # of the whole stretch, to the end of the last frame


@dataclass(frozen=True)
class Look:
    """Which frames of a stretch the model will see, and how large each may be."""

    times_s: tuple[float, ...]  # of the whole video
    pixels: int


@dataclass(frozen=True)
class Watching:
    """An answer that is about to be spoken, and the frames it is about."""

    reply: Reply
    length_s: float  # of the whole video
    times_s: tuple[float, ...]  # of the frames


def read_document(model: VisionLanguageModel, page: Image.Image, sampling: Sampling = PAGE) -> Reply:
    return model.stream([user(document(model.family), ImagePart(page))], sampling)


def understood(reply: Reply, family: Family, page: Image.Image) -> Reading:
    """What a reply of `read_document` that has ended means on this page."""
    try:
        blocks = parse_document(reply.text, family.grid(Size(*page.size)))
    except ParseError as error:
        return Reading(reply.text, problem=str(error))
    problem = cut_short(reply)
    if not problem and blocks.truncated:
        problem = "the reply ends in the middle of the page"
    if not problem and not any(block.box for block in blocks):
        problem = "the reply is no QwenVL HTML: nothing in it has a place on the page"
    return Reading(reply.text, tuple(blocks), problem)


def ask_video(model: VisionLanguageModel, path: Path, question: str, fps: float = FPS) -> Watching:
    """Raises UserError, for what is no video too."""
    video = read_video(path, facts(path), model.family, fps)
    return Watching(asked(model, question, video), video.seconds, video.part.times_s)


def asked(model: VisionLanguageModel, question: str, video: Video, sampling: Sampling = ANSWER) -> Reply:
    """The question, then the video, as the official cookbook has it."""
    return model.stream([user(question, video.part)], sampling)


def read_video(
    path: Path, found: Facts, family: Family, fps: float = FPS, begin_s: float = 0.0, end_s: float | None = None
) -> Video:
    """So many frames a second, evenly fewer where the family's bound is met, as large as it may see them.

    Times count from `begin_s`. found: the facts of this file. Raises UserError.
    """
    end = min(found.seconds, end_s or found.seconds)
    chosen = look(found, family, fps, begin_s, end)
    seen = [frame.image for frame in frames(path, chosen.times_s, pixels=chosen.pixels)]
    if not seen:
        raise UserError(f"{path.name} shows nothing: it is over before its first frame")
    own = tuple(time - begin_s for time in chosen.times_s[: len(seen)])
    return Video(VideoPart(tuple(of_one_size(seen)), own), end - begin_s)


def look(found: Facts, family: Family, fps: float, begin_s: float, end_s: float) -> Look:
    """Without a look into the file."""
    rate = max(fps, FEWEST_FRAMES / max(end_s - begin_s, 1e-3))
    times = even_times(end_s, rate, family.video_frames, begin_s)
    bounded = replace(family, video_tokens=min(family.video_tokens, VIDEO_TOKENS))
    return Look(tuple(times), bounded.video_pixels(len(times)))


def of_one_size(seen: list[Image.Image]) -> list[Image.Image]:
    """As the first: a recording may change its size on the way."""
    size = seen[0].size
    return [image if image.size == size else image.resize(size) for image in seen]


def cut_short(reply: Reply) -> str:
    """Why a reply that has ended is not whole, "" when it is."""
    match reply.usage.finish:
        case "length":
            return f"the reply was cut after {reply.usage.new_tokens} tokens"
        case "repetition":
            return "the reply was ended because it repeated itself"
        case "cancelled":
            return "the reply was stopped"
        case _:
            return ""
