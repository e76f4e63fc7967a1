"""The agent tab: a task, the screen as the agent sees it, and a hand on the wheel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from agent.report import words
from agent.safety import LEVELS, Level, Request
from agent.trajectory import Ask
from app import address_book, steps
from app.agent_texts import TEXTS as TEXTS
from app.desk import Desk
from app.live import DEMO, Job, Live, Question, stage
from app.screens import APPS, DESKTOP, SANDBOX
from tools.actions import Action, Back, Click, Press, Scroll, Type
from tools.environment import EnvironmentLost
from tools.errors import UserError
from tools.geometry import Point

LOOK = Path(__file__).parents[1] / "look"
WAIT_S = 0.5  # between two looks at a run in which nothing happens
REST_S = 0.1  # and at one in which much does
MOST_STEPS = 100
KEYS = {"enter": "Enter", "tab": "Tab", "backspace": "⌫", "escape": "Esc"}
EXAMPLES = (
    (address_book.TASK, DEMO),
    ('Search for "Boris", then click on "Boris Lange".', DEMO),
)
Update = Any  # of a component, as Gradio takes it


def build(desk: Desk) -> None:
    AgentTab(desk).build()


class AgentTab:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.stage = desk, stage(desk)

    def build(self) -> None:
        say, page = self.desk.say, Context.root_block
        assert page is not None
        gr.HTML(steps.STYLE, js_on_load=None, elem_classes="css")
        plain: dict[str, Any] = {"js_on_load": None, "apply_default_css": False}
        with gr.Row(elem_id="agent"):
            with gr.Column(elem_id="agent-form", min_width=0):
                form = self.form()
            with gr.Column(elem_id="agent-view", min_width=0):
                status = gr.HTML("", **plain, elem_id="agent-status")
                with gr.Row(visible=False, elem_id="agent-wheel") as wheel:
                    pause = gr.Button(say("agent.pause"), elem_id="agent-pause", min_width=76)
                    once = gr.Button(say("agent.step"), elem_id="agent-step", min_width=76)
                    take = gr.Button(say("agent.take"), elem_id="agent-take", min_width=76)
                    stop = gr.Button(say("agent.stop"), variant="stop", elem_id="agent-stop", min_width=76)
                with gr.Group(visible=False, elem_id="agent-question") as asking:
                    question = gr.HTML("", **plain)
                    number = gr.State(0)
                    with gr.Row() as leave:
                        deny = gr.Button(say("agent.deny"), elem_id="agent-deny")
                        allow = gr.Button(say("agent.allow"), variant="primary", elem_id="agent-allow")
                    with gr.Row(equal_height=True) as answering:
                        answer = gr.Textbox(
                            label=say("agent.your_answer"), scale=4, min_width=160, elem_id="agent-answer"
                        )
                        send = gr.Button(say("agent.send"), variant="primary", min_width=76, elem_id="agent-send")
                screen = gr.HTML("", js_on_load=script("stage.js"), apply_default_css=False, elem_id="agent-screen")
                with gr.Column(visible=False, elem_id="agent-hands") as hands:
                    self.hands()
            with gr.Column(elem_id="agent-past", min_width=0):
                said = gr.HTML("", **plain, elem_id="agent-said")
                listed = gr.HTML("", js_on_load=script("fold.js"), apply_default_css=False, elem_id="agent-steps")

        task, place, start, apps, headed, approve, most, go, *tries = form
        where = [task, place, start, apps]
        asked = [asking, question, number, leave, answering, answer]
        shown = [status, *asked, screen, wheel, pause, once, take, stop, hands, said, listed, go]
        options = [headed, approve, most]
        gr.on([go.click, task.submit], self.begin, [*where, *options], shown, show_progress="hidden")
        for example, button in zip(EXAMPLES, tries, strict=True):
            button.click(partial(self.fill, *example), None, where, show_progress="hidden")
        page.load(self.reload, [task], [*where, *shown], show_progress="hidden")
        if isinstance(Context.block, gr.Tab):  # a run may have begun in another tab
            Context.block.select(self.reload, [task], [*where, *shown], show_progress="hidden")
        quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False}
        pause.click(self.pause, **quiet)
        once.click(lambda: self.with_live(Live.step_once), **quiet)
        take.click(self.take, **quiet)
        stop.click(lambda: self.with_live(Live.stop), **quiet)
        allow.click(partial(self.allow, True), [number], **quiet)
        deny.click(partial(self.allow, False), [number], **quiet)
        gr.on([send.click, answer.submit], self.answer, [number, answer], [answer], **quiet)
        screen.select(self.click, **quiet)

    def form(self) -> list[Any]:
        say, settings = self.desk.say, self.desk.settings
        task = gr.Textbox(
            label=say("agent.task"), placeholder=say("agent.task_hint"), lines=3, max_lines=6, elem_id="agent-task"
        )
        with gr.Row(elem_id="agent-tries"):
            tries = [
                gr.Button(say(key), size="sm", min_width=60, elem_classes="try")
                for key in ("agent.try_send", "agent.try_find")
            ]
        places = [(say("agent.browser"), ""), (say("agent.sandbox"), SANDBOX), (say("agent.desktop"), DESKTOP)]
        place = gr.Radio(places, value="", label=say("agent.screen"), elem_id="agent-place")
        own = gr.HTML("", visible=False, elem_id="agent-own")
        apps = gr.Textbox(
            APPS, label=say("agent.apps"), info=say("agent.apps_info"), visible=False, elem_id="agent-apps"
        )
        with gr.Row(elem_id="agent-where"):
            start = gr.Dropdown(
                [(say("agent.demo"), DEMO)], value=DEMO, allow_custom_value=True, label=say("agent.start"),
                info=say("agent.start_info"), scale=4, min_width=200, elem_id="agent-start",
            )  # fmt: skip
            go = gr.Button(say("agent.go"), variant="primary", scale=1, min_width=90, elem_id="agent-go")
        with gr.Accordion(say("agent.options"), open=False, elem_id="agent-options") as more:
            levels = [(say(f"agent.{level}"), level) for level in LEVELS]
            approve = gr.Radio(
                levels, value=settings.approve, label=say("agent.asks"), info=say("agent.asks_browser"),
                elem_id="agent-asks",
            )  # fmt: skip
            most = gr.Slider(1, MOST_STEPS, min(settings.max_steps, MOST_STEPS), step=1, label=say("agent.max_steps"))
            headed = gr.Checkbox(settings.headed, label=say("agent.headed"))
        shown = [start, apps, own, more, approve, headed]
        place.change(self.show_place, [place], shown, show_progress="hidden", queue=False)
        return [task, place, start, apps, headed, approve, most, go, *tries]

    def hands(self) -> None:
        """What a person can do to the browser beside clicking."""
        say = self.desk.say
        quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False}
        text = gr.Textbox(
            label=say("agent.type"), placeholder=say("agent.type_hint"), submit_btn=True, elem_id="agent-type"
        )
        text.submit(self.type, [text], [text], **quiet)
        with gr.Row():
            for name, label in KEYS.items():
                gr.Button(label, size="sm", min_width=56).click(partial(self.act, Press((name,))), **quiet)
            up, down, back = Scroll(-300.0), Scroll(300.0), Back()
            moves: dict[str, Action] = {"agent.up": up, "agent.down": down, "agent.page_back": back}
            for key, action in moves.items():
                gr.Button(say(key), size="sm", min_width=90).click(partial(self.act, action), **quiet)
            gr.Button(say("agent.look"), size="sm", min_width=90).click(lambda: self.with_live(Live.look), **quiet)

    # What starts to show a run.

    def begin(
        self, task: str, place: str, start: str, apps: str, headed: bool, approve: Level, most: int, request: gr.Request
    ) -> Iterator[Update]:
        if not task.strip():
            gr.Warning(self.desk.tell("agent.no_task", request))
            yield gr.skip()  # without it, Gradio empties what is shown
            return
        if place:
            start = place + (apps.strip() if place == SANDBOX else "")
        chosen: dict[str, Any] = {"headed": headed, "max_steps": int(most), "approve": approve}
        settings = replace(self.desk.settings, runs=self.desk.runs, **chosen)
        if self.stage.begin(Job(task.strip(), (start or DEMO).strip()), settings) is None:
            gr.Warning(self.desk.tell("agent.busy", request))
            yield gr.skip()
            return
        yield from self.follow(request)

    def reload(self, task: str | None, request: gr.Request) -> Iterator[list[Update]]:
        """The page was opened, or this tab of it, perhaps in the middle of a run."""
        job = self.stage.live.job if self.stage.live else None
        nothing = [gr.skip()] * 4
        filled = self.fill(job.task, job.start) if job and not task else nothing
        for number, updates in enumerate(self.follow(request)):
            yield [*(filled if number == 0 else nothing), *updates]

    def follow(self, request: gr.Request) -> Iterator[list[Update]]:
        """What has changed, until the run is over."""
        live, seen, version = self.stage.live, dict[str, object](), -1
        look = Look(self.desk, request)
        if live is None:
            yield look.nothing()
        while live and self.stage.live is live:
            version = live.worker.wait(version, WAIT_S)
            is_over = live.phase == "over"  # asked first: what is shown then is all there is
            yield look.changes(live, seen)
            if is_over:
                return
            time.sleep(REST_S)

    def fill(self, task: str, start: str) -> list[Update]:
        """Task, place, address and programs of a job."""
        place = next((kind for kind in (SANDBOX, DESKTOP) if start.startswith(kind)), "")
        address, apps = (gr.skip(), start.removeprefix(place)) if place else (start, gr.skip())
        return [task, place, address, apps if place == SANDBOX else gr.skip()]

    def show_place(self, place: str, request: gr.Request) -> list[Update]:
        """What is asked before differs from place to place; on a desktop that is to be seen at once."""
        start, apps, own = (gr.update(visible=place == kind) for kind in ("", SANDBOX, DESKTOP))
        asks = {"": "agent.asks_browser", SANDBOX: "agent.asks_sandbox", DESKTOP: "agent.asks_desktop"}[place]
        return [
            start,
            apps,
            own | {"value": f"<p>{self.desk.tell('agent.own', request)}</p>"},
            gr.update(open=True) if place else gr.skip(),
            gr.update(info=self.desk.tell(asks, request)),
            gr.update(visible=not place),
        ]

    # What a person does to the run.

    def with_live(self, does: Any) -> None:
        if live := self.stage.live:
            does(live)

    def pause(self) -> None:
        self.with_live(lambda live: live.resume() if live.worker.is_paused else live.worker.pause())

    def take(self) -> None:
        self.with_live(lambda live: live.resume() if live.taken else live.take_over())

    def allow(self, allowed: bool, number: int) -> None:
        self.with_live(lambda live: live.answer(number, allowed))

    def answer(self, number: int, text: str) -> str:
        if said := text.strip():
            self.with_live(lambda live: live.answer(number, said))
        return ""

    def click(self, event: gr.EventData) -> None:
        """Of the screen that was shown; had it changed since, the click would hit something else."""
        live, at = self.stage.live, event._data
        if live and live.step and live.step.screenshot.digest == at["screen"]:
            live.act(Click(Point(float(at["x"]), float(at["y"]))))

    def type(self, text: str) -> str:
        self.act(Type(text)) if text else None
        return ""

    def act(self, action: Action) -> None:
        self.with_live(lambda live: live.act(action))


class Look:
    """A run as updates of the tab's components, in the language of one page."""

    def __init__(self, desk: Desk, request: gr.Request | None) -> None:
        self.tell: steps.Tell = partial(desk.tell, request=request)
        self.wrong = partial(desk.wrong, request=request)
        self.drawn: dict[int, str] = {}  # steps of the list

    def nothing(self) -> list[Update]:
        """Before there was any run."""
        empty = f'<p class="empty stage-empty">{self.tell("agent.empty")}</p>'
        hidden = gr.update(visible=False)
        go = gr.update(interactive=True)
        listed = f'<p class="empty">{self.tell("agent.empty_steps")}</p>'
        return ["", hidden, "", 0, hidden, hidden, "", empty, hidden, *[gr.skip()] * 4, hidden, "", listed, go]

    def changes(self, live: Live, seen: dict[str, object]) -> list[Update]:
        """An update of each component; of those that look as they did when last `seen`, none."""
        phase, question, is_held = live.phase, live.question, live.worker.is_held
        is_on = phase != "over"
        about = question.about if question else None
        is_ask = isinstance(about, Ask)
        marked = live.step.actions if live.step else ()
        if isinstance(about, Request):
            marked = (about.action,)
        digest = live.step.screenshot.digest if live.step else ""
        wheel = gr.update(visible=is_on)
        pause = "agent.resume" if live.worker.is_paused else "agent.pause"
        parts: dict[str, tuple[object, Callable[[], Update]]] = {
            "asking": (question is not None, lambda: gr.update(visible=question is not None)),
            "question": (question and question.number, lambda: self.question(question)),
            "number": (question and question.number, lambda: question.number if question else 0),
            "leave": (is_ask, lambda: gr.update(visible=not is_ask)),
            "answering": (is_ask, lambda: gr.update(visible=is_ask)),
            "answer": (question and question.number, lambda: ""),  # what was begun for another question is gone
            "screen": ((digest, marked, is_held, is_on or bool(digest)), lambda: self.screen(live, marked, is_held)),
            "wheel": (is_on, lambda: wheel),
            "pause": (pause, lambda: gr.update(value=self.tell(pause))),
            "once": (is_held, lambda: gr.update(interactive=is_held)),
            "take": (live.taken, lambda: gr.update(value=self.tell("agent.back" if live.taken else "agent.take"))),
            "stop": (is_on, lambda: gr.update(interactive=is_on)),
            "hands": (live.taken and is_held, lambda: gr.update(visible=live.taken and is_held)),
            "said": ((live.said, is_on), lambda: self.said(live) if is_on else ""),
            "listed": ((id(live), len(live.steps)), lambda: steps.folded(live.steps, self.tell, self.drawn)),
            "go": (is_on, lambda: gr.update(interactive=not is_on)),
        }
        status = self.ending(live) if phase == "over" else self.status(live)
        updates = [gr.skip() if seen.get("status") == status else status]
        updates += [gr.skip() if name in seen and seen[name] == key else make() for name, (key, make) in parts.items()]
        seen.update({name: key for name, (key, _) in parts.items()}, status=status)
        return updates

    def screen(self, live: Live, actions: tuple[Action, ...], is_held: bool) -> str:
        if live.step is None:
            key = "agent.empty" if live.phase == "over" else "agent.opening"
            return f'<p class="empty stage-empty">{self.tell(key)}</p>'
        alt = self.tell("step.alt", number=live.step.index + 1)
        return steps.stage(live.step.screenshot, actions, alt, is_held)

    def status(self, live: Live) -> str:
        step, count, most = live.step, len(live.steps), live.settings.max_steps
        state: str = live.phase
        if live.phase == "paused" and live.taken:
            state = "taken"
        elif live.worker.is_paused and live.phase not in ("paused", "asking"):
            state = "pausing"
        told = [self.tell("agent.count", number=min(count + 1, most), most=most)]
        if live.seconds_each is not None and live.seconds_left is not None:
            told.append(self.tell("agent.rate", each=live.seconds_each, left=live.seconds_left))
        hint = ""
        if live.phase == "paused":
            deed = words(steps.doing(step, self.tell)) if step else ""
            planned = step and step.reply and not live.taken
            hint = self.tell("agent.planned", deed=deed) if planned else self.tell("agent.your_turn")
        if live.full:
            hint = words(self.tell("agent.full", told=live.full))
        bar = f'<i class="bar"><i style="width:{min(100, 100 * count / most):.0f}%"></i></i>'
        return (
            f'<div class="status {state}" role="status"><p><b>{self.tell(f"agent.{state}", left=live.counting)}</b> '
            f'<span class="dim">{" · ".join(told)}</span></p>{bar}{f"<p>{hint}</p>" if hint else ""}</div>'
        )

    def ending(self, live: Live) -> str:
        """The answer, where the run gave one, and what came of it all."""
        error, ending = live.worker.error, live.ending
        if error is not None:
            return f'<div class="status over bad" role="status"><p>{self.trouble(error)}</p></div>'
        parts = [f"<p>{steps.outcome(ending, self.tell)}</p>"]
        if ending and ending.text and not (ending.success or ending.reason == "cancelled"):
            parts.append(f"<p>{words(ending.text)}</p>")
        if ending and ending.success and ending.text:
            parts.append(f'<p class="answer"><b>{self.tell("agent.answer")}</b> {words(ending.text)}</p>')
        if live.received is not None:
            messages = "; ".join(f"“{text}” → {to}" for to, text in live.received)
            key = "agent.received" if messages else "agent.received_none"
            parts.append(f"<p>{words(self.tell(key, messages=messages))}</p>")
        seconds = sum(step.seconds.total for step in live.steps)
        sums = self.tell("agent.sum", count=len(live.steps), seconds=seconds)
        parts.append(f'<p class="dim">{sums}. {self.tell("agent.kept")}</p>')
        good = "good" if ending and ending.success else "bad"
        return f'<div class="status over {good}" role="status">{"".join(parts)}</div>'

    def trouble(self, error: BaseException) -> str:
        match error:
            case UserError():
                return escape(self.wrong(error))
            case EnvironmentLost():
                return escape(str(error))
        return self.tell("agent.bug")

    def question(self, question: Question | None) -> str:
        if question is None:
            return ""
        if isinstance(question.about, Ask):
            title, lines = "agent.wants", [question.about.question]
        else:
            asked = question.about
            title, lines = "agent.ask", [steps.deed(asked.action, self.tell)]
            lines += [self.tell("agent.aim", what=asked.aim)] if asked.aim else []
            lines += [self.tell("agent.on_page", url=asked.screenshot.url)] if asked.screenshot.url else []
            if reason := asked.reason:
                why = self.tell(f"risk.{reason.kind}", about=reason.about)
                lines.append(self.tell("agent.because", why=why))
        told = "".join(f"<p>{words(line)}</p>" for line in lines)
        return f'<div class="question" role="alert"><b>{self.tell(title)}</b>{told}</div>'

    def said(self, live: Live) -> str:
        """The thought as it comes; the call, which is for the curious, folded away."""
        if not live.said.strip():
            return ""
        spoken = f"<p>{words(steps.spoken(live.said))}</p>"
        call = live.said[len(live.said.partition("<tool_call>")[0]) :]
        more = f"<details><summary>{self.tell('step.call')}</summary><pre>{words(call)}</pre></details>"
        return f'<div class="said">{spoken}{more if call else ""}</div>'


def script(name: str) -> str:
    return (LOOK / name).read_text(encoding="utf-8")
