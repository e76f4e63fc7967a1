"""Experts at the first MiniWoB++ tasks and at our own practice pages."""

from __future__ import annotations

from collections.abc import Iterator

from model.training.dom import Snapshot
from model.training.experts.steps import Expert, Look, Lost, Want, always, clicks, find, groups, quoted


def enter_text(said: str, look: Look) -> Iterator[Want]:
    yield from (Want("field"), Want("type", quoted(said)[0]), Want("click", "Submit"))


def click_checkboxes(said: str, look: Look) -> Iterator[Want]:
    names, button = groups(r"^Select (.*) and click (\w+)", said)
    yield from (Want("check", one) for one in names.split(", ") if one != "nothing")
    yield Want("click", button)


def enter_cased(said: str, look: Look) -> Iterator[Want]:
    text = quoted(said)[0]
    yield from (Want("field"), Want("type", text.upper() if "all upper case" in said else text.lower()))
    yield Want("click", "Submit")


def enter_password(said: str, look: Look) -> Iterator[Want]:
    for label in ("Password", "Verify password"):
        yield from (Want("field", label), Want("type", quoted(said)[0]))
    yield Want("click", "Submit")


def seek_in_tabs(said: str, look: Look) -> Iterator[Want]:
    """Open one tab or section after the other until the link shows. The first may be open already."""
    goal = Want("click", quoted(said)[0])
    headings = [element for element in look().elements if element.kind == "tab"]
    for heading in headings:
        if shows(goal, look()):
            break
        if heading.state != "selected":
            yield Want("click", heading.text)
    yield goal


def shows(want: Want, screen: Snapshot) -> bool:
    try:
        find(want, screen)
    except Lost:
        return False
    return True


def page_click(said: str, look: Look) -> Iterator[Want]:
    yield from (Want("click", quoted(said)[0]), Want("done"))


def page_form(said: str, look: Look) -> Iterator[Want]:
    *pairs, button = quoted(said)
    for text, label in zip(pairs[::2], pairs[1::2], strict=True):
        yield from (Want("field", label), Want("type", text))
    yield from (Want("click", button), Want("done"))


def page_checklist(said: str, look: Look) -> Iterator[Want]:
    *names, button = quoted(said)
    yield from (Want("check", one) for one in names)
    yield from (Want("click", button), Want("done"))


def page_search(said: str, look: Look) -> Iterator[Want]:
    asked, result = quoted(said)
    yield from (Want("field"), Want("type", asked), Want("click", search_button(look())))
    yield from (Want("click", result), Want("done"))


def page_message(said: str, look: Look) -> Iterator[Want]:
    asked, person, text, label, button = quoted(said)
    yield from (Want("field"), Want("type", asked), Want("click", search_button(look())), Want("click", person))
    yield from (Want("field", label), Want("type", text), Want("click", button), Want("done"))


def search_button(screen: Snapshot) -> str:
    """What the button that follows the only field is called."""
    kinds = [element.kind for element in screen.elements]
    return next(e.text for e in screen.elements[kinds.index("field") :] if e.kind == "button")


# The sections of the tasks without -nodelay unfold slowly; a browser in a hurry would show them half open.
BASICS: dict[str, Expert] = {
    "click-test": always(Want("click", "Click Me!")),
    "click-test-2": clicks(r"button (\w+)\."),
    "click-button": clicks(r'"(.*)"'),
    "click-link": clicks(r'"(.*)"'),
    "click-dialog": always(Want("close")),
    "click-tab": clicks(r"Click on (.*)\."),
    "focus-text": always(Want("field")),
    "enter-text": enter_text,
    "click-checkboxes": click_checkboxes,
    "click-checkboxes-large": click_checkboxes,
    "click-collapsible-2-nodelay": seek_in_tabs,
    "click-tab-2-easy": seek_in_tabs,
    "click-tab-2-medium": seek_in_tabs,
    "click-tab-2": seek_in_tabs,
    "click-test-transfer": clicks(r"button (\w+)\."),
    "enter-password": enter_password,
    "enter-text-2": enter_cased,
    "unicode-test": clicks(r'"(.*)"'),
    "page-buttons": page_click,
    "page-links": page_click,
    "page-form": page_form,
    "page-checklist": page_checklist,
    "page-search": page_search,
    "page-message": page_message,
}
