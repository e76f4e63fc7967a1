"""Target: what the browser itself knows of the element that an action is aimed at; a second opinion beside the pixels.

Asked in a world of its own, where the page's scripts cannot answer in its place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession

from tools.geometry import Point

MAX_NAME = 300  # characters


@dataclass(frozen=True)
class Target:
    """Everything is "" or empty where nothing is known."""

    role: str = ""  # of the element: link, button, textbox, ...
    name: str = ""  # what it shows and what it is called
    leads_to: str = ""  # the address of a link
    downloads: bool = False  # the link saves a file
    form: str = ""  # how its form is sent: get, post
    secret: bool = False  # the form, or the field itself, has a password or a card in it
    submits: bool = False  # it sends its form
    buttons: tuple[str, ...] = ()  # of its form: what Enter would press
    foreign: str = ""  # the address of the frame of another site that it is in
    page: str = ""  # the address of the page
    pending: tuple[str, ...] = ()  # what the page asked and was denied: the same action again says yes


FIND = """(x, y) => {
  const within = (root, x, y) => {
    const found = x === null ? root.activeElement : root.elementFromPoint(x, y);
    if (found && found.shadowRoot) return within(found.shadowRoot, x, y) || found;
    if (!found || found.tagName !== 'IFRAME') return found;
    let inner = null;
    try { inner = found.contentDocument; } catch (error) { }
    const place = found.getBoundingClientRect();
    const left = place.left + found.clientLeft, top = place.top + found.clientTop;
    return inner ? within(inner, x === null ? null : x - left, x === null ? null : y - top) || found : found;
  };
  let found = within(document, x, y);
  const kinds = 'a[href],area[href],button,input,select,textarea,summary,label,[role],[onclick],[contenteditable]';
  while (found && !found.closest(kinds) && found.getRootNode().host) found = found.getRootNode().host;
  if (!found) return {};
  let control = found.closest(kinds) || found;
  if (control.tagName === 'LABEL' && control.control) control = control.control;
  const large = ['BODY', 'HTML', 'MAIN', 'IFRAME'].includes(control.tagName);
  const called = (element) => {
    const pictures = [...element.querySelectorAll('img[alt], [aria-label], svg title')];
    const labels = element.getAttribute('aria-labelledby') || '';
    return [
      element.innerText, ['button', 'submit', 'reset'].includes(element.type) ? element.value : '',
      ...['aria-label', 'title', 'alt', 'placeholder'].map((name) => element.getAttribute(name)),
      ...[...(element.labels || [])].map((label) => label.innerText),
      ...labels.split(' ').map((id) => id && element.ownerDocument.getElementById(id)?.innerText),
      ...pictures.map((each) => each.getAttribute('alt') || each.getAttribute('aria-label') || each.textContent),
    ].filter(Boolean).join(' ').replace(/\\s+/g, ' ').trim();
  };
  const types = {A: 'link', AREA: 'link', BUTTON: 'button', TEXTAREA: 'textbox', SELECT: 'list', IFRAME: 'frame'};
  const pressed = ['button', 'submit', 'reset', 'image'].includes(control.type);
  const role = control.getAttribute('role') || types[control.tagName]
    || (control.tagName === 'INPUT' ? (pressed ? 'button' : control.type) : control.isContentEditable ? 'textbox' : '');
  const form = control.form || control.closest('form');
  let around = form || control.parentElement;
  const named = 'button, [type=submit], [type=button], [type=image], [role=button]';
  while (!form && around && around.parentElement && !around.querySelector(named)) around = around.parentElement;
  const private = 'input[type=password], input[autocomplete^=cc-], input[autocomplete=one-time-code], input[type=file]';
  return {
    role, name: large ? '' : called(control), leads_to: control.href || '',
    downloads: control.hasAttribute('download'), form: form ? (control.formMethod || form.method || 'get') : '',
    secret: !!(control.matches(private) || (form && form.querySelector(private))),
    submits: !!(form && ['submit', 'image'].includes(control.type)),
    buttons: around ? [...around.querySelectorAll(named)].slice(0, 20).map(called) : [],
    foreign: control.tagName === 'IFRAME' ? control.src || 'a frame' : '',
  };
}"""


def find(session: CDPSession, at: Point | None) -> dict[str, Any]:
    """The fields of a Target. at: CSS pixels of the page; None: where the keyboard writes to.

    Raises Playwright's Error.
    """
    found: dict[str, Any] = answer(session, FIND, *((None, None) if at is None else (at.x, at.y))) or {}
    return found


def answer(session: CDPSession, script: str, *arguments: object) -> Any:
    """What the function gives in a world of its own, beside the page's scripts. Raises Playwright's Error."""
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "handeye"})
    called = f"({script})({', '.join(json.dumps(argument) for argument in arguments)})"
    options = {"contextId": world["executionContextId"], "returnByValue": True}
    return session.send("Runtime.evaluate", {"expression": called, **options})["result"].get("value")


def as_target(found: dict[str, Any], page: str, pending: tuple[str, ...]) -> Target:
    """Bounded, whatever a page is made of."""
    text = {key: str(found.get(key, ""))[:MAX_NAME] for key in ("role", "name", "leads_to", "form", "foreign")}
    flags = {key: bool(found.get(key)) for key in ("downloads", "secret", "submits")}
    buttons = tuple(str(name)[:MAX_NAME] for name in found.get("buttons", ()))
    return Target(**text, **flags, buttons=buttons, page=page, pending=pending)  # type: ignore[arg-type]
