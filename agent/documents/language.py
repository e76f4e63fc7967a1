"""A hint which language a document is in, told beside the request, which stays word for word as it was taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.prompts import written_in
from model.families import Family
from model.messages import Message, system
from model.vlm import Reply, Sampling, VisionLanguageModel


@dataclass(frozen=True)
class Told:
    """A model that knows the language before it is asked: its system message says so."""

    model: VisionLanguageModel
    language: str

    @property
    def name(self) -> str:
        return f"{self.model.name}, told {self.language}"  # what it read before without the hint is read again

    @property
    def family(self) -> Family:
        return self.model.family

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        hint = written_in(self.language)
        if messages and messages[0].role == "system":
            told = system(f"{messages[0].text} {hint}")
            return self.model.stream([told, *messages[1:]], sampling)
        first = " ".join(filter(None, (self.family.default_system, hint)))
        return self.model.stream([system(first), *messages], sampling)


def told(model: VisionLanguageModel, language: str) -> VisionLanguageModel:
    """language: its name in English, "" for none."""
    return Told(model, language) if language else model
