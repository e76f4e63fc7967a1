"""Pictures to point at: drawn ones, and real pages as experts saw them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.families import TINY
from model.training.drawing import picture, word
from model.training.forms import forms
from model.training.labels import SAMPLES, character_labels, kind_labels
from model.training.samples import Corners, Picture, Reply, Sample, place_in, prepared
from tools.geometry import Size

WIDTHS = (224, 308, 420, 476, 532, 588, 644, 700, 756, 812, 924, 1036, 1148, 1288)  # pages are padded to these, so
HEIGHTS = (224, 308, 364, 420, 476, 532, 588, 644, 700, 756, 812)  # that batches share a size

REPLIES = 5  # to a page, and one more for so many pixels: looking at a large one costs more than what is said of it
PIXELS_A_REPLY = 60_000


def held_out(line: dict[str, Any]) -> bool:
    return int(line["seed"]) % 25 == 7


def page_lines(folders: list[Path]) -> Iterator[tuple[dict[str, Any], Path]]:
    """Every screen that `episodes` wrote into these folders, with the folder of its picture."""
    for index, at in page_places(folders):
        if line := page_line(index, at):
            yield line, index.parent


def page_places(folders: list[Path], papers: bool | None = None) -> Iterator[tuple[Path, int]]:
    """Where each screen stands: its index.jsonl and the byte it begins at. papers: only these, or all but these."""
    for folder in folders:
        for index in sorted(folder.glob("*/index.jsonl")):
            at = 0
            with index.open("rb") as lines:
                for line in lines:
                    if papers is None or (b'"task_name": "paper"' in line) == papers:
                        yield index, at
                    at += len(line)


def page_line(index: Path, at: int) -> dict[str, Any] | None:
    """None where the file is still growing."""
    with index.open("rb") as lines:
        lines.seek(at)
        try:
            line: dict[str, Any] = json.loads(lines.readline())
        except ValueError:
            return None
    return line


def phrase(element: dict[str, Any]) -> str | None:
    """How a thought names the element; None where it has no name."""
    text = " ".join(element["text"].split())
    if element["kind"] == "close":
        return "Click the close button."
    if element["kind"] == "field":
        return f'Click the field "{text}".' if text else "Click the text field."
    if not text or len(text) > 40:
        return None
    if element["kind"] == "shape":
        return f"Click the {text}."
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
            text = name.partition('"')[2].rpartition('"')[0]
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
FORM_TASKS = ("Click on the {}.", "Click the {}.", "Click on a {}", "Select the {}.", "Press the {}")
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
    return Sample(task, (), tuple(replies), (labelled(np.asarray(drawn.image), drawn.chars, drawn.elements),))


def labelled(image: NDArray[np.uint8], chars: list[list[Any]], elements: list[dict[str, Any]]) -> Picture:
    """image: (H, W, 3), sides multiples of 28; the boxes are in its pixels."""
    height, width, _ = image.shape
    characters = character_labels(chars, height, width).reshape(-1, SAMPLES)
    return Picture(image[None], 1.0, characters, kind_labels(elements, height, width).reshape(-1))


def form_sample(seed: int, width: int, height: int, most: int = 6) -> Sample:
    """Drawn forms in colours; those that a description tells from all others are pointed at."""
    rng = random.Random(seed)
    drawn = forms(seed, width, height)
    replies = pointing(drawn.elements, drawn.chars, rng, most)
    if not replies:
        return form_sample(seed + 1, width, height, most)
    first, *rest = replies
    described = first.thought.removeprefix("Click the ").removesuffix(".")
    task = rng.choice(FORM_TASKS).format(described)
    whole = (replace(first, planned=True), *rest)
    return Sample(task, (), whole, (labelled(np.asarray(drawn.image), drawn.chars, drawn.elements),))


def scaled(box: list[float], x: float, y: float) -> Corners:
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def padded(image: Image.Image, heights: tuple[int, ...] = HEIGHTS) -> tuple[NDArray[np.uint8], float, float]:
    """The prepared picture, filled up to a common size, and how many pixels one of the picture's became along x, y."""
    width, height = image.size
    exact = TINY.grid(Size(width, height)).resized
    common = Size(
        next((w for w in WIDTHS if w >= exact.width), exact.width),
        next((h for h in heights if h >= exact.height), exact.height),
    )
    array = np.empty((common.height, common.width, 3), np.uint8)
    array[:] = np.asarray(image.getpixel((width - 1, height - 1)), np.uint8)
    array[: exact.height, : exact.width] = prepared(image, exact)
    return array, exact.width / width, exact.height / height


def page_sample(line: dict[str, Any], folder: Path, rng: random.Random) -> Sample:
    """A real page as an expert saw it, padded to a common size: the expert's own reply, and others that point."""
    array, x, y = padded(Image.open(folder / line["image"]).convert("RGB"))
    most = REPLIES + array.shape[0] * array.shape[1] // PIXELS_A_REPLY
    elements = [{**e, "box": scaled(e["box"], x, y)} for e in line["elements"]]
    chars = [[c, *scaled(list(box), x, y)] for c, *box in line["chars"]]
    replies = pointing([e for e in elements if e["whole"]], chars, rng, most)
    history: list[tuple[Reply, str]] = []
    if line.get("thought"):
        task = line["task"]
        box = scaled(line["target_box"], x, y) if line["target_box"] else None
        own = own_reply(line, task, x, y, box)
        if box is not None or own.name not in task:  # what is typed may have been read somewhere on the screen
            everywhere = (0.0, 0.0, float(array.shape[1]), float(array.shape[0]))
            own = replace(own, letters=Lines(chars).letters(own.name, box or everywhere))
        replies = [own, *(reply for reply in replies if reply.thought != own.thought)][:most]
        history = [(own_reply(step, task, x, y, None), step["result"]) for step in line["history"]]
    else:
        task, replies = asked(replies, rng)
    return Sample(task, tuple(history), tuple(replies), (labelled(array, chars, elements),))


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
