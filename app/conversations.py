"""Conversations on disk: one JSON file each, beside the pictures and frames that they show, kept by digest."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from tools.disk import writing

TITLE_LENGTH = 48
NAME = re.compile(r"[0-9a-f]{16}")
DIGEST = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """How the model is asked; each conversation has its own."""

    system: str = ""  # "": what the family says when nothing is said
    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 512
    picture_tokens: int = 0  # at most so many for one picture; 0: as many as the family allows
    fps: float = 2.0  # frames of a video looked at in one second, as the published checkpoints are taught


@dataclass(frozen=True)
class Clip:
    """What is kept of a video: the frames that the model sees."""

    frames: tuple[str, ...]  # digests
    times_s: tuple[float, ...]  # when each is seen, rising
    seconds: float  # of the whole video


@dataclass(frozen=True)
class Turn:
    role: Literal["user", "assistant"]
    text: str
    pictures: tuple[str, ...] = ()  # digests
    model: str = ""  # who said it; "" for the user
    usage: dict[str, Any] = field(default_factory=dict)  # model/vlm.py's Usage, once the reply has ended
    videos: tuple[Clip, ...] = ()


@dataclass(frozen=True)
class Conversation:
    id: str
    title: str = ""  # "": nothing was said yet
    began: str = ""  # ISO 8601, UTC
    changed: str = ""
    turns: tuple[Turn, ...] = ()
    options: Options = Options()

    @property
    def shown_title(self) -> str:
        return self.title or self.id[:6]


class Store:
    """A folder of them. Any thread may ask; a file is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = folder / "pictures"
        for each in (folder, self.pictures):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def begin(self, options: Options = Options()) -> Conversation:
        """Kept once something is said in it."""
        return Conversation(secrets.token_hex(8), began=now(), options=options)

    def read(self, id: str) -> Conversation | None:
        """None when there is no such conversation, or its file is no longer readable."""
        if not NAME.fullmatch(id):
            return None
        return self._read(self.folder / f"{id}.json")

    def save(self, conversation: Conversation) -> Conversation:
        title = conversation.title or first_words(conversation.turns)
        kept = replace(conversation, title=title, changed=now())
        text = json.dumps(asdict(kept), ensure_ascii=False, indent=1)
        with self._lock:
            write(self.folder / f"{kept.id}.json", text.encode("utf-8", "replace"))
        return kept

    def rename(self, id: str, title: str) -> None:
        if (conversation := self.read(id)) and (words := " ".join(title.split())):
            self.save(replace(conversation, title=words[:200]))

    def delete(self, id: str) -> None:
        """With the pictures and frames that no other one shows."""
        gone = self.read(id)
        if gone is None:
            return
        with self._lock:
            (self.folder / f"{id}.json").unlink(missing_ok=True)
            kept = {digest for other in self._all() for digest in shown_in(other)}
            for digest in shown_in(gone) - kept:
                self.picture_path(digest).unlink(missing_ok=True)

    def search(self, words: str = "") -> list[Conversation]:
        """Those that hold all the words, in title or turns; the latest changed first."""
        wanted = words.casefold().split()
        found = [each for each in self._all() if all(word in everything(each) for word in wanted)]
        return sorted(found, key=lambda each: (each.changed, each.id), reverse=True)

    def keep_picture(self, picture: Image.Image) -> str:
        """Its digest."""
        file = BytesIO()
        picture.save(file, "PNG", compress_level=3)
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        if not self.picture_path(digest).is_file():
            write(self.picture_path(digest), file.getvalue())
        return digest

    def picture_path(self, digest: str) -> Path:
        assert DIGEST.fullmatch(digest), digest
        return self.pictures / f"{digest}.png"

    def picture(self, digest: str) -> Image.Image:
        with Image.open(self.picture_path(digest)) as file:
            return file.copy()

    def size(self, digest: str) -> tuple[int, int]:
        """Of a picture, without reading its pixels."""
        with Image.open(self.picture_path(digest)) as file:
            return file.size

    def _all(self) -> Iterator[Conversation]:
        for path in self.folder.glob("*.json"):
            if (conversation := self._read(path)) is not None:
                yield conversation

    def _read(self, path: Path) -> Conversation | None:
        try:
            return from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            log.warning("%s is no conversation: %s", path.name, error)
            return None


def from_json(value: dict[str, Any]) -> Conversation:
    """Raises KeyError, TypeError or ValueError for anything but a conversation's own JSON."""
    turns = map(known_turn, value["turns"])
    if not NAME.fullmatch(value["id"]):
        raise ValueError(f"{value['id']!r} is no name of a conversation")
    return Conversation(**{**value, "turns": tuple(turns), "options": Options(**value["options"])})


def to_json(conversation: Conversation) -> str:
    return json.dumps(asdict(conversation), ensure_ascii=False, indent=2) + "\n"


def to_markdown(conversation: Conversation) -> str:
    """As a document; pictures by the names that they have in the folder of pictures."""
    lines = [f"# {conversation.shown_title}", "", f"{conversation.began}"]
    for turn in conversation.turns:
        lines += ["", f"## {turn.model or 'user'}", ""]
        lines += [f"![picture](pictures/{digest}.png)\n" for digest in turn.pictures]
        for clip in turn.videos:
            shown = zip(clip.frames, clip.times_s, strict=True)
            lines += [f"![video at {time:.2f} s](pictures/{digest}.png)\n" for digest, time in shown]
        lines.append(turn.text)
    return "\n".join(lines) + "\n"


def known_turn(value: dict[str, Any]) -> Turn:
    pictures = tuple(map(known_digest, value["pictures"]))
    videos = tuple(map(known_clip, value.get("videos", [])))  # kept before there were any
    return Turn(**{**value, "pictures": pictures, "videos": videos})


def known_clip(value: dict[str, Any]) -> Clip:
    frames, times = tuple(map(known_digest, value["frames"])), tuple(map(float, value["times_s"]))
    if not frames or len(frames) != len(times):
        raise ValueError(f"{len(frames)} frames at {len(times)} times are no video")
    return Clip(frames, times, float(value["seconds"]))


def known_digest(text: str) -> str:
    if not DIGEST.fullmatch(text):
        raise ValueError(f"{text!r} is no digest of a picture")
    return text


def shown_in(conversation: Conversation) -> set[str]:
    frames = {digest for turn in conversation.turns for clip in turn.videos for digest in clip.frames}
    return frames | {digest for turn in conversation.turns for digest in turn.pictures}


def everything(conversation: Conversation) -> str:
    return "\n".join([conversation.title, *(turn.text for turn in conversation.turns)]).casefold()


def first_words(turns: Sequence[Turn]) -> str:
    text = next((" ".join(turn.text.split()) for turn in turns if turn.role == "user" and turn.text.strip()), "")
    return text if len(text) <= TITLE_LENGTH else text[:TITLE_LENGTH].rsplit(" ", 1)[0] + " …"


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def write(path: Path, content: bytes) -> None:
    """Written beside and renamed, readable by this user only. Raises UserError."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with writing(path.parent):
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
