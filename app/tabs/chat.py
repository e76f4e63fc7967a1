"""The chat tab: talk with the model about pictures; conversations stay."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context
from gradio.utils import get_upload_folder

from app.answers import Answer, Answers, where
from app.conversations import Conversation, Options, Store, Turn, to_json, to_markdown
from app.desk import Desk
from app.pictures import in_words, pointed_out, read_file
from model.families import FAMILIES, Grid
from model.prompts import DOCUMENT, READ_LINE
from tools.errors import UserError
from tools.geometry import Box, Point, Size

APP = Path(__file__).parents[1]
MAX_FILES = 16  # in one turn
EXAMPLES = ((READ_LINE, "line.png"), ("Describe this screen.", "screen.png"), (DOCUMENT, "page.png"))
TEXTS = {
    "chat.title": ("Chat", "聊天"),
    "chat.new": ("New chat", "新对话"),
    "chat.search": ("Search conversations", "搜索对话"),
    "chat.none": (
        "Nothing here yet. What you say is kept on this machine only.",
        "还没有内容。你说的话只保存在这台电脑上。",
    ),
    "chat.none_found": ("No conversation holds these words.", "没有对话包含这些词。"),
    "chat.rename": ("Rename", "重命名"),
    "chat.ask_rename": ("A new name for this conversation", "给这个对话起个新名字"),
    "chat.delete": ("Delete", "删除"),
    "chat.ask_delete": ("Delete this conversation and its pictures?", "删除这个对话及其图片？"),
    "chat.markdown": ("Export as Markdown", "导出为 Markdown"),
    "chat.json": ("Export as JSON", "导出为 JSON"),
    "chat.more": ("More", "更多"),
    "chat.transcript": ("Conversation", "对话"),
    "chat.hello": (
        "## What shall we look at?\nAdd a picture (drop it, paste it, or use the clip) and ask about it. "
        "Tiny, which comes with Handeye, only clicks so far: for answers, load a Qwen2.5-VL checkpoint under Doctor.",
        "## 我们来看什么？\n添加一张图片（拖到这里、粘贴或点回形针）然后提问，或者试试下面的例子。"
        "自带的 tiny 模型目前只会点击：想要回答，请在「检查」中加载 Qwen2.5-VL 模型。",
    ),
    "chat.placeholder": ("Ask about a picture …", "就图片提问……"),
    "chat.options": ("Options", "选项"),
    "chat.system": ("System prompt", "系统提示词"),
    "chat.system_info": ("Said to the model before everything else", "在一切之前告诉模型的话"),
    "chat.temperature": ("Temperature", "温度"),
    "chat.temperature_info": ("0: always the likeliest word", "0：总是选最可能的词"),
    "chat.top_p": ("Top p", "Top p"),
    "chat.top_p_info": ("Only the likeliest words that together have this share", "只从累计概率达到此值的词中选"),
    "chat.max_tokens": ("Longest reply, tokens", "回复最长词元数"),
    "chat.picture_tokens": ("Tokens for one picture", "每张图片的词元数"),
    "chat.picture_tokens_info": (
        "Fewer are faster and coarser; 0: as the model likes",
        "越少越快越粗略；0：由模型决定",
    ),
    "chat.camera": ("Camera", "摄像头"),
    "chat.camera_info": ("Take a picture to ask about", "拍一张照片来提问"),
    "chat.picture": ("Picture", "图片"),
    "chat.hint": (
        "Click or drag on the picture to put a place into your question.",
        "点击或拖动图片，把位置放进你的问题。",
    ),
    "chat.hover": (
        "Point at a name to see where it is. Click or drag on the picture to ask about a place.",
        "把鼠标移到名称上看它在哪里。点击或拖动图片来问某个位置。",
    ),
    "chat.too_many": ("At most {count} pictures in one turn.", "一次最多 {count} 张图片。"),
    "chat.facts_seen": ("{size} seen as {seen}", "{size} 以 {seen} 查看"),
    "chat.facts": (
        "{prompt} + {new} tokens · {rate:.0f} tokens/s · first after {first:.1f} s",
        "{prompt} + {new} 词元 · {rate:.0f} 词元/秒 · 首个 {first:.1f} 秒",
    ),
    "chat.cut_length": (
        "Cut at the longest reply allowed; raise it in Options to hear more.",
        "已达到允许的最长回复；可在选项中调高。",
    ),
    "chat.cut_repetition": ("Ended because it began to repeat itself.", "因为开始重复而结束。"),
    "chat.cut_cancelled": ("Stopped.", "已停止。"),
    "chat.empty": ("(said nothing)", "（没有说话）"),
}

CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|$)", re.DOTALL)
CODE = re.compile(r"(```.*?(?:```|$)|`[^`\n]*`)", re.DOTALL)
MARKUP = re.compile(r"<|!(?=\[)")  # begins a tag, or a picture from elsewhere
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
                    file_types=["image"], lines=1, max_lines=8, max_plain_text_length=20_000, autofocus=True,
                )  # fmt: skip
                with gr.Row(elem_id="chat-drawers"):
                    with gr.Accordion(say("chat.options"), open=False, elem_id="chat-options"):
                        options = self.drawer()
                    with gr.Accordion(say("chat.camera"), open=False, elem_id="chat-camera"):
                        label = say("chat.camera_info")
                        camera = gr.Image(sources=["webcam"], type="filepath", label=label, height=280)
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
        return [system, temperature, top_p, longest, tokens]

    # What starts a reply. Each gives updates of `talk` until the reply has ended.

    def say(self, given: dict[str, Any], id: str, words: str, request: gr.Request, *options: Any) -> Iterator[Update]:
        text, files = given["text"].strip(), given["files"]
        if not text and not files:
            yield skipped()
            return
        try:
            pictures = self.read_files(files, request)
        except UserError as error:
            gr.Warning(escape(self.desk.wrong(error, request)))
            yield skipped()
            return
        conversation = self.conversation(id, options)
        yield from self.follow(self.answers.ask(conversation, text, pictures), words, request)

    def try_example(
        self, id: str, words: str, chosen: gr.SelectData, request: gr.Request, *options: Any
    ) -> Iterator[Update]:
        text, name = EXAMPLES[int(chosen.index)]
        pictures = read_file(APP / "examples" / name)
        yield from self.follow(self.answers.ask(self.conversation(id, options), text, pictures), words, request)

    def again(self, id: str, words: str, retry: gr.RetryData, request: gr.Request, *options: Any) -> Iterator[Update]:
        conversation = self.conversation(id, options)
        yield from self.follow(self.answers.again(conversation, turn_of(retry.index)), words, request)

    def edit(self, id: str, words: str, edited: gr.EditData, request: gr.Request, *options: Any) -> Iterator[Update]:
        conversation, index = self.conversation(id, options), turn_of(edited.index)
        yield from self.follow(self.answers.again(conversation, index, str(edited.value)), words, request)

    def follow(self, answer: Answer, words: str, request: gr.Request) -> Iterator[Update]:
        """Shows the reply as it comes. The list and the box change at the beginning and at the end only."""
        id = answer.conversation.id
        busy = gr.update(value=None, submit_btn=False, stop_btn=True)
        for number, conversation in enumerate(answer.follow()):
            if self.answers.live(id) not in (answer, None):
                return  # another has begun here, and shows itself
            first = number == 0
            picture, beside = self.panel(conversation, request)
            said = self.messages(conversation, request)
            if first:
                yield busy, said, picture, beside, self.listed(id, words, request), id
            else:
                yield gr.skip(), said, picture, gr.skip(), gr.skip(), gr.skip()
        free = gr.update(submit_btn=True, stop_btn=False)
        yield free, gr.skip(), gr.skip(), gr.skip(), self.listed(id, words, request), gr.skip()

    def stop(self, id: str) -> None:
        self.answers.stop(id)

    # What moves between conversations. Each gives updates of `talk` and the options.

    def load(self, id: str, words: str, request: gr.Request) -> Iterator[Update]:
        """The page was opened, perhaps while a reply is under way."""
        if conversation := self.store.read(id):
            yield from self.open(conversation, words, request)
        else:  # the rest stays as it is: a fast person may have asked something already
            yield *[gr.skip()] * 4, self.listed("", words, request), gr.skip(), *[gr.skip()] * 5

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
        picture, beside = self.panel(conversation, request)
        free = gr.update(submit_btn=True, stop_btn=False)
        past = self.listed(conversation.id, words, request)
        yield free, self.messages(conversation, request), picture, beside, past, conversation.id, *options

    # What only shows.

    def messages(self, conversation: Conversation, request: gr.Request) -> list[dict[str, Any]]:
        return [self.message(turn, request) for turn in conversation.turns]

    def message(self, turn: Turn, request: gr.Request) -> dict[str, Any]:
        content: list[Any] = [{"path": str(served(self.store, digest))} for digest in turn.pictures]
        if turn.role == "user":
            return {"role": "user", "content": [*content, turn.text] if turn.text else content}
        ended = turn.usage.get("finish") is not None
        text = legible(turn.text) or (f"*{self.desk.tell('chat.empty', request)}*" if ended else "")
        facts = " · ".join(self.facts(turn, request))
        return {"role": "assistant", "content": text + (f"\n\n<small>{facts}</small>" if facts else "")}

    def facts(self, turn: Turn, request: gr.Request) -> Iterator[str]:
        """What it cost, and why it ended if not by itself."""
        usage, tell = turn.usage, self.desk.tell
        if error := usage.get("error"):
            yield f"⚠ {escape(self.desk.wrong(UserError(error, usage.get('chinese', '')), request))}"
        if usage.get("finish") is None:
            return
        for digest, size in list(usage.get("seen", {}).items())[-1:]:
            original = Size(*self.store.size(digest))
            yield tell("chat.facts_seen", request, size=str(original), seen=str(Size(*size)))
        if usage["new_tokens"]:
            values = {"prompt": usage["prompt_tokens"], "new": usage["new_tokens"], "first": usage["prefill_s"]}
            rate = (usage["new_tokens"] - 1) / max(usage["total_s"] - usage["prefill_s"], 1e-3)
            yield tell("chat.facts", request, rate=rate, **values)
        if usage["finish"] != "stop":
            yield f"**{tell('chat.cut_' + usage['finish'], request)}**"

    def panel(self, conversation: Conversation, request: gr.Request) -> tuple[Update, Update]:
        """The pictures, with what the last reply points at drawn on each as if it spoke of that one."""
        last = conversation.turns[-1] if conversation.turns else None
        spoken = last if last and last.role == "assistant" else None
        pictures = [
            self.one_picture(digest, spoken)
            for digest in dict.fromkeys(digest for turn in conversation.turns for digest in turn.pictures)
        ]
        words = {key: self.desk.tell(f"chat.{key}", request) for key in ("hint", "hover")}
        words["alt"] = self.desk.tell("chat.picture", request)
        return {"pictures": pictures, "words": words}, gr.update(visible=bool(pictures))

    def one_picture(self, digest: str, spoken: Turn | None) -> dict[str, Any]:
        path = served(self.store, digest)
        width, height = self.store.size(digest)
        places = []
        if spoken and digest in spoken.usage.get("seen", {}):
            spot = Grid(Size(width, height), Size(*spoken.usage["seen"][digest]), FAMILIES[spoken.usage["family"]])
            for found in pointed_out(spoken.text, spot):
                box = [found.box.left, found.box.top, found.box.right, found.box.bottom] if found.box else None
                places.append({"label": found.label, "box": box, "points": [[at.x, at.y] for at in found.points]})
        return {
            "id": digest,
            "url": f"/gradio_api/file={path.as_posix()}",
            "width": width,
            "height": height,
            "places": places,
        }

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

    def read_files(self, files: list[str], request: gr.Request) -> list[Any]:
        """Raises UserError."""
        if len(files) > MAX_FILES:
            raise UserError(self.desk.tell("chat.too_many", request, count=MAX_FILES))
        return [picture for file in files for picture in read_file(Path(file))]

    def conversation(self, id: str, options: tuple[Any, ...]) -> Conversation:
        system, temperature, top_p, longest, tokens = options
        chosen = Options(system or "", float(temperature), float(top_p), int(longest), int(tokens))
        return replace(self.store.read(id) or self.store.begin(), options=chosen)


def skipped() -> Update:
    return tuple(gr.skip() for _ in range(6))


def turn_of(index: int | tuple[int, int]) -> int:
    return index if isinstance(index, int) else index[0]


def examples() -> list[Any]:
    made = []
    for text, name in EXAMPLES:
        path = str(APP / "examples" / name)
        made.append({"text": text, "display_text": text, "icon": path})
    return made


def legible(reply: str) -> str:
    """As Markdown in which markup and data are seen and not obeyed."""
    start = reply.lstrip()[:1]
    if start in ("<", "[", "{") and "</tool_call>" not in reply:
        return f"```{'html' if start == '<' else 'json'}\n{reply.replace('```', '')}\n```"
    reply = CALL.sub(lambda call: f"\n```json\n{call[1].strip()}\n```\n", reply)
    parts = CODE.split(reply)  # every second one is code
    return "".join(part if index % 2 else MARKUP.sub(r"\\\g<0>", part) for index, part in enumerate(parts))


def served(store: Store, digest: str) -> Path:
    """The picture where Gradio serves files from."""
    path = Path(get_upload_folder()) / digest / "picture.png"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        try:
            os.link(store.picture_path(digest), path)
        except OSError:
            shutil.copy(store.picture_path(digest), path)
    return path


def when(changed: str) -> str:
    return datetime.fromisoformat(changed).astimezone().strftime("%Y-%m-%d %H:%M") if changed else ""
