"""The doctor tab: is everything there, how fast does it answer, and another model in its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.context import Context

from app.desk import Desk, is_chinese
from app.doctor import Check, checks, speed
from app.settings import Settings
from tools.errors import UserError

if TYPE_CHECKING:
    from model.local.runner import LocalModel
    from model.remote.model import RemoteModel

TICK_S = 0.5
DEVICES = ["auto", "cpu", "cuda", "mps"]
DTYPES = ["auto", "float32", "bfloat16", "float16"]
QUANTIZATIONS = ["none", "8bit", "4bit"]
TEXTS = {
    "doctor.title": ("Doctor", "检查"),
    "doctor.again": ("Check again", "重新检查"),
    "doctor.ok": ("OK", "正常"),
    "doctor.missing": ("Missing", "缺少"),
    "doctor.note": ("Note", "注意"),
    "doctor.looking": ("Looking …", "正在检查……"),
    "doctor.python": ("Python", "Python"),
    "doctor.torch": ("PyTorch", "PyTorch"),
    "doctor.device": ("Device", "设备"),
    "doctor.server": ("Server", "服务器"),
    "doctor.model": ("Model", "模型"),
    "doctor.browser": ("Browser", "浏览器"),
    "doctor.display": ("Display", "显示器"),
    "doctor.desktop": ("Your desktop", "你的桌面"),
    "doctor.virtual": ("Virtual desktop", "虚拟桌面"),
    "doctor.speed": ("Speed", "速度"),
    "doctor.measure": ("Measure speed", "测量速度"),
    "doctor.unmeasured": (
        "Not measured yet: one question about a 640x480 picture.",
        "尚未测量：就一张 640x480 图片提一个问题。",
    ),
    "doctor.measured": (
        "{prompt} prompt tokens in {first:.2f} s ({prefill:.0f} tokens/s), then {decode:.1f} tokens/s ({model})",
        "{prompt} 提示词元用时 {first:.2f} 秒（{prefill:.0f} 词元/秒），之后 {decode:.1f} 词元/秒（{model}）",
    ),
    "doctor.load": ("Load another model", "加载另一个模型"),
    "doctor.load_info": (
        "It takes this one's place in all tabs once it is there. Until then this one answers.",
        "加载完成后会在所有标签页中替换当前模型；在此之前由当前模型回答。",
    ),
    "doctor.name": ("Model", "模型"),
    "doctor.name_info": (
        "tiny, a folder that holds a checkpoint, a hub id such as Qwen/Qwen2.5-VL-3B-Instruct, "
        "or a server such as http://127.0.0.1:8000/v1",
        "tiny、模型文件夹、Hub 名称（如 Qwen/Qwen2.5-VL-3B-Instruct），或服务器地址（如 http://127.0.0.1:8000/v1）",
    ),
    "doctor.on": ("Device", "设备"),
    "doctor.dtype": ("Precision", "精度"),
    "doctor.quantization": ("Quantization", "量化"),
    "doctor.go": ("Load", "加载"),
    "doctor.loading": (
        "Loading {name} … {seconds:.0f} s, {memory:.1f} GiB of memory free",
        "正在加载 {name}……{seconds:.0f} 秒，可用内存 {memory:.1f} GiB",
    ),
    "doctor.loaded": (
        "{name} answers now: {family}, {parameters:.1f} million weights, {dtype} on {device}.",
        "现在由 {name} 回答：{family}，{parameters:.1f} 百万参数，{dtype}，{device}。",
    ),
    "doctor.reached": (
        "{name} answers now: {family}, {milliseconds:.0f} ms away.",
        "现在由 {name} 回答：{family}，延迟 {milliseconds:.0f} 毫秒。",
    ),
}

Update = Any  # of a component, as Gradio takes it


def build(desk: Desk) -> None:
    Doctor(desk).build()


class Doctor:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def build(self) -> None:
        say, settings = self.desk.say, self.desk.settings
        with gr.Row(elem_id="doctor"):
            with gr.Column(scale=3):
                found = gr.HTML("", js_on_load=None, apply_default_css=False, elem_id="doctor-checks")
                again = gr.Button(say("doctor.again"), elem_id="doctor-again")
                speed = gr.HTML("", js_on_load=None, apply_default_css=False, elem_id="doctor-speed")
                measure = gr.Button(say("doctor.measure"), elem_id="doctor-measure")
            with gr.Column(scale=2), gr.Group():
                gr.Markdown(say("doctor.load"), elem_id="doctor-load")
                name = gr.Textbox(
                    settings.model, label=say("doctor.name"), info=say("doctor.name_info"), elem_id="doctor-name"
                )
                with gr.Row():
                    device = gr.Dropdown(
                        DEVICES, value=settings.device, label=say("doctor.on"), allow_custom_value=True
                    )
                    dtype = gr.Dropdown(DTYPES, value=settings.dtype, label=say("doctor.dtype"))
                    bits = gr.Dropdown(
                        QUANTIZATIONS, value=settings.quantization or "none", label=say("doctor.quantization")
                    )
                go = gr.Button(say("doctor.go"), variant="primary", elem_id="doctor-go")
                said = gr.Markdown(say("doctor.load_info"), elem_id="doctor-said")
        again.click(self.check, None, [found], show_progress="hidden")
        measure.click(self.measure, None, [speed], show_progress="minimal", concurrency_limit=1)
        go.click(self.load, [name, device, dtype, bits], [said, go], show_progress="hidden", concurrency_limit=1).then(
            self.check, None, [found], show_progress="hidden"
        )
        tab = Context.block
        assert isinstance(tab, gr.Tab)
        tab.select(self.check, None, [found], show_progress="hidden")
        tab.select(self.unmeasured, [speed], [speed], show_progress="hidden")

    def check(self, request: gr.Request) -> Iterator[str]:
        """Each check as soon as it is made."""
        made: list[str] = []
        yield self.shown(made, True, request)
        for each in checks(self.desk.settings):
            made.append(self.row(each, request))
            yield self.shown(made, True, request)
        yield self.shown(made, False, request)

    def shown(self, rows: list[str], more: bool, request: gr.Request) -> str:
        looking = f'<li class="facts">{self.desk.tell("doctor.looking", request)}</li>' if more else ""
        return f'<ul class="checks card">{"".join(rows)}{looking}</ul>'

    def row(self, check: Check, request: gr.Request) -> str:
        mark = "ok" if check.ok else "missing" if check.needed else "note"
        part, word = (self.desk.tell(f"doctor.{key}", request) for key in (check.part, mark))
        text = check.chinese if check.chinese and is_chinese(request) else check.text
        return f'<li><b class="mark {mark}">{word}</b><b>{part}</b><span>{escape(text)}</span></li>'

    def unmeasured(self, shown: str, request: gr.Request) -> str:
        return shown or f'<p class="facts card">{self.desk.tell("doctor.unmeasured", request)}</p>'

    def measure(self, request: gr.Request) -> str:
        try:
            model = self.desk.model()
            prompt, first, decode = speed(model)
        except UserError as error:
            return f'<p class="facts card">{escape(self.desk.wrong(error, request))}</p>'
        values = {"prompt": prompt, "first": first, "prefill": prompt / first, "decode": decode}
        text = self.desk.tell("doctor.measured", request, model=escape(model.name), **values)
        return f'<p class="facts card">{text}</p>'

    def load(
        self, name: str, device: str, dtype: str, bits: str, request: gr.Request
    ) -> Iterator[tuple[Update, Update]]:
        """Says how long it has been at it, as loading itself says nothing; ends with what answers now."""
        wanted = replace(
            self.desk.settings,
            model=name.strip() or "tiny",
            device=device or "auto",
            dtype=dtype,
            quantization=None if bits == "none" else bits,  # type: ignore[arg-type]
        )
        job = Loading(self.desk, wanted)
        for seconds in job.wait():
            memory = free_gib()
            text = self.desk.tell("doctor.loading", request, name=f"`{wanted.model}`", seconds=seconds, memory=memory)
            yield text, gr.update(interactive=False)
        if job.wrong:
            yield f"⚠ {escape(self.desk.wrong(job.wrong, request))}", gr.update(interactive=True)
        elif job.model:
            yield self.loaded(job.model, request), gr.update(interactive=True)

    def loaded(self, model: LocalModel | RemoteModel, request: gr.Request) -> str:
        from model.local.runner import LocalModel

        name, family = f"**`{model.name}`**", model.family.name
        if not isinstance(model, LocalModel):
            away = 1000 * model.answered_s
            return self.desk.tell("doctor.reached", request, name=name, family=family, milliseconds=away)
        return self.desk.tell(
            "doctor.loaded",
            request,
            name=name,
            family=family,
            parameters=model.parameters / 1e6,
            dtype=str(model.dtype).removeprefix("torch."),
            device=model.device,
        )


class Loading:
    """Another model, loaded on a thread of its own."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self.model: LocalModel | RemoteModel | None = None  # once it is there
        self.wrong: UserError | None = None  # why it did not come
        self.desk = desk
        self.settings = settings
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            self.model = self.desk.load(self.settings)
        except UserError as error:
            self.wrong = error

    def wait(self) -> Iterator[float]:
        """The seconds gone by, again and again until it has ended."""
        began = time.monotonic()
        while self.thread.is_alive():
            yield time.monotonic() - began
            self.thread.join(TICK_S)


def free_gib() -> float:
    import psutil

    return float(psutil.virtual_memory().available / 2**30)
