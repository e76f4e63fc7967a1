"""A model that knows the truth of the documents it is shown, and says it in Qwen2.5-VL's own formats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from PIL import Image
from printed import Made, Sheet
from scripted import spoken

from agent.prompts import CHART
from model.families import QWEN2_5_VL
from model.messages import ImagePart, Message
from model.prompts import DOCUMENT
from model.vlm import Reply, Sampling
from tools.documents import pages
from tools.geometry import Size


class Oracle:
    """Fails at a picture that is no page, or no part of a page, of its documents."""

    name, family = "oracle", QWEN2_5_VL

    def __init__(self, documents: Sequence[Made]) -> None:
        self.known: dict[str, tuple[Made, int, Sheet]] = {}
        self.charts: list[tuple[Image.Image, Made]] = []
        for made in documents:
            for page, sheet in zip(pages(made.path), made.sheets, strict=True):
                self.known[digest(page.image)] = (made, page.number, sheet)
                if made.chart and made.chart[0] == page.number:
                    self.charts.append((page.image, made))

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        last = messages[-1]
        images = [part.image for part in last.parts if isinstance(part, ImagePart)]
        reply = Reply(iter(()))
        reply.pieces = spoken(self.say(last.text, *images), reply, sampling.stop)
        return reply

    def say(self, text: str, image: Image.Image) -> str:
        if text == CHART:
            return self.chart(image)
        made, number, sheet = self.known[digest(image)]
        if text == DOCUMENT:
            return sheet.spoken(self.family, Size(*image.size))
        if text.startswith("Extract"):
            return json.dumps(made.values.get(number, {}) | self.gaps(made, number), ensure_ascii=False)
        (asked,) = (one for one in made.asked if text.startswith(one.question))
        says = {"answer": asked.answer, "quote": asked.quote} if asked.page == number else {"answer": None}
        return f"```json\n{json.dumps(says, ensure_ascii=False)}\n```"

    def gaps(self, made: Made, number: int) -> dict[str, None]:
        keys = {key for values in made.values.values() for key in values}
        return dict.fromkeys(keys - set(made.values.get(number, {})))

    def chart(self, image: Image.Image) -> str:
        """A Markdown table for a picture that is a part of a page with a chart, pixel by pixel."""
        for page, made in self.charts:
            if made.chart and is_part(image, page):
                head, *rows = made.chart[1]
                lines = [head, ["---"] * len(head), *rows]
                return "\n".join(f"| {' | '.join(line)} |" for line in lines)
        raise AssertionError("this picture is no part of a page with a chart")


def digest(image: Image.Image) -> str:
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()


def is_part(crop: Image.Image, page: Image.Image) -> bool:
    """Do the crop's pixels stand somewhere on the page? Looked for where its first row does."""
    small, whole = np.asarray(crop), np.asarray(page)
    high, wide = small.shape[:2]
    rows = np.lib.stride_tricks.sliding_window_view(whole, (1, wide, 3))[:, :, 0, 0]  # (H, W - wide + 1, wide, 3)
    inky = int(np.argmax((small < 128).any(axis=(1, 2))))  # an empty row would stand anywhere
    for y in range(inky, len(whole) - high + inky + 1):
        for x in np.flatnonzero((rows[y] == small[inky]).all(axis=(1, 2))):
            if (whole[y - inky : y - inky + high, x : x + wide] == small).all():
                return True
    return False
