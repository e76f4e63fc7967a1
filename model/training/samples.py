"""One training sample: a prompt with a picture, and several replies that share it, each blind to the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from model.computer_use import call, response, system_prompt
from model.families import TINY
from model.training.architecture import tokenizer
from tools.geometry import Size

PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


@dataclass(frozen=True)
class Reply:
    """A thought and a call; box is the target in pixels of the prepared picture, None where there is none."""

    thought: str
    action: dict[str, Any]  # {"action": ..., "coordinate": ...}, in pixels of the prepared picture
    box: tuple[float, float, float, float] | None = None
    planned: bool = False  # the thought, too, is to be learned: it answers the task in the prompt

    @property
    def text(self) -> str:
        arguments = dict(self.action)
        return f"{self.thought}\n{call(arguments.pop('action'), **arguments)}"


@dataclass(frozen=True)
class Sample:
    task: str
    history: tuple[tuple[str, str], ...]  # (reply, result) of the steps before
    replies: tuple[Reply, ...]
    image: NDArray[np.uint8] | None  # (H, W, 3), sides multiples of 28; None: words only
    characters: NDArray[np.int64] | None = None  # dense labels of the picture, see labels.py
    kinds: NDArray[np.int64] | None = None


@lru_cache(maxsize=1)
def words() -> Any:
    return tokenizer()


def encode(text: str) -> list[int]:
    return list(words()(text)["input_ids"])


def prompt_text(sample: Sample) -> str:
    """The prompt as agent/memory.py would say it, up to the assistant's turn."""
    size = Size(644, 476) if sample.image is None else Size(sample.image.shape[1], sample.image.shape[0])
    parts = [f"<|im_start|>system\n{system_prompt(TINY, size)}<|im_end|>\n<|im_start|>user\n{sample.task}"]
    for reply, result in sample.history:
        parts.append(f"<|im_end|>\n<|im_start|>assistant\n{reply}<|im_end|>\n<|im_start|>user\n{response(result)}")
    picture = "" if sample.image is None else PICTURE
    return "".join(parts) + f"{picture}<|im_end|>\n<|im_start|>assistant\n"


@dataclass
class Batch:
    """Tensors of equal-sized samples; S is the longest."""

    ids: Tensor  # (B, S)
    positions: Tensor  # (3, B, S)
    segment: Tensor  # (B, S) 0: prompt, k: the k-th reply, -1: nothing
    weight: Tensor  # (B, S) how much predicting the next token counts
    target: Tensor  # (B, S) the next token
    pointers: Tensor  # (K, 6) sample, place in the sequence, and the target's cells: row, column, last row, last column
    copies: Tensor  # (C, 3) sample, place in the sequence, and the place whose token is to be said next
    pixels: Tensor | None  # (B, H, W, 3) uint8
    characters: Tensor | None  # (B, N, 2)
    kinds: Tensor | None  # (B, N)
    starts: Tensor  # (B,) where each picture begins in its sequence


def lay_out(sample: Sample, longest: int = 4096) -> dict[str, Any]:
    """One sample as lists; replies follow the prompt, each continuing from the prompt's end."""
    ids = encode(prompt_text(sample))
    positions: NDArray[np.int64]
    start = 0
    if sample.image is None:
        positions = np.tile(np.arange(len(ids)), (3, 1))
        following = len(ids)
    else:
        pad = words().convert_tokens_to_ids("<|image_pad|>")
        start = ids.index(pad)
        rows, columns = sample.image.shape[0] // 28, sample.image.shape[1] // 28
        ids[start : start + 1] = [pad] * (rows * columns)
        r, c = np.divmod(np.arange(rows * columns), columns)
        after = start + max(rows, columns)
        tail = len(ids) - start - rows * columns
        positions = np.concatenate(
            [
                np.tile(np.arange(start), (3, 1)),
                np.stack([np.full_like(r, start), start + r, start + c]),
                np.tile(np.arange(after, after + tail), (3, 1)),
            ],
            1,
        )
        following = after + tail
    segment, weight, target = [0] * len(ids), [0.0] * len(ids), [0] * len(ids)
    last, pointers, copies, tails = len(ids) - 1, [], [], []
    for number, reply in enumerate(sample.replies, 1):
        said = encode(reply.text + "<|im_end|>")
        thought = len(encode(reply.thought + "\n"))
        if len(ids) + len(said) > longest:
            break
        begin = len(ids)
        ids += said
        segment += [number] * len(said)
        target += [*said[1:], 0]
        weight += [1.0 if reply.planned or i + 1 >= thought else 0.0 for i in range(len(said) - 1)] + [0.0]
        tails.append(np.tile(np.arange(following, following + len(said)), (3, 1)))
        if reply.planned:  # the prompt's last token predicts this reply's first
            target[last], weight[last] = said[0], 1.0
            copies += copied(ids, begin, reply)
        if sample.image is None and "coordinate" in reply.action:  # a place cannot be known without a picture
            first = begin + len(encode(reply.text.split('"coordinate": [')[0] + '"coordinate": [')) - 1
            weight[first : begin + len(said) - 4] = [0.0] * (begin + len(said) - 4 - first)
        if reply.box is not None and sample.image is not None:
            cells = target_cells(reply.box, sample.image.shape[0] // 28, sample.image.shape[1] // 28)
            spoken = len(encode(reply.text[: reply.text.index('"coordinate": [') + len('"coordinate": [')]))
            end = len(said) - 4  # ]}} newline </tool_call> <|im_end|>
            for place in range(begin + spoken - 1, begin + end):
                pointers.append([place, *cells])
                weight[place] = 2.0
    return dict(
        ids=ids,
        positions=np.concatenate([positions, *tails], 1),
        segment=segment,
        weight=weight,
        target=target,
        pointers=pointers,
        copies=copies,
        start=start,
    )


def copied(ids: list[int], begin: int, reply: Reply) -> list[list[int]]:
    """Where the words that a reply repeats stand: [place that says the next token, place of that token].

    ids: the prompt and the reply, which begins at `begin`. The name in the thought comes from the prompt, the text of
    a call from the thought. The token after the name counts too: it tells that the name is over.
    """
    before, quote, rest = reply.thought.partition('"')
    name = encode(rest.rpartition('"')[0])
    if not name:
        return []
    here = begin + len(encode(before + quote))
    found = []
    if source := find(ids[:begin], name):
        found = [[here + i - 1, source + i] for i in range(len(name) + 1)]
    text = reply.action.get("text", "")
    if text and encode(text) == name and '"' not in text and "\\" not in text:
        call = begin + len(encode(reply.text.split('"text": "')[0] + '"text": "'))
        found += [[call + i - 1, here + i] for i in range(len(name) + 1)]
    return found


def find(ids: list[int], name: list[int]) -> int:
    """Where the name stands as words of their own, 0 if nowhere."""
    edges = set(encode(' ",.:\n')) | {words().convert_tokens_to_ids("user\n")}
    for at in range(1, len(ids) - len(name)):
        if ids[at : at + len(name)] == name and ids[at - 1] in edges and ids[at + len(name)] in edges:
            return at
    return 0


def target_cells(box: tuple[float, float, float, float], rows: int, columns: int) -> tuple[int, int, int, int]:
    """First and last row and column of the picture tokens around the box's middle."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    row, column = min(rows - 1, max(0, int(y // 28))), min(columns - 1, max(0, int(x // 28)))
    first = min(column, max(0, int((box[0] + 7) // 28)))
    last = max(column, min(columns - 1, int((box[2] - 7) // 28)))
    return row, first, row, last


def collate(samples: list[Sample]) -> Batch:
    laid = [lay_out(sample) for sample in samples]
    longest = max(len(one["ids"]) for one in laid)

    def fill(name: str, value: float) -> Tensor:
        return torch.tensor([[*one[name], *[value] * (longest - len(one[name]))] for one in laid])

    positions = torch.zeros(3, len(laid), longest, dtype=torch.long)
    for index, one in enumerate(laid):
        positions[:, index, : one["positions"].shape[1]] = torch.from_numpy(one["positions"])
    copies = [[index, *copy] for index, one in enumerate(laid) for copy in one["copies"]]
    pointers = [[index, *pointer] for index, one in enumerate(laid) for pointer in one["pointers"]]

    def stack(name: str) -> Tensor | None:
        parts = [getattr(sample, name) for sample in samples]
        return None if any(part is None for part in parts) else torch.from_numpy(np.stack(parts))

    return Batch(
        ids=fill("ids", 0),
        positions=positions,
        segment=fill("segment", -1),
        weight=fill("weight", 0.0),
        target=fill("target", 0),
        pointers=torch.tensor(pointers, dtype=torch.long).reshape(-1, 6),
        copies=torch.tensor(copies, dtype=torch.long).reshape(-1, 3),
        pixels=stack("image"),
        characters=stack("characters"),
        kinds=stack("kinds"),
        starts=torch.tensor([one["start"] for one in laid]),
    )


def prepared(image: Image.Image, size: Size) -> NDArray[np.uint8]:
    """A picture resized as model/preprocess.py does, as an array."""
    if image.size != (size.width, size.height):
        image = image.resize((size.width, size.height), Image.Resampling.BICUBIC)
    return np.asarray(image.convert("RGB"))
