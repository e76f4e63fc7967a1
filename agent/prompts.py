"""Every sentence the agent itself says to a model; the tool's own text is in model/computer_use.py."""

from __future__ import annotations

from tools.geometry import Size

REPEATED = "You did this before and nothing changed. Try something else."
CIRCLES = "You are going in circles. Try something else."
STILL = "The screen has not changed for {steps} steps. Try something else."
DENIED = "The user does not allow this."
CHANGED = "The screen changed there before this was done. Look again."
ANSWERED = "The user answers: {words}"
NOBODY = "Nobody answers; decide, or terminate with failure and say what is missing."
STOPPED = "Stopped before this was done."
DONE_BEFORE = "Then there was an interruption; the screen may be another now. The user says that this had been done."
NOT_DONE_BEFORE = "There was an interruption before this was done; the screen may be another now. Look again."
SCREEN_SIZE = "The screen's resolution is now {size}."
LANGUAGE = "The text in the picture is written in {}."
CHART = (
    "Convert the chart in the picture into a Markdown table. The first row names the columns, and each row after it "
    "has one point, bar or slice with its values. If the picture is no chart, answer: no chart"
)
PAGE = (
    "{question}\n\nThe picture is page {number} of {of} of a document. Answer from this page alone, in the JSON "
    'format: {{"answer": "", "quote": ""}}. The quote is the passage of the page that says so, word for word. '
    'If the page does not say it, answer {{"answer": null, "quote": null}}.'
)
PAGES = (
    "{question}\n\nThe pages of a document were asked one by one. These gave an answer:\n{notes}\n\n"
    'Answer the question from them, in the JSON format: {{"answer": "", "pages": [0]}}. '
    "The pages are the numbers of those it rests on."
)


def still(steps: int) -> str:
    return STILL.format(steps=steps)


def answered(words: str) -> str:
    return ANSWERED.format(words=words)


def screen_size(size: Size) -> str:
    """size: in the space the model answers in."""
    return SCREEN_SIZE.format(size=size)


def written_in(language: str) -> str:
    return LANGUAGE.format(language)


def joined(*sentences: str) -> str:
    """What there is to say, a line each."""
    return "\n".join(filter(None, sentences))
