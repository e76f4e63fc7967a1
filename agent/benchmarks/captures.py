"""Races of `bench speed` about what comes in: a screenshot, the frames of a video, a screen, a page of the browser."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mss
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from agent.benchmarks.frames import indices_of, ours, readers, theirs, write_clip
from agent.benchmarks.preprocess import library_processor, screenshot
from agent.benchmarks.races import Sizes, Told, Track, Way, Wrong, race
from model.families import QWEN2_5_VL
from model.preprocess import picture_patches, resized
from tools.browser import Browser
from tools.desktop import Desktop
from tools.errors import UserError
from tools.geometry import Size
from tools.tab import Tab
from tools.video import facts
from tools.virtual_desktop import VirtualDesktop

EXACT = 1e-4  # of a normalised value; one step of one colour is 1.4e-2
FEW, MANY = 8, 32  # frames of a video
PAGE = "<style>body{margin:0}</style><img>"
SHOW = "async (url) => { const image = document.querySelector('img'); image.src = url; await image.decode(); }"


def patches(track: Track) -> Told:
    """R3: a screenshot to what the tower takes; and what of it resizing takes."""
    family, library = QWEN2_5_VL, library_processor(QWEN2_5_VL)
    shot = screenshot(*track.sizes.shot)
    even = resized(shot, family)  # nothing is left to resize
    for image in (shot, even):
        gate("R3", picture_patches(image, family).values(), library(images=image, return_tensors="pt"))
    sides: dict[str, Way] = {
        "transformers": lambda: library(images=shot, return_tensors="pt"),
        "handeye": lambda: picture_patches(shot, family, threads=1),
        "of it Pillow's resize": lambda: resized(shot, family),
        "torch's resize": lambda: torch_resized(shot, even.size),
        "nothing to resize, transformers": lambda: library(images=even, return_tensors="pt"),
        "nothing to resize, handeye": lambda: picture_patches(even, family, threads=1),
    }
    best = race(sides, track.sizes.rounds)
    off = np.abs(np.asarray(even).astype(int) - torch_resized(shot, even.size))
    without = best["nothing to resize, transformers"] / best["nothing to resize, handeye"]
    notes = [
        "R3: patches equal; resized by Pillow, as transformers does it: torch's resize of bytes gets "
        f"{(off > 0).mean():.2%} of the values wrong, by {off.max()} of 255 at most",
        f"R3: {without:.1f} where the sides are multiples of {family.factor} and nothing is resized",
    ]
    return Told({"R3": best["transformers"] / best["handeye"]}, {"R3": best}, notes)


def torch_resized(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 3)"""
    planes = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    found = F.interpolate(planes, size[::-1], mode="bicubic", antialias=True)
    pixels: NDArray[np.uint8] = found[0].permute(1, 2, 0).numpy()
    return pixels


def films(track: Track) -> Told:
    """R6: frames of a video from its first to its last, as Qwen takes them."""
    told, sizes = Told(), track.sizes
    with TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, sizes.clip_s, Size(*sizes.shot))
        few, many = (read(clip, wanted, sizes.rounds) for wanted in (FEW, MANY))
    told.seconds = {f"R6, {FEW} frames": few, f"R6, {MANY} frames": many}
    for name, reader in (("R6_pyav", "transformers, PyAV"), ("R6_opencv", "transformers, OpenCV")):
        if reader in few:
            told.ratios[name] = few[reader] / few["handeye"]
        else:
            told.notes.append(f"{name}: not measured, as OpenCV is not installed")
    told.ratios["R6_dense"] = min(took for name, took in many.items() if name != "handeye") / many["handeye"]
    told.notes.append("R6: frames equal, bit for bit; R6_dense is against the faster of the readers")
    return told


def read(clip: Path, wanted: int, rounds: int) -> dict[str, float]:
    """CPU seconds of every reader. Raises Wrong when their frames differ from ours."""
    known = facts(clip)
    indices = indices_of(wanted, round(known.seconds * known.fps), "first to last")
    mine = partial(ours, clip, [float(index) / known.fps for index in indices])
    sides: dict[str, Way] = {name: partial(theirs, reader, clip, indices) for name, reader in readers().items()}
    expected = mine()
    for name, side in sides.items():
        if not np.array_equal(expected, side()):
            raise Wrong(f"R6: {wanted} frames are not those of {name}")
    return race({"handeye": mine, **sides}, rounds)


def seen(track: Track) -> Told:
    """R7: a screen to what the tower takes, and a page of the browser to pixels."""
    told = Told()
    for name, way in (("R7", screen), ("R7_browser", page)):
        try:
            found = way(track.sizes)
        except (UserError, Wrong) as why:
            found = Told(notes=[f"{name}: not measured: {why}"])
        told.ratios |= found.ratios
        told.seconds |= found.seconds
        told.notes += found.notes
    return told


def screen(sizes: Sizes) -> Told:
    """By CPU time of this process. Raises UserError where no screen can be made, and Wrong."""
    library, size = library_processor(QWEN2_5_VL), Size(*sizes.shot)
    with VirtualDesktop(size=size) as made, Desktop(made.display) as desktop:
        from tools.x11 import connect  # not there on other systems

        x = connect(made.display)
        root = x.screen().root
        brush = root.create_gc()
        with made.display.connecting():
            camera = mss.MSS(display=made.display.name)
        box = {"left": 0, "top": 0, "width": size.width, "height": size.height}

        def paint(turn: int) -> None:
            root.put_pil_image(brush, 0, 0, drawn(sizes, turn))
            x.sync()

        def library_way() -> Any:
            shot = camera.grab(box)
            return library(images=Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX"), return_tensors="pt")

        def own_way() -> Any:
            return picture_patches(desktop.capture(), QWEN2_5_VL, threads=1)

        paint(0)
        gate("R7", own_way().values(), library_way())
        best = turns({"transformers": library_way, "handeye": own_way}, sizes.rounds, paint, time.process_time)
        camera.close()
        x.close()
    notes = ["R7: patches equal; CPU time of this process, not of the X server; nearly all of ours is R3's resize"]
    return Told({"R7": best["transformers"] / best["handeye"]}, {"R7": best}, notes)


def page(sizes: Sizes) -> Told:
    """By the clock. Raises UserError where no browser starts, and Wrong."""
    viewport = Size(*sizes.shot)
    with Browser(viewport=viewport) as browser:
        shown = browser.page
        shown.set_content(PAGE)
        tab = Tab(shown, viewport, browser.scale)

        def paint(turn: int) -> None:
            png = io.BytesIO()
            drawn(sizes, turn).save(png, "PNG", compress_level=1)
            shown.evaluate(SHOW, "data:image/png;base64," + base64.b64encode(png.getvalue()).decode())

        def playwrights() -> Image.Image:
            return Image.open(io.BytesIO(shown.screenshot())).convert("RGB")

        paint(0)
        if not np.array_equal(np.asarray(playwrights()), np.asarray(tab.capture())):
            raise Wrong("the pixels differ")
        sides: dict[str, Way] = {"page.screenshot": playwrights, "handeye": tab.capture}
        best = turns(sides, sizes.rounds, paint, time.perf_counter)
    notes = ["R7_browser: pixels equal; by the clock, as Chromium's own processes do most of it"]
    return Told({"R7_browser": best["page.screenshot"] / best["handeye"]}, {"R7_browser": best}, notes)


def turns(
    sides: dict[str, Way], rounds: int, paint: Callable[[int], None], clock: Callable[[], float]
) -> dict[str, float]:
    """Seconds of the best round of each side, each time of something that was not there before."""
    took: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds * len(sides)):
        name = list(sides)[turn % len(sides)]
        paint(turn + 1)
        began = clock()
        sides[name]()
        took[name].append(clock() - began)
    return {name: min(each) for name, each in took.items()}


def drawn(sizes: Sizes, turn: int) -> Image.Image:
    """A screen that is another one each turn."""
    image = screenshot(*sizes.shot)
    image.paste((9 * turn % 256, 90, 40), (0, 0, 20 + turn, 40))
    return image


def gate(race: str, own: torch.Tensor, library: Any) -> None:
    """Are they the same patches? Raises Wrong."""
    theirs = library["pixel_values"]
    difference = float((own - theirs).abs().max()) if own.shape == theirs.shape else float("inf")
    if difference > EXACT:
        raise Wrong(f"{race}: patches differ by {difference}")
