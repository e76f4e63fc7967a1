"""Practice pages: small web pages written from a seed, each with a task that the page itself checks."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from html import escape

from tools import words
from tools.actions import Action
from tools.browser import Browser
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Size
from tools.page_style import stylesheet

VIEW = Size(320, 240)  # CSS pixels
TRAINING_SEEDS = 100_000  # from here on; smaller seeds are for scoring and have colours of their own
SAID = ["Saved", "Sent", "Done", "Finished", "Thank you", "Success", "Complete", "Ready", "Well done", "Submitted"]


@dataclass(frozen=True)
class Goal:
    """What the page's script checks when a button or link is pressed."""

    press: str  # the right button or link; any other ends the episode with -1
    fields: dict[str, str] = field(default_factory=dict)  # id → the text it must hold by then
    ticks: dict[str, bool] = field(default_factory=dict)  # id → must it be ticked by then
    search: str = ""  # the button that lists the results; "" when the page has no search
    results: list[str] = field(default_factory=list)
    opens: str = ""  # the result that leads to the next view
    view: str = ""  # HTML of that view; "" when opening the result is the goal


@dataclass(frozen=True)
class Puzzle:
    task: str
    body: str  # HTML
    goal: Goal


def buttons(rng: random.Random) -> Puzzle:
    labels = words.distinct(rng, words.label, rng.randint(2, 7))
    target = rng.choice(labels)
    parts = [button(text) for text in labels]
    if rng.random() < 0.5:
        parts = scatter(rng, parts, [filler(rng) for _ in range(rng.randint(1, 3))])
    task = rng.choice(
        ['Click the "{}" button.', 'Press "{}".', 'Click on "{}".', 'Click the button "{}".', 'Click "{}".']
    )
    return Puzzle(task.format(target), stack(rng, parts), Goal(target))


def links(rng: random.Random) -> Puzzle:
    labels = words.distinct(rng, words.label if rng.random() < 0.4 else words.word, rng.randint(2, 7))
    target = rng.choice(labels)
    anchors = [link(text) for text in labels]
    if rng.random() < 0.6:
        taken = {text.lower() for text in labels}
        running = [one for one in (words.word(rng) for _ in range(rng.randint(10, 26))) if one not in taken]
        body = "<p>" + " ".join(scatter(rng, anchors, [escape(one) for one in running])) + "</p>"
    else:
        items = [f"<li>{anchor}</li>" for anchor in anchors]
        body = f"<ul>{''.join(items)}</ul>" if rng.random() < 0.6 else " | ".join(anchors)
    task = rng.choice(
        [
            'Click the link "{}".',
            'Click on the link "{}".',
            'Follow the link "{}".',
            'Open the "{}" link.',
            'Click on "{}".',
        ]
    )
    return Puzzle(task.format(target), body, Goal(target))


def form(rng: random.Random) -> Puzzle:
    count = rng.randint(1, 3)
    labels = words.distinct(rng, words.field_label, count + rng.choice([0, 0, 1]))
    asked = sorted(rng.sample(range(len(labels)), count))
    values = {f"f{i}": words.value(rng) for i in asked}
    names = words.distinct(rng, words.label, rng.choice([1, 1, 2, 3]), tuple(labels))
    target = rng.choice(names)
    inside = rng.random() < 0.3  # the label stands in the field and goes when something is typed
    rows = [text_field(f"f{i}", text, inside) for i, text in enumerate(labels)]
    body = "".join(rows) + "<div class=row>" + "".join(button(text) for text in names) + "</div>"
    into = rng.choice(['"{}" into the field "{}"', '"{}" into "{}"', '"{}" in the "{}" field'])
    enter, press = rng.choice(["Enter", "Type", "Write"]), rng.choice(["press", "click"])
    said = ", ".join(into.format(values[f"f{i}"], labels[i]) for i in asked)
    return Puzzle(f'{enter} {said} and {press} "{target}".', body, Goal(target, fields=values))


def checklist(rng: random.Random) -> Puzzle:
    names = words.distinct(rng, words.label if rng.random() < 0.5 else words.letters, rng.randint(2, 6))
    asked = sorted(rng.sample(range(len(names)), rng.randint(1, min(3, len(names)))))
    presses = words.distinct(rng, words.label, rng.choice([1, 1, 2]), tuple(names))
    target = rng.choice(presses)
    rows = [tick(f"c{i}", text) for i, text in enumerate(names)]
    body = "".join(rows) + "<div class=row>" + "".join(button(text) for text in presses) + "</div>"
    select, press = rng.choice(["Select", "Check", "Tick"]), rng.choice(["click", "press"])
    said = ", ".join(f'"{names[i]}"' for i in asked)
    ticks = {f"c{i}": i in asked for i in range(len(names))}
    return Puzzle(f'{select} {said} and {press} "{target}".', body, Goal(target, ticks=ticks))


def search(rng: random.Random) -> Puzzle:
    asked = words.name(rng)
    count = rng.randint(2, 4)
    results = words.distinct(rng, lambda r: words.full_name(r, asked if r.random() < 0.8 else ""), count - 1)
    target = words.distinct(rng, lambda r: words.full_name(r, asked), 1, tuple(results))[0]
    results.insert(rng.randint(0, len(results)), target)
    go = rng.choice(["Search", "Search", "Find", "Go", "Look up"])
    label = rng.choice(["Name", "Search", "Person", "Find people", words.field_label(rng)])
    body = text_field("f0", label, rng.random() < 0.4) + f"<div class=row>{button(go)}</div><ul id=results></ul>"
    task = rng.choice(
        ['Search for "{}" and open "{}".', 'Find "{}" and click "{}".', 'Search for "{}", then click on "{}".']
    )
    return Puzzle(task.format(asked, target), body, Goal(target, {"f0": asked}, search=go, results=results))


def message(rng: random.Random) -> Puzzle:
    """Find a person, open the entry, write something and send it: eight steps over three views."""
    found = search(rng)
    asked, person = next(iter(found.goal.fields.values())), found.goal.press
    label, send = rng.choice(["Message", "Message", "Note", "Text"]), rng.choice(["Send", "Send", "Post", "Save"])
    text = words.value(rng) if rng.random() < 0.4 else words.sentence(rng, 2, 4)
    view = f"<h1>{escape(person)}</h1><p>Phone 555 {rng.randint(100, 9999):04}</p>" + text_field("f1", label, False)
    goal = Goal(send, {"f1": text}, {}, found.goal.search, found.goal.results, person, view + button(send))
    said = rng.choice(
        [
            'Search for "{}", then click on "{}", type "{}" into "{}" and press "{}".',
            'Search for "{}" and open "{}", enter "{}" into "{}" and click "{}".',
        ]
    )
    return Puzzle(said.format(asked, person, text, label, send), found.body, goal)


KINDS = {
    "buttons": buttons,
    "links": links,
    "form": form,
    "checklist": checklist,
    "search": search,
    "message": message,
}


class PracticePage:
    """Same kind and seed, same page and same pixels; solved when `done and raw_reward == 1.0`.

    `browser` may be shared by several pages in turn; its viewport is the page's.
    """

    def __init__(self, kind: str, *, scale: float = 2.0, browser: Browser | None = None) -> None:
        """Raises UserError when there is no such kind."""
        if kind not in KINDS:
            raise UserError(f"there is no practice page {kind!r}; there are {', '.join(KINDS)}")
        self.kind = kind
        self.scale = scale
        self._owns = browser is None
        self.browser = browser or Browser("about:blank", viewport=VIEW, scale=scale)

    def reset(self, seed: int) -> str:
        """Show the page of this seed; returns its task."""
        rng = random.Random(f"{self.kind}-{seed}")
        puzzle = KINDS[self.kind](rng)
        page = self.browser.page
        page.mouse.move(0, 0)
        page.set_content(document(puzzle, rng, held_out=seed < TRAINING_SEEDS))
        return puzzle.task

    @property
    def done(self) -> bool:
        return bool(self.browser.page.evaluate("() => window.practice.done"))

    @property
    def raw_reward(self) -> float:
        """1 when the goal was reached, -1 after a wrong button or link, 0 before that."""
        return float(self.browser.page.evaluate("() => window.practice.reward"))

    def screenshot(self) -> Screenshot:
        return self.browser.screenshot()

    def perform(self, action: Action) -> str:
        """Nothing happens once the episode is over."""
        if self.done:
            return "The episode is over."
        return self.browser.perform(action)

    def close(self) -> None:
        if self._owns:
            self.browser.close()


def document(puzzle: Puzzle, rng: random.Random, held_out: bool) -> str:
    """The whole page: the puzzle in a layout and a style of its own, and the script that checks it."""
    top = f"<header class=extra>{escape(words.cased(rng, words.word(rng)))}</header>" if rng.random() < 0.3 else ""
    head = f"<h1 class=extra>{escape(words.sentence(rng, 1, 3))}</h1>" if rng.random() < 0.35 else ""
    text = f"<p class=extra>{escape(words.sentence(rng, 3, 9))}</p>" if rng.random() < 0.3 else ""
    said, place = rng.choice(SAID), rng.choice(["instead", "above", "below"])
    facts = {**vars(puzzle.goal), "said": said, "place": place}
    body = f"{top}<main>{head}{text}{puzzle.body}</main>"
    script = "(" + SCRIPT + ")(" + json.dumps(facts).replace("<", "\\u003c") + ")"
    style = stylesheet(rng, held_out)
    head = f"<!doctype html><meta charset=utf-8><title>Practice</title><style>{style}</style>"
    return f"{head}{body}<script>{script}</script>"


SCRIPT = """goal => {
  const state = window.practice = {done: false, reward: 0};
  const at = id => document.getElementById(id), main = document.querySelector('main');
  const right = () => Object.entries(goal.fields).every(([id, text]) => at(id).value === text)
    && Object.entries(goal.ticks).every(([id, on]) => at(id).checked === on);
  const fit = () => {  // smaller letters until everything is in view
    const root = document.documentElement;
    for (let size = parseFloat(getComputedStyle(root).fontSize); size > 7; size--) {
      root.style.fontSize = size + 'px';
      if (size < 12) root.classList.add('tight');
      if (root.scrollHeight <= innerHeight && root.scrollWidth <= innerWidth) break;
    }
  };
  const end = good => {
    state.done = true; state.reward = good ? 1 : -1;
    const note = document.createElement('div');
    note.className = 'said'; note.textContent = good ? goal.said : 'Wrong';
    if (goal.place === 'instead') main.replaceChildren(note);
    else if (goal.place === 'above') main.prepend(note);
    else main.append(note);
    fit();
  };
  const list = () => {
    const asked = at('f0').value.trim().toLowerCase();
    const found = asked ? goal.results.filter(name => name.toLowerCase().includes(asked)) : [];
    at('results').replaceChildren(...found.map(name => {
      const item = document.createElement('li'), link = document.createElement('a');
      link.href = '#'; link.dataset.key = link.textContent = name;
      item.append(link);
      return item;
    }));
    if (!found.length) at('results').textContent = 'No results';
    fit();
  };
  document.addEventListener('click', event => {
    const hit = event.target.closest('[data-key]');
    if (hit === null) return;
    event.preventDefault();
    if (state.done) return;
    if (hit.dataset.key === goal.search) list();
    else if (goal.view && hit.dataset.key === goal.opens) { main.innerHTML = goal.view; fit(); }
    else end(hit.dataset.key === goal.press && right());
  });
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter' && goal.search && !state.done && event.target.id === 'f0') list();
  });
  fit();
}"""


def button(text: str) -> str:
    return f'<button data-key="{escape(text)}">{escape(text)}</button>'


def link(text: str) -> str:
    return f'<a href="#" data-key="{escape(text)}">{escape(text)}</a>'


def text_field(name: str, label: str, inside: bool) -> str:
    if inside:
        return f'<div class=row><input type=text id={name} placeholder="{escape(label)}"></div>'
    return f"<div class=row><label class=label for={name}>{escape(label)}</label><input type=text id={name}></div>"


def tick(name: str, label: str) -> str:
    return f"<div class=row><label><input type=checkbox id={name}> {escape(label)}</label></div>"


def filler(rng: random.Random) -> str:
    """Something beside the point."""
    if rng.random() < 0.3:
        return "<input type=text>"
    return f"<span>{escape(words.sentence(rng, 1, 4))}</span> "


def scatter(rng: random.Random, parts: list[str], among: list[str]) -> list[str]:
    """The parts in their order at random places among the others."""
    mixed = list(among)
    for part, at in zip(
        reversed(parts), sorted((rng.randint(0, len(among)) for _ in parts), reverse=True), strict=True
    ):
        mixed.insert(at, part)
    return mixed


def stack(rng: random.Random, parts: list[str]) -> str:
    """Side by side, or one below the other."""
    return "".join(f"<div class=row>{part}</div>" for part in parts) if rng.random() < 0.4 else "".join(parts)
