"""Questions about pictures, documents and clips, with the answers and where in the picture each letter stands."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model.families import TINY
from model.prompts import READ_LINE
from model.training.clips import Clip, clip, questions
from model.training.drawing import picture
from model.training.lines import can_write_chinese, line_picture
from model.training.pointing import Lines, labelled, padded, scaled
from model.training.samples import Answer, Corners, Picture, Sample

SYSTEM = TINY.default_system


def line_sample(seed: int) -> Sample:
    """One line of text to be read."""
    image, text, chars = line_picture(seed, chinese=seed % 12 == 0 and can_write_chinese())
    array, x, y = padded(image, heights=())
    boxes = [scaled(list(box), x, y) for _, *box in chars]
    letters = tuple(zip(inked(text), boxes, strict=True))
    labels = [[c, *box] for (c, *_), box in zip(chars, boxes, strict=True)]
    return Sample(READ_LINE, (), (Answer(text, letters),), (labelled(array, labels, []),), SYSTEM)


def inked(text: str) -> list[int]:
    """Where the characters are that leave ink."""
    return [index for index, character in enumerate(text) if not character.isspace()]


def paper_sample(line: dict[str, Any], folder: Path, rng: random.Random) -> Sample:
    """A page with one of its questions, such as for its HTML."""
    picture, x, y = shown(line, folder)
    asked = rng.choice(line["asks"])
    letters = tuple((at, scaled(box, x, y)) for at, *box in asked["letters"])
    text, places, moved = respelled(asked["reply"], asked["boxes"], x, y)
    letters = tuple((moved[at], box) for at, box in letters)
    return Sample(asked["ask"], (), (Answer(text, letters, places),), (picture,), SYSTEM)


def respelled(text: str, boxes: list[list[Any]], x: float, y: float) -> tuple[str, tuple[Any, ...], list[int]]:
    """The reply with its boxes in the prepared picture's pixels, where they are said, and where each character went.

    boxes: [index of the first digit, left, top, right, bottom], said as "left top right bottom".
    """
    out, places = "", []
    moved: list[int] = []
    done = 0
    for at, *corners in boxes:
        end = text.index('"', at)
        moved += range(len(out), len(out) + at - done)
        out += text[done:at]
        box = scaled(corners, x, y)
        said = " ".join(str(round(edge)) for edge in box)
        places.append((len(out), len(out) + len(said), box))
        moved += [len(out)] * (end - at)
        out += said
        done = end
    moved += range(len(out), len(out) + len(text) - done)
    return out + text[done:], tuple(places), moved


def shown(line: dict[str, Any], folder: Path) -> tuple[Picture, float, float]:
    """The picture of a page, padded to a common size, and how much larger it became than it was drawn."""
    image = Image.open(folder / line["image"]).convert("RGB")
    array, x, y = padded(image, heights=())
    elements = [{**e, "box": scaled(e["box"], x, y)} for e in line["elements"]]
    chars = [[c, *scaled(list(box), x, y)] for c, *box in line["chars"]]
    return labelled(array, chars, elements), x, y


CAPTION = "Describe this screen."
PLURALS = {"button": "buttons", "link": "links", "tab": "tabs", "checkbox": "check boxes", "radio": "radio buttons"}
PLURALS |= {"field": "text fields", "select": "lists"}
SINGULARS = {kind: many.removesuffix("es" if kind == "checkbox" else "s") for kind, many in PLURALS.items()}


def caption_sample(line: dict[str, Any], folder: Path, rng: random.Random) -> Sample | None:
    """A screen in a sentence: how many there are of each kind of widget, and what the first of them says."""
    picture, x, y = shown(line, folder)
    chars = [[c, *scaled(list(box), x, y)] for c, *box in line["chars"]]
    lines = Lines(chars)
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for element in line["elements"]:
        kinds[element["kind"]].append(element)
    text = "The screen shows "
    letters: list[tuple[int, Corners]] = []
    for kind in PLURALS:
        found = kinds.get(kind, [])
        if not found:
            continue
        if not text.endswith("shows "):
            text += ", "
        text += f"{len(found)} {PLURALS[kind] if len(found) > 1 else SINGULARS[kind]}"
        name = " ".join(found[0]["text"].split())
        boxes = lines.letters(name, scaled(found[0]["box"], x, y)) if 0 < len(name) <= 24 else ()
        if boxes:
            text += ' from "' if len(found) > 1 else ' "'
            letters += [(len(text) + at, box) for at, box in zip(inked(name), boxes, strict=True)]
            text += name + '"'
    if text.endswith("shows "):
        return None
    return Sample(CAPTION, (), (Answer(text + ".", tuple(letters)),), (picture,), SYSTEM)


def clip_sample(seed: int, rng: random.Random) -> Sample:
    """A short video and when something happens in it."""
    return asked_of(clip(seed), rng)


def film_sample(seed: int, rng: random.Random) -> Sample:
    """A longer video."""
    return asked_of(clip(seed, frames=rng.choice([20, 24, 28, 32])), rng)


def asked_of(shot: Clip, rng: random.Random) -> Sample:
    asked = rng.choice(questions(shot, rng))
    seconds = (shot.times_s[-1] - shot.times_s[0]) / (len(shot.times_s) - 1) * TINY.temporal_patch
    digits = [index for index, character in enumerate(asked.reply) if character.isdigit()]
    places = tuple((index, index + 1, asked.box) for index in digits)
    answer = Answer(asked.reply, places=places, grid=asked.grid)
    return Sample(asked.ask, (), (answer,), (Picture(np.asarray(shot.frames), seconds),), SYSTEM)


def album_sample(seed: int) -> Sample:
    """Several pictures of words; in which of them something stands, and what stands in one of them."""
    rng = random.Random(f"album-{seed}")
    size = rng.choice([(140, 84), (168, 112), (224, 112)])
    drawn = [picture(rng.randrange(10**9), *size, (18, 30)) for _ in range(rng.randint(2, 4))]
    pictures = tuple(labelled(np.asarray(one.image), one.chars, one.elements) for one in drawn)
    named = [(index, e) for index, one in enumerate(drawn) for e in one.elements if 2 < len(e["text"]) < 16]
    seen = [
        (index, e["text"], letters)
        for index, e in named
        if (letters := Lines(inside(drawn[index].chars, *size)).letters(e["text"], tuple(e["box"])))
    ]
    if not seen:
        return album_sample(seed + 1)
    index, text, letters = rng.choice(seen)
    if sum(text in word for _, word, _ in seen) == 1 and rng.random() < 0.5:
        reply = f'"{text}" stands in picture {index + 1}.'
        answer = Answer(reply, tuple((1 + at, box) for at, box in zip(inked(text), letters, strict=True)), grid=index)
        return Sample(f'In which picture stands "{text}"?', (), (answer,), pictures, SYSTEM)
    words, marks = " ", []
    for number, word, boxes in seen:
        if number == index:
            marks += [(len(words) - 1 + at, box) for at, box in zip(inked(word), boxes, strict=True)]
            words += word + " "
    answer = Answer(words.strip(), tuple(marks), grid=index)
    return Sample(f"Read the words in picture {index + 1}.", (), (answer,), pictures, SYSTEM)


def inside(chars: list[list[Any]], width: int, height: int) -> list[list[Any]]:
    return [c for c in chars if c[1] >= 0 and c[2] >= 0 and c[3] <= width and c[4] <= height]
