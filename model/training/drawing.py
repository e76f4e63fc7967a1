"""Pictures of words and widgets drawn with PIL by seed, with the place of every character: food for the tower."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
FONT_NAMES = ("Liberation", "DejaVu", "Lato", "Roboto", "OpenSans", "Free")
NOT_LATIN = ("Symbol", "Math", "Hairline", "Thin", "Black", "FreeMonoBoldOblique")
WORDS = """OK Cancel Submit Save Send Search Login Next Back Yes No Close Open Delete Edit Add Remove Home Help About
Name Email Phone City Date Time Title Message Password User Account Settings Profile Order Total Price Item Page List
Reply Forward Archive Share Like Follow Menu File View Tools New Print Copy Paste Select Check Done Apply Reset Start
Stop Play Pause First Last Tab Link Button Field Text Link the of and to in is for on with as at by it from are this
that enter click into press then find name your first second third field button link tab word number""".split()


@dataclass
class Drawn:
    """A picture, its characters and its widgets; boxes are [left, top, right, bottom] in its pixels."""

    image: Image.Image
    chars: list[list[Any]] = field(default_factory=list)  # [character, left, top, right, bottom]
    elements: list[dict[str, Any]] = field(default_factory=list)  # {"kind", "text", "box", "state"}


@lru_cache(maxsize=1)
def font_files() -> tuple[Path, ...]:
    files = (file for folder in FONT_FOLDERS for file in sorted(folder.rglob("*.ttf")))
    return tuple(f for f in files if f.name.startswith(FONT_NAMES) and not any(word in f.name for word in NOT_LATIN))


@lru_cache(maxsize=512)
def load_font(file: Path | None, size: int) -> Any:
    return (
        ImageFont.load_default(size)
        if file is None
        else ImageFont.truetype(str(file), size, layout_engine=ImageFont.Layout.BASIC)
    )


@lru_cache(maxsize=100_000)
def advance(font: Any, character: str) -> float:
    return float(font.getlength(character))


def word(rng: random.Random) -> str:
    """A common word, letters at random, a number, or syllables: to be read, not remembered."""
    kind = rng.random()
    if kind < 0.25:
        text = rng.choice(WORDS)
    elif kind < 0.5:
        text = "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(rng.randint(1, 8)))
    elif kind < 0.62:
        text = str(rng.randint(0, 10 ** rng.randint(1, 5)))
    else:
        text = "".join(rng.choice("bcdfghjklmnpqrstvwxyz") + rng.choice("aeiou") for _ in range(rng.randint(1, 4)))
        text += rng.choice(["", "", "n", "s", "r", "l", "t"])
    style = rng.random()
    text = text.upper() if style < 0.1 else text.capitalize() if style < 0.4 else text
    return text + (rng.choice(".,:;!?-/()'\"#@&%+*=$") if rng.random() < 0.12 else "")


def colours(rng: random.Random) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Background and ink, far enough apart to be read."""
    paper = rng.choice([(255, 255, 255), (255, 255, 255), (240, 240, 240), None])
    ink = rng.choice([(0, 0, 0), (0, 0, 0), (40, 40, 40), (0, 0, 238), None])

    def shade() -> tuple[int, int, int]:
        return (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255))

    for _ in range(20):
        p, i = paper or shade(), ink or shade()
        if abs(sum(p) - sum(i)) > 260:
            return p, i
    return (255, 255, 255), (0, 0, 0)


def write(drawn: Drawn, pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, font: Any, ink: Any) -> float:
    """Draw one run of text with its top left at `at`, note every character's box, and return where it ends."""
    x, y = at
    ascent, descent = font.getmetrics()
    pen.text((x, y), text, fill=ink, font=font)
    for character in text:
        end = x + advance(font, character)
        if not character.isspace():
            drawn.chars.append([character, x, y, end, y + ascent + descent])
        x = end
    return x


def picture(seed: int, width: int, height: int, sizes: tuple[int, int]) -> Drawn:
    """Lines of words, some dressed as buttons, links, fields or check boxes; `sizes`: smallest and largest font."""
    rng = random.Random(seed)
    paper, ink = colours(rng)
    drawn = Drawn(Image.new("RGB", (width, height), paper))
    pen = ImageDraw.Draw(drawn.image)
    y = rng.uniform(-8, 16)
    files = font_files() or (None,)
    while y < height:
        size = rng.randint(*sizes)
        font = load_font(rng.choice(files), size)
        x = rng.uniform(-10, 30)
        if rng.random() < 0.3:
            _, ink = colours(rng)
            if abs(sum(paper) - sum(ink)) < 260:
                ink = (0, 0, 0) if sum(paper) > 380 else (255, 255, 255)
        tallest: float = size
        while x < width:
            text = " ".join(word(rng) for _ in range(rng.choice([1, 1, 1, 2])))
            x, bottom = widget(drawn, pen, rng, (x, y), text, font, (paper, ink))
            tallest = max(tallest, bottom - y)
            x += rng.choice([0.3, 0.35, 1.0, 2.5]) * size
        y += tallest + rng.uniform(0.05, 0.9) * size
    return drawn


def widget(
    drawn: Drawn,
    pen: ImageDraw.ImageDraw,
    rng: random.Random,
    at: tuple[float, float],
    text: str,
    font: Any,
    colour: tuple[Any, Any],
) -> tuple[float, float]:
    """Draw `text` plainly or as one of the widgets; returns the right and bottom edge."""
    (x, y), (paper, ink) = at, colour
    size = font.size
    line = sum(font.getmetrics())
    kind = rng.choices(["text", "button", "link", "field", "checkbox"], [6, 2, 1, 0.7, 0.8])[0]
    pad = rng.uniform(0.2, 0.7) * size
    if kind == "button":
        right = x + font.getlength(text) + 2 * pad
        fill, caption = colours(rng) if rng.random() < 0.6 else (paper, ink)
        box = (x, y, right, y + line + pad)
        pen.rounded_rectangle(box, radius=rng.choice([0, 2, 6]), fill=fill, outline=ink, width=rng.choice([1, 1, 2]))
        write(drawn, pen, (x + pad, y + pad / 2), text, font, caption)
    elif kind == "link":
        end = write(drawn, pen, (x, y), text, font, (0, 0, 238) if sum(paper) > 380 else (140, 180, 255))
        box = (x, y, end, y + line)
        pen.line((x, y + 0.9 * line, end, y + 0.9 * line), fill=ink, width=1)
    elif kind == "field":
        box = (x, y, x + rng.uniform(3, 8) * size, y + line + 4)
        pen.rectangle(box, fill=(255, 255, 255), outline=(110, 110, 110))
        if rng.random() < 0.4:
            write(drawn, pen, (x + 4, y + 2), text[:6], font, (0, 0, 0))
    elif kind == "checkbox":
        side = rng.uniform(0.7, 1.1) * size
        box = (x, y + 2, x + side, y + 2 + side)
        ticked = rng.random() < 0.4
        pen.rectangle(box, fill=(0, 117, 255) if ticked else (255, 255, 255), outline=(110, 110, 110))
        if ticked:
            tick = [
                (x + 0.2 * side, y + 2 + 0.5 * side),
                (x + 0.4 * side, y + 2 + 0.75 * side),
                (x + 0.8 * side, y + 4),
            ]
            pen.line(tick, fill=(255, 255, 255), width=max(2, size // 8))
        end = write(drawn, pen, (x + side + 0.3 * size, y), text, font, ink)
        drawn.elements.append({"kind": kind, "text": text, "box": list(box), "state": "checked" if ticked else ""})
        return end, y + line
    else:
        box = (x, y, write(drawn, pen, (x, y), text, font, ink), y + line)
    drawn.elements.append({"kind": kind, "text": text if kind != "field" else "", "box": list(box), "state": ""})
    return box[2], box[3]
