"""What stage 2 is taught: drawn pictures, real pages as experts saw them, and plans without a picture."""

from __future__ import annotations

import json
import random
import string
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from model.families import TINY
from model.training.dom import Element, Snapshot
from model.training.drawing import picture, word
from model.training.experts import EXPERTS
from model.training.experts.steps import Look, Want
from model.training.experts.steps import thought as thought_of
from model.training.labels import SAMPLES, character_labels, kind_labels
from model.training.samples import Batch, Corners, Reply, Sample, collate, place_in, prepared
from tools.geometry import Box, Size
from tools.pages import KINDS
from tools.words import distinct

WIDTHS = (
    224,
    308,
    420,
    476,
    532,
    588,
    644,
    700,
    756,
    812,
    924,
    1036,
    1148,
    1288,
)  # pages are padded to these, so that batches share a size
HEIGHTS = (224, 308, 364, 420, 476, 532, 588, 644, 700, 756, 812)
SPOKEN = 400  # about as many tokens of text come with a picture


class Samples(IterableDataset[Batch]):
    """Batches without end: drawn pictures, real pages grouped by size, and words only, in the given shares."""

    def __init__(self, pages: list[Path], shares: tuple[float, float, float], first: int, tokens: int) -> None:
        self.pages, self.shares, self.first, self.tokens = pages, shares, first, tokens

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        rng = random.Random(self.first * 64 + (worker.id if worker else 0))
        real = self.real(rng)
        while True:
            kind = rng.choices(["drawn", "page", "words"], self.shares)[0]
            if kind == "drawn":
                width, height = rng.choice([(224, 224), (308, 168), (224, 308), (308, 420), (448, 224)])
                count = max(2, self.tokens // (width * height // 784 + SPOKEN))
                smallest = rng.choice([14, 16, 18, 20])
                yield collate([drawn_sample(rng.randrange(10**9), width, height, smallest) for _ in range(count)])
            elif kind == "page":
                yield collate(next(real))
            else:
                count = max(2, self.tokens // 250)
                yield collate([planned_sample(rng.randrange(10**9)) for _ in range(count)])

    def real(self, rng: random.Random) -> Iterator[list[Sample]]:
        """Pages of one padded size at a time; folders that appear while training are taken up."""
        waiting: dict[tuple[int, ...], list[Sample]] = defaultdict(list)
        while True:
            lines = [(line, folder) for line, folder in page_lines(self.pages) if not held_out(line)]
            rng.shuffle(lines)
            for line, folder in lines[:400]:
                try:
                    sample = page_sample(line, folder, rng)
                except (OSError, SyntaxError):  # a picture that is still being written
                    continue
                if sample.image is None or not sample.replies:
                    continue
                group = waiting[sample.image.shape]
                group.append(sample)
                if len(group) * (sample.image.shape[0] * sample.image.shape[1] // 784 + SPOKEN) >= self.tokens:
                    yield waiting.pop(sample.image.shape)


def held_out(line: dict[str, Any]) -> bool:
    return int(line["seed"]) % 25 == 7


def page_lines(folders: list[Path]) -> Iterator[tuple[dict[str, Any], Path]]:
    for folder in folders:
        for index in sorted(folder.glob("*/index.jsonl")):
            for text in index.read_text().splitlines():
                try:
                    yield json.loads(text), index.parent
                except ValueError:  # the last line of a folder that is still growing
                    continue


def phrase(element: dict[str, Any]) -> str | None:
    """How a thought names the element; None where it has no name."""
    text = " ".join(element["text"].split())
    if element["kind"] == "close":
        return "Click the close button."
    if element["kind"] == "field":
        return f'Click the field "{text}".' if text else "Click the text field."
    if not text or len(text) > 40:
        return None
    return f'Check "{text}".' if element["kind"] in ("checkbox", "radio") else f'Click "{text}".'


def pointing(elements: list[dict[str, Any]], chars: list[list[Any]], rng: random.Random, most: int) -> list[Reply]:
    """Replies that point at elements whose name is unlike every other name in the picture."""
    named = [(phrase(element), element) for element in elements]
    counts: dict[str, int] = defaultdict(int)
    for name, _ in named:
        counts[(name or "").lower()] += 1
    lines = Lines(chars)
    replies = []
    for name, element in named:
        left, top, right, bottom = element["box"]
        if name and counts[name.lower()] == 1 and right - left > 4 and bottom - top > 4:
            box = (left, top, right, bottom)
            action = {"action": "left_click", "coordinate": list(place_in(box))}
            text = element["text"] if '"' in name else ""
            letters = lines.letters(text, box)
            if letters or not text:  # a name that cannot be read cannot be found
                replies.append(Reply(name, action, box, letters=letters))
    rng.shuffle(replies)
    return replies[:most]


class Lines:
    """The letters of a picture in reading order, searched for names."""

    def __init__(self, chars: list[list[Any]]) -> None:
        self.boxes: list[Corners] = [(c[1], c[2], c[3], c[4]) for c in chars]
        self.text = "".join(str(c[0])[0] for c in chars)

    def letters(self, name: str, near: Corners) -> tuple[Corners, ...]:
        """Boxes of the name's letters where it stands in or nearest to the box `near`; () where it does not."""
        bare = "".join(name.split())
        best: tuple[Corners, ...] = ()
        least = 3.0 * 14 * 14
        at = self.text.find(bare) if bare else -1
        while at >= 0:
            boxes = self.boxes[at : at + len(bare)]
            away = distance((boxes[0][0], boxes[0][1], boxes[-1][2], boxes[-1][3]), near)
            if away < least:
                best, least = tuple(boxes), away
            at = self.text.find(bare, at + 1)
        return best


def distance(a: Corners, b: Corners) -> float:
    """Pixels between two boxes, 0 where they touch."""
    x = max(0.0, a[0] - b[2], b[0] - a[2])
    y = max(0.0, a[1] - b[3], b[1] - a[3])
    return x + y


def asked(replies: list[Reply], rng: random.Random) -> tuple[str, list[Reply]]:
    """A task that one of the replies answers, and the replies with that one planned."""
    clicks = [i for i, reply in enumerate(replies) if reply.name and reply.thought.startswith("Click")]
    if not clicks or rng.random() < 0.2:
        return " ".join(word(rng) for _ in range(rng.randint(0, 4))), replies
    chosen = rng.choice(clicks)
    reply = replies[chosen]
    field = reply.thought.startswith("Click the field")
    task = rng.choice(FIELD_TASKS if field else CLICK_TASKS).format(reply.name)
    return task, [replace(one, planned=True) if i == chosen else one for i, one in enumerate(replies)]


CLICK_TASKS = (
    *('Click the "{}" button.', 'Press "{}".', 'Click on "{}".', 'Click the button "{}".', 'Click "{}".'),
    *('Click the link "{}".', 'Click on the link "{}".', 'Follow the link "{}".', 'Open the "{}" link.'),
    *('Click on the "{}" button.', "Click button {}.", "Click on {}.", "Click {}", "Open {}."),
)
FIELD_TASKS = ('Click the field "{}".', 'Click on the field "{}".', 'Focus the "{}" field.', 'Click into "{}".')


def drawn_sample(seed: int, width: int, height: int, smallest: int, most: int = 8) -> Sample:
    """A drawn picture; its words and widgets are pointed at, one of them because the task asks for it."""
    rng = random.Random(seed)
    drawn = picture(seed, width, height, (smallest, 36))
    inside = [
        e
        for e in drawn.elements
        if e["box"][0] >= 0 and e["box"][1] >= 0 and e["box"][2] <= width and e["box"][3] <= height
    ]
    whole = [c for c in drawn.chars if c[1] >= 0 and c[2] >= 0 and c[3] <= width and c[4] <= height]
    task, replies = asked(pointing(inside, whole, rng, most), rng)
    return Sample(
        task=task,
        history=(),
        replies=tuple(replies),
        image=np.asarray(drawn.image),
        characters=character_labels(drawn.chars, height, width).reshape(-1, SAMPLES),
        kinds=kind_labels(drawn.elements, height, width).reshape(-1),
    )


def scaled(box: list[float], x: float, y: float) -> Corners:
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def page_sample(line: dict[str, Any], folder: Path, rng: random.Random, most: int = 10) -> Sample:
    """A real page as an expert saw it, padded to a common size: the expert's own reply, and others that point."""
    image = Image.open(folder / line["image"]).convert("RGB")
    width, height = image.size
    exact = TINY.grid(Size(width, height)).resized
    padded = Size(
        next((w for w in WIDTHS if w >= exact.width), exact.width),
        next((h for h in HEIGHTS if h >= exact.height), exact.height),
    )
    x, y = exact.width / width, exact.height / height
    array = np.empty((padded.height, padded.width, 3), np.uint8)
    array[:] = np.asarray(image.getpixel((width - 1, height - 1)), np.uint8)
    array[: exact.height, : exact.width] = prepared(image, exact)
    elements = [{**e, "box": scaled(e["box"], x, y)} for e in line["elements"]]
    chars = [[c, *scaled(list(box), x, y)] for c, *box in line["chars"]]
    replies = pointing([e for e in elements if e["whole"]], chars, rng, most)
    history: list[tuple[Reply, str]] = []
    if line.get("thought"):
        task = line["task"]
        box = scaled(line["target_box"], x, y) if line["target_box"] else None
        own = own_reply(line, task, x, y, box)
        if box is not None:
            own = replace(own, letters=Lines(chars).letters(own.name, box))
        replies = [own, *(reply for reply in replies if reply.thought != own.thought)][:most]
        history = [(own_reply(step, task, x, y, None), step["result"]) for step in line["history"]]
    else:
        task, replies = asked(replies, rng)
    return Sample(
        task=task,
        history=tuple(history),
        replies=tuple(replies),
        image=array,
        characters=character_labels(chars, padded.height, padded.width).reshape(-1, SAMPLES),
        kinds=kind_labels(elements, padded.height, padded.width).reshape(-1),
    )


def own_reply(step: dict[str, Any], task: str, x: float, y: float, box: Corners | None) -> Reply:
    """What the expert said and did, in pixels of the prepared picture; a click goes where `place_in` says."""
    action = dict(step["action"])
    if box is not None:
        action["coordinate"] = list(place_in(box))
    elif "coordinate" in action:
        action["coordinate"] = [round(action["coordinate"][0] * x), round(action["coordinate"][1] * y)]
    thought = str(step["thought"])
    if thought.startswith('Click the field "') and thought.split('"', 1)[1][:-2] not in task:
        thought = "Click the text field."  # a label that the task does not give need not be spelled
    return Reply(thought, action, box, planned=True)


def planned_sample(seed: int) -> Sample:
    """Words only: a task and the steps that experts take; copying and order are learned cheaply here."""
    rng = random.Random(seed)
    task, wants = practice_plan(rng) if rng.random() < 0.6 else short_plan(rng)
    steps = [(blind_reply(want, rng), rng.choices(["", "a tab opened"], [30, 1])[0]) for want in wants]
    at = rng.randint(max(0, len(steps) - 3), len(steps) - 1)
    return Sample(task, tuple(steps[:at]), (steps[at][0],), None)


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
    a, b, button = (plain_name(rng) for _ in range(3))
    if rng.random() < 0.6:
        button = rng.choice(["Submit", "OK", "Send", "Save", "Search"])
    if rng.random() < 0.4:
        return rng.choice(CLICK_TASKS).format(a), [Want("click", a)]
    press = rng.choice(["press {}", "click {}", 'press "{}"', 'click "{}"']).format(button)
    if rng.random() < 0.3:
        return f'Enter "{a}" into the text field and {press}.', [Want("field"), Want("type", a), Want("click", button)]
    if rng.random() < 0.3:
        done = [Want("field", b), Want("type", a), Want("click", button)]
        return f'Enter "{a}" into the field "{b}" and {press}.', done
    ticks = distinct(rng, plain_name, rng.randint(0, 5), (button,))
    shown = ", ".join(f'"{t}"' if "press" in press else t for t in ticks) or "nothing"
    return f"Select {shown} and {press}.", [*(Want("check", t) for t in ticks), Want("click", button)]


def plain_name(rng: random.Random) -> str:
    return " ".join(word(rng).strip(string.punctuation) or "a" for _ in range(rng.choice([1, 1, 1, 2])))


def blind_reply(want: Want, rng: random.Random) -> Reply:
    """The step as it is said; where to click is not known without a picture, and not learned."""
    said = thought_of(want)
    match want.kind:
        case "type":
            return Reply(said, {"action": "type", "text": want.text}, planned=True)
        case "done":
            return Reply(said, {"action": "terminate", "status": "success"}, planned=True)
        case _:
            place = [rng.randint(0, 640), rng.randint(0, 470)]
            return Reply(said, {"action": "left_click", "coordinate": place}, planned=True)
