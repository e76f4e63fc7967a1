"""Document pages written from a seed, each with what a reader should say of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from PIL import Image

from model.training.hasty import HastyBrowser
from model.training.transcripts import plain_text, qwen_html, read_page
from tools import words
from tools.errors import UserError
from tools.geometry import Size
from tools.page_style import FONTS, HELD_OUT_FONTS, color, stylesheet
from tools.pages import TRAINING_SEEDS

WIDTHS, HEIGHTS = (224, 420), (260, 560)  # of a page, CSS pixels
SIZES = (12, 13, 14, 14, 15, 16, 16, 17, 18, 20)  # of its text, CSS pixels; SMALLEST where it would not fit
SMALLEST = 12
LENGTHS = (40, 220)  # characters on a page, about; of Chinese half as many
ROOM = 3  # at most so many squares of a letter's size for every letter
MOST_SCALE = 1.25  # beyond it the pictures are larger than the model is meant to read
CHINESE = 0.1  # share of the pages
CHINESE_FONTS = ("WenQuanYi Zen Hei", "WenQuanYi Zen Hei", "Noto Sans CJK SC", "Noto Serif CJK SC")
CHINESE_HELD_OUT_FONTS = ("WenQuanYi Micro Hei", "AR PL UMing CN")  # where there is none, another is taken


@dataclass(frozen=True)
class Voice:
    """What the pages of a language are written with."""

    title: Callable[[random.Random], str]
    sentence: Callable[[random.Random], str]
    label: Callable[[random.Random], str]
    value: Callable[[random.Random], str]


LATIN = Voice(
    title=lambda rng: words.cased(rng, " ".join(words.word(rng) for _ in range(rng.randint(1, 3)))),
    sentence=lambda rng: words.sentence(rng, 3, 8),
    label=words.field_label,
    value=lambda rng: words.number(rng) if rng.random() < 0.5 else words.value(rng),
)
HAN = Voice(
    title=lambda rng: words.chinese_phrase(rng, 1, 3),
    sentence=lambda rng: words.chinese_sentence(rng, 4, 9),
    label=words.chinese_phrase,
    value=lambda rng: words.number(rng) if rng.random() < 0.5 else words.chinese_phrase(rng),
)


def paper(seed: int, held_out: bool = False, chinese: bool | None = None) -> tuple[str, Size]:
    """HTML of a page and the viewport to show it in, CSS pixels: 224x260 to 420x560.

    It makes itself fit the viewport: smaller letters, then fewer blocks. held_out: in fonts and hues that training
    never shows. chinese: None lets the seed choose, one in ten.
    """
    rng = random.Random(f"paper-{seed}")
    drawn = rng.random() < CHINESE
    chinese = drawn if chinese is None else chinese
    letters, wanted = rng.choice(SIZES), rng.randint(*LENGTHS) // (2 if chinese else 1)
    width = draw_side(rng, *WIDTHS)
    filled = ROOM * wanted * (2 if chinese else 1) * letters**2 / width
    least, most = HEIGHTS
    size = Size(width, draw_side(rng, least, min(most, max(least, round(filled)))))
    blocks = draw_blocks(rng, HAN if chinese else LATIN, wanted)
    style = draw_style(rng, size, letters, held_out, chinese)
    head = f"<!doctype html><meta charset=utf-8><title>Paper</title><style>{style}"
    return (
        f"{head}</style><main{' lang=zh' * chinese}>{''.join(blocks)}</main><script>({FIT})({SMALLEST})</script>",
        size,
    )


def draw_side(rng: random.Random, least: int, most: int) -> int:
    """Half of them whole tokens, so that the model sees these pixels unchanged."""
    side = rng.randint(least, most)
    return max(least, side // 28 * 28) if rng.random() < 0.5 else side


def draw_blocks(rng: random.Random, voice: Voice, wanted: int) -> Iterator[str]:
    """A heading more often than not, then blocks until there are so many characters to read."""
    left = wanted
    first = rng.random() < 0.75
    for index in range(12):
        block = heading if first and index == 0 else rng.choices(list(BLOCKS), list(BLOCKS.values()))[0]
        text = block(rng, voice)
        yield text
        left -= length(text)
        if left <= 0:
            break


def length(markup: str) -> int:
    """Characters between the tags."""
    return sum(len(part.partition(">")[2]) for part in markup.split("<"))


def heading(rng: random.Random, voice: Voice) -> str:
    level = rng.choice([1, 1, 2, 2, 3])
    return f"<h{level}>{escape(voice.title(rng))}</h{level}>"


def paragraph(rng: random.Random, voice: Voice) -> str:
    gap = "" if voice is HAN else " "
    return f"<p>{escape(gap.join(voice.sentence(rng) for _ in range(rng.choice([1, 1, 2, 3]))))}</p>"


def bullets(rng: random.Random, voice: Voice) -> str:
    items = [voice.label if rng.random() < 0.6 else voice.sentence for _ in range(rng.randint(2, 4))]
    return f"<ul>{''.join(f'<li>{escape(say(rng))}</li>' for say in items)}</ul>"


def numbered(rng: random.Random, voice: Voice) -> str:
    """The numbers are text of the page, but no part of what an item says."""
    sign = rng.choice(["{}.", "{}.", "{})", "({})"])
    items = [voice.label if rng.random() < 0.6 else voice.sentence for _ in range(rng.randint(2, 4))]
    rows = (
        f"<li><span data-said=''>{sign.format(i + 1)} </span>{escape(say(rng))}</li>" for i, say in enumerate(items)
    )
    return f"<ol>{''.join(rows)}</ol>"


def table(rng: random.Random, voice: Voice) -> str:
    columns = rng.choice([2, 2, 3])
    rows = [[voice.value(rng) for _ in range(columns)] for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.6:
        for row in rows:
            row[0] = voice.label(rng)
    head = "".join(f"<th>{escape(voice.label(rng))}</th>" for _ in range(columns)) if rng.random() < 0.7 else ""
    body = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{''.join(f'<tr>{row}</tr>' for row in body)}</table>"


def formula(rng: random.Random, voice: Voice) -> str:
    """`data-said` is what LaTeX writes for what the page shows, `data-before` and `data-after` what it adds."""
    names = rng.sample("abcdkmnpqrstuvwxyzABCDEFKLMNPRSTV", 3)

    def term() -> str:
        number, name = rng.randint(2, 99), rng.choice(names)
        if (kind := rng.random()) < 0.25:
            return str(number)
        if kind < 0.5:
            return f"{rng.choice(['', number])}{name}"
        tag, sign = rng.choice([("sup", "^"), ("sub", "_")])
        return f"{name}<{tag} data-before='{sign}{{' data-after='}}'>{rng.randint(1, 12)}</{tag}>"

    signs = ["+", "+", "-", "/", "<span data-said='\\times '>×</span>"]
    right = "".join(f"{rng.choice(signs) if i else ''}{term()}" for i in range(rng.randint(1, 3)))
    if rng.random() < 0.2:
        above, below = term(), term()
        right = f"<span class=frac data-before='\\frac'>{part(above)}<i data-said=''>/</i>{part(below)}</span>"
    return f"<div class=formula>{term()}={right}</div>"


def part(inner: str) -> str:
    return f"<span data-before='{{' data-after='}}'>{inner}</span>"


def image(rng: random.Random, voice: Voice) -> str:
    """A picture of plain shapes; half of them with a line below that says what it shows."""
    wide, high = rng.randint(60, 180), rng.randint(36, 90)
    hue = rng.random()
    shapes = "".join(shape(rng, wide, high, (hue + rng.uniform(0.2, 0.8)) % 1) for _ in range(rng.randint(0, 4)))
    ground = color(hue, rng.uniform(0.2, 0.9), rng.uniform(0.35, 0.7))
    drawn = f"<svg class=picture width={wide} height={high} style='background:{ground}'>{shapes}</svg>"
    if rng.random() < 0.5:
        return f"<div class=image>{drawn}</div>"
    say = voice.title if rng.random() < 0.6 else voice.sentence
    return f"<div class='image caption'>{drawn}<div>{escape(say(rng))}</div></div>"


def shape(rng: random.Random, wide: int, high: int, hue: float) -> str:
    x, y, fill = rng.randint(0, wide), rng.randint(0, high), color(hue, 0.6, rng.uniform(0.25, 0.8))
    if rng.random() < 0.5:
        return f"<circle cx={x} cy={y} r={rng.randint(6, 40)} fill='{fill}'/>"
    return f"<rect x={x - 20} y={y - 20} width={rng.randint(10, 80)} height={rng.randint(10, 60)} fill='{fill}'/>"


def chart(rng: random.Random, voice: Voice) -> str:
    """Bars, each with its label before it and its number behind."""
    most = rng.choice([10, 100, 100, 1000])
    fill = color(rng.random(), rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.6))
    rows = []
    for name in words.distinct(rng, voice.label, rng.randint(2, 4)):
        value = rng.randint(1, most)
        bar = f"<i style='width:{round(90 * value / most) + 2}px;background:{fill}'></i>"
        rows.append(f"<div class=row><span>{escape(name)}</span><span>{bar}<b>{value}</b></span></div>")
    return f"<div class=chart>{''.join(rows)}</div>"


BLOCKS: dict[Callable[[random.Random, Voice], str], float] = {
    paragraph: 4, heading: 1, bullets: 1, numbered: 1, table: 1.6, formula: 0.6, image: 0.7, chart: 0.5,
}  # fmt: skip


def draw_style(rng: random.Random, size: Size, letters: int, held_out: bool, chinese: bool) -> str:
    fonts = HELD_OUT_FONTS if held_out else FONTS
    edge = rng.choice(["1px solid #8888", "1px solid #888", "2px solid #777"])
    lined = rng.choice([f"td,th{{border:{edge}}}", f"tr{{border-bottom:{edge}}}", f"table{{border:{edge}}}", ""])
    columns = 2 if size.width > 330 and letters < 15 and rng.random() < 0.4 else 1
    rules = [
        stylesheet(rng, held_out, fonts),
        f"html{{font-size:{letters}px}}",
        f"main{{column-count:{columns};column-gap:12px;overflow-wrap:break-word}} main>*{{break-inside:avoid}}",
        f"main>*{{margin:{rng.uniform(0.3, 0.9):.2f}em 0}}",
        f"h1,h2,h3{{font-weight:{rng.choice(['bold', 'bold', 'normal'])};line-height:1.2}}",
        f"h1,h2,h3{{text-align:{rng.choice(['inherit', 'center'])}}} h2{{font-size:1.15rem}} h3{{font-size:1rem}}",
        f"p{{text-align:{rng.choice(['inherit', 'inherit', 'justify'])};text-indent:{rng.choice(['0', '0', '1em'])}}}",
        "ul,ol{text-align:left} ol{padding-left:0} ol li{list-style:none} ul{padding-left:1.4em}",
        f"table{{border-collapse:collapse;text-align:left;{rng.choice(['', 'width:100%', 'margin-inline:auto'])}}}",
        f"td,th{{padding:{rng.randint(1, 5)}px {rng.randint(4, 12)}px}} {lined}",
        f"th{{font-weight:{rng.choice(['bold', 'bold', 'normal'])};{rng.choice(['', 'background:#8883'])}}}",
        f".formula{{text-align:{rng.choice(['center', 'left'])};font-family:'{rng.choice(fonts)}',serif}}",
        f".formula{{font-style:{rng.choice(['normal', 'italic'])};font-size:1.1rem}}",
        "sup,sub{font-size:.75em;line-height:0} .frac{display:inline-flex;flex-direction:column;align-items:center}",
        ".frac{vertical-align:middle} .frac i{display:none} .frac>:last-child{border-top:1px solid}",
        ".picture{display:block;max-width:100%} .image.caption{font-size:.9rem}",
        ".chart{display:table;text-align:left} .row{display:table-row} .row>span{display:table-cell;padding:2px 4px}",
        ".row i{display:inline-block;height:.7em;margin-right:4px} .row b{font-weight:normal}",
    ]
    if chinese:
        family = f"'{rng.choice(fonts)}','{rng.choice(CHINESE_HELD_OUT_FONTS if held_out else CHINESE_FONTS)}'"
        rules.append(f"body,.formula{{font-family:{family},sans-serif}}")
    return "\n".join(rules)


FIT = """smallest => {
  const root = document.documentElement, main = document.querySelector('main');
  const spills = () => root.scrollHeight > innerHeight || root.scrollWidth > innerWidth;
  let size = parseFloat(getComputedStyle(root).fontSize);
  while (spills() && size > smallest) root.style.fontSize = --size + 'px';
  while (spills() && main.children.length > 1) {
    const wide = [...main.children].find(block => block.scrollWidth > main.clientWidth);
    (wide || main.lastElementChild).remove();
  }
}"""


# The same two characters in ink: without a Chinese font both are the sign for what is missing.
CAN_WRITE_CHINESE = """() => {
  const pen = new OffscreenCanvas(40, 40).getContext('2d', {willReadFrequently: true});
  const ink = char => {
    pen.clearRect(0, 0, 40, 40);
    pen.font = '24px sans-serif';
    pen.fillText(char, 4, 30);
    return pen.getImageData(0, 0, 40, 40).data.join();
  };
  return ink('确') !== ink('取');
}"""


class Papers:
    """Shows papers and asks about them; of seeds that are not for training it shows the held-out kind."""

    def __init__(self, browser: HastyBrowser) -> None:
        """Raises UserError when the browser draws too large or cannot write Chinese."""
        if browser.scale > MOST_SCALE:
            raise UserError(f"papers are drawn at a scale of 1 to {MOST_SCALE}, not {browser.scale:g}; add --scale 1")
        if not browser.page.evaluate(CAN_WRITE_CHINESE):
            raise UserError("papers need a Chinese font; apt-get install -y fonts-wqy-zenhei")
        self.browser = browser

    def play(self, seed: int) -> Iterator[tuple[dict[str, Any], Image.Image]]:
        """One line of the index and its picture."""
        html, size = paper(seed, held_out=seed < TRAINING_SEEDS)
        self.browser.resize(size)
        self.browser.page.mouse.move(0, 0)
        self.browser.page.set_content(html)
        image = self.browser.screenshot().image
        blocks = read_page(self.browser.page, size, self.browser.scale)
        asks = [qwen_html(blocks), plain_text(blocks)]
        signs = (sign for block in blocks for row in block.parts for sign in row.signs)
        yield (
            {
                "image": "",
                "size": list(image.size),
                "task_name": "paper",
                "seed": seed,
                "step": 0,
                "elements": [],
                "chars": [[sign.shown, *sign.spot] for sign in signs if sign.spot],
                "asks": [vars(ask) for ask in asks if ask.reply],
            },
            image,
        )

    def solved(self) -> bool:
        return True
