"""One HTML file that shows a whole run: every screen with its marks, what was said, what came of it."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from agent.store import Run, read_run, replay
from agent.trajectory import Ending, Step, in_words
from tools.disk import Wait, give_up, patiently, write_whole
from tools.overlay import mark

PICTURE_SIDE = 1280  # pixels; larger screens are shown smaller, so that a long run stays a file one can send
JPEG_QUALITY = 80  # text stays sharp; about 100 kB for a full screen
UNSEEN = re.compile(  # turn or hide the words around them, or are not seen themselves
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\U000e0000-\U000e007f]"
)
NOT_ENDED = "not ended: the program stopped between two steps"

# Nothing is loaded or run, whatever a page title or a reply may hold; the escaping below is the first wall.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --line: #d0d4da; --soft: #f4f5f7; --dim: #5b6470; --good: #137333; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3f47; --soft: #1d2024; --dim: #a2abb7; --good: #6fd08c; --bad: #ff8a80 }
}
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
h1, h2, p, pre, dd { overflow-wrap: anywhere }
h1 { font-size: 1.4rem; line-height: 1.3 } h2 { font-size: 1.05rem; margin: 0 0 .6rem }
section { border-top: 1px solid var(--line); padding: 1.2rem 0 }
img { display: block; max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px }
pre { white-space: pre-wrap; background: var(--soft); padding: .6rem .8rem; border-radius: 4px; margin: .4rem 0 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0 } dd { margin: 0 }
dt, .dim, summary { color: var(--dim) } .dim { font-size: .875rem }
details { margin: .6rem 0 } .result::before { content: "→ " }
.good { color: var(--good) } .bad { color: var(--bad) }
"""


def write_report(folder: Path, wait: Wait = give_up) -> Path:
    """Write report.html beside the run's other files. wait: what to do while the disk is full.

    Raises UserError when the folder holds no run or cannot be written.
    """
    path = folder / "report.html"
    text = page(read_run(folder), list(replay(folder)))
    content = text.encode(errors="replace")  # a lone surrogate in a page title has no UTF-8 form
    patiently(folder, lambda: write_whole(path, content), wait)
    return path


def page(run: Run, steps: Sequence[Step]) -> str:
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{words(run.task)}</title>
<style>{STYLE}</style>
<h1>{words(run.task)}</h1>
{outcome(steps[-1].ending if steps else None)}
{facts(run, steps)}
{"".join(section(step) for step in steps)}
</html>
"""


def words(text: str) -> str:
    """Text as HTML that says what was said: nothing in it is markup, nothing in it is invisible."""
    return html.escape(UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def outcome(ending: Ending | None) -> str:
    good = ending is not None and ending.success
    return f'<p class="{"good" if good else "bad"}"><strong>{words(str(ending or NOT_ENDED))}</strong></p>'


def facts(run: Run, steps: Sequence[Step]) -> str:
    settings = json.dumps({"settings": run.settings, "versions": run.versions}, indent=2, ensure_ascii=False)
    rows = {
        "Model": f"{run.model} ({run.family})",
        "Began": run.began,
        "Steps": str(len(steps)),
        "Time": f"{sum(step.seconds.total for step in steps):.1f} s",
        "Tokens": f"{sum(step.usage.prompt_tokens for step in steps)} read, "
        f"{sum(step.usage.new_tokens for step in steps)} written",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{words(value)}</dd>" for name, value in rows.items())
    return f"<dl>{listed}</dl><details><summary>Settings</summary><pre>{words(settings)}</pre></details>"


def section(step: Step) -> str:
    thought, tag, call = step.reply.partition("<tool_call>")
    parts = [
        f"<h2>{step.index + 1}. {words(in_words(step))}</h2>",
        f'<p class="dim">{words(" · ".join(filter(None, (step.screenshot.title, step.screenshot.url))))}</p>',
        f'<img alt="the screen of step {step.index + 1}" src="{picture(step)}">',
        f'<p class="dim">{words(by_person(step))}</p>' if step.by_person else "",
        f"<p>{words(thought.strip())}</p>" if thought.strip() else "",
        f"<pre>{words(tag + call)}</pre>" if tag else "",
        f'<pre class="result{" bad" if step.mistake else ""}">{words(step.result)}</pre>' if step.result else "",
        f'<p class="dim">{words(cost(step))}</p>',
    ]
    return f"<section>{''.join(parts)}</section>\n"


def by_person(step: Step) -> str:
    return f"A person did this. The model had said: {step.corrected}" if step.corrected else "A person did this."


def picture(step: Step) -> str:
    """The screen with every action marked, as a data address."""
    image: Image.Image = step.screenshot.image
    for action in step.actions:
        image = mark(image, action)
    shown = image.convert("RGB")
    shown.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.LANCZOS)
    jpeg = io.BytesIO()
    shown.save(jpeg, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"


def cost(step: Step) -> str:
    seconds, usage = step.seconds, step.usage
    return (
        f"{seconds.total:.1f} s (see {seconds.perceive:.1f}, think {seconds.plan:.1f}, act {seconds.act:.1f}) · "
        f"{usage.prompt_tokens} tokens read, {usage.image_tokens} of them picture; {usage.new_tokens} written"
    )
