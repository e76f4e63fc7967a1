"""Clicks land: an oracle speaks each target's centre in the model's own coordinates, and the page says what was hit."""

from __future__ import annotations

import json
import random

import pytest

from model.families import QWEN2_5_VL, QWEN3_VL, TINY, Family
from tools.actions import Click
from tools.browser import Browser
from tools.geometry import Box, Point, Size

SCALES = (1.0, 1.25, 1.5, 2.0, 3.0)
VIEWPORTS = (Size(1280, 800), Size(1920, 1080), Size(800, 600), Size(390, 844), Size(1366, 768))
FAMILIES = (QWEN2_5_VL, QWEN3_VL, TINY)
SMALLEST = 12  # CSS pixels along a side; smaller ones are hard for a hand, too

PAGE = """<!doctype html><style>body{margin:0} b{position:absolute;background:#9cf;outline:1px solid #036}</style>
<script>
const hits = [];
addEventListener('mousedown', (event) => hits.push(event.target.id || 'nothing'));
for (const [id, x, y, w, h] of %s) {
  const target = document.createElement('b');
  target.id = id;
  target.style.cssText = `left:${x}px;top:${y}px;width:${w}px;height:${h}px`;
  document.documentElement.append(target);
}
</script>"""


def targets(count: int, viewport: Size, seed: str) -> list[Box]:
    """Boxes at random places, not only at whole pixels, none touching another; the first two in far corners."""
    chance = random.Random(seed)
    side = float(SMALLEST)
    boxes = [Box(0, 0, side, side), Box(viewport.width - side, viewport.height - side, viewport.width, viewport.height)]
    while len(boxes) < count:
        width, height = (chance.uniform(SMALLEST, 2 * SMALLEST) for _ in range(2))
        x, y = chance.uniform(0, viewport.width - width), chance.uniform(0, viewport.height - height)
        new = Box.from_xywh(round(x, 2), round(y, 2), round(width, 2), round(height, 2))
        if all(
            new.right + 1 < box.left or box.right + 1 < new.left or new.bottom + 1 < box.top or box.bottom + 1 < new.top
            for box in boxes
        ):
            boxes.append(new)
    return boxes[:count]


def spoken(family: Family, screen: Size, center: Point) -> str:
    """What a model that sees perfectly would write: whole numbers of its own space."""
    x, y = family.grid(screen).from_pixels(center)
    return json.dumps({"coordinate": [round(x), round(y)]})


def understood(family: Family, screen: Size, reply: str) -> Point:
    x, y = json.loads(reply)["coordinate"]
    return family.grid(screen).to_pixels(x, y)


def misses(scale: float, viewport: Size, count: int) -> list[str]:
    boxes = targets(count, viewport, f"{scale} {viewport}")
    page = PAGE % json.dumps([[f"t{i}", b.left, b.top, b.width, b.height] for i, b in enumerate(boxes)])
    missed = []
    with Browser(viewport=viewport, scale=scale) as browser:
        browser.page.set_content(page)
        screen = browser.screenshot().size
        for index, box in enumerate(boxes):
            family = FAMILIES[index % len(FAMILIES)]
            center = Point(box.center.x * scale, box.center.y * scale)
            browser.perform(Click(understood(family, screen, spoken(family, screen, center))))
            hit = browser.page.evaluate("hits.at(-1)")
            if hit != f"t{index}":
                missed.append(f"{family.name}: {box} at {scale} of {viewport} hit {hit}")
        assert browser.page.evaluate("hits.length") == count
    return missed


@pytest.mark.parametrize(("scale", "viewport"), list(zip(SCALES, VIEWPORTS, strict=True)))
def test_clicks_land_at_every_scale_and_viewport(scale: float, viewport: Size) -> None:
    assert misses(scale, viewport, 9) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("viewport", VIEWPORTS, ids=str)
@pytest.mark.parametrize("scale", SCALES)
def test_two_hundred_of_two_hundred_clicks_land(scale: float, viewport: Size) -> None:
    assert misses(scale, viewport, 200) == []
