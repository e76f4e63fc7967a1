"""A real checkpoint learns from a person's own runs: small adapters on its language model, the tower frozen."""

from __future__ import annotations

import logging
import random
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from torch import Tensor

from model.chat import lay_out
from model.local.asked import asked
from model.local.checkpoint import find
from model.local.library import deep_inputs
from model.local.runner import LocalModel
from model.messages import Message
from model.training.trainer import Log, manifest
from tools.errors import UserError

ADAPTED = r".*language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
CARRIED = ("*.json", "*.jinja", "*.txt")  # of the checkpoint, beside the weights

log = logging.getLogger(__name__)


def adapt(
    model: LocalModel, conversations: Sequence[list[Message]], out: Path, *, steps: int, rate: float, rank: int
) -> None:
    """Learn the last message of each conversation, one conversation a step, and save the merged checkpoint to `out`.

    rank: of the adapters (LoRA, arXiv 2106.09685). The model can be used as before afterwards, and has changed.
    Raises UserError when there is nothing to learn from.
    """
    if not conversations:
        raise UserError("no run to learn from; record some with: python3 launch.py act TASK --url ADDRESS")
    manifest(out, "adapt", base=model.name, conversations=len(conversations), steps=steps, rate=rate, rank=rank)
    adapted = get_peft_model(model.opened(), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=ADAPTED))
    learned = [weight for weight in adapted.parameters() if weight.requires_grad]
    tool = torch.optim.AdamW(learned, lr=rate)
    bar, rng, order = Log(out, "adapt", steps), random.Random(0), list[list[Message]]()
    for step in range(steps):
        order = order or rng.sample(conversations, len(conversations))
        loss = surprise(model, order.pop())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        tool.step()
        tool.zero_grad(set_to_none=True)
        bar.tick(loss.item())
        if step % 10 == 9 or step + 1 == steps:
            bar.write(step + 1, loss=loss.item())
    merged: Any = adapted.merge_and_unload()
    model.forget()
    merged.save_pretrained(out)
    for pattern in CARRIED:
        for file in find(model.name).glob(pattern):
            if not (out / file.name).exists():
                shutil.copyfile(file, out / file.name)


def surprise(model: LocalModel, conversation: Sequence[Message]) -> Tensor:
    """The mean loss of the tokens of the last message, which is told what the runner would tell it."""
    *before, last = conversation
    layout = lay_out(before, model.tokenizer, model.family)
    end = model.tokenizer.convert_tokens_to_ids(model.family.stop[0])
    said = torch.tensor([*model.tokenizer(last.text, add_special_tokens=False)["input_ids"], end])
    weights = model.opened()
    with torch.no_grad():
        rows, deep = model.embed(asked(layout), 0, threading.Event())
        reply = weights.get_input_embeddings()(said.to(rows.device))
    places = layout.next_position + torch.arange(len(said))
    positions = torch.cat([layout.positions, places.expand(3, -1)], 1)
    out = weights.model.language_model(
        inputs_embeds=torch.cat([rows, reply])[None],
        **deep_inputs([F.pad(level, (0, 0, 0, len(said))) for level in deep]),
        position_ids=positions[:, None].to(rows.device),
        use_cache=False,
    )
    logits = weights.lm_head(out.last_hidden_state[0, len(layout) - 1 : -1]).float()
    return F.cross_entropy(logits, said.to(logits.device))
