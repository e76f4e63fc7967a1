"""One-shot jobs beside pointing: read a page, answer a question about a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from model.families import Family
from model.messages import ImagePart, VideoPart, user
from model.parsing import Block, ParseError, parse_document
from model.prompts import document
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.errors import UserError
from tools.geometry import Size
from tools.video import even_times, facts, frames

PAGE = Sampling(max_new_tokens=4096)
ANSWER = Sampling(max_new_tokens=512)
MOST_FRAMES = 768  # of one video; source: qwen-vl-utils


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


def ask_video(model: VisionLanguageModel, path: Path, question: str, fps: float = 2.0) -> Watching:
    """So many frames a second, fewer of a long video. Raises UserError for what is no video, PromptTooLarge."""
    found = facts(path)
    times = even_times(found.seconds, fps, MOST_FRAMES)
    seen = model.family.video_grid(found.size, len(times)).resized
    images = [frame.image for frame in frames(path, times, pixels=seen.width * seen.height)]
    if not images:
        raise UserError(f"{path.name} shows nothing: it is over before its first frame")
    video = VideoPart(tuple(images), tuple(times[: len(images)]))
    # the question, then the video, as the official cookbook has it
    return Watching(model.stream([user(question, video)], ANSWER), found.seconds, video.times_s)


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
