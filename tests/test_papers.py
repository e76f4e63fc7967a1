"""Pages and lines to read: what is drawn, what should be said of it, and where every letter stands."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.parsing import parse_document
from model.prompts import DOCUMENT, READ_PAGE
from model.training import lines
from model.training.episodes import write
from model.training.hasty import HastyBrowser
from model.training.lines import fonts, line_picture
from model.training.papers import CAN_WRITE_CHINESE, CHINESE, HEIGHTS, WIDTHS, Papers, paper
from model.training.transcripts import Block, Sign, plain_text, qwen_html, read_page
from tools.errors import UserError
from tools.geometry import Box, Size

SEEDS = range(100_000, 100_024)
KINDS = {"formula": "formula", "image": "image", "image caption": "image", "chart": "chart"}
TAGS = {"h1": "heading", "h2": "heading", "h3": "heading", "p": "paragraph", "ul": "item", "ol": "item"}


@pytest.fixture(scope="module")
def browser() -> Iterator[HastyBrowser]:
    one = HastyBrowser(viewport=Size(WIDTHS[0], HEIGHTS[0]), scale=1.0)
    yield one
    one.close()


@pytest.fixture(scope="module")
def world(browser: HastyBrowser) -> Papers:
    if not browser.page.evaluate(CAN_WRITE_CHINESE):
        pytest.skip("needs a Chinese font: apt-get install -y fonts-wqy-zenhei")
    return Papers(browser)


@pytest.fixture(scope="module")
def drawn(world: Papers) -> list[tuple[dict[str, Any], Image.Image]]:
    return [frame for seed in SEEDS for frame in world.play(seed)]


def shown(browser: HastyBrowser, seed: int, chinese: bool | None = False) -> list[Block]:
    html, size = paper(seed, chinese=chinese)
    browser.resize(size)
    browser.page.set_content(html)
    return read_page(browser.page, size, 1.0)


def ask_of(line: dict[str, Any], prompt: str) -> dict[str, Any]:
    (found,) = (ask for ask in line["asks"] if ask["ask"] == prompt)
    return dict(found)


def said(signs: list[Sign]) -> str:
    return " ".join("".join(sign.said for sign in signs).split())


def test_the_parser_loses_nothing_of_the_html(browser: HastyBrowser) -> None:
    seen = set()
    for seed in SEEDS:
        blocks = shown(browser, seed)
        ask = qwen_html(blocks)
        parsed = parse_document(ask.reply)
        assert not parsed.truncated
        expected = []
        for block in blocks:
            if block.tag == "table" or block.kind == "chart":
                kind = KINDS.get(block.kind, "table")
                expected.append((kind, "\n".join("\t".join(said(cell) for cell in row.cells) for row in block.parts)))
            else:
                kind = KINDS.get(block.kind) or TAGS[block.tag]
                expected += [(kind, said(row.signs)) for row in block.parts]
        assert [(block.kind, block.text) for block in parsed] == expected
        spoken = [Box(*corners) for _, *corners in ask.boxes]
        assert all(block.box in spoken for block in parsed)
        seen |= {kind for kind, _ in expected}
    assert seen == {*KINDS.values(), *TAGS.values(), "table"}


def test_the_html_is_as_the_models_write_it(browser: HastyBrowser) -> None:
    browser.resize(Size(300, 300))
    body = "<main><h2>A b</h2><ol><li><span data-said=''>1. </span>c</li></ol><table><tr><td>d</td></tr></table></main>"
    browser.page.set_content(f"<style>*{{margin:0;padding:0}}</style>{body}")
    blocks = read_page(browser.page, Size(300, 300), 1.0)
    ask = qwen_html(blocks)
    boxes = [" ".join(str(edge) for edge in corners) for _, *corners in ask.boxes]
    assert ask.reply == (
        "```html\n<html><body>\n"
        f'<h2 data-bbox="{boxes[0]}">A b</h2>\n'
        f'<ol><li data-bbox="{boxes[1]}">c</li></ol>\n'
        f'<table data-bbox="{boxes[2]}" class="table1"><tr><td>d</td></tr></table>\n'
        "</body></html>\n```"
    )
    assert plain_text(blocks).reply == "A b\n1. c\nd"


def test_formulas_are_latex_in_html_and_signs_in_plain_text(browser: HastyBrowser) -> None:
    browser.resize(Size(300, 300))
    inner = "x<sup data-before='^{' data-after='}'>2</sup><span data-said='\\times '>×</span>y"
    browser.page.set_content(f"<main><div class=formula>{inner}</div></main>")
    blocks = read_page(browser.page, Size(300, 300), 1.0)
    ask = qwen_html(blocks)
    assert "<div>x^{2}\\times y</div>" in ask.reply
    assert "".join(ask.reply[at] for at, *_ in ask.letters) == "x2\\y"
    assert plain_text(blocks).reply == "x2×y"


def test_a_paragraph_is_read_line_by_line(browser: HastyBrowser) -> None:
    browser.resize(Size(300, 300))
    browser.page.set_content("<main style='width:60px;font:20px monospace'><p>aaa bbb ccc</p></main>")
    assert plain_text(read_page(browser.page, Size(300, 300), 1.0)).reply == "aaa\nbbb\nccc"


def test_letters_and_boxes_stand_where_the_reply_says(drawn: list[tuple[dict[str, Any], Image.Image]]) -> None:
    for line, image in drawn:
        assert line["size"] == list(image.size)
        inked = "".join(char for char, *_ in line["chars"])
        for ask in line["asks"]:
            for at, *corners in ask["boxes"]:
                assert ask["reply"].startswith(" ".join(str(edge) for edge in corners) + '"', at)
            spelled = "".join(ask["reply"][at] for at, *_ in ask["letters"])
            assert not set(spelled) & set(string.whitespace)
            if ask["ask"] == READ_PAGE:
                assert spelled == inked
            for _, left, top, right, bottom in ask["letters"]:
                assert 0 <= left < right <= image.width and 0 <= top < bottom <= image.height


def test_letter_boxes_cover_the_ink_of_the_text(browser: HastyBrowser) -> None:
    """Nearly: an italic letter leans out of its box, and capitals of Nimbus Sans rise a pixel above it."""
    for seed in SEEDS:
        html, size = paper(seed, chinese=False)
        browser.resize(size)
        browser.page.set_content(html)
        quiet = ".picture,.row i{visibility:hidden} *{border-color:transparent!important;background:white!important}"
        browser.page.add_style_tag(content=f"{quiet} *{{color:black!important}} li{{list-style:none!important}}")
        ink = np.asarray(browser.screenshot().image.convert("L")) < 128
        assert ink.any() or not plain_text(read_page(browser.page, size, 1.0)).reply
        covered = np.zeros_like(ink)
        for _, left, top, right, bottom in plain_text(read_page(browser.page, size, 1.0)).letters:
            covered[int(top) - 1 : int(bottom) + 1, int(left) : int(right) + 1] = True
        assert (ink & ~covered).sum() <= 0.01 * ink.sum()


def test_pictures_and_texts_are_of_the_promised_size(drawn: list[tuple[dict[str, Any], Image.Image]]) -> None:
    for _, image in drawn:
        assert WIDTHS[0] <= image.width <= WIDTHS[1] and HEIGHTS[0] <= image.height <= HEIGHTS[1]
    lengths = sorted(len(line["chars"]) for line, _ in drawn)
    assert 40 <= lengths[len(lengths) // 2] <= 220 and lengths[-1] <= 320


def test_the_same_seed_gives_the_same_page(world: Papers, drawn: list[tuple[dict[str, Any], Image.Image]]) -> None:
    for line, image in drawn[:4]:
        ((again, pixels),) = world.play(line["seed"])
        assert again == line and pixels.tobytes() == image.tobytes()


def test_held_out_pages_are_the_same_text_in_other_fonts() -> None:
    (train, size), (test, other) = paper(5, held_out=False), paper(5, held_out=True)
    assert size == other
    assert train.partition("<style>")[2] != test.partition("<style>")[2]
    for font in ("C059", "URW Bookman", "Nimbus Mono PS", "FreeSerif", "Noto Sans Mono"):
        assert all(f"'{font}'" not in paper(seed)[0] for seed in range(60))


def test_about_one_page_in_ten_is_chinese() -> None:
    share = sum("lang=zh" in paper(seed)[0] for seed in range(600)) / 600
    assert share == pytest.approx(CHINESE, abs=0.04)
    assert "lang=zh" in paper(1, chinese=True)[0]


def test_chinese_is_read_letter_by_letter(world: Papers, browser: HastyBrowser) -> None:
    blocks = shown(browser, 3, chinese=True)
    spelled = plain_text(blocks)
    han = [box for at, *box in spelled.letters if "\u4e00" <= spelled.reply[at] <= "\u9fff"]
    assert len(han) > 5
    assert all(0.7 < (right - left) / (bottom - top) < 1.3 for left, top, right, bottom in han)


def test_papers_refuse_what_they_cannot_draw(browser: HastyBrowser) -> None:
    class Large:
        scale = 2.0
        page = browser.page

    class Fontless:
        class page:
            @staticmethod
            def evaluate(script: str) -> bool:
                return False

        scale = 1.0

    with pytest.raises(UserError, match="--scale 1"):
        Papers(Large())  # type: ignore[arg-type]
    with pytest.raises(UserError, match="fonts-wqy-zenhei"):
        Papers(Fontless())  # type: ignore[arg-type]


def test_the_index_holds_the_asks(world: Papers, tmp_path: Path) -> None:
    with (tmp_path / "index.jsonl").open("w", encoding="utf-8") as index:
        write("paper", world, range(100_000, 100_002), tmp_path, index)
    for text in (tmp_path / "index.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        assert line["image"] == f"paper-{line['seed']}-0.png" and (tmp_path / line["image"]).exists()
        assert ask_of(line, DOCUMENT)["reply"].startswith("```html\n<html><body>\n<")


@pytest.fixture(scope="module")
def held_out_fonts() -> None:
    try:
        fonts(held_out=True, chinese=False)
    except UserError as error:
        pytest.skip(str(error))


def test_a_line_has_every_letter_boxed_over_its_ink() -> None:
    for seed in range(60):
        image, text, chars = line_picture(seed)
        assert lines.LENGTHS[0] <= len(text) <= lines.LENGTHS[1]
        assert [char for char, *_ in chars] == [char for char in text if not char.isspace()]
        picture = np.asarray(image).astype(int)
        ground = picture[3, 3]
        ink = np.abs(picture - ground).sum(-1) > 200
        ink[[0, 1, -1, -2]] = ink[:, [0, -1]] = False  # a frame or rule
        covered = np.zeros_like(ink)
        for _, left, top, right, bottom in chars:
            covered[int(top) : int(bottom) + 1, max(0, int(left) - 2) : int(right) + 3] = True
        assert ink.sum() > 20 and (ink & ~covered).sum() <= 0.02 * ink.sum(), (seed, text)


def test_a_line_is_the_same_for_the_same_seed() -> None:
    (one, text, chars), (other, same, boxes) = line_picture(7), line_picture(7)
    assert one.tobytes() == other.tobytes() and text == same and chars == boxes
    assert line_picture(8)[1] != text


def test_held_out_lines_share_no_font_with_the_others(held_out_fonts: None) -> None:
    held, trained = fonts(held_out=True, chinese=False), fonts(held_out=False, chinese=False)
    assert not {file.name.split("-")[0] for file in held} & {file.name.split("-")[0] for file in trained}
    assert line_picture(3, held_out=True)[1]


def test_lines_show_every_character_of_ascii() -> None:
    seen = set("".join(line_picture(seed)[1] for seed in range(800)))
    assert seen >= set(string.printable[:94])


def test_a_line_can_be_chinese() -> None:
    try:
        _, text, chars = line_picture(1, chinese=True)
    except UserError as error:
        assert "fonts-wqy-zenhei" in str(error)
        return
    assert all(ord(char) > 127 or char.isdigit() for char in text) and len(chars) == len(text)
