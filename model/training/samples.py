"""One training sample: a prompt with pictures or a video, and replies that share it, each blind to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
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
VIDEO = "<|vision_start|><|video_pad|><|vision_end|>"
POINT = '"coordinate": ['
CELL = TINY.factor  # pixels along one side of a picture token
Start = tuple[int, int, int]  # where the tokens of a grid begin, its rows and columns
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
class Answer:
    """What is said in a chat, all of it learned; `letters` and `places` tell where in the pictures it is found."""

    text: str
    letters: tuple[tuple[int, Corners], ...] = ()  # (index in text of a character that is read, its box)
    places: tuple[tuple[int, int, Corners], ...] = ()  # (from, to, box): these characters say where or when it is
    grid: int = 0  # of all pictures and pairs of video frames in order, the one that the boxes lie in


@dataclass(frozen=True)
class Picture:
    """A picture of one frame, or a video of an even number of them."""

    frames: NDArray[np.uint8]  # (T, H, W, 3), sides multiples of 28
    seconds_per_grid: float = 1.0  # of a video: from one pair of frames to the next
    characters: NDArray[np.int64] | None = None  # dense labels of a picture, see labels.py
    kinds: NDArray[np.int64] | None = None

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tokens along time, height and width."""
        times, height, width, _ = self.frames.shape
        return (times + 1) // 2, height // CELL, width // CELL


@dataclass(frozen=True)
class Sample:
    task: str
    history: tuple[tuple[Reply, str], ...]  # (reply, result) of the steps before
    replies: tuple[Reply | Answer, ...]
    pictures: tuple[Picture, ...] = ()
    system: str | None = None  # None: as the agent says it


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
    """Tensors of samples with equal-sized pictures; S is the longest, P the most places of one sample (0 fills up)."""

    ids: Tensor  # (B, S)
    positions: Tensor  # (3, B, S)
    segment: Tensor  # (B, S) 0: prompt, k: the k-th reply, -1: nothing
    weight: Tensor  # (B, S) how much predicting the next token counts
    target: Tensor  # (B, S) the next token
    pointers: Tensor  # (B, P, 7) where digits or read letters are said next, and the cells of what they tell
    reads: Tensor  # (B, P, 7) where a letter was said, and the cells of that letter, see `cells_of`
    copies: Tensor  # (B, P, 2) where a word is repeated, and the place whose token is to be said next
    pixels: list[Tensor]  # for every picture of the samples (B, T, H, W, 3) uint8
    characters: Tensor | None  # (B, N, 2) of the first picture
    kinds: Tensor | None  # (B, N)

    @property
    def grids(self) -> list[tuple[int, int, int]]:
        """Tokens along time, height and width of every picture."""
        return [((t + 1) // 2, h // CELL, w // CELL) for _, t, h, w, _ in (tuple(one.shape) for one in self.pixels)]


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
    starts: list[Start] = field(default_factory=list)  # of every picture, of every pair of frames

    def add(self, ids: Sequence[int], positions: NDArray[np.int64], segment: int = 0) -> None:
        self.ids += ids
        self.positions.append(positions)
        self.segment += [segment] * len(ids)
        self.weight += [0.0] * len(ids)
        self.target += [*ids[1:], 0]


def lay_out(sample: Sample, longest: int = 4096) -> Laid:
    """The prompt as agent/memory.py and model/chat.py say it; the replies follow, each from the prompt's end on."""
    laid, at = Laid(), 0

    def say(text: str) -> None:
        nonlocal at
        ids = encode(text)
        laid.add(ids, np.tile(np.arange(at, at + len(ids)), (3, 1)))
        at += len(ids)

    _, height, width, _ = sample.pictures[0].frames.shape if sample.pictures else (1, 476, 644, 3)
    system = system_prompt(TINY, Size(width, height)) if sample.system is None else sample.system
    say(f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{sample.task}")
    for step, result in sample.history:
        say("<|im_end|>\n<|im_start|>assistant\n")
        begin = len(laid.ids)
        say(f"{step.text}<|im_end|>")
        say(f"\n<|im_start|>user\n{response(result)}")
        learn(laid, step, begin, begin - 1, seen=False)
    for picture in sample.pictures:
        at = show(laid, at, picture)
    say("<|im_end|>\n<|im_start|>assistant\n")
    last = len(laid.ids) - 1
    for number, reply in enumerate(sample.replies, 1):
        said = encode(reply.text + "<|im_end|>")
        if len(laid.ids) + len(said) > longest:
            break
        begin = len(laid.ids)
        laid.add(said, np.tile(np.arange(at, at + len(said)), (3, 1)), number)
        if isinstance(reply, Answer):
            answer(laid, reply, begin, last)
        else:
            learn(laid, reply, begin, last, seen=bool(sample.pictures))
    return laid


def show(laid: Laid, at: int, picture: Picture) -> int:
    """Lay out a picture or a video; returns the position after it."""
    times, rows, columns = picture.grid
    video = len(picture.frames) > 1
    before, pad, after = encode(VIDEO if video else PICTURE)
    laid.add([before], np.full((3, 1), at))
    laid.starts += [(len(laid.ids) + time * rows * columns, rows, columns) for time in range(times)]
    pace = np.float32(picture.seconds_per_grid * (TINY.tokens_per_second or 1.0))
    t, r, c = (axis.ravel() for axis in np.indices((times, rows, columns)))
    t = (t * pace).astype(np.int64) if video else t
    laid.add([pad] * len(t), at + 1 + np.stack([t, r, c]))
    at += 2 + int(max(t[-1], rows - 1, columns - 1))
    laid.add([after], np.full((3, 1), at))
    return at + 1


def answer(laid: Laid, reply: Answer, begin: int, before: int) -> None:
    """Mark what is to be learned of an answer whose tokens start at `begin`: all of it, digits of places more."""
    said = laid.ids[begin:]
    laid.target[before], laid.weight[before] = said[0], 1.0
    laid.weight[begin : begin + len(said) - 1] = [1.0] * (len(said) - 1)
    if not reply.letters and not reply.places:
        return
    ends = [0] * len(reply.text)  # where the last token of each character ends
    for index, (left, right) in enumerate(words()(reply.text, return_offsets_mapping=True)["offset_mapping"]):
        ends[left:right] = [begin + index + 1] * (right - left)
    first = laid.starts[reply.grid]
    for start, end, box in reply.places:
        for index in range(start, end):
            place = ends[index] - 2 if index else before  # the token before the digit tells it
            laid.weight[place] = 2.0
            laid.pointers.append([place, *cells_of(box, first)])
    for index, box in reply.letters:
        cells = cells_of(inner(box), first)
        laid.reads.append([ends[index] - 1, *cells])
        told = ends[index - 1] - 1 if index else before
        laid.pointers += [[place, *cells] for place in (told, *range(max(begin, told + 1), ends[index] - 1))]


def learn(laid: Laid, reply: Reply, begin: int, before: int, seen: bool) -> None:
    """Mark what is to be learned of a reply whose tokens start at `begin`; the token at `before` tells its first one.

    A reply that is not planned answers nothing: its call is learned, its thought is given. Of what was not `seen`
    the coordinates are left out, nobody could know them.
    """
    said = encode(reply.text + "<|im_end|>")
    thought = len(encode(reply.thought + "\n"))
    learned = reply.planned or not seen
    for i in range(len(said) - 1):
        laid.weight[begin + i] = 1.0 if learned or i + 1 >= thought else 0.0
    if learned:
        laid.target[before], laid.weight[before] = said[0], 1.0
        laid.copies += copied(laid.ids, begin, before + 1, reply)
    if POINT in reply.text:
        spoken = len(encode(reply.text[: reply.text.index(POINT) + len(POINT)]))
        places = range(begin + spoken - 1, begin + len(said) - 4)  # up to ]}} newline </tool_call> <|im_end|>
        for place in places:
            laid.weight[place] = 2.0 if seen else 0.0
        if reply.box is not None and seen:
            cells = target_cells(reply.box, laid.starts[-1])
            laid.pointers += [[place, *cells] for place in places]
    if reply.letters and seen:
        laid.reads += read(reply, begin, laid.starts[-1])


def read(reply: Reply, begin: int, grid: Start) -> list[list[int]]:
    """[place where a letter of the name has been said, cells of that letter]; the reply begins at `begin`."""
    at = begin + len(encode(reply.thought.partition('"')[0] + '"'))
    found, boxes = [], iter(reply.letters)
    for letter in reply.name:
        at += len(encode(letter))
        if not letter.isspace():
            found.append([at - 1, *cells_of(inner(next(boxes)), grid)])
    return found


def copied(ids: list[int], begin: int, prompt: int, reply: Reply) -> list[list[int]]:
    """Where the words that a reply repeats stand: [place that says the next token, place of that token].

    ids: the prompt, `prompt` tokens long, and replies to it, of which this one begins at `begin`. The name in the
    thought comes from the prompt, there perhaps in other case, the text of a call from the thought. The token after
    the name counts too: it tells that the name is over.
    """
    name = encode(reply.name)
    if not name:
        return []
    here = begin + len(encode(reply.thought.partition('"')[0] + '"'))
    found = []
    if source := find(ids[:prompt], name) or find(lower(ids[:prompt]), lower(name)):
        found = [[here + i - 1, source + i] for i in range(len(name) + 1)]
    text = reply.action.get("text", "")
    if text and encode(text) == name and '"' not in text and "\\" not in text:
        call = begin + len(encode(reply.text.split('"text": "')[0] + '"text": "'))
        found += [[call + i - 1, here + i] for i in range(len(name) + 1)]
    return found


def lower(ids: list[int]) -> list[int]:
    """The same with small letters, A to Z."""
    small = small_letters()
    return [small.get(token, token) for token in ids]


@lru_cache(maxsize=1)
def small_letters() -> dict[int, int]:
    return dict(zip(encode(ascii_uppercase), encode(ascii_lowercase), strict=True))


def find(ids: list[int], name: list[int]) -> int:
    """Where the name stands as words of their own, 0 if nowhere."""
    edges = set(encode(' ",.:\n')) | {words().convert_tokens_to_ids("user\n")}
    for at in range(1, len(ids) - len(name)):
        if ids[at : at + len(name)] == name and ids[at - 1] in edges and ids[at + len(name)] in edges:
            return at
    return 0


def inner(letter: Corners) -> Corners:
    """The middle of a letter's box, where its ink is."""
    left, top, right, bottom = letter
    wide, high = (right - left) / 4, (bottom - top) / 3
    return left + wide, top + high, right - wide, bottom - high


def target_cells(box: Corners, grid: Start) -> list[int]:
    """The picture tokens where the click goes, and their neighbours along the inner half of a wide box."""
    x, y = place_in(box)
    wide = (box[2] - box[0]) / 4
    return cells_of((min(x, box[0] + wide), y, max(x, box[2] - wide), y), grid)


def cells_of(box: Corners, grid: Start) -> list[int]:
    """The grid's first token and columns, and first row, first column, last row, last column that the box touches."""
    start, rows, columns = grid
    left, top, right, bottom = (int(edge // CELL) for edge in box)
    return [start, columns, clamp(top, rows), clamp(left, columns), clamp(bottom, rows), clamp(right, columns)]


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

    def labels(name: str) -> Tensor | None:
        parts = [getattr(picture, name) for sample in samples for picture in sample.pictures[:1]]
        return torch.from_numpy(np.stack(parts)) if parts and all(part is not None for part in parts) else None

    pictures = zip(*(sample.pictures for sample in samples), strict=True)
    positions = torch.zeros(3, len(laid), longest, dtype=torch.long)
    for index, one in enumerate(laid):
        positions[:, index, : len(one.ids)] = torch.from_numpy(np.concatenate(one.positions, 1))
    return Batch(
        ids=fill([one.ids for one in laid], 0),
        positions=positions,
        segment=fill([one.segment for one in laid], -1),
        weight=fill([one.weight for one in laid], 0.0),
        target=fill([one.target for one in laid], 0),
        pointers=places([one.pointers for one in laid], 7),
        reads=places([one.reads for one in laid], 7),
        copies=places([one.copies for one in laid], 2),
        pixels=[torch.from_numpy(np.stack([one.frames for one in alike])) for alike in pictures],
        characters=labels("characters"),
        kinds=labels("kinds"),
    )


def prepared(image: Image.Image, size: Size) -> NDArray[np.uint8]:
    """A picture resized as model/preprocess.py does, as an array."""
    if image.size != (size.width, size.height):
        image = image.resize((size.width, size.height), Image.Resampling.BICUBIC)
    return np.asarray(image.convert("RGB"))
