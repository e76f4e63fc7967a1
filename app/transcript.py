"""A conversation as the page shows it: its turns, what each reply cost, and the pictures beside it."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from app.conversations import Clip, Conversation, Store, Turn
from app.desk import Desk
from app.pictures import pointed_out
from model.families import FAMILIES, Grid
from tools.errors import UserError
from tools.geometry import Size
from tools.video import write_webm

CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|$)", re.DOTALL)
CODE = re.compile(r"(```.*?(?:```|$)|`[^`\n]*`)", re.DOTALL)
MARKUP = re.compile(r"<|!(?=\[)")  # begins a tag, or a picture from elsewhere


class Transcript:
    """Its words are in the language of the browser that asks."""

    def __init__(self, desk: Desk, store: Store) -> None:
        self.desk = desk
        self.store = store

    def messages(self, conversation: Conversation, request: gr.Request) -> list[dict[str, Any]]:
        return [self.message(turn, request) for turn in conversation.turns]

    def message(self, turn: Turn, request: gr.Request) -> dict[str, Any]:
        paths = [served(self.store, digest) for digest in turn.pictures]
        paths += [served_video(self.store, clip) for clip in turn.videos]
        content: list[Any] = [{"path": str(path)} for path in paths]
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
        if watched := usage.get("watched"):
            yield tell("chat.facts_watched", request, **{**watched, "seen": str(Size(*watched["seen"]))})
        if cached := usage.get("cached_tokens"):
            yield tell("chat.facts_cached", request, cached=cached, tokens=usage["prompt_tokens"])
        if usage["new_tokens"]:
            values = {"prompt": usage["prompt_tokens"], "new": usage["new_tokens"], "first": usage["prefill_s"]}
            rate = (usage["new_tokens"] - 1) / max(usage["total_s"] - usage["prefill_s"], 1e-3)
            yield tell("chat.facts", request, rate=rate, **values)
        if usage["finish"] != "stop":
            yield f"**{tell('chat.cut_' + usage['finish'], request)}**"

    def panel(self, conversation: Conversation, request: gr.Request) -> tuple[Any, Any]:
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


def legible(reply: str) -> str:
    """As Markdown in which markup and data are seen and not obeyed."""
    start = reply.lstrip()[:1]
    if start in ("<", "[", "{") and "</tool_call>" not in reply:
        return f"```{'html' if start == '<' else 'json'}\n{reply.replace('```', '')}\n```"
    reply = CALL.sub(lambda call: f"\n```json\n{call[1].strip()}\n```\n", reply)
    if reply.count("```") % 2:
        reply += "\n```"  # what stands below it is not code
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


def served_video(store: Store, clip: Clip) -> Path:
    """What the model saw of a video, to be played: the file that was given is not kept."""
    name = hashlib.sha256(repr(clip).encode()).hexdigest()
    path = Path(get_upload_folder()) / name / "video.webm"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_name(f"{secrets.token_hex(4)}.webm")
        write_webm(fresh, map(store.picture, clip.frames), clip.times_s, clip.seconds)
        fresh.replace(path)
    return path
