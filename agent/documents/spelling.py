"""A file's own text sets the model's spelling right; the model's structure stays as it is."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from model.parsing.documents import Block
from tools.documents import Word
from tools.geometry import Box

ALIKE = 0.5  # of two words: below it the file's word is another word, not the same one spelled right
SKIP = 0.6  # what leaving a word out of the pairing costs; pairing two costs what they are unlike
NEAR_PX = 6  # a word this far outside a block's box may still be of the block: models draw boxes tightly
Costs = NDArray[np.float32]
MOST_PAIRS = 4_000_000  # of one block's words and the page's; a longer block stays as the model wrote it
# A word between blanks; in Chinese, Japanese and Korean, which have none, each letter.
ALONE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
LETTER = re.compile(f"[{ALONE}]")
TOKEN = re.compile(rf"[{ALONE}]|[^\s{ALONE}]+")
TAGS = re.compile(r"<[^<>]*>")
SIGNS = re.compile(r"[\W_]+")


def letters(text: str) -> str:
    """The letters and digits alone: how a text is set, and its punctuation, do not count."""
    return SIGNS.sub("", unicodedata.normalize("NFKC", text))


@dataclass(frozen=True)
class Correction:
    said: str  # by the model
    written: str  # in the file
    place: int  # which of the block's words, from 0


@dataclass(frozen=True)
class Spelled:
    block: Block
    corrections: tuple[Correction, ...] = ()
    confirmed: int = 0  # words that the file has as the model said them
    words: int = 0  # of the block
    by_person: bool = False  # written by a person in the place of what was read


def spelled(blocks: Sequence[Block], layer: Sequence[Word]) -> tuple[list[Spelled], list[Word]]:
    """The blocks with the file's spelling, and the words of the file that no block holds.

    blocks: boxes in pixels of the page's image, as `layer` has them. A block without a box is compared to all words.
    """
    tokens = [Word(match.group(), word.box) for word in layer for match in TOKEN.finditer(word.text)]
    used: set[int] = set()
    found = []
    for block in blocks:
        near = [at for at, token in enumerate(tokens) if at not in used and is_near(token.box, block.box)]
        one, pairs = spell(block, [tokens[at].text for at in near])
        used |= {near[at] for at in pairs}
        found.append(one)
    covered = [block.box for block in blocks if block.box and block.kind in ("image", "chart", "formula")]
    left = [
        token
        for at, token in enumerate(tokens)
        if at not in used and not any(is_near(token.box, box) for box in covered)
    ]
    return found, left


def is_near(word: Box, block: Box | None) -> bool:
    if block is None:
        return True
    at = word.center
    return (
        block.left - NEAR_PX <= at.x <= block.right + NEAR_PX and block.top - NEAR_PX <= at.y <= block.bottom + NEAR_PX
    )


def spell(block: Block, written: list[str]) -> tuple[Spelled, list[int]]:
    """The block set right by these words of the file, and which of them were found in it."""
    said = TOKEN.findall(block.text)
    pairs = list(paired(said, written))
    corrections = tuple(Correction(said[i], written[j], i) for i, j in pairs if said[i] != written[j])
    right = {correction.place: correction.written for correction in corrections}
    source = in_markup(block.source, said, right) if block.source else ""
    text = respelled(block.text, right)
    done = replace(block, text=text, source=source)
    return Spelled(done, corrections, len(pairs) - len(corrections), len(said)), [j for _, j in pairs]


def paired(said: list[str], written: list[str]) -> Iterator[tuple[int, int]]:
    """Which word of the one is which of the other: the cheapest pairing that keeps the order of both."""
    if not said or not written or len(said) * len(written) > MOST_PAIRS:
        return
    unlike = 1 - cdist(said, written, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
    letters = [np.array([bool(LETTER.fullmatch(word)) for word in words]) for words in (said, written)]
    unlike[unlike > 1 - ALIKE] = 2 * SKIP + 1  # never paired
    unlike[np.logical_and.outer(*letters) & (unlike > 0)] = (
        2 * SKIP - 0.1
    )  # letters are never alike: one in the place of one is taken
    # costs[i, j]: of the first i said and the first j written
    costs = np.empty((len(said) + 1, len(written) + 1), np.float32)
    costs[0] = SKIP * np.arange(len(written) + 1)
    skips = SKIP * np.arange(len(written) + 1, dtype=np.float32)
    for i, row in enumerate(unlike, 1):
        best = np.minimum(costs[i - 1] + SKIP, np.concatenate([[np.inf], costs[i - 1, :-1] + row]))
        costs[i] = np.minimum.accumulate(best - skips) + skips  # then as many of the written left out as is cheapest
    yield from reversed(list(traced(costs, unlike)))


def traced(costs: Costs, unlike: Costs) -> Iterator[tuple[int, int]]:
    """The pairs of the cheapest way through, last first."""
    i, j = unlike.shape
    while i and j:
        if np.isclose(costs[i, j], costs[i - 1, j - 1] + unlike[i - 1, j - 1], atol=1e-4):
            i, j = i - 1, j - 1
            yield i, j
        elif np.isclose(costs[i, j], costs[i - 1, j] + SKIP, atol=1e-4):
            i -= 1
        else:
            j -= 1


def respelled(text: str, right: dict[int, str]) -> str:
    """The text with some of its words, by their places, replaced; blanks stay."""
    places = iter(range(len(text) + 1))

    def one(match: re.Match[str]) -> str:
        return right.get(next(places), match.group())

    return TOKEN.sub(one, text)


def in_markup(source: str, said: list[str], right: dict[int, str]) -> str:
    """The same replacements in markup that holds the same words in the same order; untouched where it does not."""
    parts, at, last = [], 0, 0
    for tag in [*TAGS.finditer(source), None]:
        text = html.unescape(source[last : tag.start() if tag else len(source)])
        words = TOKEN.findall(text)
        if words != said[at : at + len(words)]:
            return source
        own = {place - at: word for place, word in right.items() if at <= place < at + len(words)}
        parts += [html.escape(respelled(text, own), quote=False), tag.group() if tag else ""]
        at, last = at + len(words), tag.end() if tag else last
    return "".join(parts)
