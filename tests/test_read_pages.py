"""agent/documents/pages.py: a page that fails is read again in halves, and what stays unread is marked."""

from collections.abc import Iterator, Sequence

import pytest
from PIL import Image, ImageDraw

from agent.documents.formats import to_text
from agent.documents.pages import PageRead, quiet_row, read_page
from model.families import TINY
from model.messages import ImagePart, Message
from model.vlm import Finish, Reply, Sampling
from tools.documents import Page, Word
from tools.geometry import Box, Point, Size

LINES = 8
TOPS = [40 + 100 * number for number in range(LINES)]


def striped() -> Image.Image:
    """A page of eight lines, each a bar in a grey of its own."""
    image = Image.new("L", (112, 840), 255)
    for number, top in enumerate(TOPS):
        ImageDraw.Draw(image).rectangle((10, top, 90, top + 9), fill=number * 20)
    return image.convert("RGB")


class Oracle:
    """Reads every bar rightly; of a picture with more than `able` bars it says only the first and then fails."""

    name, family = "oracle", TINY

    def __init__(self, able: int, fails: Finish = "repetition") -> None:
        self.able, self.fails = able, fails
        self.asked = 0

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        self.asked += 1
        (image,) = (part.image for part in messages[-1].parts if isinstance(part, ImagePart))
        reply = Reply(iter(()))
        reply.pieces = self.speak(image, reply)
        return reply

    def speak(self, image: Image.Image, reply: Reply) -> Iterator[str]:
        bars = found(image)
        is_able = len(bars) <= self.able
        grid = self.family.grid(Size(*image.size))
        yield "<html><body>"
        for top in bars if is_able else bars[:1]:
            corners = [round(n) for at in (Point(10, top), Point(91, top + 10)) for n in grid.from_pixels(at)]
            yield f'<p data-bbox="{" ".join(map(str, corners))}">line {image.getpixel((50, top + 5))[0] // 20}</p>'  # type: ignore[index]
        yield "</body></html>" if is_able else "<p"
        reply.usage.finish = "stop" if is_able else self.fails


def found(image: Image.Image) -> list[int]:
    column = [image.getpixel((50, y)) == (255, 255, 255) for y in range(image.height)]
    return [y for y in range(image.height) if not column[y] and (y == 0 or column[y - 1])]


def read(able: int, fails: Finish = "repetition", words: tuple[Word, ...] = ()) -> tuple[PageRead, Oracle]:
    oracle = Oracle(able, fails)
    return read_page(oracle, Page(1, 1, striped(), None, words)), oracle


@pytest.mark.parametrize(("able", "asked"), [(8, 1), (4, 3), (2, 7)])
def test_a_page_read_in_parts_is_the_page_read_whole(able: int, asked: int) -> None:
    page, oracle = read(able)
    assert oracle.asked == asked
    assert [part.block.text for part in page.parts] == [f"line {number}" for number in range(LINES)]
    assert [round(part.block.box.top) for part in page.parts if part.block.box] == pytest.approx(TOPS, abs=2)
    assert page.problems == ()


@pytest.mark.parametrize("fails", ["repetition", "length"])
def test_what_no_part_can_read_is_marked_and_what_was_read_is_kept(fails: Finish) -> None:
    page, _ = read(able=1, fails=fails)
    kinds = [part.block.kind for part in page.parts]
    assert kinds == ["paragraph", "unread"] * 4
    assert len(page.problems) == 4
    assert to_text([page]).count("[unread]") == 4


def test_a_stopped_reply_is_not_asked_again() -> None:
    page, oracle = read(able=1, fails="cancelled")
    assert oracle.asked == 1
    assert page.problems == ("the reply was stopped",)


def test_the_files_words_are_put_at_their_place_on_the_whole_page() -> None:
    words = tuple(Word("lime", Box(10, top, 40, top + 9)) for top in TOPS[-1:])
    page, _ = read(able=4, words=words)
    assert [part.block.text for part in page.parts][-2:] == ["line 6", "lime 7"]


def test_a_page_is_cut_where_no_line_is() -> None:
    row = quiet_row(striped())
    assert all(not top - 1 <= row <= top + 10 for top in TOPS)
