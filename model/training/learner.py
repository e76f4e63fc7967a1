"""What a stage trains, from the newest checkpoint there is, and what it leaves to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.training.architecture import new_model
from model.training.losses import Places, losses
from model.training.samples import Batch
from model.training.trainer import optimisers, save_checkpoint
from model.training.vision import Heads

ORDER = ("vision", "multimodal", "long", "sft", "dpo")  # each stage goes on from the newest before it


@dataclass
class Learner:
    """What a stage trains: the model, and scaffolding heads that are not shipped."""

    model: Any
    heads: Heads
    places: Places
    step: int = 0  # of this stage
    tools: list[dict[str, Any]] = field(default_factory=list)  # the optimisers' states, in this stage

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return losses(self.model, self.heads, self.places, batch)

    def save(self, file: Path, tools: Sequence[torch.optim.Optimizer], step: int) -> None:
        parts = {"model": self.model, "heads": self.heads, "places": self.places}
        states = {name: part.state_dict() for name, part in parts.items()}
        save_checkpoint(file, **states, tools=[tool.state_dict() for tool in tools], step=step)


def load(out: Path, stage: str, seed: int = 0, begin: Path | None = None) -> Learner:
    """The newest checkpoint of this stage, else `begin`, else that of the stage before, else fresh weights.

    out: the folder of all stages. begin: an exported checkpoint, such as model/tiny.
    """
    model = new_model(seed)
    tower = model.model.visual
    heads = Heads(tower.config.hidden_size, tower.config.out_hidden_size)
    learner = Learner(model, heads, Places(model.config.text_config.hidden_size))
    earlier = [name for name in ORDER[: ORDER.index(stage) + 1] if (out / f"{name}.pt").exists()]
    if begin is not None and earlier[-1:] != [stage]:
        model.load_state_dict(type(model).from_pretrained(begin, dtype=torch.float32).state_dict())
    elif earlier and earlier[-1] != "vision":
        saved = torch.load(out / f"{earlier[-1]}.pt", weights_only=True)
        model.load_state_dict(saved["model"])
        fitting(heads, saved["heads"])
        fitting(learner.places, saved["places"])
        if earlier[-1] == stage:
            learner.step, learner.tools = int(saved["step"]), saved["tools"]
    elif earlier:
        saved = torch.load(out / "vision.pt", weights_only=True)
        tower.load_state_dict(saved["tower"])
        fitting(heads, saved["heads"])
    return learner


def fitting(head: nn.Module, state: dict[str, Tensor]) -> None:
    """Load what still has the shape it had; scaffolding that has grown starts afresh."""
    own = head.state_dict()
    head.load_state_dict({k: v for k, v in state.items() if k in own and own[k].shape == v.shape}, strict=False)


def prepare(learner: Learner, tower: float, rate: float) -> list[torch.optim.Optimizer]:
    """The optimisers as they were; tower: its share of the rate, 0 freezes it."""
    eyes, language = learner.model.model.visual, learner.model.model.language_model  # the output matrix: the embedding
    tools = optimisers({eyes: tower, learner.heads: tower, language: 1.0, learner.places: 1.0}, rate)
    for tool, state in zip(tools, learner.tools, strict=False):
        shares = [group["share"] for group in tool.param_groups]
        try:
            tool.load_state_dict(state)
        except (ValueError, KeyError):
            continue  # the scaffolding has changed: momentum starts afresh
        for group, share in zip(tool.param_groups, shares, strict=True):
            group["share"] = share
    return tools
