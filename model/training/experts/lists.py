"""Experts at lists, menus, and sections that unfold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from model.training.experts.aims import clicked, moved, only, pressed
from model.training.experts.basics import seek_in_tabs
from model.training.experts.shown import at_rest, await_shown, reach, shown
from model.training.experts.steps import Decision, Expert, Look, Want, find, groups, quoted


def open_section(said: str, look: Look) -> Iterator[Want | Decision]:
    yield Want("click", next(element.text for element in look().elements if element.kind == "tab"))
    button = only(look, "#subbtn")
    yield clicked('Click "Submit".', replace(button, bottom=min(button.bottom, look.area.height * look.scale)))


def click_menu(said: str, look: Look) -> Iterator[Decision]:
    """A parent must not be clicked, that would count as chosen; its menu opens where the pointer rests."""
    names = groups(r"Select (.*)", said)[0].split(">")
    for name, child in pairwise(names):
        yield moved(f'Move to "{name}".', only(look, menu_item(name)))
        yield from await_shown("Wait for the menu.", menu_item(child), look)
    yield clicked(f'Click "{names[-1]}".', only(look, menu_item(names[-1])))


def menu_item(name: str) -> str:
    return f'#menu li > div:text-is("{name}")'


def check_alike(said: str, look: Look) -> Iterator[Want | Decision]:
    """What words are alike is known of the language; here it is read from where the page has it from."""
    alike: list[list[str]] = look.page.evaluate("SYNONYMS")
    labels = [element.text for element in look().elements if element.kind == "checkbox"]
    for word in groups(r"similar to (.*) and click", said)[0].split(", "):
        label = next(one for one in labels if any(one in group and word in group for group in alike))
        yield clicked(f'{word} is like {label}. Check "{label}".', find(Want("check", label), look()).box)
    yield Want("click", "Submit")


def choose_in_list(said: str, look: Look) -> Iterator[Want | Decision]:
    """Typed to the closed list: the open one reaches beyond the task's area, and the blank in a name closes it."""
    yield clicked("Click the list.", only(look, "#options"))
    yield pressed("Press Escape.", "escape")
    yield Want("type", groups(r"Select (.*) from the list", said)[0])
    yield Want("click", "Submit")


def choose_in_scroll_list(said: str, look: Look) -> Iterator[Want | Decision]:
    """Typing selects the first name alone; the second is added with the control key, coming from the top."""
    first, *more = groups(r"Select (.*) from the scroll list", said)[0].split(", ")
    yield clicked("Click the list.", only(look, "#options"))
    yield Want("type", first)
    for name in more:
        yield pressed("Press Control+Home.", "ctrl", "home")
        for _ in range(look.page.locator("#options option").all_inner_texts().index(name)):
            yield pressed("Press Control+Down.", "ctrl", "down")
        yield pressed("Press Control+Space.", "ctrl", "space")
    yield Want("click", "Submit")


def choose_height(said: str, look: Look) -> Iterator[Want | Decision]:
    (height,) = groups(r"Choose (.*) from the dropdown", said)
    item = f'.selectric-items li:text-is("{height}")'
    yield clicked("Click the dropdown.", only(look, ".selectric"))
    if not shown(look, item):
        yield moved("Move to the list.", only(look, ".selectric-scroll"))
    yield from reach(f'Click "{height}".', item, look)
    yield Want("click", quoted(said)[0])


def choose_day(said: str, look: Look) -> Iterator[Want]:
    yield from (Want("field"), Want("click", str(int(groups(r"Select \d+/(\d+)/", said)[0]))))
    yield Want("click", "Submit")


def complete(said: str, look: Look) -> Iterator[Want | Decision]:
    """Names below the screen's end are reached by keys: the field shows which one it is."""
    start, *end = quoted(said)
    yield from (Want("field"), Want("type", start))
    yield from await_shown("Wait for the list.", ".ui-menu-item", look)
    names = look.page.locator(".ui-menu-item:visible").all_inner_texts()
    name = next(one for one in names if one.startswith(start) and one.endswith("".join(end)))
    if box := shown(look, f'.ui-menu-item div:text-is("{name}")'):
        yield clicked(f'Click "{name}".', box)
    else:
        for _ in range(names.index(name) + 1):
            yield pressed("Press the down key.", "down")
        yield pressed("Press Enter.", "enter")
    yield Want("click", "Submit")


LISTS: dict[str, Expert] = {
    "click-collapsible": at_rest(open_section),
    "click-collapsible-nodelay": open_section,
    "click-collapsible-2": at_rest(seek_in_tabs),
    "click-menu": click_menu,
    "click-checkboxes-soft": check_alike,
    "choose-list": choose_in_list,
    "click-scroll-list": choose_in_scroll_list,
    "form-sequence-3": choose_height,
    "choose-date-easy": at_rest(choose_day),
    "use-autocomplete": complete,
    "use-autocomplete-nodelay": complete,
}
