"""Takes the pictures of docs/page: every tab with the embedded model, light and dark, at a desk and on a phone.

python tests/page_pictures.py [TAB ...]
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect
from serving import LOADED, READY, chromium
from test_ui_access import show, wait

from app import address_book
from app.serve import Door, served
from app.settings import Settings
from model.prompts import DOCUMENT
from model.training.clips import clip
from tools.video import write_webm

ROOT = Path(__file__).parents[1]
DESK, PHONE = (1360, 900), (390, 844)
SLOW_MS = 600_000


def take(page: Page, name: str) -> None:
    for scheme in ("dark", "light"):
        for width, (wide, high) in {"phone": PHONE, "desktop": DESK}.items():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": wide, "height": high})
            page.wait_for_function("(dark) => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
            page.wait_for_timeout(1000)
            png = Image.open(io.BytesIO(page.screenshot(full_page=True)))
            small = png.convert("RGB").quantize(256, kmeans=1, dither=Image.Dither.NONE)
            small.save(ROOT / "docs" / "page" / f"{name}-{scheme}-{width}.png", optimize=True)


def chat(page: Page) -> None:
    page.set_input_files("#chat-box input[type=file]", ROOT / "app" / "examples" / "page.png")
    wait(page, "#chat-box img")
    page.fill(READY, DOCUMENT)
    page.keyboard.press("Enter")
    wait(page, "[data-testid=bot] small")
    take(page, "chat")


def documents(page: Page) -> None:
    """What tiny makes of the practice page, its heading set right by hand."""
    show(page, "Documents")
    page.set_input_files("#documents-files input[type=file]", ROOT / "app" / "examples" / "page.png")
    wait(page, "#documents-files .file")
    page.locator("#documents-read").click()
    page.wait_for_selector("#documents-status .over")  # tiny takes a minute
    page.locator(".part [data-edit]").first.click()
    page.fill(".part textarea", "River notes")
    page.locator(".part .save").click()
    wait(page, ".part.mine")
    page.locator(".part").nth(1).hover()
    take(page, "documents")


def video(page: Page) -> None:
    """What tiny finds in a drawn clip that it was never trained on."""
    shot = clip(3, held_out=True)
    (event,) = shot.events
    show(page, "Video")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.webm"
        write_webm(path, shot.video.frames, shot.video.times_s, shot.video.times_s[-1] + 0.25)
        page.set_input_files("#video-file input[type=file]", path)
        wait(page, ".film")
    page.fill("#video-text textarea", event.phrase)
    page.locator("#video-find").click()
    page.wait_for_selector("#video-result .over")
    page.locator(".events button").first.click()
    take(page, "video")


def agent(page: Page) -> None:
    """Paused before typing, then on to the end, so that there is a run to replay."""
    show(page, "Agent")
    page.fill("#agent-task textarea", address_book.TASK)
    page.locator("#agent-go").click()
    page.locator("#agent-pause").click()
    wait(page, "#agent-status .paused")
    status = page.locator("#agent-status")
    while "about to: type" not in (told := status.inner_text()):
        page.locator("#agent-step").click()
        expect(status).not_to_have_text(told, use_inner_text=True)
        wait(page, "#agent-status .paused")
    take(page, "agent")
    page.locator("#agent-pause").click()
    wait(page, "#agent-status .over")


def replay(page: Page) -> None:
    show(page, "Replay")
    wait(page, ".run-card")
    take(page, "runs")
    page.locator(".run-card").first.click()
    wait(page, "#replay-screen img")
    take(page, "replay")


def grounding(page: Page) -> None:
    show(page, "Grounding")
    page.locator("#grounding-draw").click()
    wait(page, "#grounding-picture img")
    page.locator("#grounding-find").click()
    wait(page, "#grounding-told .meaning")
    page.locator("#grounding-calibrate").click()
    wait(page, "#grounding-trials figure:nth-child(20)")
    take(page, "grounding")


def doctor(page: Page) -> None:
    show(page, "Doctor")
    wait(page, ".checks li:nth-child(8)")
    page.locator("#doctor-measure").click()
    expect(page.locator("#doctor-speed")).to_contain_text("tokens/s (")
    at = [[f"{sys.prefix}/", "~/handeye/.venv/"], [f"{ROOT}/tests/../", "~/handeye/"], [f"{ROOT}/", "~/handeye/"]]
    page.evaluate(
        "(at) => { const all = document.querySelector('.checks'); for (const [path, shown] of at)"
        " all.innerHTML = all.innerHTML.replaceAll(path, shown); }",
        at,
    )  # whose machine it was does not matter
    take(page, "doctor")


def main(argv: list[str]) -> None:
    expect.set_options(timeout=SLOW_MS)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        settings = Settings(runs=Path(folder) / "runs", max_steps=address_book.MAX_STEPS)
        with served(settings, Path(folder) / "data", Door(port=0)) as address:
            page = browser.new_page()
            page.set_default_timeout(SLOW_MS)
            page.goto(address)
            page.wait_for_selector(LOADED)
            for tab in (chat, documents, video, agent, replay, grounding, doctor):  # replay shows the agent's run
                if not argv or tab.__name__ in argv:
                    tab(page)


if __name__ == "__main__":
    main(sys.argv[1:])
