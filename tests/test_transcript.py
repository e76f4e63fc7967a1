"""app/transcript.py: a reply is seen as it was said, and cannot swallow what the page says below it."""

from app.transcript import legible


def test_markup_is_seen_and_not_obeyed() -> None:
    assert legible("a <b>x</b> ![y](z)") == r"a \<b>x\</b> \![y](z)"
    assert legible("<p>x</p>") == "```html\n<p>x</p>\n```"


def test_code_that_is_not_closed_is_closed() -> None:
    for reply in ("said\n```\nx", "```html\n<p>", "x\n```"):
        assert legible(reply).count("```") == 2
    assert legible("```x\ny\n``` z") == "```x\ny\n``` z"
