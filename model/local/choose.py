"""One row of logits -> the next tokens: greedy, or drawn by temperature and top-p with a generator of our own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model.local.grammar import Held
from model.vlm import Sampling


class Chooser:
    """Picks the tokens of one reply; the same seed and logits give the same tokens on every device."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int], held: Held | None = None):
        """held: the grammar of the reply, if it has one."""
        self.sampling = sampling
        self.held = held
        self.seen = set(prompt)  # the repetition penalty counts the prompt too, as the published settings mean it
        self.random = torch.Generator().manual_seed(sampling.seed)

    @property
    def is_over(self) -> bool:
        """The grammar lets nothing follow."""
        return self.held is not None and self.held.is_over

    def pick(self, logits: Tensor) -> list[int]:
        """The next token, and behind it those that the grammar leaves no choice about.

        logits: (V,), any dtype and device.
        """
        logits = logits.float()
        if self.sampling.repetition_penalty != 1.0:
            logits = self.penalised(logits)
        if self.held:
            logits = self.held.mask(logits)
        token = int(logits.argmax()) if self.sampling.temperature <= 0 else self.draw(logits)
        tokens = [token, *self.held.take(token)] if self.held else [token]
        self.seen.update(tokens)
        return tokens

    def penalised(self, logits: Tensor) -> Tensor:
        """Seen tokens made less likely, by division above zero and multiplication below. Source: arXiv 1909.05858."""
        seen = torch.tensor(sorted(self.seen), device=logits.device)
        old, penalty = logits[seen], self.sampling.repetition_penalty
        return logits.scatter(0, seen, torch.where(old < 0, old * penalty, old / penalty))

    def draw(self, logits: Tensor) -> int:
        chances = (logits.cpu() / self.sampling.temperature).softmax(-1)  # (V,)
        if self.sampling.top_p < 1.0:
            chances, order = chances.sort(descending=True)
            before = chances.cumsum(-1) - chances
            chances[1:][before[1:] >= self.sampling.top_p] = 0.0  # the likeliest always stays
            return int(order[torch.multinomial(chances, 1, generator=self.random)])
        return int(torch.multinomial(chances, 1, generator=self.random))
