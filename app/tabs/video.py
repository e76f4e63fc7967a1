"""The video tab: a video played, asked about and searched, with what the model saw of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from agent.reading import FPS
from app import film_view
from app.desk import Desk
from app.kept import Kept
from app.screening import Screening, Verb, Wish, seconds_of
from app.steps import STYLE, Tell
from app.video_texts import TEXTS as TEXTS
from tools.errors import UserError

LOOK = Path(__file__).parents[1] / "look"
WAIT_S = 0.5
NOW = """() => {
  const seconds = document.querySelector("#video-player video")?.currentTime
    ?? +(document.querySelector("#video-player input")?.value ?? 0);
  return (Math.round(seconds * 10) / 10).toString();
}"""

Update = Any  # of a component, as Gradio takes it


def build(desk: Desk) -> None:
    VideoTab(desk).build()


class VideoTab:
    """The handlers. What is watched and found is done by Screening; here it is only shown."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.kept: Kept[Screening] = Kept()
        desk.closing.callback(self.kept.close)

    def build(self) -> None:
        say, tab = self.desk.say, Context.block
        assert isinstance(tab, gr.Tab)
        plain: dict[str, Any] = {"js_on_load": None, "apply_default_css": False}

        def export(asked: list[str]) -> tuple[str, str]:  # Gradio writes an attribute on it, which a method has not
            return self.export(asked)

        def still(asked: list[Any]) -> str:
            return self.still(asked)

        gr.HTML(STYLE, js_on_load=None, elem_classes="css")
        is_open = gr.State(False)  # the name is known once the tab is seen, not when the page is loaded
        name = gr.BrowserState("", storage_key="handeye-video", secret="none: it is only a name")
        with gr.Row(elem_id="video"):
            with gr.Column(scale=3, min_width=300, elem_id="video-view"):
                player = gr.HTML(
                    "", js_on_load=script("player.js"), apply_default_css=False, server_functions=[still],
                    elem_id="video-player",
                )  # fmt: skip
                known = gr.HTML("", **plain, elem_id="video-known")
                result = gr.HTML(
                    "", js_on_load=script("events.js") + script("download.js"), apply_default_css=False,
                    server_functions=[export], elem_id="video-result",
                )  # fmt: skip
                seen = gr.HTML("", js_on_load=script("events.js"), apply_default_css=False, elem_id="video-seen")
            with gr.Column(scale=2, min_width=280, elem_id="video-form"):
                file = gr.File(
                    label=say("video.file"), file_types=["video", ".mkv", ".avi"], height=128, elem_id="video-file"
                )
                text = gr.Textbox(
                    label=say("video.text"), placeholder=say("video.text_hint"), lines=2, max_lines=5,
                    elem_id="video-text",
                )  # fmt: skip
                with gr.Row(elem_id="video-do"):
                    ask = gr.Button(say("video.ask"), variant="primary", min_width=80, elem_id="video-ask")
                    find = gr.Button(say("video.find"), variant="primary", min_width=80, elem_id="video-find")
                    caption = gr.Button(say("video.caption"), min_width=80, elem_id="video-caption")
                    stop = gr.Button(say("video.stop"), interactive=False, min_width=70, elem_id="video-stop")
                with gr.Accordion(say("video.span"), open=False, elem_id="video-span"):
                    with gr.Row():
                        begin = gr.Textbox(
                            label=say("video.from"), placeholder=say("video.from_hint"), min_width=90, max_lines=1,
                            elem_id="video-from",
                        )  # fmt: skip
                        end = gr.Textbox(
                            label=say("video.to"), placeholder=say("video.to_hint"), min_width=90, max_lines=1,
                            elem_id="video-to",
                        )  # fmt: skip
                    with gr.Row():
                        begin_now = gr.Button(say("video.from_now"), size="sm", min_width=90, elem_id="video-from-now")
                        end_now = gr.Button(say("video.to_now"), size="sm", min_width=90, elem_id="video-to-now")
                fps = gr.Slider(
                    0.25, 8, FPS, step=0.25, label=say("video.fps"), info=say("video.fps_info"), elem_id="video-fps"
                )

        quiet: dict[str, Any] = {"show_progress": "hidden"}
        found = [result, seen, ask, find, caption, stop]
        shown = [name, player, known, *found]
        wanted = [name, text, fps, begin, end]
        file.upload(self.give, [name, file, fps], [file, *shown], **quiet)
        gr.on([ask.click, text.submit], self.want, [gr.State("ask"), *wanted], found, **quiet)
        find.click(self.want, [gr.State("find"), *wanted], found, **quiet)
        caption.click(self.want, [gr.State("caption"), *wanted], found, **quiet)
        stop.click(self.stop, [name], **quiet, queue=False)
        fps.release(self.replan, [name, fps], [known], **quiet)
        file.upload(None, None, [begin, end], js="() => ['', '']")  # the part was of another video
        begin_now.click(None, None, [begin], js=NOW)
        end_now.click(None, None, [end], js=NOW)
        tab.select(self.load, [name, is_open, fps], [is_open, *shown], **quiet)

    # A video.

    def give(self, name: str, file: str | None, fps: float, request: gr.Request) -> Iterator[list[Update]]:
        """Another video in the place of the one of that name."""
        if not file:
            yield [gr.skip()] * 10
            return
        try:
            screening = Screening(Path(file), self.desk.model)
        except UserError as error:
            gr.Warning(escape(self.desk.wrong(error, request)))
            yield [None, *[gr.skip()] * 9]
            return
        self.kept.drop(name)
        for number, updates in enumerate(self.open(self.kept.put(screening), screening, fps, request)):
            yield [None if number == 0 else gr.skip(), *updates]

    def load(self, name: str, is_open: bool, fps: float, request: gr.Request) -> Iterator[list[Update]]:
        """The tab is seen for the first time since the page was opened, perhaps while a video is being watched."""
        if is_open:
            yield [gr.skip()] * 10
        elif screening := self.kept.get(name):
            for updates in self.open(name, screening, fps, request):
                yield [True, *updates]
        else:
            empty = f'<p class="empty stage-empty">{self.desk.tell("video.empty", request)}</p>'
            yield [True, gr.skip(), empty, "", "", "", *[gr.skip()] * 4]

    def open(self, name: str, screening: Screening, fps: float, request: gr.Request) -> Iterator[list[Update]]:
        tell: Tell = partial(self.desk.tell, request=request)
        head: list[Update] = [name, film_view.player(name, screening, tell), film_view.known(screening, None, "", tell)]
        for number, updates in enumerate(self.follow(name, screening, request)):
            yield [*(head if number == 0 else [gr.skip()] * 3), *updates]
        yield [gr.skip(), gr.skip(), self.known(screening, fps, request), *[gr.skip()] * 6]  # may wait for the model

    def known(self, screening: Screening, fps: float, request: gr.Request) -> str:
        tell: Tell = partial(self.desk.tell, request=request)
        try:
            plan, wrong = screening.plan(self.desk.model().family, fps), ""
        except UserError as error:
            plan, wrong = None, escape(self.desk.wrong(error, request))
        return film_view.known(screening, plan, wrong, tell)

    def replan(self, name: str, fps: float, request: gr.Request) -> Update:
        screening = self.kept.get(name)
        return self.known(screening, fps, request) if screening else gr.skip()

    # What is wanted of it.

    def want(
        self, verb: Verb, name: str, text: str, fps: float, begin: str | None, end: str | None, request: gr.Request
    ) -> Iterator[list[Update]]:
        try:
            span = seconds_of(begin) or 0.0, seconds_of(end)
        except UserError as error:
            yield self.told(self.desk.wrong(error, request))
            return
        yield from self.begin(name, Wish(verb, "" if verb == "caption" else text.strip(), float(fps), *span), request)

    def begin(self, name: str, wish: Wish, request: gr.Request) -> Iterator[list[Update]]:
        screening = self.kept.get(name)
        if screening is None:
            yield self.told(self.desk.tell("video.need", request))
        elif wish.verb != "caption" and not wish.text:
            yield self.told(self.desk.tell("video.need_text", request))
        elif not screening.has(wish):
            yield self.told(self.desk.tell("video.bad_span", request))
        else:
            screening.begin(wish)
            yield from self.follow(name, screening, request)

    def told(self, mistake: str) -> list[Update]:
        """To the person, and nothing changes."""
        gr.Warning(escape(mistake))
        return [gr.skip()] * 6

    def follow(self, name: str, screening: Screening, request: gr.Request) -> Iterator[list[Update]]:
        """What is found so far, until it is over. The frames are sent only when there are more."""
        tell: Tell = partial(self.desk.tell, request=request)
        worker, version, count = screening.worker, -1, -1
        while worker is screening.worker and not screening.closed:
            version = worker.wait(version, WAIT_S) if worker else version
            is_busy, seen = screening.is_busy, screening.seen
            yield [
                film_view.result(name, screening, tell, self.trouble(screening, request)),
                film_view.frames(seen, screening.seen_count, tell) if len(seen) != count else gr.skip(),
                *[gr.update(interactive=not is_busy)] * 3,
                gr.update(interactive=is_busy),
            ]
            count = len(seen)
            if not is_busy:
                return

    def trouble(self, screening: Screening, request: gr.Request) -> str:
        """What went wrong, as HTML."""
        error = screening.worker.error if screening.worker else None
        if error is None:
            return ""
        if isinstance(error, UserError):
            return escape(self.desk.wrong(error, request))
        return self.desk.tell("video.bug", request)

    def stop(self, name: str) -> None:
        if screening := self.kept.get(name):
            screening.stop()

    def still(self, asked: list[Any]) -> str:
        """A picture of a video that the browser cannot play. asked: the screening's name and the second."""
        screening = self.kept.get(str(asked[0]))
        return screening.still(float(asked[1])) if screening else ""

    def export(self, asked: list[str]) -> tuple[str, str]:
        """A file's name and content in base64. asked: the screening's name and one of film_view.KINDS."""
        name, kind = asked
        screening = self.kept.get(name)
        if screening is None or kind not in film_view.KINDS:
            return "gone.txt", ""
        file, content = screening.export(kind)
        return file, base64.b64encode(content.encode("utf-8", "backslashreplace")).decode()


def script(name: str) -> str:
    return (LOOK / name).read_text(encoding="utf-8")
