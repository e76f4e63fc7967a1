"""A run as something to keep: a Playwright script, a test, conversations to fine-tune on."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from agent.examples import examples
from agent.report import write_report
from agent.store import Run, read_run, replay
from agent.trajectory import Step, in_words
from model.families import FAMILIES, TINY, Family
from model.messages import ImagePart, Message
from tools.actions import (
    Action,
    Back,
    Click,
    CloseTab,
    Drag,
    Forward,
    Goto,
    Move,
    Press,
    Reload,
    Scroll,
    SwitchTab,
    Type,
    Wait,
)
from tools.browser import SHORTCUTS
from tools.engine import FLAGS, UNWANTED
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Point, Size
from tools.keys import parse_keys, playwright_name
from tools.tab import DRAWN_IN_PAGE

SMALL = (32, 24)  # the last screen is compared by so many grey squares: words that are missing show, a caret does not
ALIKE = 24  # of 255: no square may differ by more

HEAD = '''"""{task}

Made by Handeye from the run {name}. Coordinates are CSS pixels of a {view} page.
Needs: pip install {needs}; and a Chromium: playwright install chromium
"""

{imports}

ADDRESS = {address!r}
'''

# What makes the page look in the script as it did in the run: see tools/engine.py and tools/tab.py.
BODY = '''
FLAGS = {flags!r}
UNWANTED = {unwanted!r}
DRAWN_IN_PAGE = {drawn!r}


def start(playwright, address, headless=True):
    """The page at the address, at rest."""
    browser = playwright.chromium.launch(
        headless=headless,
        executable_path=os.environ.get("HANDEYE_BROWSER"),
        args=FLAGS,
        ignore_default_args=UNWANTED,
    )
    context = browser.new_context(viewport={viewport!r}, device_scale_factor={scale!r})
    context.add_init_script(DRAWN_IN_PAGE)
    page = context.new_page()
    page.goto(address)
    return rest(page)


def rest(page, opened=()):
    """The tab in front once it stands still, which is waited for up to five seconds; a tab just opened is in front."""
    page = opened[-1] if opened else page.context.pages[-1] if page.is_closed() else page
    page.wait_for_load_state()
    before = None
    for _ in range(25):
        page.wait_for_timeout(200)
        now = page.screenshot()
        if now == before:
            break
        before = now
    return page


def act(page):
    """Everything that was done in the run; the tab in front at the end."""
    opened = []
    page.context.on("page", lambda tab: opened.append(tab))
{acts}    return page
'''

MAIN = """
if __name__ == "__main__":
    addresses = [word for word in sys.argv[1:] if word != "--headed"]
    with sync_playwright() as playwright:
        page = start(playwright, addresses[0] if addresses else ADDRESS, headless="--headed" not in sys.argv)
        page = act(page)
        print(page.title(), page.url)
"""

TEST = """
TITLE = {title!r}
EXPECTED = base64.b64decode({expected!r})  # the last screen in so many grey squares


def squares(page):
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    return picture.resize({small}, Image.Resampling.BOX).tobytes()


def test_the_run_ends_on_the_same_screen():
    with sync_playwright() as playwright:
        page = act(start(playwright, os.environ.get("HANDEYE_URL", ADDRESS)))
        title, seen = page.title(), squares(page)
    assert title == TITLE
    assert max(abs(one - other) for one, other in zip(seen, EXPECTED)) <= {alike}, "the page looks different"
"""


def exported(folder: Path, kind: str) -> tuple[str, bytes]:
    """A file's name and content. kind: "report", "script", "test" or "lines". Raises UserError for what is no run."""
    name = folder.name
    match kind:
        case "report":
            return f"{name}.html", write_report(folder).read_bytes()
        case "script":
            return f"{name}.py", script(folder).encode(errors="replace")
        case "test":
            return f"test_{name.replace('-', '_')}.py", pytest_file(folder).encode(errors="replace")
        case "lines":
            return f"{name}.zip", fine_tuning_zip(folder)
        case _:
            raise ValueError(f"there is no export {kind!r}")


@dataclass(frozen=True)
class Setting:
    """What a run's page was like."""

    address: str
    view: Size  # CSS pixels
    scale: float  # screenshot pixels for each CSS pixel

    @classmethod
    def of(cls, run: Run) -> Setting:
        if str(run.settings.get("url", "")).startswith(("desktop:", "sandbox:")):
            raise UserError("this run was made on a desktop; only runs in the browser become scripts and tests")
        width, height = str(run.settings.get("viewport") or family_of(run).viewport).split("x")
        scale = run.settings.get("scale") or family_of(run).device_scale
        return cls(str(run.settings.get("url", "about:blank")), Size(int(width), int(height)), float(scale))


def script(folder: Path) -> str:
    """A Playwright script that does on the page what was done in the run; another address may be given to it.

    Raises UserError when the folder holds no run.
    """
    imports = "import os\nimport sys\n\nfrom playwright.sync_api import sync_playwright"
    return code(folder, list(replay(folder)), imports, "playwright") + "\n" + MAIN


def pytest_file(folder: Path) -> str:
    """The same as a test: that the page comes to look as it did when the run ended; HANDEYE_URL names another address.

    Raises UserError when the folder holds no run.
    """
    *before, last = list(replay(folder)) or [Step(0, Screenshot(Image.new("RGB", SMALL)))]
    small = last.screenshot.image.convert("L").resize(SMALL, Image.Resampling.BOX)
    expected = base64.b64encode(small.tobytes()).decode()
    modules = ("import base64", "import io", "import os", "", "from PIL import Image")
    imports = "\n".join((*modules, "from playwright.sync_api import sync_playwright"))
    shown = TEST.format(title=last.screenshot.title, expected=expected, small=SMALL, alike=ALIKE)
    return code(folder, before, imports, "pytest playwright pillow") + "\n" + shown


def conversations(folder: Path) -> Iterator[dict[str, Any]]:
    """One for each reply worth learning, in the form most trainers read; pictures by their path in the run's folder.

    Raises UserError when the folder holds no run.
    """
    for conversation in examples(folder, family_of(read_run(folder))):
        yield {"messages": [{"role": message.role, "content": list(parts(message))} for message in conversation]}


def jsonl(folder: Path) -> str:
    return "".join(json.dumps(conversation) + "\n" for conversation in conversations(folder))


def fine_tuning_zip(folder: Path) -> bytes:
    """conversations.jsonl and the pictures that it names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("conversations.jsonl", jsonl(folder))
        for picture in sorted((folder / "screens").glob("*.png")):
            archive.write(picture, f"screens/{picture.name}")
    return packed.getvalue()


def parts(message: Message) -> Iterator[dict[str, str]]:
    for part in message.parts:
        match part:
            case str():
                yield {"type": "text", "text": part}
            case ImagePart(image=image):
                yield {"type": "image", "image": f"screens/{Screenshot(image).digest}.png"}


def family_of(run: Run) -> Family:
    return next((family for name, family in FAMILIES.items() if name == run.family), TINY)


# -- code -----------------------------------------------------------------------------------------------------------


def code(folder: Path, steps: Sequence[Step], imports: str, needs: str) -> str:
    run = read_run(folder)
    setting = Setting.of(run)
    task = one_line(run.task).replace("\\", "/").replace('"', "'")
    head = HEAD.format(
        task=task, name=folder.name, view=setting.view, needs=needs, imports=imports, address=setting.address
    )
    return head + BODY.format(
        flags=list(FLAGS),
        unwanted=list(UNWANTED),
        drawn=" ".join(DRAWN_IN_PAGE.split()),
        viewport={"width": setting.view.width, "height": setting.view.height},
        scale=setting.scale,
        acts="".join(f"    {line}\n" for line in acts(steps, setting.scale)),
    )


def acts(steps: Sequence[Step], scale: float) -> Iterator[str]:
    """Lines of Python; what failed in the run is left out."""
    for step in steps:
        if step.actions and not step.mistake:
            yield f"# {step.index + 1}: {one_line(in_words(step))}"
            for action in step.actions:
                yield from lines(action, scale)
            yield "page = rest(page, opened)"
            yield "opened.clear()"


def lines(action: Action, scale: float) -> Iterator[str]:
    """What does it on `page`. scale: screenshot pixels for each CSS pixel."""
    match action:
        case Click(at=at, button=button, times=times, modifiers=modifiers):
            keys = [playwright_name(key) for key in parse_keys(modifiers)] if modifiers else []
            yield from move(at, scale)
            yield from (f"page.keyboard.down({key!r})" for key in keys)
            for number in range(1, times + 1):
                yield f"page.mouse.down(button={button!r}, click_count={number})"
                yield f"page.mouse.up(button={button!r}, click_count={number})"
            yield from (f"page.keyboard.up({key!r})" for key in reversed(keys))
        case Move(at=at):
            yield from move(at, scale)
        case Drag(start=start, to=to, button=button):
            yield from move(start, scale)
            yield f"page.mouse.down(button={button!r})"
            yield f"page.mouse.move({to.x / scale:.10g}, {to.y / scale:.10g}, steps=10)"
            yield f"page.mouse.up(button={button!r})"
        case Scroll(at=at, dx=dx, dy=dy):
            yield from move(at, scale)
            yield f"page.mouse.wheel({dx / scale:.10g}, {dy / scale:.10g})"
        case Type(text=text):
            named = {"\t": "Tab", "\n": "Enter", "\r": "Enter", "\r\n": "Enter"}
            for piece in filter(None, re.split(r"(\r\n|\r|\n|\t)", text)):
                yield f"page.keyboard.press({named[piece]!r})" if piece in named else f"page.keyboard.type({piece!r})"
        case Press(keys=names):
            keys = list(parse_keys(names))
            if tuple(keys) in SHORTCUTS:
                yield from lines(SHORTCUTS[tuple(keys)], scale)
            elif len(keys) == 1 and not keys[0].isascii():
                yield f"page.keyboard.type({keys[0]!r})"  # on no keyboard that Playwright knows
            else:
                yield from (f"page.keyboard.down({playwright_name(key)!r})" for key in keys)
                yield from (f"page.keyboard.up({playwright_name(key)!r})" for key in reversed(keys))
        case Wait(seconds=seconds):
            yield f"page.wait_for_timeout({seconds * 1000:.10g})"
        case Goto(url=url):
            yield f"page.goto({url!r})"
        case Back():
            yield "page.go_back()"
        case Forward():
            yield "page.go_forward()"
        case Reload():
            yield "page.reload()"
        case SwitchTab(index=index):
            yield f"page = page.context.pages[{index}]"
            yield "page.bring_to_front()"
        case CloseTab():
            yield "page.close()"


def move(at: Point | None, scale: float) -> Iterator[str]:
    if at is not None:
        yield f"page.mouse.move({at.x / scale:.10g}, {at.y / scale:.10g})"


def one_line(text: str) -> str:
    """Printable, so that nothing in it ends a comment or a docstring."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
