"""Pictures of one line of text drawn with PIL by seed, with the place of every character: food for reading."""

from __future__ import annotations

import random
import string
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from model.training import drawing
from tools import words
from tools.errors import UserError

SIZES = (13, 34)  # smallest and largest font, pixels
LENGTHS = (8, 40)  # fewest and most characters
# Families that neither these lines nor drawing.py ever show in training.
HELD_OUT = ("C059-", "NimbusMonoPS-", "URWBookman-", "NotoSansMono-")
HELD_OUT_PAGES = ("FreeSerif",)  # kept for the held-out pages of page_style.py
CHINESE = ("wqy-zenhei", "NotoSansCJK-Regular", "NotoSerifCJK-Regular")
CHINESE_HELD_OUT = ("wqy-microhei", "uming", "NotoSansCJK-Bold")  # where there is none, CHINESE is taken
STRONG = 300  # least difference between the sums of red, green and blue of ink and ground


def line_picture(seed: int, held_out: bool = False, chinese: bool = False) -> tuple[Image.Image, str, list[list[Any]]]:
    """A picture, the line of text in it, and its characters but the blanks as [character, left, top, right, bottom].

    The line has 8 to 40 characters; boxes are in pixels of the picture. held_out: in fonts that training never shows.
    Raises UserError when no font for it is installed.
    """
    rng = random.Random(f"line-{seed}-{held_out}-{chinese}")
    size = rng.randint(*SIZES)
    font = drawing.load_font(rng.choice(fonts(held_out, chinese)), size)
    text = chinese_line(rng) if chinese else latin_line(rng)
    ground, ink = strong_colours(rng)
    left, top, right, bottom = (rng.uniform(0.1, 1.2) * size for _ in range(4))
    height = sum(font.getmetrics())
    image = Image.new("RGB", (round(left + font.getlength(text) + right), round(top + height + bottom)), ground)
    pen = ImageDraw.Draw(image)
    if rng.random() < 0.15:
        decorate(pen, rng, image.size, ink)
    pen.text((left, top), text, fill=ink, font=font)
    ends = [left + font.getlength(text[:count]) for count in range(len(text) + 1)]  # with kerning, unlike a sum
    chars = [[c, ends[i], top, ends[i + 1], top + height] for i, c in enumerate(text) if not c.isspace()]
    return image, text, chars


def fonts(held_out: bool, chinese: bool) -> tuple[Path, ...]:
    """The files to choose from. Raises UserError when there is none."""
    if chinese:
        found = named(CHINESE_HELD_OUT) or named(CHINESE) if held_out else named(CHINESE)
        needed = "fonts-wqy-zenhei"
    elif held_out:
        found, needed = named(HELD_OUT), "fonts-urw-base35"
    else:
        found = tuple(file for file in drawing.font_files() if not file.name.startswith(HELD_OUT_PAGES))
        needed = "fonts-liberation fonts-dejavu"
    if not found:
        raise UserError(f"there is no font to write these lines in; install some: apt-get install -y {needed}")
    return found


def can_write_chinese() -> bool:
    return bool(named(CHINESE))


@lru_cache(maxsize=8)
def named(families: tuple[str, ...]) -> tuple[Path, ...]:
    files = (
        file
        for folder in drawing.FONT_FOLDERS
        for ending in ("*.ttf", "*.otf", "*.ttc")
        for file in sorted(folder.rglob(ending))
    )
    styles = ("Regular", "Bold", "Italic", "Roman", "Light", "Demi", "BdIta", "BoldItalic", "LightItalic", "DemiItalic")
    return tuple(f for f in files if f.name.startswith(families) and (f.suffix == ".ttc" or f.stem.endswith(styles)))


def latin_line(rng: random.Random) -> str:
    """Words, labels, sentences, letters and numbers at random; every printable character of ASCII comes up."""
    wanted = rng.randint(*LENGTHS)
    text = ""
    while len(text) < wanted:
        text = f"{text} {piece(rng)}".strip()
    return text[: max(wanted, LENGTHS[0])].strip().ljust(LENGTHS[0], ".")


def piece(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.3:
        return words.sentence(rng, 2, 6)
    if kind < 0.5:
        return " ".join(drawing.word(rng) for _ in range(rng.randint(1, 3)))
    if kind < 0.65:
        return words.label(rng)
    if kind < 0.75:
        return words.value(rng)
    if kind < 0.85:
        return "".join(rng.choice(string.printable[:94]) for _ in range(rng.randint(2, 10)))
    if kind < 0.93:
        return rng.choice(
            [
                f"{rng.choice('$€£')}{rng.randint(0, 9999)}.{rng.randint(0, 99):02}",
                f"{rng.randint(1990, 2039)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
                f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
                f"{rng.randint(1, 100)}%",
                f"({rng.randint(1, 99)})",
            ]
        )
    return words.full_name(rng)


def chinese_line(rng: random.Random) -> str:
    wanted = rng.randint(LENGTHS[0], LENGTHS[1] // 2)
    text = ""
    while len(text) < wanted:
        text += words.chinese_sentence(rng, 3, 8) if rng.random() < 0.6 else words.chinese_phrase(rng, 1, 3)
    return text[:wanted]


def strong_colours(rng: random.Random) -> tuple[Any, Any]:
    """Ground and ink as drawing.py draws them, further apart: a line must be readable to be scored."""
    ground, ink = drawing.colours(rng)
    while abs(sum(ground) - sum(ink)) < STRONG:
        ground, ink = drawing.colours(rng)
    return ground, ink


def decorate(pen: ImageDraw.ImageDraw, rng: random.Random, size: tuple[int, int], ink: Any) -> None:
    """A frame or a rule as pages have them, at the picture's edge."""
    width, height = size
    if rng.random() < 0.5:
        pen.rectangle((0, 0, width - 1, height - 1), outline=ink, width=1)
    else:
        pen.line((0, height - 1, width, height - 1), fill=ink, width=rng.choice([1, 2]))
