"""A loaded checkpoint that answers: what is new in the prompt is read, then one token at a time."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.chat import Layout, lay_out
from model.families import Family
from model.local.arena import Arena, Arenas
from model.local.asked import Asked, Signs, asked, word_signs
from model.local.choose import Chooser
from model.local.grammar import Vocabulary
from model.local.language import Language, why_not
from model.local.library import Library, slots_of
from model.local.memory import GIB, SPARE, Need, check, free_bytes, need, shape_of, unread
from model.local.repetition import is_loop
from model.local.saved import restore, save, saved_length
from model.local.turns import Cancelled, Turns
from model.local.vision import Vision
from model.local.words import TokenBytes, Writer
from model.messages import Message
from model.vlm import Finish, PromptTooLarge, Reply, Sampling, Usage
from tools.errors import UserError

LOOP_CHECK_EVERY = 16  # tokens
# For keys and values of conversations that may go on: of the memory that is free beside the weights, and at most.
KEPT_SHARE, KEPT_BYTES = 0.25, 4 * GIB

log = logging.getLogger(__name__)


class LocalModel:
    """Weights in this process. Several threads may stream at once; they take turns, token by token, in fair order.

    What a prompt shares with an earlier one, word for word and picture for picture, is not read again. Nothing is kept
    in the modules between calls: every conversation has its own arena and says its positions itself.
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
        self.vocabulary = Vocabulary(self.token_bytes, weights.config.text_config.vocab_size, self.ends)
        self.shape = shape_of(weights.config, self.dtype)
        self.turns = Turns()
        self.weights: Any | None = weights  # None once closed
        self.vision = Vision(weights.model, family)
        self.language = reader(weights)
        slots = slots_of(weights)
        budget = min(int(self.free_bytes() * KEPT_SHARE), KEPT_BYTES)
        self.arenas = Arenas(lambda room: Arena(slots, self.dtype, room), budget)

    @property
    def device(self) -> str:
        return ", ".join(map(str, self.devices))

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        """Raises PromptTooLarge before anything runs, UserError when the model was closed."""
        self.opened()
        layout = lay_out(messages, self.tokenizer, self.family)
        wanted = self.need(layout, sampling)
        check(wanted, self.free_bytes() + self.arenas.idle_bytes)
        usage = Usage(prompt_tokens=wanted.tokens, image_tokens=wanted.patches // self.family.merge**2)
        reply = Reply(iter(()), usage)
        reply.pieces = self.answer(layout, sampling, wanted, usage, reply.cancelled)
        return reply

    def need(self, layout: Layout, sampling: Sampling = Sampling()) -> Need:
        """The tokens and memory a request takes, without running any of it."""
        grids = [grid.patches for grid in (*layout.image_grids, *layout.video_grids)]
        return need(self.shape, len(layout), sampling.max_new_tokens, grids)

    def free_bytes(self) -> int:
        """What the machine has for requests, beside the weights and what is kept of conversations."""
        return free_bytes(self.devices) - unread(self.cpu_bytes)

    def forget(self) -> None:
        """Nothing of earlier conversations holds any longer; to be called when the weights were changed."""
        with self.turns.turn(threading.Event()):
            self.arenas.clear()
            self.vision = Vision(self.opened().model, self.family)
            self.language = reader(self.opened())

    def save(self, messages: Sequence[Message], file: Path) -> None:
        """Keeps what was read of this conversation as a file; `restore` in another process goes on from there.

        Raises UserError when nothing of it is kept.
        """
        signs = asked(lay_out(messages, self.tokenizer, self.family)).signs
        with self.turns.turn(threading.Event()):
            best = max(self.arenas.kept, key=lambda arena: arena.common(signs), default=None)
            if best is None or not best.common(signs):
                raise UserError("nothing is kept of this conversation; ask the model first, then save it")
            save(best, self.opened(), file)

    def restore(self, file: Path) -> None:
        """Raises UserError when the file cannot be read or was saved with other weights."""
        with self.turns.turn(threading.Event()):
            arena = self.arenas.make(saved_length(file))
            restore(file, arena, self.opened())
            self.arenas.add(arena)

    def close(self) -> None:
        """Frees the weights, once the forward pass that may be running has ended."""
        with self.turns.turn(threading.Event()):
            if self.weights is None:
                return
            self.arenas.clear()
            self.weights = None
            del self.vision, self.language
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        log.info("closed %s", self.name)

    def opened(self) -> Any:
        if self.weights is None:
            raise UserError(f"the model {self.name} was closed; load it again")
        return self.weights

    def answer(
        self, layout: Layout, sampling: Sampling, wanted: Need, usage: Usage, cancelled: threading.Event
    ) -> Iterator[str]:
        """The pieces of one reply. `usage` is filled on the way; its `finish` says why it ended."""
        began, arena = time.monotonic(), None
        try:
            with out_of_memory_told(usage):
                prompt = asked(layout)
                arena = self.take(prompt, wanted, cancelled)
                usage.cached_tokens = arena.length
                logits = self.prefill(arena, prompt, cancelled)
            usage.prefill_s = time.monotonic() - began
            chooser = Chooser(sampling, layout.ids.tolist(), self.vocabulary.held(sampling))
            writer = Writer(self.token_bytes, sampling.stop)
            ids: list[int] = []
            usage.finish = "length" if wanted.new_tokens == 0 else None
            while usage.finish is None:
                tokens = chooser.pick(logits)
                for token in tokens:
                    ids.append(token)
                    usage.new_tokens, usage.total_s = len(ids), time.monotonic() - began
                    if token in self.ends:
                        usage.finish = "stop"
                        break
                    if piece := writer.add(token):
                        yield piece
                    usage.finish = ended(writer, ids, wanted.new_tokens)
                    if usage.finish:
                        break
                if usage.finish is None and chooser.is_over:
                    usage.finish = "stop"
                elif usage.finish is None:
                    position = layout.next_position + len(ids) - len(tokens)
                    with out_of_memory_told(usage):
                        logits = self.decode(arena, tokens, position, cancelled)
        except Cancelled:
            usage.finish = "cancelled"
        except GeneratorExit:  # its reader closed it
            usage.finish = "cancelled"
            raise
        finally:
            usage.total_s = time.monotonic() - began
            if arena:
                self.arenas.give(arena)

    def first_logits(self, messages: Sequence[Message]) -> Tensor:
        """Of the first token of the reply, (V,); what was read is kept as that of a reply is."""
        prompt, never = asked(lay_out(messages, self.tokenizer, self.family)), threading.Event()
        arena = self.take(prompt, self.need(prompt.layout), never)
        try:
            return self.prefill(arena, prompt, never)
        finally:
            self.arenas.give(arena)

    def take(self, prompt: Asked, wanted: Need, cancelled: threading.Event) -> Arena:
        """The arena of this reply; `length` says how much of the prompt it holds already."""
        with self.turns.turn(cancelled):
            self.opened()
            spare = int((self.free_bytes() + self.arenas.idle_bytes) * SPARE) - wanted.memory
            return self.arenas.take(prompt.signs, wanted.tokens + wanted.new_tokens, spare)

    @torch.inference_mode()
    def prefill(self, arena: Arena, prompt: Asked, cancelled: threading.Event) -> Tensor:
        """Reads what the arena lacks of the prompt. Returns the logits of the first token of the reply, (V,)."""
        with self.turns.turn(cancelled):
            start = arena.length
            rows, deep = self.embed(prompt, start, cancelled)
            return self.read(arena, prompt.signs[start:], rows, prompt.layout.positions[:, start:], deep, cancelled)

    @torch.inference_mode()
    def decode(self, arena: Arena, tokens: Sequence[int], position: int, cancelled: threading.Event) -> Tensor:
        """Feeds tokens of text, the first at `position`. Returns the logits of the next, (V,)."""
        with self.turns.turn(cancelled):
            if cancelled.is_set():
                raise Cancelled
            table, count = self.opened().get_input_embeddings(), len(tokens)
            rows = table(torch.tensor(tokens, device=table.weight.device))  # (T, D)
            positions = torch.arange(position, position + count).expand(3, count)
            return self.read(arena, word_signs(tokens, position), rows, positions, (), cancelled)

    def read(
        self,
        arena: Arena,
        signs: Signs,
        rows: Tensor,
        positions: Tensor,
        deep: Sequence[Tensor],
        cancelled: threading.Event,
    ) -> Tensor:
        """Feeds T tokens, which stand in the arena afterwards. Returns the logits behind the last, (V,)."""
        self.opened()
        logits = self.language.read(arena, rows, positions, deep, cancelled)
        arena.fill(signs)
        return logits

    def embed(self, prompt: Asked, start: int, cancelled: threading.Event) -> tuple[Tensor, list[Tensor]]:
        """The prompt from token `start` on as rows (T, D), what the tower saw in the places of the pictures.

        Also what the first layers add to their output there, each (T, D); Qwen3-VL only, else none.
        """
        table = self.opened().get_input_embeddings()
        rows = table(prompt.layout.ids[start:].to(table.weight.device))
        deep: list[Tensor] = []
        for part, key, place in zip(prompt.layout.parts, prompt.digests, prompt.places, strict=True):
            if place[-1] < start:
                continue
            known = int((place < start).sum())  # of its tokens, what the arena holds already
            seen = self.vision.see(part, key, cancelled)
            at = (place[known:] - start).to(rows.device)
            rows[at] = seen.tokens[known:].to(rows)
            deep = deep or [torch.zeros_like(rows) for _ in seen.deep]
            for level, more in zip(deep, seen.deep, strict=True):
                level[at] = more[known:].to(rows)
        return rows, deep


def reader(weights: Any) -> Language | Library:
    """What runs the language model: our own forward where it knows the checkpoint."""
    return Library(weights) if why_not(weights) else Language(weights)


def ended(writer: Writer, ids: Sequence[int], most: int) -> Finish | None:
    """Why a reply of these tokens is over; None: it goes on."""
    if writer.stopped:
        return "stop"
    if len(ids) >= most:
        return "length"
    return "repetition" if len(ids) % LOOP_CHECK_EVERY == 0 and is_loop(ids) else None


def end_tokens(weights: Any, tokenizer: Any, family: Family) -> frozenset[int]:
    """The tokens that end a reply: what the checkpoint says, and the family's own."""
    stated = weights.generation_config.eos_token_id
    listed = stated if isinstance(stated, list) else [stated]
    own = tokenizer.convert_tokens_to_ids(list(family.stop))
    return frozenset(token for token in [*listed, *own] if token is not None)


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
