"""The JSON that models write, read tolerantly and within bounds: broken the ways they break it, never evaluated."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 2_000_000  # characters of one reply; a context of 128k tokens is well below
MAX_DEPTH = 64  # containers inside each other
MAX_VALUES = 30_000  # in one reply: what keeps hostile input within a second
MAX_NUMBER = 40  # characters; Python itself refuses integers over 4,300 digits, with another error

SPACE = re.compile(r"\s*")
GAP = re.compile(r"[\s,，]*")  # trailing, doubled and missing commas all mean the same
PLACE = re.compile(r"\[\s{0,20}(-?\d{1,9}(?:,\s{0,20}-?\d{1,9}){0,8})\s{0,20}\]")  # most lists are coordinates
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
WORD = re.compile(r"[^\W\d][\w-]*")
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
ESCAPED_MARK = re.compile(r"""\\(["'\\])""")
QUOTES = {'"': re.compile(r'["\\]'), "'": re.compile(r"['\\]"), "“": re.compile(r"[”\\]")}
CONSTANTS = {"true": True, "false": False, "null": None, "none": None}
REFUSED = ("nan", "inf", "infinity", "undefined")
LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\n": ""} | {mark: mark for mark in "\"'\\/"}


class ParseError(Exception):
    """A reply that cannot be understood; the text is written for the model and says what to write instead."""


@dataclass(frozen=True)
class Json:
    value: Any
    truncated: bool  # the reply ended inside the value; what was not complete is left out of it


@dataclass
class Budget:
    """The work that one reply is worth, shared by all attempts to find JSON in it."""

    values: int = MAX_VALUES
    characters: int = 0

    @classmethod
    def of(cls, text: str) -> Budget:
        return cls(characters=3 * len(text) + 200_000)

    @property
    def is_spent(self) -> bool:
        return self.values < 0 or self.characters < 0


def bounded(text: str) -> str:
    """The text itself. Raises ParseError when it is too long to be a reply."""
    if len(text) > MAX_TEXT:
        raise ParseError(f"the reply has {len(text)} characters, more than {MAX_TEXT}; answer much shorter")
    return text


class Reader:
    """Reads one value; `at` is where it stopped, also after a ParseError.

    Accepted beside JSON: single and curly quotes, True/False/None, bare words, trailing, doubled and missing commas,
    tuples, raw line breaks in strings, a closing bracket too many, too few or of the wrong kind, a doubled "{".
    A tag or a code fence ends all open containers, which keep what they have. The end of the text does so too,
    but then every value that was still open is left out, since more of it may have been meant.
    """

    def __init__(self, text: str, at: int = 0, budget: Budget | None = None):
        self.text = text
        self.at = at
        self.cut = False  # the text ended inside the value
        self.budget = budget or Budget.of(text)
        self.open: list[str] = []

    def read(self) -> Json:
        """Raises ParseError."""
        start = self.at
        try:
            return Json(self.value(), self.cut)
        finally:
            self.budget.characters -= self.at - start + 50

    def value(self) -> Any:
        self.budget.values -= 1
        if self.budget.values < 0:
            raise ParseError(f"more than {MAX_VALUES} values in one answer; answer much shorter")
        self.skip(SPACE)
        letter = self.letter
        if letter == "{":
            return self.object()
        if letter and letter in "[(":
            return self.list()
        if letter in QUOTES:
            return self.string()
        if letter and letter in "+-.0123456789":
            return self.number()
        return self.word()

    def object(self) -> dict[str, Any]:
        self.enter("{")
        found: dict[str, Any] = {}
        strays = 0
        while not self.is_over("}"):
            if self.letter == "{" and not found and strays < MAX_DEPTH:
                self.at, strays = self.at + 1, strays + 1  # one "{" too many in front
                self.budget.values -= 1
                continue
            if self.letter == "{" and "[" in self.open[:-1]:
                break  # the next item of a list began: this one was not closed
            key = self.string() if self.letter in QUOTES else self.key()
            self.skip(SPACE)
            if self.at_end():
                break
            if self.letter not in ":：=":
                raise self.error(f"expected ':' after {key[:40]!r}")
            self.at += 1
            self.skip(SPACE)
            if self.at_end():
                break
            value = self.value()
            if self.cut:
                break
            found[key] = value
        self.open.pop()
        return found

    def list(self) -> list[Any]:
        if place := PLACE.match(self.text, self.at):
            self.at = place.end()
            return [int(number) for number in place[1].split(",")]
        self.enter("[")
        found: list[Any] = []
        while not self.is_over("])"):
            value = self.value()
            if self.cut:
                break
            found.append(value)
        self.open.pop()
        return found

    def enter(self, kind: str) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} brackets inside each other")
        self.open.append(kind)
        self.at += 1

    def is_over(self, closers: str) -> bool:
        """Steps over commas, and over the closing bracket if it is there."""
        while True:
            self.skip(GAP)
            if self.at_end():
                return True
            if self.letter in closers:
                self.at += 1
                return True
            if self.letter not in "}])":
                return False
            if ("{" if self.letter == "}" else "[") in self.open[:-1]:
                return True  # it closes an outer one: ours was forgotten
            self.at += 1  # it closes nothing

    def string(self) -> str:
        marks, start = QUOTES[self.letter], self.at + 1
        self.at = start
        while mark := marks.search(self.text, self.at):
            self.at = mark.end()
            if mark.group() != "\\":
                return unescape(self.text[start : mark.start()])
            self.at += 1
        self.at = len(self.text)
        self.cut = True
        return ""

    def number(self) -> int | float:
        match = NUMBER.match(self.text, self.at)
        if not match:
            raise self.error("expected a number")
        start, self.at = self.at, match.end()
        if self.at == len(self.text):
            self.cut = True  # more digits may have been meant
        if self.at - start > MAX_NUMBER:
            raise self.error(f"a number of {self.at - start} characters")
        if self.letter.isalnum() or self.letter == "_":
            raise self.error(f"{match.group()} runs into letters; write numbers alone and words in quotes")
        digits = match.group()
        if digits.lstrip("+-").isdigit():
            return int(digits)
        value = float(digits)
        if not math.isfinite(value):
            raise self.error(f"{digits} is too large")
        return value

    def word(self) -> Any:
        word = self.key()
        if self.at == len(self.text):
            self.cut = True
        if word.lower() in REFUSED:
            raise self.error(f"{word} is not a value")
        return CONSTANTS.get(word.lower(), word) if word.lower() in CONSTANTS else word

    def key(self) -> str:
        match = WORD.match(self.text, self.at)
        if not match:
            raise self.error(f"unexpected {self.letter!r}" if self.letter else "unexpected end")
        self.at = match.end()
        return match.group()

    @property
    def letter(self) -> str:
        """ "" at the end of the text."""
        return self.text[self.at : self.at + 1]

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def at_end(self) -> bool:
        """At the end of the text, or at a tag or fence that ends the JSON."""
        self.cut = self.cut or not self.letter
        return self.cut or self.letter in "<`"

    def error(self, what: str) -> ParseError:
        near = self.text[max(0, self.at - 20) : self.at + 10]
        return ParseError(f"the JSON cannot be read near {near!r}: {what}")


def unescape(raw: str) -> str:
    r"""The text of a quoted string.

    One escape that JSON does not know (C:\Users) shows that the backslashes were meant as they stand: then all are.
    """
    if "\\" not in raw:
        return raw
    try:
        text = ESCAPE.sub(_letter, raw)
    except KeyError:
        return ESCAPED_MARK.sub(r"\1", raw)
    # \ud83d\ude00 are two halves of one character
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _letter(escape: re.Match[str]) -> str:
    code = escape.group(1)
    return chr(int(code[1:], 16)) if len(code) > 1 else LETTERS[code]
