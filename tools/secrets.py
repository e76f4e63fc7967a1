"""Secrets: words that are typed but never seen: by no model, in no log, on no screenshot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from tools.environment import ActionFailed
from tools.geometry import Box
from tools.url_rules import BadAddress, origin

NAMED = re.compile(r"\{\{\s*([A-Za-z][\w-]{0,63})\s*\}\}")
SHORTEST = 4  # characters; what is shorter would be found, and blacked out, everywhere


@dataclass(frozen=True)
class Secret:
    value: str = field(repr=False)
    origin: str  # scheme://host:port of the only pages it is typed on


class Secrets:
    """The secrets of one task. What was typed is blacked out from then on."""

    def __init__(self, known: Mapping[str, Secret]) -> None:
        self._known = dict(known)
        self.typed: set[str] = set()  # values

    def filled(self, text: str, page: str) -> str:
        """The text with each {{name}} as what it stands for, for a page at this address. Raises ActionFailed."""
        here = origin_of(page)
        for name in NAMED.findall(text):
            if name not in self._known:
                raise ActionFailed(f"there is no secret {name}; type what the task says")
            if self._known[name].origin != here:
                raise ActionFailed(f"{name} is for {self._known[name].origin} alone, and this page is of {here}")
        self.recall([text])
        return NAMED.sub(lambda found: self._known[found[1]].value, text)

    def recall(self, texts: Iterable[str]) -> None:
        """These are typed, or were before this browser was opened."""
        names = {name for text in texts for name in NAMED.findall(text)}
        self.typed |= {self._known[name].value for name in names & self._known.keys()}

    def hidden(self, text: str) -> str:
        """The text with each secret as its {{name}}, also as an address or a form would write it."""
        for name, secret in self._known.items():
            for form in (secret.value, quote(secret.value, safe=""), quote_plus(secret.value), quote(secret.value)):
                text = text.replace(form, f"{{{{{name}}}}}")
        return text


def origin_of(page: str) -> str:
    try:
        return origin(page)
    except BadAddress:
        return "no site"


# Where the page shows any of the words: in fields and in text, frames of the same site and open shadow trees too.
FIND = """(words) => {
  const boxes = [];
  const add = (place, left, top) => boxes.push([place.left + left, place.top + top, place.right + left,
    place.bottom + top]);
  const holds = (text) => words.some((word) => text && text.includes(word));
  const look = (root, left, top) => {
    for (const element of root.querySelectorAll('*')) {
      if (holds(element.value)) add(element.getBoundingClientRect(), left, top);
      if (element.shadowRoot) look(element.shadowRoot, left, top);
      let inner = null;
      try { inner = element.contentDocument; } catch (error) { }
      if (inner) {
        const place = element.getBoundingClientRect();
        look(inner, left + place.left + element.clientLeft, top + place.top + element.clientTop);
      }
      if (element.isContentEditable && holds(element.innerText)) add(element.getBoundingClientRect(), left, top);
      if (holds(element.textContent) && ![...element.children].some((child) => holds(child.textContent))) {
        const range = element.ownerDocument.createRange();
        range.selectNodeContents(element);
        for (const place of range.getClientRects()) add(place, left, top);
      }
    }
  };
  look(document, 0, 0);
  return boxes;
}"""


def as_boxes(found: object, scale: float) -> list[Box]:
    """What FIND gives, in CSS pixels, as boxes of a screenshot."""
    return [Box(*(side * scale for side in box)) for box in found] if isinstance(found, list) else []
