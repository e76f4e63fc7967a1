"""Steps: how a step looks on the page, live and in replay alike, in the words of the page's language."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Protocol

from PIL import Image

from agent.report import words
from agent.trajectory import Ending, Step
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
from tools.environment import Screenshot
from tools.geometry import Point
from tools.overlay import mark

STYLE = f"<style>{(Path(__file__).parent / 'look' / 'steps.css').read_text(encoding='utf-8')}</style>"
LARGE, SMALL = 1280, 480  # the longest side of a picture, in pixels; nothing is drawn larger than it is
QUALITY = 82
TEXTS = {
    "step.alt": ("The screen of step {number}", "第 {number} 步的屏幕"),
    "step.thought": ("Thought", "想法"),
    "step.call": ("What the model said", "模型的原话"),
    "step.result": ("Result", "结果"),
    "step.fine": ("done", "完成"),
    "step.mistake": ("Not done", "未执行"),
    "step.seconds": ("{seconds:.1f} s", "{seconds:.1f} 秒"),
    "step.cost": (
        "{seconds:.1f} s: see {see:.1f}, think {think:.1f}, act {act:.1f} · {read} tokens read, {new} written",
        "{seconds:.1f} 秒：看 {see:.1f}，想 {think:.1f}，做 {act:.1f} · 读 {read} 词元，写 {new} 词元",
    ),
    "step.by_person": ("You did this", "由你操作"),
    "step.corrected": ("You did this instead of:", "由你操作，代替了："),
    "step.nothing": ("nothing was done", "什么也没做"),
    "step.ask": ("asks: {question}", "提问：{question}"),
    "step.finish": ("says that it is done", "表示任务已完成"),
    "step.give_up": ("gives up", "放弃"),
    "step.then": (", then ", "，然后"),
    "step.pointer": ("where the pointer is", "指针所在处"),
    "step.click": ("click at {at}", "点击 {at}"),
    "step.double": ("double click at {at}", "双击 {at}"),
    "step.triple": ("triple click at {at}", "三击 {at}"),
    "step.clicks": ("click {times} times at {at}", "在 {at} 点击 {times} 次"),
    "step.right": ("right click at {at}", "右键点击 {at}"),
    "step.middle": ("middle click at {at}", "中键点击 {at}"),
    "step.held": ("{done}, holding {keys}", "按住 {keys} {done}"),
    "step.move": ("move the pointer to {at}", "把指针移到 {at}"),
    "step.drag": ("drag from {start} to {to}", "从 {start} 拖到 {to}"),
    "step.scroll": ("scroll by ({dx:g}, {dy:g}) pixels at {at}", "在 {at} 滚动 ({dx:g}, {dy:g}) 像素"),
    "step.type": ("type “{text}”", "输入“{text}”"),
    "step.press": ("press {keys}", "按 {keys}"),
    "step.wait": ("wait {seconds:g} s", "等待 {seconds:g} 秒"),
    "step.goto": ("go to {url}", "打开 {url}"),
    "step.back": ("go back", "后退"),
    "step.forward": ("go forward", "前进"),
    "step.reload": ("reload the page", "刷新页面"),
    "step.tab": ("switch to tab {number}", "切换到第 {number} 个标签页"),
    "step.close_tab": ("close the tab", "关闭标签页"),
    "step.finished": ("Done", "已完成"),
    "step.failed": ("The model gave up", "模型放弃了"),
    "step.stuck": ("Stuck: nothing changed any more", "卡住了：屏幕不再变化"),
    "step.unreadable": ("The model's replies could not be understood", "无法理解模型的回复"),
    "step.budget": ("Out of steps, time or tokens", "步数、时间或词元用完"),
    "step.denied": ("Not allowed", "未获许可"),
    "step.cancelled": ("Stopped", "已停止"),
    "step.lost": ("The browser is gone", "浏览器已关闭"),
    "step.interrupted": ("Interrupted: the program ended in the middle", "中断：程序中途结束"),
    "step.open": ("Not ended", "未结束"),
}
CLICKS = {1: "step.click", 2: "step.double", 3: "step.triple"}


class Tell(Protocol):
    """Words by their key, in the language of whoever looks."""

    def __call__(self, key: str, **values: object) -> str: ...


def view(step: Step, tell: Tell, clickable: bool = False) -> tuple[str, str]:
    """The marked screen and what is known of the step, as HTML: what live and replay show large."""
    return stage(step.screenshot, step.actions, tell("step.alt", number=step.index + 1), clickable), facts(step, tell)


def stage(screenshot: Screenshot, actions: Sequence[Action], alt: str, clickable: bool = False) -> str:
    """The screen with marks. clickable: app/look/stage.js tells which pixel of the screenshot was clicked."""
    size = screenshot.size
    place = f'data-width="{size.width}" data-height="{size.height}" data-screen="{screenshot.digest}"'
    clicks = ' tabindex="0" data-clickable' if clickable else ""
    return (
        f'<div class="stage" {place}{clicks}><img alt="{escape(alt)}" width="{size.width}" height="{size.height}" '
        f'src="{picture(marked(screenshot.image, actions), LARGE)}"><i class="aim" hidden></i></div>'
    )


def facts(step: Step, tell: Tell) -> str:
    """Thought, what is done, what came of it, what it cost."""
    parts = [f'<p class="does">{words(doing(step, tell))}</p>', f'<p class="thought">{words(thought(step))}</p>']
    if step.by_person:
        note = "step.corrected" if step.corrected else "step.by_person"
        parts.append(f'<p class="dim">{tell(note)} {words(step.corrected)}</p>')
    if step.result:
        bad = ' class="bad"' if step.mistake else ""
        parts.append(f"<p{bad}>{tell('step.mistake' if step.mistake else 'step.result')}: {words(step.result)}</p>")
    if step.reply:
        parts.append(f"<details><summary>{tell('step.call')}</summary><pre>{words(step.reply)}</pre></details>")
    parts.append(f'<p class="dim">{cost(step, tell)}</p>')
    return f'<div class="step-facts">{"".join(parts)}</div>'


def folded(steps: Sequence[Step], tell: Tell, drawn: dict[int, str]) -> str:
    """All steps as a list that unfolds. drawn: those of earlier calls, so that none is drawn twice."""
    for step in steps:
        if step.index not in drawn:
            drawn[step.index] = item(step, tell)
    return f'<ol class="steps">{"".join(drawn[step.index] for step in steps)}</ol>' if steps else ""


def item(step: Step, tell: Tell) -> str:
    state = "bad" if step.mistake else "person" if step.by_person else "good"
    alt = tell("step.alt", number=step.index + 1)
    image = picture(marked(step.screenshot.image, step.actions), SMALL)
    return (
        f'<li><details data-step="{step.index}"><summary><b class="{state}">{step.index + 1}</b> '
        f"<span>{words(doing(step, tell))}</span> "
        f"<small>{tell('step.seconds', seconds=step.seconds.total)}</small></summary>"
        f'<img alt="{escape(alt)}" src="{image}">{facts(step, tell)}</details></li>'
    )


def doing(step: Step, tell: Tell) -> str:
    """What the step does, in one line."""
    if step.finish is not None:
        said = tell("step.finish" if step.finish.success else "step.give_up")
        return f"{said}: {step.finish.answer}" if step.finish.answer else said
    if step.ask is not None:
        return tell("step.ask", question=step.ask.question)
    return tell("step.then").join(deed(action, tell) for action in step.actions) or tell("step.nothing")


def deed(action: Action, tell: Tell) -> str:
    """One action, exactly as it will be done."""

    def place(at: Point | None) -> str:
        return str(at) if at else tell("step.pointer")

    match action:
        case Click(at=at, button=button, times=times, modifiers=keys):
            name = CLICKS.get(times, "step.clicks") if button == "left" else f"step.{button}"
            done = tell(name, at=place(at), times=times)
            return tell("step.held", done=done, keys=" + ".join(keys)) if keys else done
        case Move(at=at):
            return tell("step.move", at=place(at))
        case Drag(start=start, to=to):
            return tell("step.drag", start=place(start), to=to)
        case Scroll(dx=dx, dy=dy, at=at):
            return tell("step.scroll", dx=dx, dy=dy, at=place(at))
        case Type(text=text):
            return tell("step.type", text=text)
        case Press(keys=keys):
            return tell("step.press", keys=" + ".join(keys))
        case Wait(seconds=seconds):
            return tell("step.wait", seconds=seconds)
        case Goto(url=url):
            return tell("step.goto", url=url)
        case Back():
            return tell("step.back")
        case Forward():
            return tell("step.forward")
        case Reload():
            return tell("step.reload")
        case SwitchTab(index=index):
            return tell("step.tab", number=index + 1)
        case CloseTab():
            return tell("step.close_tab")


def outcome(ending: Ending | None, tell: Tell) -> str:
    """How a run ended, as a coloured word."""
    good = ending is not None and ending.success
    said = tell(f"step.{ending.reason}" if ending else "step.open")
    return f'<b class="outcome {"good" if good else "bad"}">{said}</b>'


def thought(step: Step) -> str:
    return spoken(step.reply)


def spoken(reply: str) -> str:
    """What was said for people, before the call."""
    return reply.partition("<tool_call>")[0].strip()


def cost(step: Step, tell: Tell) -> str:
    seconds, usage = step.seconds, step.usage
    return tell(
        "step.cost",
        seconds=seconds.total,
        see=seconds.perceive,
        think=seconds.plan,
        act=seconds.act,
        read=usage.prompt_tokens,
        new=usage.new_tokens,
    )


def marked(image: Image.Image, actions: Sequence[Action]) -> Image.Image:
    for action in actions:
        image = mark(image, action)
    return image


def picture(image: Image.Image, side: int) -> str:
    """As a data address, so that no screen is written to a folder that is served."""
    shown = image.convert("RGB")
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    jpeg = io.BytesIO()
    shown.save(jpeg, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"
