"""The documents tab: pages read beside their pictures, set right by a person, exported, and asked for values."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from agent.documents.extract import Form
from app import page_view
from app.desk import Desk
from app.document_texts import TEXTS as TEXTS
from app.kept import Kept
from app.papers import Choice, Papers
from app.settings import read_pages
from app.steps import STYLE, Tell
from tools.errors import UserError

LOOK = Path(__file__).parents[1] / "look"
WAIT_S = 0.5
FORM = '{"company": "", "date": "", "total": 0}'

Update = Any  # of a component, as Gradio takes it


def build(desk: Desk) -> None:
    Documents(desk).build()


class Documents:
    """The handlers. What is read and kept is done by Papers; here it is only shown."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.kept: Kept[Papers] = Kept()
        desk.closing.callback(self.kept.close)

    def build(self) -> None:
        say, tab = self.desk.say, Context.block
        assert isinstance(tab, gr.Tab)
        plain: dict[str, Any] = {"js_on_load": None, "apply_default_css": False}
        pages = {**plain, "js_on_load": (LOOK / "pages.js").read_text(encoding="utf-8")}

        def export(asked: list[str]) -> tuple[str, str]:  # Gradio writes an attribute on it, which a method has not
            return self.export(asked)

        gr.HTML(STYLE, js_on_load=None, elem_classes="css")
        is_open = gr.State(False)  # the name is known once the tab is seen, not when the page is loaded
        name = gr.BrowserState("", storage_key="handeye-documents", secret="none: it is only a name")
        with gr.Row(elem_id="documents-form"):
            with gr.Column(scale=3, min_width=260):
                files = gr.File(
                    label=say("documents.files"), file_count="multiple", file_types=[".pdf", "image"], height=150,
                    elem_id="documents-files",
                )  # fmt: skip
            with gr.Column(scale=2, min_width=260, elem_id="documents-choice"):
                with gr.Row():
                    numbers = gr.Textbox(
                        label=say("documents.pages"), placeholder=say("documents.pages_hint"), min_width=120,
                        max_lines=1, elem_id="documents-pages",
                    )  # fmt: skip
                    password = gr.Textbox(
                        label=say("documents.password"), type="password", visible=False, min_width=120, max_lines=1,
                        elem_id="documents-password",
                        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                    )  # fmt: skip
                layer = gr.Checkbox(True, label=say("documents.layer"), elem_id="documents-layer")
                with gr.Row():
                    stop = gr.Button(say("documents.stop"), interactive=False, min_width=80, elem_id="documents-stop")
                    read = gr.Button(say("documents.read"), variant="primary", min_width=80, elem_id="documents-read")
        status = gr.HTML("", **plain, elem_id="documents-status")
        sheets = gr.HTML("", **pages, elem_id="documents-sheets")
        paper = gr.HTML("", **pages, elem_id="documents-paper")
        downloads = gr.HTML(
            "", js_on_load=(LOOK / "download.js").read_text(encoding="utf-8"), apply_default_css=False,
            server_functions=[export], elem_id="documents-downloads",
        )  # fmt: skip
        with gr.Accordion(say("documents.form"), open=False, elem_id="documents-fill"):
            form = gr.Textbox(
                FORM, label=say("documents.form_label"), info=say("documents.form_info"), lines=3, max_lines=12,
                elem_id="documents-form-text",
            )  # fmt: skip
            with gr.Row():
                end = gr.Button(
                    say("documents.stop"), interactive=False, scale=0, min_width=100, elem_id="documents-end"
                )
                fill = gr.Button(
                    say("documents.fill"), variant="primary", scale=0, min_width=120, elem_id="documents-fill-in"
                )
            values = gr.HTML("", **plain, elem_id="documents-values")

        quiet: dict[str, Any] = {"show_progress": "hidden"}
        choice = [numbers, password, layer]
        shown = [name, status, sheets, paper, downloads, read, stop, password]
        filled = [values, fill, end]
        gr.on([read.click, password.submit], self.read, [name, files, *choice], [files, *shown], **quiet)
        stop.click(self.stop, [name], **quiet, queue=False)
        fill.click(self.fill, [name, files, *choice, form], [files, *shown, *filled], **quiet)
        end.click(self.end, [name], **quiet, queue=False)
        tab.select(self.load, [name, is_open], [is_open, *shown], **quiet)
        tab.select(self.load_filled, [name, is_open], filled, **quiet)
        gr.on([sheets.select, paper.select], self.select, [name], [sheets, paper, downloads], **quiet)

    # Reading.

    def read(
        self, name: str, files: list[str] | None, numbers: str, password: str, layer: bool, request: gr.Request
    ) -> Iterator[list[Update]]:
        """The files of the box; none there: those of before again, as is chosen now."""
        choice = self.choice(numbers, password, layer, request)
        papers = self.papers(name, files, choice, request) if choice else None
        if papers is None:
            yield [gr.skip()] * 9
            return
        self.kept.drop(name)
        name = self.kept.put(papers)
        papers.read()
        for number, updates in enumerate(self.follow(name, papers, request)):
            yield [None if number == 0 else gr.skip(), *updates]

    def choice(self, numbers: str, password: str, layer: bool, request: gr.Request) -> Choice | None:
        """None, and the person is told: these are no pages."""
        try:
            return Choice(read_pages(numbers) if numbers.strip() else None, password, layer)
        except ValueError as error:
            gr.Warning(self.desk.tell("documents.bad_pages", request, problem=escape(str(error))))
            return None

    def papers(self, name: str, files: list[str] | None, choice: Choice, request: gr.Request) -> Papers | None:
        """Of the files in the box, or of those of before. None, and the person is told: there are none."""
        before = self.kept.get(name)
        given = [Path(file) for file in files or []] or (before.files if before else [])
        if given:
            return Papers(given, choice, self.desk.model)
        gr.Warning(self.desk.tell("documents.need", request))
        return None

    def load(self, name: str, is_open: bool, request: gr.Request) -> Iterator[list[Update]]:
        """The tab is seen for the first time since the page was opened, perhaps while pages are being read."""
        if is_open:
            yield [gr.skip()] * 9
        elif papers := self.kept.get(name):
            for updates in self.follow(name, papers, request):
                yield [True, *updates]
        else:
            empty = f'<p class="empty stage-empty">{self.desk.tell("documents.empty", request)}</p>'
            yield [True, gr.skip(), "", "", empty, "", *[gr.skip()] * 3]

    def follow(self, name: str, papers: Papers, request: gr.Request) -> Iterator[list[Update]]:
        """What is there so far, until it is over. The page that is looked at is sent once, when it is there."""
        tell: Tell = partial(self.desk.tell, request=request)
        version, count, shows = -1, -1, ""
        while not papers.closed:
            version = papers.reading.wait(version, WAIT_S if papers.is_reading else 0.0)
            is_busy, now = papers.is_reading, len(papers.sheets)
            is_new, count = now != count, now
            before, shows = shows, "page" if papers.at < now else "waiting" if is_busy else "empty"
            yield [
                name,
                page_view.status(papers, tell, self.trouble(papers, request)),
                page_view.sheets_row(papers, tell) if is_new else gr.skip(),
                page_view.spread(papers, tell) if shows != before else gr.skip(),
                page_view.downloads(name, papers, tell) if is_new else gr.skip(),
                gr.update(interactive=not is_busy),
                gr.update(interactive=is_busy),
                gr.update(visible=True) if papers.is_locked else gr.skip(),
            ]
            if not is_busy:
                return

    def trouble(self, papers: Papers, request: gr.Request) -> str:
        """What went wrong, as HTML; with the name of the file where the error does not say it."""
        said = [(name, self.desk.wrong(error, request)) for name, error in papers.problems]
        told = [escape(text if name in text else f"{name}: {text}") for name, text in said]
        return "<br>".join([*told, *self.failure(papers.reading.error, request)])

    def failure(self, error: BaseException | None, request: gr.Request) -> list[str]:
        """Why a worker ended, as HTML; nothing when it ended well."""
        if error is None:
            return []
        if isinstance(error, UserError):
            return [escape(self.desk.wrong(error, request))]
        return [self.desk.tell("documents.bug", request)]

    def stop(self, name: str) -> None:
        if papers := self.kept.get(name):
            papers.stop()

    # What a person does to the pages.

    def select(self, name: str, event: gr.EventData, request: gr.Request) -> list[Update]:
        """Another page, or other words in a block of this one."""
        papers, given = self.kept.get(name), event._data
        if papers is None:
            return [gr.skip()] * 3
        if given["does"] == "turn":
            papers.at = max(0, min(int(given["at"]), len(papers.sheets) - 1))
        else:
            papers.edit(int(given["at"]), int(given["order"]), str(given["text"]))
        tell: Tell = partial(self.desk.tell, request=request)
        row, paper = page_view.sheets_row(papers, tell), page_view.spread(papers, tell)
        return [row, paper, page_view.downloads(name, papers, tell)]

    def export(self, asked: list[str]) -> tuple[str, str]:
        """A file's name and content in base64. asked: the name of the papers and one of page_view.KINDS."""
        name, kind = asked
        papers = self.kept.get(name)
        if papers is None or kind not in page_view.KINDS:
            return "gone.txt", ""
        file, content = papers.export(kind)
        return file, base64.b64encode(content).decode()

    # Values in a form.

    def fill(
        self,
        name: str,
        files: list[str] | None,
        numbers: str,
        password: str,
        layer: bool,
        form: str,
        request: gr.Request,
    ) -> Iterator[list[Update]]:
        """Of the files in the box, or of those of before."""
        skipped = [gr.skip()] * 12
        choice, wanted = self.choice(numbers, password, layer, request), self.form(form, request)
        papers = None if files else self.kept.get(name)
        if choice and wanted and papers is None and (papers := self.papers(name, files, choice, request)):
            self.kept.drop(name)
            name = self.kept.put(papers)  # what was read before is no longer what is there
            yield [None, *next(self.follow(name, papers, request)), *[gr.skip()] * 3]
        if not (choice and wanted and papers):
            yield skipped
            return
        papers.fill(wanted, choice)
        for updates in self.follow_filled(papers, request):
            unlock = gr.update(visible=True) if papers.is_locked else gr.skip()
            yield [*skipped[:8], unlock, *updates]

    def form(self, text: str, request: gr.Request) -> Form | None:
        """None, and the person is told: this is none."""
        try:
            return Form.of(json.loads(text))
        except ValueError as error:
            gr.Warning(self.desk.tell("documents.no_json", request, problem=escape(str(error))))
        except UserError as error:
            gr.Warning(escape(self.desk.wrong(error, request)))
        return None

    def load_filled(self, name: str, is_open: bool, request: gr.Request) -> Iterator[list[Update]]:
        papers = None if is_open else self.kept.get(name)
        if papers and papers.filling:
            yield from self.follow_filled(papers, request)
        else:
            yield [gr.skip()] * 3

    def follow_filled(self, papers: Papers, request: gr.Request) -> Iterator[list[Update]]:
        tell: Tell = partial(self.desk.tell, request=request)
        worker, version = papers.filling, -1
        while worker and worker is papers.filling and not papers.closed:
            version = worker.wait(version, WAIT_S)
            is_over, found = worker.is_over, list(worker.items)
            html = page_view.filled(found, tell)
            html += "".join(f'<p class="bad">{problem}</p>' for problem in self.failure(worker.error, request))
            if not is_over:
                html += f'<div class="status" role="status">{page_view.progress(papers, "fill", tell)}</div>'
            yield [html, gr.update(interactive=is_over), gr.update(interactive=not is_over)]
            if is_over:
                return

    def end(self, name: str) -> None:
        if papers := self.kept.get(name):
            papers.stop_filling()
