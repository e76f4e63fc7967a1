"""The grounding tab: can the model point? Try it on a picture of your own, or on twenty drawn screens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path
from random import randrange
from typing import Any

import gradio as gr
from gradio.context import Context
from PIL import Image

from agent.pointing import TARGETS, Calibration, Pointed, Trial, Way, ask, calibrate, drawn, drawn_target, understood
from agent.report import words
from app import steps
from app.desk import Desk
from app.pictures import read_picture
from app.worker import Worker
from tools.actions import Click
from tools.errors import UserError
from tools.overlay import draw_boxes, mark

SIDE, SMALL = 1280, 300  # pixels
WAIT_S = 0.5
WAYS: tuple[Way, ...] = ("click", "boxes", "points")
TEXTS = {
    "grounding.title": ("Grounding", "定位"),
    "grounding.picture": ("Picture", "图片"),
    "grounding.phrase": ("What to find", "要找什么"),
    "grounding.phrase_hint": ("Such as: the search button", "例如：搜索按钮"),
    "grounding.way": ("How to ask", "提问方式"),
    "grounding.click": ("As an agent: one click", "像代理一样：点击一处"),
    "grounding.boxes": ("All of them, as boxes", "全部，用框标出"),
    "grounding.points": ("As points", "用点标出"),
    "grounding.find": ("Find", "查找"),
    "grounding.stop": ("Stop", "停止"),
    "grounding.draw": ("Try a drawn screen", "用画出的屏幕试试"),
    "grounding.empty": (
        "Add a picture, say what to find in it, and see where the model points.",
        "添加图片，说出要找的东西，看模型指向哪里。",
    ),
    "grounding.need": ("Add a picture and say what to find in it.", "请添加图片并写出要找什么。"),
    "grounding.thinking": ("Looking …", "正在查找……"),
    "grounding.said": ("What the model said", "模型的原话"),
    "grounding.found": ("What it means, in pixels of the picture", "含义（图片像素）"),
    "grounding.nothing": ("It says that there is no such thing.", "模型表示没有这样的东西。"),
    "grounding.seen": ("{size} seen as {seen}", "{size} 以 {seen} 查看"),
    "grounding.box": (
        "box from ({left:.0f}, {top:.0f}) to ({right:.0f}, {bottom:.0f})",
        "框 ({left:.0f}, {top:.0f}) 至 ({right:.0f}, {bottom:.0f})",
    ),
    "grounding.point": ("point {at}", "点 {at}"),
    "grounding.moved": ("moved to the edge: it was outside", "在图片之外，已移到边缘"),
    "grounding.trial": ("Before you trust it", "在信任它之前"),
    "grounding.trial_info": (
        "{count} drawn screens, one thing to find on each. How often does it hit, and by how much is it off?",
        "{count} 个画出的屏幕，每个找一样东西。命中率多少？偏差多少？",
    ),
    "grounding.calibrate": ("Calibrate", "校准"),
    "grounding.progress": ("{done} of {count}", "{done} / {count}"),
    "grounding.hits": ("{hits} of {trials} hit", "{trials} 次命中 {hits} 次"),
    "grounding.offset": (
        "on a hit off the middle by {x:+.1f} px (right is +) and {y:+.1f} px (down is +), on average",
        "命中时平均偏离中心 {x:+.1f} 像素（向右为正）、{y:+.1f} 像素（向下为正）",
    ),
    "grounding.wanted": ("wanted: {name}", "目标：{name}"),
    "grounding.bug": ("Something went wrong inside Handeye; the terminal says what.", "Handeye 内部出错；详情见终端。"),
}

Update = Any  # of a component, as Gradio takes it


def build(desk: Desk) -> None:
    Grounding(desk).build()


class Grounding:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.trial: Worker[Trial] | None = None  # of all pages; a reload finds it again
        desk.closing.callback(self.end)

    def build(self) -> None:
        say, page = self.desk.say, Context.root_block
        assert page is not None
        plain: dict[str, Any] = {"js_on_load": None, "apply_default_css": False}
        gr.HTML(steps.STYLE, js_on_load=None, elem_classes="css")
        with gr.Row(elem_id="grounding"):
            with gr.Column(elem_id="grounding-form", min_width=280):
                picture = gr.Image(
                    type="filepath", label=say("grounding.picture"), sources=["upload", "clipboard"], height=260,
                    format="png", buttons=[], elem_id="grounding-picture",
                )  # fmt: skip
                draw = gr.Button(say("grounding.draw"), size="sm", elem_id="grounding-draw")
                phrase = gr.Textbox(
                    label=say("grounding.phrase"), placeholder=say("grounding.phrase_hint"), elem_id="grounding-phrase"
                )
                way = gr.Radio(
                    [(say(f"grounding.{one}"), one) for one in WAYS], value="click", label=say("grounding.way")
                )
                with gr.Row():
                    stop = gr.Button(say("grounding.stop"), elem_id="grounding-stop", min_width=80)
                    find = gr.Button(say("grounding.find"), variant="primary", elem_id="grounding-find", min_width=80)
            with gr.Column(scale=2, min_width=300):
                shown = gr.HTML("", **plain, elem_id="grounding-shown")
                told = gr.HTML("", **plain, elem_id="grounding-told")
        with gr.Column(elem_id="grounding-trial"):
            intro = gr.HTML("", **plain)
            with gr.Row(elem_id="grounding-trial-do"):
                begin = gr.Button(say("grounding.calibrate"), elem_id="grounding-calibrate", scale=0, min_width=140)
                end = gr.Button(say("grounding.stop"), scale=0, min_width=100, visible=False, elem_id="grounding-end")
            trials = gr.HTML("", **plain, elem_id="grounding-trials")

        quiet: dict[str, Any] = {"show_progress": "hidden"}
        asked = gr.on([find.click, phrase.submit], self.find, [picture, phrase, way], [shown, told], **quiet)
        stop.click(None, cancels=[asked])
        draw.click(self.draw, None, [picture, phrase], **quiet)
        page.load(self.load, None, [shown, intro, trials, begin, end], **quiet)
        begin.click(self.calibrate, None, [trials, begin, end], **quiet)
        end.click(self.end, **quiet, queue=False)

    # One question.

    def find(self, path: str | None, phrase: str, way: Way, request: gr.Request) -> Iterator[tuple[Update, Update]]:
        tell: steps.Tell = partial(self.desk.tell, request=request)
        if not path or not phrase.strip():
            gr.Warning(tell("grounding.need"))
            yield gr.skip(), gr.skip()
            return
        try:
            image = read_picture(Path(path))
            yield stage(image), f'<p class="dim">{tell("grounding.thinking")}</p>'
            model = self.desk.model()
            reply = ask(model, image, phrase.strip(), way)
        except UserError as error:
            raise gr.Error(escape(self.desk.wrong(error, request)), print_exception=False) from error
        try:
            for _ in reply:
                yield gr.skip(), said(reply.text, tell)
        finally:
            reply.cancel()
        pointed = understood(reply.text, model.family, image)
        yield stage(drawn(image, pointed)), said(reply.text, tell) + meaning(pointed, tell)

    def draw(self, request: gr.Request) -> tuple[Image.Image, str]:
        """A screen that tiny can read, and something that is on it."""
        try:
            scale = self.desk.model().family.device_scale
        except UserError as error:
            raise gr.Error(escape(self.desk.wrong(error, request)), print_exception=False) from error
        image, name, _ = drawn_target(str(randrange(10**6)), scale)
        return image, name

    # Twenty.

    def load(self, request: gr.Request) -> Iterator[list[Update]]:
        """The page was opened, perhaps in the middle of a calibration."""
        tell: steps.Tell = partial(self.desk.tell, request=request)
        empty = f'<p class="empty stage-empty">{tell("grounding.empty")}</p>'
        intro = f'<h2>{tell("grounding.trial")}</h2><p class="dim">{tell("grounding.trial_info", count=TARGETS)}</p>'
        first = True
        for updates in self.follow(request):
            yield [*([empty, intro] if first else [gr.skip(), gr.skip()]), *updates]
            first = False
        if first:
            yield [empty, intro, "", gr.skip(), gr.skip()]

    def calibrate(self, request: gr.Request) -> Iterator[list[Update]]:
        if self.trial is None or self.trial.is_over:
            self.trial = Worker(self.work)
            self.trial.start()
        yield from self.follow(request)

    def work(self, worker: Worker[Trial]) -> Iterator[Trial]:
        for trial in calibrate(self.desk.model()):
            yield trial
            if worker.stopping.is_set():
                return

    def end(self) -> None:
        if self.trial:
            self.trial.stop()

    def follow(self, request: gr.Request) -> Iterator[list[Update]]:
        """What is known so far, until it is over."""
        tell: steps.Tell = partial(self.desk.tell, request=request)
        worker, version, drawn_so_far = self.trial, -1, list[str]()
        while worker:
            version = worker.wait(version, WAIT_S)
            is_over, known = worker.is_over, list(worker.items)
            drawn_so_far += [card(trial, tell) for trial in known[len(drawn_so_far) :]]
            problem = self.trouble(worker.error, request) if worker.error else ""
            html = problem or result(known, is_over, drawn_so_far, tell)
            yield [html, gr.update(interactive=is_over), gr.update(visible=not is_over)]
            if is_over:
                return

    def trouble(self, error: BaseException, request: gr.Request) -> str:
        if isinstance(error, UserError):
            return f'<p class="bad">{escape(self.desk.wrong(error, request))}</p>'
        return f'<p class="bad">{self.desk.tell("grounding.bug", request)}</p>'


def result(trials: Sequence[Trial], is_over: bool, cards: Sequence[str], tell: steps.Tell) -> str:
    """The rate and the offset so far, then every target."""
    found = Calibration.of(trials)
    told = [f"<b>{tell('grounding.hits', hits=found.hits, trials=found.trials)}</b>"]
    if found.offset:
        told.append(tell("grounding.offset", x=found.offset[0], y=found.offset[1]))
    done = "" if is_over else f" · {tell('grounding.progress', done=found.trials, count=TARGETS)}"
    bar = f'<i class="bar"><i style="width:{100 * found.trials / TARGETS:.0f}%"></i></i>'
    status = f'<div class="status" role="status"><p>{"; ".join(told)}{done}</p>{"" if is_over else bar}</div>'
    return f'{status}<div class="cards trials">{"".join(cards)}</div>'


def card(trial: Trial, tell: steps.Tell) -> str:
    image = draw_boxes(trial.image, [(trial.target, "")])
    image = mark(image, Click(trial.at)) if trial.at else image
    state = "good" if trial.is_hit else "bad"
    sign = "✓" if trial.is_hit else "✗"
    name = words(tell("grounding.wanted", name=trial.name))
    caption = f'<figcaption><b class="outcome {state}">{sign}</b> {name}</figcaption>'
    return f'<figure class="run-card"><img alt="{name}" src="{steps.picture(image, SMALL)}">{caption}</figure>'


def stage(image: Image.Image) -> str:
    return f'<div class="stage"><img alt="" src="{steps.picture(image, SIDE)}"></div>'


def said(text: str, tell: steps.Tell) -> str:
    return f'<div class="said"><p class="dim">{tell("grounding.said")}</p><pre>{words(text)}</pre></div>'


def meaning(pointed: Pointed, tell: steps.Tell) -> str:
    if pointed.problem:
        return f'<p class="step-facts"><span class="bad">{words(pointed.problem)}</span></p>'
    lines = [f"<li>{line}</li>" for line in places(pointed, tell)] or [f"<li>{tell('grounding.nothing')}</li>"]
    seen = tell("grounding.seen", size=pointed.grid.original, seen=pointed.grid.resized)
    return f'<div class="meaning"><p class="dim">{tell("grounding.found")} ({seen})</p><ul>{"".join(lines)}</ul></div>'


def places(pointed: Pointed, tell: steps.Tell) -> Iterator[str]:
    for one in pointed.found:
        box = one.box
        spots = [tell("grounding.box", left=box.left, top=box.top, right=box.right, bottom=box.bottom)] if box else []
        spots += [] if box else [tell("grounding.point", at=at) for at in one.points]
        label = f"<b>{words(one.label)}</b> " if one.label else ""
        yield label + ", ".join(spots) + (f" ({tell('grounding.moved')})" if one.clamped else "")
