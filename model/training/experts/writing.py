"""Experts at what is to be read, reckoned or copied, and then typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from model.training.experts.aims import clicked, moved, only, pressed
from model.training.experts.shown import rest, scrolled
from model.training.experts.steps import Decision, Expert, Look, Want, groups
from tools.actions import Type

FAR = 4000.0  # screenshot pixels; more than any text here is long


def enter_date(said: str, look: Look) -> Iterator[Want | Decision]:
    yield from entered("month", groups(r"Enter (\S+) as", said)[0], look)


def enter_time(said: str, look: Look) -> Iterator[Want | Decision]:
    hour, minute, half = groups(r"Enter (\d+):(\d+)\s(\w+) as", said)
    yield from entered("hour", f"{int(hour):02d}:{minute}{half}", look)


def entered(part: str, text: str, look: Look) -> Iterator[Want | Decision]:
    """From its first part on the field goes to the next by itself."""
    field = only(look, "#tt")
    yield clicked(
        f"Click the {part}.", replace(field, left=field.left + 3 * look.scale, right=field.left + 15 * look.scale)
    )
    yield from (Want("type", text), Want("click", "Submit"))


def read_letters(said: str, look: Look) -> Iterator[Want]:
    yield from answered(look.page.text_content("#captcha") or "")


def answered(text: str) -> Iterator[Want]:
    yield from (Want("field"), Want("type", text), Want("click", "Submit"))


def reckon(said: str, look: Look) -> Iterator[Want | Decision]:
    problem = look.page.inner_text("#math-problem").removesuffix("=").strip()
    yield from reckoned(f"It is {problem} = {value(problem)}.", value(problem))


def solve(said: str, look: Look) -> Iterator[Want | Decision]:
    equation = look.page.inner_text("#math-problem").strip()
    first, sign, second, result = groups(r"(\w+) ([+-]) (\w+) = (\d+)", equation)
    if first == "x":
        way = f"{result} {'-' if sign == '+' else '+'} {second}"
    elif sign == "+":
        way = f"{result} - {first}"
    else:
        way = f"{first} - {result}"
    yield from reckoned(f"It is {equation}, so x = {way} = {value(way)}.", value(way))


def value(problem: str) -> int:
    a, sign, b = problem.split()
    return {"+": int(a) + int(b), "-": int(a) - int(b), "x": int(a) * int(b)}[sign]


def reckoned(reason: str, answer: int | str) -> Iterator[Want | Decision]:
    yield Want("field")
    yield Decision(f'{reason} Type "{answer}".', Type(str(answer)), None)
    yield Want("click", "Submit")


def find_word(said: str, look: Look) -> Iterator[Want | Decision]:
    """Counted aloud, as small models must."""
    nth = int(groups(r"Find the (\d+)", said)[0])
    words = re.findall(r"[A-Za-z]+", look.page.inner_text("#area p"))[:nth]
    counted = ", ".join(f"{count} {word}" for count, word in enumerate(words, 1))
    yield from reckoned(f"It is {counted}.", words[-1])


def copy(said: str, look: Look) -> Iterator[Want | Decision]:
    yield from copied("text area", "#to-copy", look)


def copy_one(said: str, look: Look) -> Iterator[Want | Decision]:
    (nth,) = groups(r"from the (\w+) text area", said)
    yield from copied(f"{nth} text area", f"#text-{nth[0]}", look)


def copied(name: str, selector: str, look: Look) -> Iterator[Want | Decision]:
    yield clicked(f"Click the {name}.", only(look, selector))
    yield pressed("Press Control+A.", "ctrl", "a")
    yield pressed("Press Control+C.", "ctrl", "c")
    yield clicked("Click the text field.", only(look, "#answer-input"))
    yield pressed("Press Control+V.", "ctrl", "v")
    yield Want("click", "Submit")


def type_last_word(said: str, look: Look) -> Iterator[Want | Decision]:
    yield from scroll_far("bottom", look)
    yield clicked("Click the text field.", only(look, "#answer-input"))
    yield Want("type", re.findall(r"\w+", look.page.input_value("#text-area"))[-1])
    yield Want("click", "Submit")


def scroll_text(said: str, look: Look) -> Iterator[Want | Decision]:
    yield from scroll_far(groups(r"to the (top|bottom) of", said)[0], look)
    yield Want("click", "Submit")


def scroll_far(end: str, look: Look) -> Iterator[Decision]:
    yield moved("Move to the text area.", only(look, "#text-area"))
    yield scrolled(f"Scroll to the {end}.", FAR if end == "bottom" else -FAR)
    rest(look)


WRITING: dict[str, Expert] = {
    "enter-date": enter_date,
    "enter-time": enter_time,
    "text-transform": read_letters,
    "simple-arithmetic": reckon,
    "simple-algebra": solve,
    "find-word": find_word,
    "copy-paste": copy,
    "copy-paste-2": copy_one,
    "scroll-text": type_last_word,
    "scroll-text-2": scroll_text,
}
