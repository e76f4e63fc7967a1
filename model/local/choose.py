"""One row of logits -> the next token: greedy, or drawn by temperature and top-p with a generator of our own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model.vlm import Sampling


class Chooser:
    """Picks the tokens of one reply; the same seed and logits give the same tokens on every device."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int]):
        self.sampling = sampling
        self.seen = set(prompt)  # the repetition penalty counts the prompt too, as the published settings mean it
        self.random = torch.Generator().manual_seed(sampling.seed)

    def pick(self, logits: Tensor) -> int:
        """logits: (V,), any dtype and device."""
        logits = logits.float()
        if self.sampling.repetition_penalty != 1.0:
            logits = self.penalised(logits)
        token = int(logits.argmax()) if self.sampling.temperature <= 0 else self.draw(logits)
        self.seen.add(token)
        return token

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
