"""tools/keys.py: every spelling leads to one key, and what is no key is refused by name."""

from __future__ import annotations

import pytest

from tools.keys import ALIASES, MODIFIERS, PLAYWRIGHT, SPELLINGS, parse_keys, playwright_name


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        (["ctrl"], ("ctrl",)),
        (["Control"], ("ctrl",)),
        (["control_l"], ("ctrl",)),
        (["ControlLeft"], ("ctrl",)),
        (["return"], ("enter",)),
        (["Enter"], ("enter",)),
        (["\n"], ("enter",)),
        (["esc"], ("escape",)),
        (["pgdn"], ("pagedown",)),
        (["Page_Down"], ("pagedown",)),
        (["page down"], ("pagedown",)),
        (["Next"], ("pagedown",)),
        (["cmd"], ("meta",)),
        (["Super_L"], ("meta",)),
        (["arrowup"], ("up",)),
        (["ArrowUp"], ("up",)),
        (["F12"], ("f12",)),
        (["f24"], ("f24",)),
        (["a"], ("a",)),
        (["A"], ("A",)),
        (["é"], ("é",)),
        (["😀"], ("😀",)),
        ([" "], ("space",)),
        (["+"], ("+",)),
        (["-"], ("-",)),
        (["plus"], ("+",)),
        (["KP_7"], ("7",)),
        (["ctrl+c"], ("ctrl", "c")),
        (["ctrl-c"], ("ctrl", "c")),
        (["ctrl c"], ("ctrl", "c")),
        (["Ctrl + Shift + T"], ("ctrl", "shift", "t")),
        (["ctrl", "C"], ("ctrl", "c")),
        (["ctrl++"], ("ctrl", "+")),
        (["ctrl+-"], ("ctrl", "-")),
        (["ctrl--"], ("ctrl", "-")),
        (["alt+F4"], ("alt", "f4")),
        (["ctrl+alt+del"], ("ctrl", "alt", "delete")),
        (["ctrl+page_down"], ("ctrl", "pagedown")),
    ],
)
def test_a_spelling_means_its_key(written: list[str], keys: tuple[str, ...]) -> None:
    assert parse_keys(written) == keys


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (["enterr"], "enterr"),
        (["ctrl+foo"], "foo"),
        (["ctrl", "baz"], "baz"),
        (["ab"], "ab"),
        ([""], "''"),
        (["\x00"], "x00"),
        (["ctrl+"], "''"),
        ([], "at least one"),
        (["a"] * 11, "11 keys"),
    ],
)
def test_what_is_no_key_is_refused_by_name(written: list[str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse_keys(written)


def test_our_own_names_stay_as_they_are() -> None:
    for name in PLAYWRIGHT:
        assert parse_keys([name]) == (name,)
        assert parse_keys([name.upper()]) == (name,)


def test_every_other_spelling_leads_to_a_key_there_is() -> None:
    for spelling, name in ALIASES.items():
        assert name in PLAYWRIGHT or len(name) == 1
        assert parse_keys([spelling]) == (name,)


def test_no_spelling_is_listed_for_two_keys() -> None:
    spellings = [spelling for listed in SPELLINGS.values() for spelling in listed.split()]
    assert len(spellings) == len(set(spellings))
    assert not set(spellings) & set(PLAYWRIGHT)


def test_modifiers_are_keys_and_characters_are_their_own_names() -> None:
    assert set(MODIFIERS) <= set(PLAYWRIGHT)
    assert playwright_name("pagedown") == "PageDown"
    assert [playwright_name(key) for key in "%aA7"] == ["%", "KeyA", "A", "Digit7"]
