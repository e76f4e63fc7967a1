"""agent/documents/spelling.py: the file's words, the model's structure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.documents.spelling import Correction, respelled, spelled
from model.parsing.documents import Block
from tools.documents import Word
from tools.geometry import Box

PAGE = Box(0, 0, 1000, 1000)


def laid(text: str, top: float = 10.0) -> list[Word]:
    """Words of a file in one line."""
    return [Word(word, Box(60 * at, top, 60 * at + 50, top + 12)) for at, word in enumerate(text.split())]


def test_misread_words_are_set_right_and_the_rest_stays() -> None:
    block = Block("paragraph", "Cald meyay is\nhere today", PAGE)
    (found,), left = spelled([block], laid("Calm melay is quite here today"))
    assert found.block.text == "Calm melay is\nhere today"
    assert found.corrections == (Correction("Cald", "Calm", 0), Correction("meyay", "melay", 1))
    assert (found.confirmed, found.words) == (3, 5)
    assert [word.text for word in left] == ["quite"]


def test_a_word_that_is_another_is_not_taken() -> None:
    (found,), left = spelled([Block("paragraph", "alpha beta", PAGE)], laid("alpha quixotic"))
    assert found.block.text == "alpha beta"
    assert [word.text for word in left] == ["quixotic"]


def test_only_words_at_the_blocks_place_count() -> None:
    upper, lower = (
        Block("paragraph", "total 17", Box(0, 0, 400, 40)),
        Block("paragraph", "total 71", Box(0, 100, 400, 140)),
    )
    found, left = spelled([lower, upper], [*laid("total 15", 10), *laid("total 71", 110)])
    assert [one.block.text for one in found] == ["total 71", "total 15"]
    assert not left


def test_tables_keep_their_markup() -> None:
    source = "<table><tr><td>Nane</td><td>A &lt; B</td></tr></table>"
    (found,), _ = spelled([Block("table", "Nane\tA < B", PAGE, source=source)], laid("Name A < B"))
    assert found.block.text == "Name\tA < B"
    assert found.block.source == "<table><tr><td>Name</td><td>A &lt; B</td></tr></table>"


def test_scripts_without_blanks_are_set_right_by_letter() -> None:
    (found,), left = spelled([Block("paragraph", "配料：白妙糖", PAGE)], laid("配料：白砂糖"))
    assert found.block.text == "配料：白砂糖"
    assert not left


def test_words_in_a_picture_are_not_missed() -> None:
    _, left = spelled([Block("image", "", Box(0, 0, 1000, 40))], laid("axis label"))
    assert not left


texts = st.lists(st.text(st.sampled_from("abcdeé中"), min_size=1, max_size=5), max_size=8).map(" ".join)


@settings(deadline=None)
@given(texts, texts)
def test_a_page_spelled_right_stays_and_blanks_never_change(said: str, written: str) -> None:
    (same,), left = spelled([Block("paragraph", said, PAGE)], laid(said))
    assert same.block.text == said and not same.corrections and not left
    (found,), _ = spelled([Block("paragraph", said, PAGE)], laid(written))
    assert len(found.block.text.split(" ")) == len(said.split(" "))
    assert respelled(said, {}) == said
