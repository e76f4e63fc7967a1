"""Screens in styles that no training shows, as a ScreenSpot data set: a trial of pointing without a download."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model.training.dom import Element, snapshot
from model.training.hasty import HastyBrowser
from model.training.screens import page
from tools.geometry import Size

KINDS = ("button", "link", "tab", "checkbox")
EACH = 2  # targets asked for on one screen


def write(folder: Path, size: Size, count: int) -> Path:
    """`count` targets on screens of that size in CSS pixels, at a device scale of 1; returns the annotations' file.

    What is there already is kept: the same size and count give the same screens.
    """
    file = folder / f"{size}-{count}.json"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    browser = HastyBrowser(viewport=size, scale=1.0)
    try:
        with tqdm(total=count, desc="screens", unit="target", disable=None) as bar:
            for seed in range(10 * count):
                rng = random.Random(f"drawn-{size}-{seed}")
                browser.page.set_content(page(rng, size, held_out=True))
                name = f"{size}-{seed}.png"
                browser.screenshot().image.save(folder / name)
                chosen = targets(snapshot(browser.page, 1.0, size).elements, rng)[: count - len(records)]
                records += [record(name, element) for element in chosen]
                bar.update(len(chosen))
                if len(records) == count:
                    break
    finally:
        browser.close()
    file.write_text(json.dumps(records, ensure_ascii=False, indent=1))
    return file


def targets(elements: tuple[Element, ...], rng: random.Random) -> list[Element]:
    """Some whole elements whose name nothing else on the screen has."""
    names = Counter(element.text.lower() for element in elements)
    able = [e for e in elements if e.whole and e.kind in KINDS and 1 < len(e.text) <= 40 and names[e.text.lower()] == 1]
    return rng.sample(able, min(EACH, len(able)))


def record(image: str, element: Element) -> dict[str, Any]:
    box = element.box
    return {
        "img_filename": image,
        "bbox": [box.left, box.top, box.width, box.height],
        "instruction": element.text,
        "data_type": "text",
        "data_source": element.kind,
    }
