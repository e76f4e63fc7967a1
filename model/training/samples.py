"""One training sample: a prompt with a picture, and several replies that share it, each blind to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
POINT = '"coordinate": ['
CELL = TINY.factor  # pixels along one side of a picture token
Corners = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the prepared picture


@dataclass(frozen=True)
class Reply:
    """A thought and a call; box is the target in pixels of the prepared picture, None where there is none."""

    thought: str
    action: dict[str, Any]  # {"action": ..., "coordinate": ...}, in pixels of the prepared picture
    box: Corners | None = None
    planned: bool = False  # the thought, too, is to be learned: it answers the task in the prompt
    letters: tuple[Corners, ...] = ()  # where the letters of the name in the thought stand, blanks left out

    @property
    def text(self) -> str:
        arguments = dict(self.action)
        return f"{self.thought}\n{call(arguments.pop('action'), **arguments)}"

    @property
    def name(self) -> str:
        """What stands between the quotes of the thought; "" without."""
        return self.thought.partition('"')[2].rpartition('"')[0]


@dataclass(frozen=True)
class Sample:
    task: str
    history: tuple[tuple[Reply, str], ...]  # (reply, result) of the steps before
    replies: tuple[Reply, ...]
    image: NDArray[np.uint8] | None  # (H, W, 3), sides multiples of 28; None: words only
    characters: NDArray[np.int64] | None = None  # dense labels of the picture, see labels.py
    kinds: NDArray[np.int64] | None = None


@lru_cache(maxsize=1)
def words() -> Any:
    return tokenizer()


def encode(text: str) -> list[int]:
    return list(words()(text)["input_ids"])


def place_in(box: Corners) -> tuple[int, int]:
    """The point that a click on the box is taught to name: of the patch centres inside, the one nearest its middle.

    Such points are few, so that what a token knows of its place is enough to say them; a box without one gives its
    middle.
    """
    half = TINY.patch / 2
    left, top, right, bottom = box
    point = []
    for low, high in ((left, right), (top, bottom)):
        middle = (low + high) / 2
        snapped = round((middle - half) / TINY.patch) * TINY.patch + half
        point.append(int(snapped if low + 2 <= snapped <= high - 2 else middle))
    return point[0], point[1]


@dataclass
class Batch:
    """Tensors of equal-sized samples; S is the longest, P the most places of one sample (0 fills up)."""

    ids: Tensor  # (B, S)
    positions: Tensor  # (3, B, S)
    segment: Tensor  # (B, S) 0: prompt, k: the k-th reply, -1: nothing
    weight: Tensor  # (B, S) how much predicting the next token counts
    target: Tensor  # (B, S) the next token
    pointers: Tensor  # (B, P, 5) where digits are said, and the target's cells: first and last row, column
    reads: Tensor  # (B, P, 5) where a letter of a name was said, and the cells of that letter in the picture
    copies: Tensor  # (B, P, 2) where a word is repeated, and the place whose token is to be said next
    pixels: Tensor | None  # (B, H, W, 3) uint8
    characters: Tensor | None  # (B, N, 2)
    kinds: Tensor | None  # (B, N)
    starts: Tensor  # (B,) where each picture begins in its sequence


@dataclass
class Laid:
    """One sample as token ids with what each place is to learn."""

    ids: list[int] = field(default_factory=list)
    positions: list[NDArray[np.int64]] = field(default_factory=list)  # (3, n) each
    segment: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    pointers: list[list[int]] = field(default_factory=list)
    reads: list[list[int]] = field(default_factory=list)
    copies: list[list[int]] = field(default_factory=list)
    start: int = 0  # where the picture begins

    def add(self, ids: Sequence[int], positions: NDArray[np.int64], segment: int = 0) -> None:
        self.ids += ids
        self.positions.append(positions)
        self.segment += [segment] * len(ids)
        self.weight += [0.0] * len(ids)
        self.target += [*ids[1:], 0]


def lay_out(sample: Sample, longest: int = 4096) -> Laid:
    """The prompt as agent/memory.py says it; the replies follow, each continuing from the prompt's end."""
    laid, at = Laid(), 0

    def say(text: str) -> None:
        nonlocal at
        ids = encode(text)
        laid.add(ids, np.tile(np.arange(at, at + len(ids)), (3, 1)))
        at += len(ids)

    size = Size(644, 476) if sample.image is None else Size(sample.image.shape[1], sample.image.shape[0])
    say(f"<|im_start|>system\n{system_prompt(TINY, size)}<|im_end|>\n<|im_start|>user\n{sample.task}")
    for reply, result in sample.history:
        say("<|im_end|>\n<|im_start|>assistant\n")
        begin = len(laid.ids)
        say(f"{reply.text}<|im_end|>")
        say(f"\n<|im_start|>user\n{response(result)}")
        learn(laid, reply, begin, begin - 1, None)
    if sample.image is not None:
        at = show(laid, at, sample.image.shape[0] // CELL, sample.image.shape[1] // CELL)
    say("<|im_end|>\n<|im_start|>assistant\n")
    last = len(laid.ids) - 1
    for number, reply in enumerate(sample.replies, 1):
        said = encode(reply.text + "<|im_end|>")
        if len(laid.ids) + len(said) > longest:
            break
        begin = len(laid.ids)
        laid.add(said, np.tile(np.arange(at, at + len(said)), (3, 1)), number)
        learn(laid, reply, begin, last, sample.image)
    return laid


def show(laid: Laid, at: int, rows: int, columns: int) -> int:
    """Lay out a picture of so many tokens; returns the position after it."""
    before, pad, after = encode(PICTURE)
    laid.add([before], np.full((3, 1), at))
    laid.start = len(laid.ids)
    r, c = np.divmod(np.arange(rows * columns), columns)
    laid.add([pad] * (rows * columns), np.stack([np.full_like(r, at + 1), at + 1 + r, at + 1 + c]))
    at += 1 + max(rows, columns)
    laid.add([after], np.full((3, 1), at))
    return at + 1


def learn(laid: Laid, reply: Reply, begin: int, before: int, image: NDArray[np.uint8] | None) -> None:
    """Mark what is to be learned of a reply whose tokens start at `begin`; the token at `before` tells its first one.

    A reply that is not planned answers nothing: its call is learned, its thought is given. Without a picture the
    coordinates are left out, nobody could know them.
    """
    said = encode(reply.text + "<|im_end|>")
    thought = len(encode(reply.thought + "\n"))
    learned = reply.planned or image is None
    for i in range(len(said) - 1):
        laid.weight[begin + i] = 1.0 if learned or i + 1 >= thought else 0.0
    if learned:
        laid.target[before], laid.weight[before] = said[0], 1.0
        laid.copies += copied(laid.ids, begin, before + 1, reply)
    if POINT in reply.text:
        spoken = len(encode(reply.text[: reply.text.index(POINT) + len(POINT)]))
        places = range(begin + spoken - 1, begin + len(said) - 4)  # up to ]}} newline </tool_call> <|im_end|>
        for place in places:
            laid.weight[place] = 0.0 if image is None else 2.0
        if reply.box is not None and image is not None:
            cells = target_cells(reply.box, image)
            laid.pointers += [[place, *cells] for place in places]
    if reply.letters and image is not None:
        laid.reads += read(reply, begin, image)


def read(reply: Reply, begin: int, image: NDArray[np.uint8]) -> list[list[int]]:
    """[place where a letter of the name has been said, cells of that letter]; the reply begins at `begin`."""
    at = begin + len(encode(reply.thought.partition('"')[0] + '"'))
    found, boxes = [], iter(reply.letters)
    for letter in reply.name:
        at += len(encode(letter))
        if not letter.isspace():
            left, top, right, bottom = next(boxes)
            wide, high = (right - left) / 4, (bottom - top) / 3
            inner = (left + wide, top + high, right - wide, bottom - high)
            found.append([at - 1, *cells_of(inner, image)])
    return found


def copied(ids: list[int], begin: int, prompt: int, reply: Reply) -> list[list[int]]:
    """Where the words that a reply repeats stand: [place that says the next token, place of that token].

    ids: the prompt, `prompt` tokens long, and replies to it, of which this one begins at `begin`. The name in the
    thought comes from the prompt, the text of a call from the thought. The token after the name counts too: it tells
    that the name is over.
    """
    name = encode(reply.name)
    if not name:
        return []
    here = begin + len(encode(reply.thought.partition('"')[0] + '"'))
    found = []
    if source := find(ids[:prompt], name):
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


def target_cells(box: Corners, image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """The picture tokens where the click goes, and their neighbours along the inner half of a wide box."""
    x, y = place_in(box)
    wide = (box[2] - box[0]) / 4
    return cells_of((min(x, box[0] + wide), y, max(x, box[2] - wide), y), image)


def cells_of(box: Corners, image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """First row, first column, last row and last column of the picture tokens that the box touches."""
    rows, columns = image.shape[0] // CELL, image.shape[1] // CELL
    left, top, right, bottom = (int(edge // CELL) for edge in box)
    return clamp(top, rows), clamp(left, columns), clamp(bottom, rows), clamp(right, columns)


def clamp(index: int, count: int) -> int:
    return min(count - 1, max(0, index))


def collate(samples: list[Sample]) -> Batch:
    laid = [lay_out(sample) for sample in samples]
    longest = max(len(one.ids) for one in laid)

    def fill(rows: list[list[Any]], value: float, length: int = longest) -> Tensor:
        return torch.tensor([[*row, *[value] * (length - len(row))] for row in rows])

    def places(rows: list[list[list[int]]], width: int) -> Tensor:
        most = max(1, *(len(row) for row in rows))
        return torch.tensor([[*row, *[[0] * width] * (most - len(row))] for row in rows], dtype=torch.long)

    def stack(name: str) -> Tensor | None:
        parts = [getattr(sample, name) for sample in samples]
        return None if any(part is None for part in parts) else torch.from_numpy(np.stack(parts))

    positions = torch.zeros(3, len(laid), longest, dtype=torch.long)
    for index, one in enumerate(laid):
        positions[:, index, : len(one.ids)] = torch.from_numpy(np.concatenate(one.positions, 1))
    return Batch(
        ids=fill([one.ids for one in laid], 0),
        positions=positions,
        segment=fill([one.segment for one in laid], -1),
        weight=fill([one.weight for one in laid], 0.0),
        target=fill([one.target for one in laid], 0),
        pointers=places([one.pointers for one in laid], 5),
        reads=places([one.reads for one in laid], 5),
        copies=places([one.copies for one in laid], 2),
        pixels=stack("image"),
        characters=stack("characters"),
        kinds=stack("kinds"),
        starts=torch.tensor([one.start for one in laid]),
    )


def prepared(image: Image.Image, size: Size) -> NDArray[np.uint8]:
    """A picture resized as model/preprocess.py does, as an array."""
    if image.size != (size.width, size.height):
        image = image.resize((size.width, size.height), Image.Resampling.BICUBIC)
    return np.asarray(image.convert("RGB"))
