"""The one fake of the tests: a model that says what it is told to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from model.families import TINY, Family
from model.messages import Message
from model.vlm import Reply, Sampling

PIECE = 7  # letters; prime, so that words and tags are torn in many places


class ScriptedModel:
    """Gives the replies in order, in small pieces; keeps what it was asked. Asked for one more, it fails."""

    def __init__(self, replies: Iterable[str], family: Family = TINY, name: str = "scripted") -> None:
        self.name = name
        self.family = family
        self.replies = iter(replies)
        self.asked: list[list[Message]] = []

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        self.asked.append(list(messages))
        text = next(self.replies, None)
        assert text is not None, f"the script has only {len(self.asked) - 1} replies"
        reply = Reply(iter(()))
        reply.usage.prompt_tokens = sum(len(message.text) for message in messages)
        reply.pieces = spoken(text, reply, sampling.stop)
        return reply


def spoken(text: str, reply: Reply, stop: Sequence[str]) -> Iterator[str]:
    ends = [text.find(word) + len(word) for word in stop if word in text]
    said = text[: min(ends)] if ends else text
    for start in range(0, len(said), PIECE):
        if reply.cancelled.is_set():
            reply.usage.finish = "cancelled"
            return
        reply.usage.new_tokens += 1
        yield said[start : start + PIECE]
    reply.usage.finish = "stop"
