"""What is taught together: batches without end from several sources, in given shares."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from model.training.chats import album_sample, caption_sample, clip_sample, film_sample, line_sample, paper_sample
from model.training.plans import planned_sample
from model.training.pointing import drawn_sample, form_sample, held_out, page_line, page_places, page_sample
from model.training.samples import Batch, Sample, collate
from tools.errors import UserError

Source = Callable[[random.Random, list[Path]], Iterator[Sample]]


WAITING = 300  # samples kept back until there are more of their size


class Lessons(IterableDataset[Batch]):
    """Batches of samples whose pictures are alike in size, each batch from one source."""

    def __init__(self, folders: list[Path], shares: Mapping[str, float], first: int, tokens: int) -> None:
        """folders: what `episodes` wrote. shares: how often each of SOURCES is drawn. tokens: in a batch, about."""
        self.folders, self.shares, self.first, self.tokens = folders, shares, first, tokens

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        rng = random.Random(self.first * 64 + (worker.id if worker else 0))
        sources = {name: grouped(SOURCES[name](rng, self.folders), self.tokens) for name in self.shares}
        while True:
            yield collate(next(sources[rng.choices(list(self.shares), list(self.shares.values()))[0]]))


def grouped(samples: Iterator[Sample], tokens: int) -> Iterator[list[Sample]]:
    """Samples whose pictures are of one size, as many as come to so many tokens; fewer where most sizes are rare."""
    waiting: dict[tuple[tuple[int, ...], ...], list[Sample]] = defaultdict(list)
    for sample in samples:
        shapes = tuple(picture.frames.shape for picture in sample.pictures)
        waiting[shapes].append(sample)
        if sum(length(one) for one in waiting[shapes]) >= tokens:
            yield waiting.pop(shapes)
        elif sum(len(group) for group in waiting.values()) > WAITING:
            yield waiting.pop(max(waiting, key=lambda key: len(waiting[key])))


def length(sample: Sample) -> int:
    """About how many tokens a sample has."""
    seen = sum(times * rows * columns for times, rows, columns in (picture.grid for picture in sample.pictures))
    spoken = [sample.task, *(reply.text for reply, _ in sample.history), *(reply.text for reply in sample.replies)]
    return seen + sum(len(text.encode()) for text in spoken)


def drawn(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
    while True:
        width, height = rng.choice([(224, 224), (308, 168), (224, 308), (308, 420), (448, 224)])
        yield drawn_sample(rng.randrange(10**9), width, height, rng.choice([14, 16, 18, 20]))


def albums(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
    while True:
        yield album_sample(rng.randrange(10**9))


def films(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
    while True:
        yield film_sample(rng.randrange(10**9), rng)


def forms(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
    while True:
        width, height = rng.choice([(224, 224), (308, 308), (308, 420)])
        yield form_sample(rng.randrange(10**9), width, height)


def plans(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
    while True:
        yield planned_sample(rng.randrange(10**9))


def lines(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
    while True:
        yield line_sample(rng.randrange(10**9))


def clips(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
    while True:
        yield clip_sample(rng.randrange(10**9), rng)


def of_screens(make: Callable[[dict[str, Any], Path, random.Random], Sample | None], papers: bool) -> Source:
    """Samples made from what `episodes` wrote: from its papers, or from all else. Folders may grow while training."""

    def source(rng: random.Random, folders: list[Path]) -> Iterator[Sample]:
        while True:
            found = list(page_places(folders, papers))
            if not found:
                raise UserError("no such screens yet; run: python3 launch.py train --stage pages")
            for index, at in rng.sample(found, min(len(found), 2000)):
                line = page_line(index, at)
                if line is None or held_out(line):
                    continue
                try:
                    sample = make(line, index.parent, rng)
                except (OSError, SyntaxError):  # a picture that is still being written
                    continue
                if sample is not None and sample.replies:
                    yield sample

    return source


SOURCES: dict[str, Source] = {
    "drawn": drawn,
    "forms": forms,
    "pages": of_screens(page_sample, papers=False),
    "plans": plans,
    "lines": lines,
    "papers": of_screens(paper_sample, papers=True),
    "clips": clips,
    "captions": of_screens(caption_sample, papers=False),
    "albums": albums,
    "films": films,
}


def read_shares(given: str) -> dict[str, float]:
    """ "drawn=2,pages=5" to {"drawn": 2.0, "pages": 5.0}. Raises ValueError that names what is wrong."""
    shares = {}
    for part in given.split(","):
        name, _, share = part.partition("=")
        if name not in SOURCES:
            raise ValueError(f"no source {name!r}; there are: {', '.join(SOURCES)}")
        shares[name] = float(share)
    return shares
