"""A loaded checkpoint that answers: the prompt prefilled once, then one token at a time."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from model.chat import Prompt, count_tokens, encode
from model.families import Family
from model.local.choose import Chooser
from model.local.memory import Need, check, free_bytes, need, shape_of, unread
from model.local.repetition import is_loop
from model.local.turns import Cancelled, Turns
from model.local.vision import Seen, Vision
from model.local.words import TokenBytes, Writer
from model.messages import Message
from model.positions import IMAGE, TEXT, VIDEO
from model.preprocess import grid_of
from model.vlm import PromptTooLarge, Reply, Sampling, Usage
from tools.errors import UserError

LOOP_CHECK_EVERY = 16  # tokens

log = logging.getLogger(__name__)


@dataclass
class Context:
    """What one reply has of the language model: its own keys, values and place, so that replies may take turns."""

    cache: DynamicCache
    position: int  # of the next token


class LocalModel:
    """Weights in this process. Several threads may stream at once; they take turns, token by token, in fair order.

    Nothing is kept in the modules between calls: every reply has its own cache and says its positions itself.
    """

    def __init__(self, name: str, family: Family, weights: Any, tokenizer: Any):
        """weights: a `...ForConditionalGeneration` of one of the families. tokenizer: the checkpoint's own."""
        self.name = name
        self.family = family
        self.dtype: torch.dtype = weights.get_input_embeddings().weight.dtype
        self.devices = sorted({parameter.device for parameter in weights.parameters()}, key=str)
        self.parameters = weights.num_parameters()
        self.cpu_bytes = sum(each.nbytes for each in weights.parameters() if each.device.type == "cpu")
        self.tokenizer = tokenizer
        self.token_bytes = TokenBytes(tokenizer)
        self.ends = end_tokens(weights, tokenizer, family)
        self.shape = shape_of(weights.config, self.dtype)
        self.turns = Turns()
        self.weights: Any | None = weights  # None once closed
        self.vision: Vision | None = Vision(weights.model)

    @property
    def device(self) -> str:
        return ", ".join(map(str, self.devices))

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        """Raises PromptTooLarge before anything runs, UserError when the model was closed."""
        self.opened()
        wanted = self.need(messages, sampling)
        check(wanted, free_bytes(self.devices) - unread(self.cpu_bytes))
        usage = Usage(prompt_tokens=wanted.tokens, image_tokens=wanted.patches // self.family.merge**2)
        reply = Reply(iter(()), usage)
        reply.pieces = self.answer(tuple(messages), sampling, wanted.new_tokens, usage, reply.cancelled)
        return reply

    def need(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Need:
        """The tokens and memory a request takes, without running any of it."""
        pictures = [part for message in messages for part in message.parts if not isinstance(part, str)]
        grids = [grid_of(part, self.family).patches for part in pictures]
        tokens = count_tokens(messages, self.tokenizer, self.family)
        return need(self.shape, tokens, sampling.max_new_tokens, grids)

    def close(self) -> None:
        """Frees the weights, once the forward pass that may be running has ended."""
        with self.turns.turn(threading.Event()):
            self.weights = self.vision = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        log.info("closed %s", self.name)

    def opened(self) -> Any:
        if self.weights is None:
            raise UserError(f"the model {self.name} was closed; load it again")
        return self.weights

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        max_new_tokens: int,
        usage: Usage,
        cancelled: threading.Event,
    ) -> Iterator[str]:
        """The pieces of one reply. `usage` is filled on the way; its `finish` says why it ended."""
        began = time.monotonic()
        try:
            with out_of_memory_told(usage):
                prompt = encode(messages, self.tokenizer, self.family)
                context, logits = self.prefill(prompt, cancelled, usage)
            usage.prefill_s = time.monotonic() - began
            chooser, writer = Chooser(sampling, prompt.ids.tolist()), Writer(self.token_bytes, sampling.stop)
            ids: list[int] = []
            usage.finish = "length" if max_new_tokens == 0 else None
            while usage.finish is None:
                token = chooser.pick(logits)
                ids.append(token)
                usage.new_tokens, usage.total_s = len(ids), time.monotonic() - began
                if token in self.ends:
                    usage.finish = "stop"
                    break
                if piece := writer.add(token):
                    yield piece
                if writer.stopped:
                    usage.finish = "stop"
                elif len(ids) >= max_new_tokens:
                    usage.finish = "length"
                elif len(ids) % LOOP_CHECK_EVERY == 0 and is_loop(ids):
                    usage.finish = "repetition"
                else:
                    with out_of_memory_told(usage):
                        logits = self.decode(context, token, cancelled)
        except Cancelled:
            usage.finish = "cancelled"
        except GeneratorExit:  # its reader closed it
            usage.finish = "cancelled"
            raise
        finally:
            usage.total_s = time.monotonic() - began

    @torch.inference_mode()
    def prefill(self, prompt: Prompt, cancelled: threading.Event, usage: Usage) -> tuple[Context, Tensor]:
        """Reads the prompt. Returns the reply's state and the logits of its first token, (V,)."""
        with self.turns.turn(cancelled), stoppable(self.opened(), cancelled):
            inputs = self.embed(prompt, usage)
            context = Context(DynamicCache(config=self.opened().config.text_config), prompt.next_position)
            return context, self.forward(context, prompt.positions, **inputs)

    @torch.inference_mode()
    def decode(self, context: Context, token: int, cancelled: threading.Event) -> Tensor:
        """Feeds one token. Returns the logits of the next, (V,)."""
        with self.turns.turn(cancelled):
            if cancelled.is_set():
                raise Cancelled
            table = self.opened().get_input_embeddings()
            row = table(torch.tensor([[token]], device=table.weight.device))  # (1, 1, D)
            context.position += 1
            return self.forward(context, torch.full((3, 1), context.position - 1), inputs_embeds=row)

    def forward(self, context: Context, positions: Tensor, **inputs: Any) -> Tensor:
        """positions: (3, S). Calls the language model itself: the outer forward would count positions its own way."""
        weights = self.opened()
        device = inputs["inputs_embeds"].device
        out = weights.model.language_model(
            **inputs,
            position_ids=positions[:, None].to(device),  # (3, 1, S)
            past_key_values=context.cache,
            use_cache=True,
        )
        logits: Tensor = weights.lm_head(out.last_hidden_state[:, -1:])  # only the last row is needed
        return logits[0, -1]

    def embed(self, prompt: Prompt, usage: Usage | None = None) -> dict[str, Any]:
        """The prompt as the language model's inputs, (1, S, D), what the tower saw in the places of the pictures."""
        assert self.vision is not None
        table = self.opened().get_input_embeddings()
        device = table.weight.device
        kinds = prompt.kinds.to(device)
        rows = table(prompt.ids.to(device))  # (S, D)
        places = ((IMAGE, prompt.images), (VIDEO, prompt.videos))
        see = self.vision.see
        seen = {kind: [see(patches, usage) for patches in pictures] for kind, pictures in places if pictures}
        for kind, pictures in seen.items():
            rows[kinds == kind] = torch.cat([picture.tokens for picture in pictures]).to(rows)
        inputs: dict[str, Any] = {"inputs_embeds": rows[None]}
        if deep := deep_rows(seen, kinds, rows):
            inputs |= {"visual_pos_masks": (kinds != TEXT)[None], "deepstack_visual_embeds": deep}
        return inputs


def deep_rows(seen: dict[int, list[Seen]], kinds: Tensor, rows: Tensor) -> list[Tensor]:
    """What each of the first layers adds to the N picture tokens of the prompt, each (N, D); Qwen3-VL only."""
    levels = max((len(picture.deep) for pictures in seen.values() for picture in pictures), default=0)
    out = []
    for level in range(levels):
        added = torch.zeros_like(rows)
        for kind, pictures in seen.items():
            added[kinds == kind] = torch.cat([picture.deep[level] for picture in pictures]).to(rows)
        out.append(added[kinds != TEXT])
    return out


def end_tokens(weights: Any, tokenizer: Any, family: Family) -> frozenset[int]:
    """The tokens that end a reply: what the checkpoint says, and the family's own."""
    stated = weights.generation_config.eos_token_id
    listed = stated if isinstance(stated, list) else [stated]
    own = tokenizer.convert_tokens_to_ids(list(family.stop))
    return frozenset(token for token in [*listed, *own] if token is not None)


@contextmanager
def stoppable(weights: Any, cancelled: threading.Event) -> Iterator[None]:
    """While it lasts, a cancel is noticed before every block of the tower and of the language model.

    That leaves the arithmetic as it is, which prefilling in pieces would not. A GPU still finishes what was queued.
    """

    def stop_if_cancelled(*_: Any) -> None:
        if cancelled.is_set():
            raise Cancelled

    blocks = [*weights.model.visual.blocks, *weights.model.language_model.layers]
    hooks = [block.register_forward_pre_hook(stop_if_cancelled) for block in blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def out_of_memory_told(usage: Usage) -> Iterator[None]:
    """The estimate can be wrong, as neighbours take memory too: then the same error, late, instead of a crash."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise PromptTooLarge(
            f"memory ran out at {usage.prompt_tokens:,} prompt and {usage.new_tokens:,} new tokens "
            f"({usage.image_tokens:,} of pictures); send smaller pictures, or fewer",
            f"内存不足（提示 {usage.prompt_tokens:,} 个词元）；请发送更小或更少的图片",
        ) from error
