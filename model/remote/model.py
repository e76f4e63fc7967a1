"""RemoteModel: a model behind an OpenAI-compatible server answers as one in this process would."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from model.families import FAMILIES, Family, spelled
from model.local.repetition import WINDOW, is_loop
from model.local.turns import Cancelled
from model.messages import Message
from model.preprocess import grid_of
from model.remote.address import Address, read_address
from model.remote.server import BUSY, Refusal, Server
from model.remote.shown import Shown
from model.remote.wire import Turn, chosen, pictures_in, turns, written
from model.vlm import PromptTooLarge, Reply, Sampling, Usage
from tools.errors import UserError

LOOP_CHECK_EVERY = 16  # pieces
WORDS = re.compile(r"\d|[^\W\d]+|\s+|[^\w\s]+")  # about what a tokenizer makes of a text
LONGEST_WORD = 8  # letters that stand for one token, so that enough of the end of a reply is looked at

log = logging.getLogger(__name__)


class RemoteModel:
    """Several threads may stream at once. The server is asked for its model when this is made."""

    def __init__(self, address: str, key: str = "") -> None:
        """address: as model/remote/address.py has it. Raises UserError when nothing there can answer."""
        place = read_address(address)
        if place.is_readable_on_the_way:
            log.warning(
                "%s is another machine, reached without encryption: pictures of your screen can be read on the way; "
                "use https, or a tunnel such as: ssh -L 8000:localhost:8000 %s",
                place.base,
                place.host,
            )
        self.server = Server(place, key)
        began = time.monotonic()
        try:
            listed = self.server.models()
            self.answered_s = time.monotonic() - began
            self.served = only(listed, place)
            self.id = str(self.served["id"])
            found = family_at(place, self.served)
        except UserError:
            self.server.close()
            raise
        # Every frame of a video is a picture to a server, where a model in this process sees them in pairs.
        self.family = replace(found, temporal_patch=1)
        self.name = f"{place.base}#{self.id}" + (f"@{found.name}" if place.family else "")
        length = self.served.get("max_model_len")
        self.length = length if isinstance(length, int) else None  # tokens of prompt and reply; None: not told
        self.shown = Shown(self.server, self.id)
        self.takes_schemas = True  # until it refuses one
        log.info("%s answers: %s, up to %s tokens", self.name, self.family.name, self.length or "?")

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        """Raises PromptTooLarge when the pictures alone are more than the model holds; reading it, UserError."""
        self.server.check_open()
        parts = [part for message in messages for part in message.parts if not isinstance(part, str)]
        tokens = sum(grid_of(part, self.family).tokens for part in parts)
        if self.length and tokens >= self.length:
            raise PromptTooLarge(
                f"the pictures take {tokens:,} tokens, and {self.name} holds {self.length:,} in all; send smaller "
                "pictures, or fewer, or start it with a larger --max-model-len",
                f"图片需要 {tokens:,} 个词元，而模型只能容纳 {self.length:,} 个；请发送更小或更少的图片",
            )
        reply = Reply(iter(()), Usage(image_tokens=tokens))
        reply.pieces = self.answer(tuple(messages), sampling, reply.usage, reply.cancelled)
        return reply

    def close(self) -> None:
        """Drops the replies under way; the server itself goes on."""
        self.server.close()

    def answer(
        self, messages: Sequence[Message], sampling: Sampling, usage: Usage, cancelled: threading.Event
    ) -> Iterator[str]:
        """The pieces of one reply. `usage` is filled on the way; its `finish` says why it ended."""
        began = time.monotonic()
        writer = Writer(sampling.stop, self.family.stop)
        try:
            conversation = turns(messages, self.family)
            pictures = pictures_in(conversation)
            self.shown.check(pictures, cancelled)
            with closing(self.events(conversation, sampling, cancelled)) as events:
                for event in events:
                    said = count(event, usage)
                    if writer.finish == "repetition" or (writer.finish and said):
                        break  # it would go on; else its count of tokens is waited for
                    if said:
                        usage.prefill_s = usage.prefill_s or time.monotonic() - began
                    usage.total_s = time.monotonic() - began
                    if piece := writer.add(said):
                        yield piece
            self.shown.remember(pictures)
            usage.finish = writer.finish or usage.finish
            if usage.finish is None:
                raise self.server.broken_off("it ends without saying why")
            if piece := writer.rest():
                yield piece
        except Cancelled:
            usage.finish = "cancelled"
        except Refusal as refusal:
            raise self.server.wrong(refusal) from refusal
        except GeneratorExit:  # its reader closed it
            usage.finish = "cancelled"
            raise
        finally:
            usage.total_s = time.monotonic() - began

    def events(
        self, conversation: list[Turn], sampling: Sampling, cancelled: threading.Event
    ) -> Generator[dict[str, Any], None, None]:
        """What the server says; asked again where it forgot a picture, and without a schema that it refuses."""
        known = self.shown.known(pictures_in(conversation))
        held = sampling if self.takes_schemas else replace(sampling, schema=None)
        body = {
            "model": self.id,
            "messages": written(conversation, known),
            "stream": True,
            "stream_options": {"include_usage": True},
            **chosen(held, self.family),
        }
        try:
            yield from self.server.events(body, cancelled)
            self.shown.found(known)
            return
        except Refusal as refusal:
            is_final = refusal.status in {*BUSY, 401, 403, 404} or isinstance(
                self.server.wrong(refusal), PromptTooLarge
            )
            if is_final or not (known or held.schema):
                raise
            if known:
                self.shown.forget(known)
            else:
                log.warning("%s takes no such JSON schema (%s); it is asked without one", self.name, refusal)
                self.takes_schemas = False
        yield from self.events(conversation, sampling, cancelled)


class Writer:
    """The text of one reply as it comes: up to and with a stop word, without the token that ends it."""

    def __init__(self, stop: tuple[str, ...], ends: tuple[str, ...]) -> None:
        self.stop = tuple(word for word in stop if word)
        self.ends = ends
        self.text = ""
        self.given = 0  # letters of it
        self.pieces = 0
        self.finish: Any = None  # "stop" or "repetition" once the rest is not wanted

    def add(self, piece: str) -> str:
        """What of the text is certain and was not given yet."""
        before = max(len(self.text) - max(map(len, (*self.stop, *self.ends)), default=1), 0)
        self.text += piece
        self.pieces += 1
        cuts = [at + len(word) for word in self.stop if (at := self.text.find(word, before)) >= 0]
        cuts += [at for word in self.ends if (at := self.text.find(word, before)) >= 0]
        if cuts:
            self.text, self.finish = self.text[: min(cuts)], "stop"
        elif self.pieces % LOOP_CHECK_EVERY == 0 and repeats(self.text):
            self.finish = "repetition"
        held = 0 if self.finish else held_back(self.text, self.ends)
        return self.give(len(self.text) - held)

    def rest(self) -> str:
        """What was held back, at the end."""
        return self.give(len(self.text))

    def give(self, end: int) -> str:
        piece, self.given = self.text[self.given : end], max(end, self.given)
        return piece


def held_back(text: str, ends: Sequence[str]) -> int:
    """How many letters at the end may be the beginning of an end token."""
    return max((size for end in ends for size in range(1, len(end)) if text.endswith(end[:size])), default=0)


def repeats(text: str) -> bool:
    words = WORDS.findall(text[-WINDOW * LONGEST_WORD :])
    numbers: dict[str, int] = {}
    return is_loop([numbers.setdefault(word, len(numbers)) for word in words])


def count(event: dict[str, Any], usage: Usage) -> str:
    """The words of an event; what it says of the cost and of the end goes to `usage`."""
    if told := event.get("usage"):
        usage.prompt_tokens = told.get("prompt_tokens") or usage.prompt_tokens
        usage.new_tokens = told.get("completion_tokens") or usage.new_tokens
    said = ""
    for choice in event.get("choices") or []:
        said += (choice.get("delta") or {}).get("content") or ""
        usage.new_tokens += bool(said)  # until the server's own count comes
        if reason := choice.get("finish_reason"):
            usage.finish = "length" if reason == "length" else "stop"
    return said


def only(listed: list[dict[str, Any]], place: Address) -> dict[str, Any]:
    """The one model there, or the one that is asked for. Raises UserError."""
    ids = [str(one["id"]) for one in listed]
    if place.model:
        if place.model in ids:
            return listed[ids.index(place.model)]
        raise UserError(f"{place.base} has no model {place.model!r}, but: {', '.join(ids) or 'none'}")
    if len(listed) == 1:
        return listed[0]
    if not listed:
        raise UserError(f"{place.base} serves no model; start it with one")
    raise UserError(
        f"{place.base} serves several models; name one of them as {place.base}#ID, ID being: {', '.join(ids)}",
        f"{place.base} 提供多个模型；请写成 {place.base}#ID，可选：{', '.join(ids)}",
    )


def family_at(place: Address, served: dict[str, Any]) -> Family:
    """As the address says it, or the model's id, or where the server has it from. Raises UserError."""
    names = [str(served[key]) for key in ("id", "root") if served.get(key)]
    inside = (spelled(name[at.start() :]) for name in names for at in re.finditer(r"qwen", name, re.IGNORECASE))
    found = place.family or next((one for one in (*map(spelled, names), *inside) if one), None)
    if found is None:
        known = ", ".join(FAMILIES)
        raise UserError(
            f"the name {names[0]!r} does not say which family the model is of, and so what its coordinates mean; "
            f"say it as {place.base}#{names[0]}@FAMILY, FAMILY being one of: {known}",
            f"从名称 {names[0]!r} 看不出模型系列；请写成 {place.base}#{names[0]}@系列，系列为：{known}",
        )
    return found
