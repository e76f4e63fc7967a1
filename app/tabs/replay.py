"""The replay tab: what was done, step by step as it was live; two runs side by side; and what to make of a run."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import lru_cache, partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context
from PIL import Image

from agent.report import words
from agent.runs import Summary, summaries, summary
from agent.store import replay
from agent.trajectory import Step
from app import address_book, steps
from app.desk import Desk
from app.live import DEMO, Job, stage

LOOK = Path(__file__).parents[1] / "look"
THUMB = 360  # pixels
SHOWN = 60  # runs in the gallery
KINDS = ("report", "script", "test", "lines")
TO_AGENT = "() => document.querySelector('#tab-agent-button').click()"
TEXTS = {
    **steps.TEXTS,
    "replay.title": ("Replay", "回放"),
    "replay.runs": ("Runs", "运行记录"),
    "replay.again": ("Refresh", "刷新"),
    "replay.search": ("Search tasks", "搜索任务"),
    "replay.empty": (
        "No runs yet. Give the agent a task; every run is kept and can be watched again here.",
        "还没有运行记录。给代理一个任务，每次运行都会保存在这里，可随时回看。",
    ),
    "replay.none": ("No run's task holds these words.", "没有任务包含这些词。"),
    "replay.choose": ("Choose a run to watch it again.", "选择一个运行来回看。"),
    "replay.count": ("{count} steps · {seconds:.0f} s · {model}", "{count} 步 · {seconds:.0f} 秒 · {model}"),
    "replay.step": ("Step", "步骤"),
    "replay.of": ("Step {number} of {count}", "第 {number} 步，共 {count} 步"),
    "replay.earlier": ("Earlier", "上一步"),
    "replay.later": ("Later", "下一步"),
    "replay.close": ("All runs", "全部运行"),
    "replay.compare": ("Compare with", "与之比较"),
    "replay.nothing": ("nothing", "无"),
    "replay.no_step": ("This run ended before.", "该运行已提前结束。"),
    "replay.no_steps": ("This run ended before its first step.", "该运行在第一步之前就结束了。"),
    "replay.from_here": ("Run again from here", "从这里再次运行"),
    "replay.from_info": (
        "Does everything before this step again on a fresh page, then the model goes on by itself.",
        "在新页面上重做此步之前的全部操作，然后由模型继续。",
    ),
    "replay.busy": ("A run is still going on; stop it first.", "已有任务在运行，请先停止。"),
    "replay.keep": ("Download", "下载"),
    "replay.report": ("Report", "报告"),
    "replay.script": ("Playwright script", "Playwright 脚本"),
    "replay.test": ("Test (pytest)", "测试（pytest）"),
    "replay.lines": ("Lines to fine-tune on", "微调数据（JSONL）"),
}

Update = Any  # of a component, as Gradio takes it


def build(desk: Desk) -> None:
    Replay(desk).build()


class Replay:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.stage = desk, stage(desk)

    def build(self) -> None:
        say, page = self.desk.say, Context.root_block
        assert page is not None
        plain: dict[str, Any] = {"js_on_load": None, "apply_default_css": False}

        def export(asked: list[str]) -> tuple[str, str]:  # Gradio writes an attribute on it, which a method has not
            return self.export(asked)

        gr.HTML(steps.STYLE, js_on_load=None, elem_classes="css")
        name, other = gr.State(""), gr.State("")
        with gr.Column(elem_id="replay"):
            with gr.Column(elem_id="replay-gallery") as gallery:
                with gr.Row(elem_id="replay-search-row"):
                    search = gr.Textbox(
                        placeholder=say("replay.search"), show_label=False, container=False, elem_id="replay-search"
                    )
                    again = gr.Button(say("replay.again"), scale=0, min_width=90)
                runs = gr.HTML(
                    "", js_on_load=(LOOK / "cards.js").read_text(encoding="utf-8"), apply_default_css=False,
                    elem_id="replay-runs",
                )  # fmt: skip
            with gr.Column(visible=False, elem_id="replay-open") as opened:
                with gr.Row(elem_id="replay-head"):
                    close = gr.Button(say("replay.close"), scale=0, min_width=110, elem_id="replay-close")
                    head = gr.HTML("", **plain)
                with gr.Row(elem_id="replay-scrub"):
                    earlier = gr.Button("‹", scale=0, min_width=44, elem_id="replay-earlier")
                    slider = gr.Slider(1, 2, 1, step=1, label=say("replay.step"), elem_id="replay-step", buttons=[])
                    later = gr.Button("›", scale=0, min_width=44, elem_id="replay-later")
                with gr.Row(elem_id="replay-pair"):
                    with gr.Column(min_width=280):
                        picture, facts = gr.HTML("", **plain, elem_id="replay-screen"), gr.HTML("", **plain)
                    with gr.Column(min_width=280, visible=False) as beside:
                        second_head = gr.HTML("", **plain)
                        second, second_facts = gr.HTML("", **plain, elem_id="replay-second"), gr.HTML("", **plain)
                with gr.Row(elem_id="replay-do"):
                    compare = gr.Dropdown([("", "")], value="", label=say("replay.compare"), elem_id="replay-compare")
                    fresh = gr.Button(say("replay.from_here"), elem_id="replay-again", min_width=160)
                downloads = gr.HTML(
                    "", js_on_load=(LOOK / "download.js").read_text(encoding="utf-8"), apply_default_css=False,
                    server_functions=[export], elem_id="replay-downloads",
                )  # fmt: skip

        quiet: dict[str, Any] = {"show_progress": "hidden"}
        both = [picture, facts, second, second_facts]
        whole = [name, other, gallery, opened, head, slider, compare, downloads, beside, second_head, *both]
        listing: dict[str, Any] = {"fn": self.listed, "inputs": [search], "outputs": [runs]}
        page.load(**listing, **quiet)
        search.change(**listing, **quiet)
        again.click(**listing, **quiet)
        close.click(self.close, [search], [gallery, opened, runs], **quiet)
        if isinstance(Context.block, gr.Tab):
            Context.block.select(**listing, **quiet)
        runs.select(self.open, None, whole, **quiet)
        slider.change(self.scrub, [name, other, slider], both, **quiet, trigger_mode="always_last")
        earlier.click(partial(self.move, -1), [name, slider], [slider], **quiet)
        later.click(partial(self.move, 1), [name, slider], [slider], **quiet)
        compare.input(self.compare, [name, compare, slider], [other, beside, second_head, *both], **quiet)
        fresh.click(self.run_again, [name, slider], None, **quiet).success(None, js=TO_AGENT)

    # Which runs there are.

    def listed(self, search: str | None, request: gr.Request) -> str:
        tell: steps.Tell = partial(self.desk.tell, request=request)
        known = summaries(self.desk.runs)
        found = [one for one in known if (search or "").lower() in one.run.task.lower()]
        if not found:
            return f'<p class="empty stage-empty">{tell("replay.none" if known else "replay.empty")}</p>'
        return f'<div class="cards">{"".join(card(one, tell) for one in found[:SHOWN])}</div>'

    def close(self, search: str | None, request: gr.Request) -> tuple[Update, Update, str]:
        return gr.update(visible=True), gr.update(visible=False), self.listed(search, request)

    # One run, or two.

    def open(self, event: gr.EventData, request: gr.Request) -> list[Update]:
        tell: steps.Tell = partial(self.desk.tell, request=request)
        one = self.known(str(event._data["name"]))
        others = [(self.label(each, tell), each.name) for each in summaries(self.desk.runs)[:SHOWN] if each != one]
        count = max(one.steps, 1)
        slider = gr.update(maximum=max(count, 2), value=1, interactive=count > 1)
        compare = gr.update(choices=[(tell("replay.nothing"), ""), *others], value="")
        buttons = "".join(
            f'<button data-run="{escape(one.name)}" data-kind="{kind}">{tell(f"replay.{kind}")}</button>'
            for kind in KINDS
        )
        downloads = f'<div class="downloads"><span class="dim">{tell("replay.keep")}</span> {buttons}</div>'
        hidden, shown = gr.update(visible=False), gr.update(visible=True)
        views = self.views(one, 1, tell)
        return [one.name, "", hidden, shown, header(one, tell), slider, compare, downloads, hidden, "", *views, "", ""]

    def scrub(self, name: str, other: str, number: int, request: gr.Request) -> list[str]:
        tell: steps.Tell = partial(self.desk.tell, request=request)
        shown = [self.views(self.known(each), int(number), tell) if each else ("", "") for each in (name, other)]
        return [*shown[0], *shown[1]]

    def move(self, by: int, name: str, number: int) -> int:
        return min(max(int(number) + by, 1), max(self.known(name).steps, 1))

    def compare(self, name: str, other: str, number: int, request: gr.Request) -> list[Update]:
        tell: steps.Tell = partial(self.desk.tell, request=request)
        head = header(self.known(other), tell) if other else ""
        return [other, gr.update(visible=bool(other)), head, *self.scrub(name, other, number, request)]

    def views(self, one: Summary, number: int, tell: steps.Tell) -> tuple[str, str]:
        """As it was live."""
        recorded = recorded_steps(one.folder, one.steps)
        if number > len(recorded):
            return f'<p class="empty">{tell("replay.no_step" if recorded else "replay.no_steps")}</p>', ""
        return steps.view(recorded[number - 1], tell)

    def known(self, name: str) -> Summary:
        """Raises UserError for what is no run here; a page can name only what is in the folder."""
        return summary(self.desk.runs / Path(name).name)

    def label(self, one: Summary, tell: steps.Tell) -> str:
        said = tell(f"step.{one.ending.reason}" if one.ending else "step.open")
        return f"{one.run.task[:60]} · {said} · {one.run.began[:16].replace('T', ' ')}"

    # What to make of it.

    def run_again(self, name: str, number: int, request: gr.Request) -> None:
        """On a fresh page, up to the step that is shown."""
        one = self.known(name)
        start = one.run.settings.get("start") or (
            DEMO if one.run.task == address_book.TASK else one.run.settings["url"]
        )
        before = recorded_steps(one.folder, one.steps)[: int(number) - 1]
        settings = replace(self.desk.settings, runs=self.desk.runs)
        if self.stage.begin(Job(one.run.task, start, replies=tuple(step.reply for step in before)), settings) is None:
            raise gr.Error(self.desk.tell("replay.busy", request), print_exception=False)

    def export(self, asked: list[str]) -> tuple[str, str]:
        """A file's name and content in base64. asked: the run's name and one of KINDS."""
        from agent.exports import exported  # loads Playwright

        name, kind = asked
        file, content = exported(self.known(name).folder, kind)
        return file, base64.b64encode(content).decode()


@lru_cache(maxsize=4)
def recorded_steps(folder: Path, count: int) -> tuple[Step, ...]:
    """count: how many there are now; a run that goes on is read anew."""
    return tuple(replay(folder))


@lru_cache(maxsize=4 * SHOWN)
def thumbnail(path: Path) -> str:
    with Image.open(path) as image:
        return steps.picture(image, THUMB)


def header(one: Summary, tell: steps.Tell) -> str:
    told = tell("replay.count", count=one.steps, seconds=one.seconds, model=one.run.model)
    said = f"{told} · {one.run.began[:16].replace('T', ' ')}"
    outcome = steps.outcome(one.ending, tell)
    return f'<div class="run-head"><p>{outcome} {words(one.run.task)}</p><p class="dim">{words(said)}</p></div>'


def card(one: Summary, tell: steps.Tell) -> str:
    screen = one.last_screen
    image = f'<img alt="" loading="lazy" src="{thumbnail(screen)}">' if screen and screen.is_file() else "<i></i>"
    return f'<button class="run-card" data-run="{escape(one.name)}">{image}{header(one, tell)}</button>'
