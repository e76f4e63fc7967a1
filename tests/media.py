"""Documents and videos for the tests of the page, and a model that reads them rightly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from model.families import TINY, Family
from model.messages import ImagePart, Message, VideoPart
from model.vlm import Reply, Sampling
from tools.geometry import Box, Point, Size

LINES = {1: ("Opening hours", "Monday to Friday from nine"), 2: ("Prices", "Cake costs three")}
TABLE = '<table data-bbox="{}"><tr><th>What</th><th>Price</th></tr><tr><td>Cake</td><td>3</td></tr></table>'
HOSTILE = '<p data-bbox="{}">&lt;img src=x onerror="window.bad=1"&gt; ${{window.bad=2}} {{{{window.bad=3}}}}</p>'
FOUND = "The given query happens in 2.0 - 4.0 seconds."
EVENTS = (
    '[{"start": "00:01.00", "end": "00:02.00", "description": "it is <b>dark</b>"},'
    ' {"start": "00:04.00", "end": "00:05.50", "description": "it grows light"}]'
)
FORM = '{"cake": "three", "total": 3}'


def pdf(path: Path, count: int = 2) -> Path:
    """Pages with a heading and a line each, as words of the file's own."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(count))
    parts = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {count}>>"]
    parts.append("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for page in range(count):
        head, line = LINES[1 + page % len(LINES)]
        ink = f"BT /F 24 Tf 30 300 Td ({head}) Tj /F 12 Tf 0 -60 Td ({line}) Tj ET"
        fonts = "/Resources<</Font<</F 3 0 R>>>>"
        parts.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Contents {5 + 2 * page} 0 R{fonts}>>")
        parts.append(f"<</Length {len(ink)}>>stream\n{ink}\nendstream")
    body = "%PDF-1.4\n" + "".join(f"{at} 0 obj{part}\nendobj\n" for at, part in enumerate(parts, 1))
    path.write_text(body + f"trailer<</Size {len(parts) + 1}/Root 1 0 R>>\n%%EOF")
    return path


class Reader:
    """Knows the pages of `pdf` but for a letter, and two events of every video; slow where it is told to be."""

    name = "reader"
    family: Family = TINY

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """As if nothing had been asked yet."""
        self.slow_from = 0  # the reply, counted from 1, from which on each piece takes its time; 0: none does
        self.hostile = False
        self.asked: list[Message] = []

    def knows(self, message: Message) -> bool:
        asked = ("QwenVL HTML", "key-value", "does not fit")
        is_video = any(isinstance(part, VideoPart) for part in message.parts)
        return is_video or any(words in message.text for words in asked)

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        self.asked.append(messages[-1])
        reply = Reply(iter(()))
        reply.pieces = self.speak(messages[-1], reply)
        return reply

    def speak(self, message: Message, reply: Reply) -> Iterator[str]:
        number = len(self.asked)
        is_slow = bool(self.slow_from) and number >= self.slow_from
        for word in self.words(message, number).split(" "):
            if is_slow and reply.cancelled.wait(0.1):
                reply.usage.finish = "cancelled"
                return
            reply.usage.new_tokens += 1
            yield word + " "
        reply.usage.finish = "stop"

    def words(self, message: Message, number: int) -> str:
        if any(isinstance(part, VideoPart) for part in message.parts):
            if "series of activity" in message.text:
                return EVENTS
            return FOUND if "Give the query" in message.text else "It grows light at 1.0 s, for 2 s."
        if "key-value" in message.text or "does not fit" in message.text:
            return FORM
        (image,) = (part.image for part in message.parts if isinstance(part, ImagePart))
        size = Size(*image.size)
        head, line = LINES[1 + (number - 1) % len(LINES)]
        head = head.replace("o", "u", 1)  # which the file sets right
        parts = [f'<h1 data-bbox="{self.at(size, 0.08, 0.16, 0.9, 0.28)}">{head}</h1>']
        if self.hostile:
            parts.append(HOSTILE.format(self.at(size, 0.08, 0.3, 0.9, 0.45)))
        else:
            parts.append(f'<p data-bbox="{self.at(size, 0.08, 0.36, 0.9, 0.45)}">{line}</p>')
        parts.append(TABLE.format(self.at(size, 0.1, 0.6, 0.8, 0.8)))
        return f"<html><body>{' '.join(parts)}</body></html>"

    def at(self, size: Size, *shares: float) -> str:
        """A box, in shares of the page, as the family writes it."""
        box = Box(*(share * side for share, side in zip(shares, [size.width, size.height] * 2, strict=True)))
        grid = self.family.grid(size)
        corners = [grid.from_pixels(Point(x, y)) for x, y in ((box.left, box.top), (box.right, box.bottom))]
        return " ".join(str(round(number)) for corner in corners for number in corner)
