"""What the rest of Handeye needs of a vision-language model: one method, `stream`, and the Reply it gives."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from model.families import Family
from model.messages import Message
from tools.errors import UserError

Finish = Literal["stop", "length", "repetition", "cancelled"]


@dataclass(frozen=True)
class Sampling:
    max_new_tokens: int = 512
    temperature: float = 0.0  # 0: greedy
    top_p: float = 1.0
    seed: int = 0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()  # a reply ends after the first of these, which stays in the text
    schema: Mapping[str, Any] | None = None  # JSON that the reply should be; a server may hold to it. None: free words
    grammar: str | None = None  # of the whole reply, as llguidance writes Lark; goes before a schema, servers ignore it


@dataclass
class Usage:
    """What one reply cost; filled while it streams."""

    prompt_tokens: int = 0
    image_tokens: int = 0
    new_tokens: int = 0
    prefill_s: float = 0.0  # until the first token
    total_s: float = 0.0
    finish: Finish | None = None  # None until the reply has ended
    cached_tokens: int = 0  # of the prompt tokens, those kept from an earlier reply and not read again


@dataclass
class Reply:
    """An iterator of text pieces that knows what it cost. Close or `cancel` it to stop early."""

    pieces: Iterator[str]
    usage: Usage = field(default_factory=Usage)
    cancelled: threading.Event = field(default_factory=threading.Event)
    text: str = ""  # all pieces so far

    def __iter__(self) -> Iterator[str]:
        for piece in self.pieces:
            self.text += piece
            yield piece

    def read(self) -> str:
        """The whole reply, waited for."""
        for _ in self:
            pass
        return self.text

    def cancel(self) -> None:
        """Stop at once, mid-prefill too; callable from any thread."""
        self.cancelled.set()


class VisionLanguageModel(Protocol):
    @property
    def name(self) -> str:
        """What a person calls it: "tiny", a folder, a hub id or an address."""
        ...

    @property
    def family(self) -> Family: ...

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        """Answer the conversation. Raises PromptTooLarge before it runs when the request cannot fit."""
        ...


class PromptTooLarge(UserError):
    """The request needs more tokens or memory than there is; the text names both and the remedy."""


class ModelLost(UserError):
    """What answers is gone, or cannot be reached: the request was right, and asking others of it will not help."""
