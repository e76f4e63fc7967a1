"""Experts at numbers: drawn in boxes, odd and even ones, ones to generate, order and slide to."""

from __future__ import annotations

from collections.abc import Iterator

from model.training.experts.aims import boxes, clicked, moved, only
from model.training.experts.hands import slide
from model.training.experts.shown import MOST
from model.training.experts.steps import Decision, Expert, Look, Want, groups


def draw(said: str, look: Look) -> Iterator[Want | Decision]:
    """The page's patterns are what its pictures show."""
    (digit,) = groups(r'the number "(\d)"', said)
    pattern: list[list[int]] = look.page.evaluate(f"PATTERNS[{digit}]")
    at = boxes(look, "#checkboxes input")
    for row, marks in enumerate(pattern):
        for column in (column for column, mark in enumerate(marks) if mark):
            yield clicked(f"Check row {row + 1}, column {column + 1}.", at[len(marks) * row + column])
    yield Want("click", "Submit")


def odd_or_even(said: str, look: Look) -> Iterator[Want | Decision]:
    for row, number in enumerate(look.page.locator(".display-number").all_inner_texts()):
        kind = "odd" if int(number) % 2 else "even"
        thought = f'In row {row + 1}, {number} is {kind}. Click "{kind.title()}".'
        yield clicked(thought, boxes(look, f".row .{kind}")[row])
    yield Want("click", "Submit")


def generate(said: str, look: Look) -> Iterator[Decision]:
    reason = ""
    for _ in range(MOST):
        yield clicked(f'{reason}Click "Generate".', only(look, "#generate"))
        number = int(look.page.inner_text("#display-number"))
        reason = f"It is {number}. "
        if suits(number, said):
            break
    yield clicked(f'{reason}Click "Submit".', only(look, "#submit"))


def suits(number: int, said: str) -> bool:
    match said.removeprefix("Generate a").removesuffix(", then press submit.").split():
        case ["number", "less", "than", bound]:
            return number < int(bound)
        case ["number", "greater", "than", bound]:
            return number > int(bound)
    return number % 2 == ("odd" in said)


def click_ascending(said: str, look: Look) -> Iterator[Decision]:
    """The first click hides the others' numbers, so each is pointed at before: what was done is all that is kept."""
    at = boxes(look, "#area_svg text")
    for number, box in enumerate(at[1:], 2):
        yield moved(f'Move to "{number}".', box)
    yield clicked('Click "1".', at[0])
    for number in range(2, len(at) + 1):
        yield clicked(f"Click where {number} was.", only(look, f'#area_svg rect[data-index="{number}"]'))


def slide_and_check(said: str, look: Look) -> Iterator[Want | Decision]:
    wanted, nth = groups(r"Select (-?\d+) with the slider, click the (\w+) checkbox", said)
    yield from slide(int(wanted), look)
    yield clicked(f"Click the {nth} checkbox.", only(look, f"#checkbox-{nth[0]}"))
    yield Want("click", "Submit")


NUMBERS: dict[str, Expert] = {
    "number-checkboxes": draw,
    "odd-or-even": odd_or_even,
    "generate-number": generate,
    "ascending-numbers": click_ascending,
    "form-sequence": slide_and_check,
}
