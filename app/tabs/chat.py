"""The chat tab: talk with the model about pictures, PDF files and videos; conversations stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from app.answers import Answer, Answers, where
from app.chat_texts import TEXTS as TEXTS
from app.conversations import Conversation, Options, Store, to_json, to_markdown
from app.desk import Desk
from app.files import MOST_FILES, UPLOADS, Given, read_files
from app.pictures import in_words, read_picture
from app.transcript import Transcript
from model.prompts import DOCUMENT, READ_LINE
from tools.errors import UserError
from tools.geometry import Box, Point

APP = Path(__file__).parents[1]
EXAMPLES = (  # what is said, the picture, and what the button shows: Gradio does not translate it
    (READ_LINE, "line.png", "Read this line / 读这一行"),
    (DOCUMENT, "page.png", "Read this page / 读这一页"),
)
Update = Any  # of a component, as Gradio takes it


def build(desk: Desk) -> None:
    store = Store(desk.folder / "conversations")
    answers = Answers(store, desk.model)
    desk.closing.callback(answers.close)
    Chat(desk, store, answers).build()


class Chat:
    """The handlers. What is said and kept is done by Answers and Store; here it is only shown."""

    def __init__(self, desk: Desk, store: Store, answers: Answers) -> None:
        self.desk = desk
        self.store = store
        self.answers = answers
        self.transcript = Transcript(desk, store)

    def build(self) -> None:
        say = self.desk.say
        look = APP / "look"

        def export(asked: list[str]) -> tuple[str, str]:  # Gradio marks functions, which a method does not take
            return self.export(asked)

        page = Context.root_block
        assert page is not None
        current = gr.BrowserState("", storage_key="handeye-conversation", secret="none: it is only a name")
        with gr.Row(elem_id="chat"):
            with gr.Column(scale=1, elem_id="chat-past-column"):
                new = gr.Button(say("chat.new"), variant="primary", size="md", elem_id="chat-new")
                search = gr.Textbox(
                    placeholder=say("chat.search"), show_label=False, container=False, elem_id="chat-search",
                    html_attributes=gr.InputHTMLAttributes(autocomplete="off"), max_lines=1,
                )  # fmt: skip
                past = gr.HTML(
                    "", js_on_load=(look / "past.js").read_text(encoding="utf-8"), server_functions=[export],
                    apply_default_css=False, elem_id="chat-past",
                )  # fmt: skip
            with gr.Column(scale=4, elem_id="chat-talk-column"):
                transcript = gr.Chatbot(
                    label=say("chat.transcript"), show_label=False, elem_id="chat-transcript", layout="bubble",
                    placeholder=say("chat.hello"), examples=examples(), editable="user", buttons=["copy"],
                    latex_delimiters=[], feedback_options=None, group_consecutive_messages=False, allow_tags=False,
                )  # fmt: skip
                box = gr.MultimodalTextbox(
                    placeholder=say("chat.placeholder"), show_label=False, elem_id="chat-box", file_count="multiple",
                    file_types=UPLOADS, lines=1, max_lines=8, max_plain_text_length=20_000, autofocus=True,
                )  # fmt: skip
                with gr.Row(elem_id="chat-drawers"):
                    with gr.Accordion(say("chat.options"), open=False, elem_id="chat-options"):
                        options = self.drawer()
                    with gr.Accordion(say("chat.camera"), open=False, elem_id="chat-camera"):
                        label = say("chat.camera_info")
                        camera = gr.Image(sources=["webcam"], type="filepath", label=label, height=280)
                    screen = gr.Button(say("chat.screen"), size="md", elem_id="chat-screen")
            with gr.Column(scale=2, elem_id="chat-picture-column", visible=False) as beside:
                picture = gr.HTML(
                    {"pictures": [], "words": {}}, html_template='<div class="picture"></div>', elem_id="chat-picture",
                    js_on_load=(look / "picture.js").read_text(encoding="utf-8"), apply_default_css=False,
                )  # fmt: skip

        talk = [box, transcript, picture, beside, past, current]
        said = [current, search, *options]
        starts: list[Any] = [
            box.submit(self.say, [box, *said], talk, trigger_mode="multiple"),
            transcript.example_select(self.try_example, said, talk),
            transcript.retry(self.again, said, talk, trigger_mode="multiple"),
            transcript.edit(self.edit, said, talk, trigger_mode="multiple"),
            page.load(self.load, [current, search], [*talk, *options]),
        ]
        opened = past.select(self.act, [current, search], [*talk, *options], cancels=starts)
        new.click(self.new, [search], [*talk, *options], cancels=[*starts, opened])
        box.stop(self.stop, [current], queue=False)
        search.change(self.listed, [current, search], [past], show_progress="hidden")
        picture.select(self.point, [box, current], [box], show_progress="hidden")
        screen.click(None, js=(look / "screen.js").read_text(encoding="utf-8"))
        camera.input(self.photo, [camera, box], [camera, box], show_progress="hidden")

    def drawer(self) -> list[gr.components.Component]:
        """One component for each field of Options, in their order."""
        say, usual = self.desk.say, Options()
        system = gr.Textbox(label=say("chat.system"), info=say("chat.system_info"), lines=2, max_lines=6)
        with gr.Row():
            temperature = gr.Slider(
                0, 2, usual.temperature, step=0.05, label=say("chat.temperature"), info=say("chat.temperature_info")
            )
            top_p = gr.Slider(0.05, 1, usual.top_p, step=0.05, label=say("chat.top_p"), info=say("chat.top_p_info"))
        with gr.Row():
            longest = gr.Slider(16, 8192, usual.max_new_tokens, step=16, label=say("chat.max_tokens"))
            tokens = gr.Slider(
                0, 4096, 0, step=32, label=say("chat.picture_tokens"), info=say("chat.picture_tokens_info")
            )
            fps = gr.Slider(0.25, 8, usual.fps, step=0.25, label=say("chat.fps"), info=say("chat.fps_info"))
        return [system, temperature, top_p, longest, tokens, fps]

    # What starts a reply. Each gives updates of `talk` until the reply has ended.

    def say(self, given: dict[str, Any], id: str, words: str, request: gr.Request, *options: Any) -> Iterator[Update]:
        text, files = given["text"].strip(), given["files"]
        if not text and not files:
            yield skipped()
            return
        conversation = self.conversation(id, options)
        if files:  # a long document takes a while to be read
            yield gr.update(value=None, submit_btn=False), *skipped()[1:]
        try:
            read = self.read(files, conversation.options.fps, request)
            answer = self.answers.ask(conversation, text, read.pictures, read.videos)
        except UserError as error:
            gr.Warning(escape(self.desk.wrong(error, request)))
            yield gr.update(value=given, submit_btn=True), *skipped()[1:]
            return
        yield from self.follow(answer, words, request)

    def try_example(
        self, id: str, words: str, chosen: gr.SelectData, request: gr.Request, *options: Any
    ) -> Iterator[Update]:
        text, name, _ = EXAMPLES[int(chosen.index)]
        picture = read_picture(APP / "examples" / name)
        yield from self.follow(self.answers.ask(self.conversation(id, options), text, [picture]), words, request)

    def again(self, id: str, words: str, retry: gr.RetryData, request: gr.Request, *options: Any) -> Iterator[Update]:
        conversation = self.conversation(id, options)
        yield from self.follow(self.answers.again(conversation, turn_of(retry.index)), words, request)

    def edit(self, id: str, words: str, edited: gr.EditData, request: gr.Request, *options: Any) -> Iterator[Update]:
        conversation, index = self.conversation(id, options), turn_of(edited.index)
        yield from self.follow(self.answers.again(conversation, index, str(edited.value)), words, request)

    def follow(self, answer: Answer, words: str, request: gr.Request) -> Iterator[Update]:
        """Shows the reply as it comes. The list and the box change at the beginning and at the end only.

        That the picture is beside it is said each time: a browser that is busy loses the first of two quick updates.
        """
        id = answer.conversation.id
        busy = gr.update(value=None, submit_btn=False, stop_btn=True)
        beside: Update = gr.skip()
        for number, conversation in enumerate(answer.follow()):
            if self.answers.live(id) not in (answer, None):
                return  # another has begun here, and shows itself
            first = number == 0
            picture, beside = self.transcript.panel(conversation, request)
            said = self.transcript.messages(conversation, request)
            if first:
                yield busy, said, picture, beside, self.listed(id, words, request), id
            else:
                yield gr.skip(), said, picture, beside, gr.skip(), gr.skip()
        free = gr.update(submit_btn=True, stop_btn=False)
        yield free, gr.skip(), gr.skip(), beside, self.listed(id, words, request), gr.skip()

    def stop(self, id: str) -> None:
        self.answers.stop(id)

    # What moves between conversations. Each gives updates of `talk` and the options.

    def load(self, id: str, words: str, request: gr.Request) -> Iterator[Update]:
        """The page was opened, perhaps while a reply is under way."""
        if conversation := self.store.read(id):
            yield from self.open(conversation, words, request)
        else:  # the rest stays as it is: a fast person may have asked something already
            yield *[gr.skip()] * 4, self.listed("", words, request), gr.skip(), *[gr.skip()] * len(vars(Options()))

    def new(self, words: str, request: gr.Request) -> Iterator[Update]:
        yield from self.open(self.store.begin(), words, request)

    def act(self, id: str, words: str, event: gr.EventData, request: gr.Request) -> Iterator[Update]:
        """A button of the list was pressed."""
        chosen, does = str(event._data["id"]), event._data["does"]
        if does == "open":
            yield from self.open(self.store.read(chosen) or self.store.begin(), words, request)
            return
        if does == "rename":
            self.store.rename(chosen, str(event._data["title"]))
        elif does == "delete":
            self.answers.stop(chosen)
            self.store.delete(chosen)
        yield from self.open(self.store.read(id) or self.store.begin(), words, request)

    def open(self, conversation: Conversation, words: str, request: gr.Request) -> Iterator[Update]:
        options = [*vars(conversation.options).values()]
        if answer := self.answers.live(conversation.id):
            for number, update in enumerate(self.follow(answer, words, request)):
                yield *update, *(options if number == 0 else [gr.skip()] * len(options))
            return
        picture, beside = self.transcript.panel(conversation, request)
        free = gr.update(submit_btn=True, stop_btn=False)
        past = self.listed(conversation.id, words, request)
        yield free, self.transcript.messages(conversation, request), picture, beside, past, conversation.id, *options

    # What only shows.

    def listed(self, id: str, words: str, request: gr.Request) -> str:
        found = self.store.search(words or "")
        if not found:
            return f'<p class="empty">{self.desk.tell("chat.none_found" if words else "chat.none", request)}</p>'
        return f'<div class="past">{"".join(self.item(each, each.id == id, request) for each in found)}</div>'

    def item(self, conversation: Conversation, now: bool, request: gr.Request) -> str:
        def button(does: str, ask: str = "") -> str:
            asked = f'data-ask="{escape(tell(ask, request))}" data-title="{title}"' if ask else ""
            return f'<button data-does="{does}" data-id="{id}" {asked}>{tell(f"chat.{does}", request)}</button>'

        tell, id, title = self.desk.tell, conversation.id, escape(conversation.shown_title)
        menu = (
            button("rename", "chat.ask_rename")
            + button("markdown")
            + button("json")
            + button("delete", "chat.ask_delete")
        )
        return (
            f'<div class="item{" now" * now}"><button class="open" data-does="open" data-id="{id}"'
            f"{' aria-current=true' * now}><span>{title}</span><small>{when(conversation.changed)}</small></button>"
            f'<details><summary aria-label="{tell("chat.more", request)}: {title}">⋯</summary>'
            f'<div class="menu">{menu}</div></details></div>'
        )

    def export(self, asked: list[str]) -> tuple[str, str]:
        """A file's name and text. asked: the conversation's id, and "markdown" or "json"."""
        id, kind = asked
        conversation = self.store.read(id)
        if conversation is None:
            return "gone.txt", ""
        return (f"{id}.md", to_markdown(conversation)) if kind == "markdown" else (f"{id}.json", to_json(conversation))

    # What goes into the box.

    def point(self, given: dict[str, Any], id: str, event: gr.EventData) -> Update:
        """A place of the picture was clicked or drawn."""
        place, digest = [float(number) for number in event._data["place"]], event._data["id"]
        conversation = self.store.read(id)
        if conversation is None or digest not in {each for turn in conversation.turns for each in turn.pictures}:
            return gr.skip()
        spot = where(digest, conversation.options, self.desk.model().family, self.store)
        words = in_words(Point(*place) if len(place) == 2 else Box(*place), spot)
        return {**given, "text": f"{given['text'].rstrip()} {words} ".lstrip()}

    def photo(self, path: str | None, given: dict[str, Any]) -> tuple[Update, Update]:
        if path is None:
            return gr.skip(), gr.skip()
        return None, {**given, "files": [*given["files"], path]}

    def read(self, files: list[str], fps: float, request: gr.Request) -> Given:
        """Raises UserError. Tells of the pages for which there was no room."""
        if len(files) > MOST_FILES:
            raise UserError(self.desk.tell("chat.too_many", request, count=MOST_FILES))
        given = read_files([*map(Path, files)], lambda: self.desk.model().family, fps)
        for cut in given.cuts:
            gr.Info(escape(self.desk.tell("chat.cut_pages", request, most=MOST_FILES, **vars(cut))))
        return given

    def conversation(self, id: str, options: tuple[Any, ...]) -> Conversation:
        system, temperature, top_p, longest, tokens, fps = options
        chosen = Options(system or "", float(temperature), float(top_p), int(longest), int(tokens), float(fps))
        return replace(self.store.read(id) or self.store.begin(), options=chosen)


def skipped() -> Update:
    return tuple(gr.skip() for _ in range(6))


def turn_of(index: int | tuple[int, int]) -> int:
    return index if isinstance(index, int) else index[0]


def examples() -> list[Any]:
    return [
        {"text": said, "display_text": shown, "icon": str(APP / "examples" / name)} for said, name, shown in EXAMPLES
    ]


def when(changed: str) -> str:
    return datetime.fromisoformat(changed).astimezone().strftime("%Y-%m-%d %H:%M") if changed else ""
