"""Plans without a picture: a task and the steps that experts take. Copying and order are learned cheaply here."""

from __future__ import annotations

import random
import string

from model.training.dom import Element, Snapshot
from model.training.drawing import word
from model.training.experts import EXPERTS
from model.training.experts.steps import Look, Want, thought
from model.training.pointing import CLICK_TASKS
from model.training.samples import Reply, Sample
from tools.geometry import Box
from tools.pages import KINDS
from tools.words import distinct


def planned_sample(seed: int) -> Sample:
    """A task, some of its steps done, and the next one."""
    rng = random.Random(seed)
    task, wants = practice_plan(rng) if rng.random() < 0.6 else short_plan(rng)
    steps = [(blind_reply(want, rng), rng.choices(["", "a tab opened"], [30, 1])[0]) for want in wants]
    at = rng.randint(max(0, len(steps) - 3), len(steps) - 1)
    return Sample(task, tuple(steps[:at]), (steps[at][0],))


def practice_plan(rng: random.Random) -> tuple[str, list[Want]]:
    """The task of a practice page, and its expert's steps without a look at it."""
    kind = rng.choice(list(KINDS))
    puzzle = KINDS[kind](rng)
    box = Box(0, 0, 1, 1)
    names = [("field", ""), ("button", puzzle.goal.search)]
    blind = Snapshot(tuple(Element(kind, text, box, "", "", True) for kind, text in names), ())
    wants = EXPERTS[f"page-{kind}"](puzzle.task, Blind(blind))
    return puzzle.task, [want for want in wants if isinstance(want, Want)]


class Blind(Look):
    """A look at what is supposed to be there."""

    def __init__(self, supposed: Snapshot) -> None:
        self.supposed = supposed

    def __call__(self) -> Snapshot:
        return self.supposed


def short_plan(rng: random.Random) -> tuple[str, list[Want]]:
    """One of the usual short tasks, about words of every kind."""
    a = plain_name(rng)
    b, button = other_name(rng, a), other_name(rng, a)
    if rng.random() < 0.6:
        button = rng.choice(["Submit", "OK", "Send", "Save", "Search"])
    if rng.random() < 0.4:
        return rng.choice(CLICK_TASKS).format(a), [Want("click", a)]
    press = rng.choice(["press {}", "click {}", 'press "{}"', 'click "{}"']).format(button)
    if rng.random() < 0.1:
        case, typed = rng.choice([("upper", a.upper()), ("lower", a.lower())])
        done = [Want("field"), Want("type", typed), Want("click", button)]
        return f'Enter "{a}" in all {case} case letters into the text field and {press}.', done
    if rng.random() < 0.3:
        return f'Enter "{a}" into the text field and {press}.', [Want("field"), Want("type", a), Want("click", button)]
    if rng.random() < 0.3:
        done = [Want("field", b), Want("type", a), Want("click", button)]
        return f'Enter "{a}" into the field "{b}" and {press}.', done
    ticks = distinct(rng, lambda rng: other_name(rng, a), rng.randint(0, 5), (button,))
    shown = ", ".join(f'"{t}"' if "press" in press else t for t in ticks) or "nothing"
    return f"Select {shown} and {press}.", [*(Want("check", t) for t in ticks), Want("click", button)]


def plain_name(rng: random.Random) -> str:
    return " ".join(word(rng).strip(string.punctuation) or "a" for _ in range(rng.choice([1, 1, 1, 2])))


def other_name(rng: random.Random, name: str) -> str:
    """Often one that begins like it: whoever copies by the letters just said alone then takes the wrong one."""
    other = plain_name(rng)
    alike = rng.randint(1, 4) if rng.random() < 0.4 else 0
    return name[:alike] + other[alike:]


def blind_reply(want: Want, rng: random.Random) -> Reply:
    """The step as it is said; where to click is not known without a picture, and not learned."""
    said = thought(want)
    match want.kind:
        case "type":
            return Reply(said, {"action": "type", "text": want.text}, planned=True)
        case "done":
            return Reply(said, {"action": "terminate", "status": "success"}, planned=True)
        case _:
            place = [rng.randint(0, 640), rng.randint(0, 470)]
            return Reply(said, {"action": "left_click", "coordinate": place}, planned=True)
