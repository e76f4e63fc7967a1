"""What a model makes of the first held-out screens, papers, lines and clips, right or wrong, as one picture."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from tqdm import tqdm

from agent.benchmarks import drawn, grounding, reading, video
from agent.benchmarks.annotations import load
from model.messages import ImagePart, user
from model.parsing import ParseError, parse_document
from model.training.clips import clip
from model.vlm import VisionLanguageModel
from tools.actions import Click
from tools.geometry import Size
from tools.overlay import draw_boxes, mark

Panel = tuple[Image.Image, str]  # what was shown, with what was found drawn on it, and what was asked and said
SCREENS, LINES, PAPERS, CLIPS = 2, 4, 2, 2
WIDE = 58  # letters of a caption's line


def run(model: VisionLanguageModel, out: Path) -> None:
    """Ask, draw and save a PNG; the screens are kept beside it while it runs and removed."""
    made = [*screens(model, out.with_suffix(".screens")), *papers(model), *lines(model), *clips(model)]
    figure = Figure(figsize=(12, 3.4 * (len(made) // 2)), layout="constrained")
    for axes, (image, caption) in zip(figure.subplots(len(made) // 2, 2).flat, made, strict=True):
        axes.imshow(np.asarray(image))
        axes.set_axis_off()
        text = "\n".join(line for row in caption.split("\n") for line in textwrap.wrap(row, WIDE) or [""])
        axes.set_title(text.replace("$", r"\$"), fontsize=8, loc="left", family="monospace")
    figure.savefig(out, dpi=100)


def screens(model: VisionLanguageModel, folder: Path) -> list[Panel]:
    size = Size(640, 480)
    samples = load("screenspot", [drawn.write(folder, size, SCREENS * drawn.EACH)], folder)
    panels = []
    for sample in tqdm(samples[:: drawn.EACH], desc="screens", disable=None):
        found = grounding.ask(model, sample, "screenspot")
        with Image.open(sample.image) as picture:
            image = picture.convert("RGB")
        point = grounding.read_point(found["raw_text"], model.family.grid(size))
        image = image if point is None else mark(image, Click(point))
        panels.append((image, f'Click "{sample.instruction}". ({"hit" if found["correct"] else "missed"})'))
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    return panels


def lines(model: VisionLanguageModel) -> list[Panel]:
    asked = list(reading.questions([f"line-{seed}" for seed in range(LINES)], model.family))
    found = [reading.answer(model, question) for question in tqdm(asked, desc="lines", disable=None)]
    return [
        (question.image, f"{question.ask}\nsaid:  {one['raw_text']}\ntruth: {question.truth}")
        for question, one in zip(asked, found, strict=True)
    ]


def papers(model: VisionLanguageModel) -> list[Panel]:
    panels = []
    asked = reading.questions([f"paper-{seed}" for seed in range(PAPERS)], model.family)
    for question in tqdm(asked, total=PAPERS, desc="papers", disable=None):
        said = model.stream([user(question.ask, ImagePart(question.image))], reading.PAGE).read()
        try:
            blocks = list(parse_document(said, model.family.grid(Size(*question.image.size))))
        except ParseError:
            blocks = []
        boxes = [(block.box, block.kind) for block in blocks if block.box is not None]
        words = " / ".join(" ".join(block.text.split()) for block in blocks if block.text)
        panels.append((draw_boxes(question.image, boxes), f"{question.ask}\nsaid: {words[:150]}"))
    return panels


def clips(model: VisionLanguageModel) -> list[Panel]:
    panels = []
    for seed in tqdm(range(CLIPS), desc="clips", disable=None):
        shot = clip(seed, held_out=True)
        asked = video.asks(shot, seed)[0]
        found = video.ask(model, shot, seed, asked)
        shown = np.concatenate(list(shot.frames[:: max(1, len(shot.frames) // 6)]), axis=1)
        panels.append((Image.fromarray(shown), f"{asked.ask}\nsaid:  {found['raw_text']}\ntruth: {asked.reply}"))
    return panels
