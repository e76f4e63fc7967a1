"""A reply held to a grammar: which tokens may come next, and which have to."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import cached_property
from typing import cast

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from torch import Tensor

from model.json_grammar import SPELLING
from model.local.words import TokenBytes
from model.vlm import Sampling

log = logging.getLogger(__name__)


class Vocabulary:
    """The tokens of one model as llguidance takes them. Its own loader would not see the bytes of `<tool_call>`."""

    is_tokenizer_wrapper = True
    bos_token_id = None
    special_token_ids: tuple[int, ...] = ()

    def __init__(self, words: TokenBytes, rows: int, ends: Collection[int]):
        """rows: of the logits, which may be more than there are tokens. ends: tokens that end a reply, at least one."""
        self.words = words
        self.rows = rows
        self.ends = sorted(ends)

    @property
    def eos_token_id(self) -> int:
        return self.ends[0]

    @cached_property
    def tokens(self) -> list[bytes]:
        return [self.words.of(token) for token in range(self.rows)]

    def __call__(self, text: str) -> list[int]:
        """Text as the model reads it; a special token that is spelled out in it is text too."""
        ids: list[int] = self.words.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return ids

    @cached_property
    def compiled(self) -> LLTokenizer:
        return LLTokenizer(cast(TokenizerWrapper, self), n_vocab=self.rows, eos_token=self.ends)

    def held(self, sampling: Sampling) -> Held | None:
        """What a reply is held to; None: to nothing, as nothing is asked for or the grammar cannot be made."""
        if sampling.grammar is not None:
            grammar = LLMatcher.grammar_from_lark(sampling.grammar)
        elif sampling.schema is not None:
            grammar = LLMatcher.grammar_from_json_schema({**sampling.schema, "x-guidance": SPELLING})
        else:
            return None
        matcher = LLMatcher(self.compiled, grammar, log_level=0)
        if matcher.is_error():
            log.warning("the reply is held to nothing: %s", matcher.get_error()[:200])
            return None
        return Held(matcher)


class Held:
    """One reply on its way through the grammar."""

    def __init__(self, matcher: LLMatcher):
        self.matcher = matcher

    @property
    def is_over(self) -> bool:
        """Nothing but an end may follow."""
        return self.matcher.is_stopped() and not self.matcher.is_error()

    def mask(self, logits: Tensor) -> Tensor:
        """The logits (V,), those of tokens that may not come next at minus infinity."""
        bits = self.matcher.compute_bitmask()
        if self.matcher.is_error():  # too large a grammar, say
            return logits
        allowed = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[: len(logits)].astype(bool)
        return logits.masked_fill(~torch.from_numpy(allowed).to(logits.device), -torch.inf)

    def take(self, token: int) -> list[int]:
        """The tokens that have to follow this one, up to the last that is the same whatever comes behind it.

        What follows a forced letter can change the token it is in: such letters are left to the logits.
        """
        self.matcher.consume_token(token)
        forced: list[int] = self.matcher.compute_ff_tokens()
        self.matcher.consume_tokens(forced)
        return forced
