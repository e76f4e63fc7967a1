"""Stage 2, multimodal: all weights learn to point, and to think and call as experts did, on drawn and real pages."""

from __future__ import annotations

import argparse
import json
import random
import string
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from model.families import TINY
from model.training.architecture import new_model
from model.training.drawing import picture, word
from model.training.forward import see, think
from model.training.labels import SAMPLES, character_labels, kind_labels
from model.training.samples import Batch, Reply, Sample, collate, encode, prepared, words
from model.training.trainer import Log, optimisers, save_checkpoint, schedule, update
from model.training.vision import Heads, dense_loss
from tools.geometry import Size

LOOK = (3, 4)  # blocks whose first head is taught to look at the target in the picture
REPEAT = (2, 3)  # blocks whose second head is taught to look at the words to be repeated
PLACES = 48  # rows or columns told apart by the place heads
WIDTHS = (308, 420, 476, 560, 644, 756, 868, 980)  # pages are padded to these, so that batches share a size
HEIGHTS = (364, 420, 476, 560, 644, 756)


class Places(nn.Module):
    """Scaffolding: every picture token should know its own row and column, so that they can be spoken. Not shipped."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.row_head = nn.Linear(width, PLACES)
        self.column_head = nn.Linear(width, PLACES)

    def loss(self, tokens: Tensor, rows: int, columns: int) -> Tensor:
        """tokens: (B, rows * columns, D)."""
        r, c = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        r, c = (x.flatten().clamp(max=PLACES - 1).expand(len(tokens), -1).to(tokens.device) for x in (r, c))
        return F.cross_entropy(self.row_head(tokens).flatten(0, 1), r.flatten()) + F.cross_entropy(
            self.column_head(tokens).flatten(0, 1), c.flatten()
        )


def phrase(element: dict[str, Any]) -> str | None:
    """How a thought names the element; None where it has no name."""
    text = " ".join(element["text"].split())
    if element["kind"] == "close":
        return "Click the close button."
    if element["kind"] == "field":
        return f'Click the field "{text}".' if text else "Click the text field."
    if not text or len(text) > 40:
        return None
    return f'Check "{text}".' if element["kind"] in ("checkbox", "radio") else f'Click "{text}".'


def pointing(elements: list[dict[str, Any]], rng: random.Random, most: int) -> list[Reply]:
    """Replies that point at elements whose name is unlike every other name in the picture."""
    named = [(phrase(element), element) for element in elements]
    counts: dict[str, int] = defaultdict(int)
    for name, _ in named:
        counts[(name or "").lower()] += 1
    replies = []
    for name, element in named:
        left, top, right, bottom = element["box"]
        if name and counts[name.lower()] == 1 and right - left > 4 and bottom - top > 4:
            middle = [round((left + right) / 2), round((top + bottom) / 2)]
            action = {"action": "left_click", "coordinate": middle}
            replies.append(Reply(name, action, (left, top, right, bottom)))
    rng.shuffle(replies)
    return replies[:most]


def drawn_sample(seed: int, width: int, height: int, smallest: int, most: int = 8) -> Sample:
    """A drawn picture; its words and widgets are pointed at."""
    rng = random.Random(seed)
    drawn = picture(seed, width, height, (smallest, 36))
    inside = [
        e
        for e in drawn.elements
        if e["box"][0] >= 0 and e["box"][1] >= 0 and e["box"][2] <= width and e["box"][3] <= height
    ]
    replies = pointing(inside, rng, most)
    return Sample(
        task=" ".join(word(rng) for _ in range(rng.randint(0, 4))),
        history=(),
        replies=tuple(replies),
        image=np.asarray(drawn.image),
        characters=character_labels(drawn.chars, height, width).reshape(-1, SAMPLES),
        kinds=kind_labels(drawn.elements, height, width).reshape(-1),
    )


def scaled(box: list[float], x: float, y: float) -> list[float]:
    return [box[0] * x, box[1] * y, box[2] * x, box[3] * y]


def page_sample(line: dict[str, Any], folder: Path, rng: random.Random, most: int = 8) -> Sample:
    """A real page as an expert saw it, padded to a common size: the expert's own reply, and others that point."""
    image = Image.open(folder / line["image"]).convert("RGB")
    width, height = image.size
    exact = TINY.grid(Size(width, height)).resized
    padded = Size(
        next((w for w in WIDTHS if w >= exact.width), exact.width),
        next((h for h in HEIGHTS if h >= exact.height), exact.height),
    )
    x, y = exact.width / width, exact.height / height
    array = np.empty((padded.height, padded.width, 3), np.uint8)
    array[:] = np.asarray(image.getpixel((width - 1, height - 1)), np.uint8)
    array[: exact.height, : exact.width] = prepared(image, exact)
    elements = [{**e, "box": scaled(e["box"], x, y)} for e in line["elements"]]
    chars = [[c, *scaled(list(box), x, y)] for c, *box in line["chars"]]

    def spoken(step: dict[str, Any], box: list[float] | None = None) -> dict[str, Any]:
        action = dict(step["action"])
        if "coordinate" in action:
            px, py = action["coordinate"]
            if box is not None:
                px, py = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            action["coordinate"] = [round(px * x), round(py * y)]
        return action

    task = line.get("task") or ""

    def thought(step: dict[str, Any]) -> str:  # a label that the task does not give need not be spelled
        said = str(step["thought"])
        unnamed = said.startswith('Click the field "') and said.split('"', 1)[1][:-2] not in task
        return "Click the text field." if unnamed else said

    replies = pointing(elements, rng, most)
    history = []
    if line.get("thought"):
        box = line.get("target_box")
        own = Reply(thought(line), spoken(line, box), tuple(scaled(box, x, y)) if box else None, planned=True)  # type: ignore[arg-type]
        replies = [own, *(reply for reply in replies if reply.thought != own.thought)][:most]
        history = [(Reply(thought(s), spoken(s)).text, s["result"]) for s in line["history"]]
    return Sample(
        task=task or " ".join(word(rng) for _ in range(rng.randint(0, 4))),
        history=tuple(history),
        replies=tuple(replies),
        image=array,
        characters=character_labels(chars, padded.height, padded.width).reshape(-1, SAMPLES),
        kinds=kind_labels(elements, padded.height, padded.width).reshape(-1),
    )


def name(rng: random.Random) -> str:
    return " ".join(word(rng).strip(string.punctuation) or "a" for _ in range(rng.choice([1, 1, 1, 2])))


def planned_sample(seed: int) -> Sample:
    """Words only: a task, what was done so far, and the next thought; copying and order are learned cheaply here."""
    rng = random.Random(seed)
    a, b, c, d = (name(rng) for _ in range(4))
    button = rng.choice(["Submit", "Submit", "OK", "Send", "Save", "Search", c])
    ticks = [name(rng) for _ in range(rng.randint(0, 5))]
    quoted = rng.random() < 0.5
    shown = ", ".join(f'"{t}"' if quoted else t for t in ticks) or "nothing"
    press = rng.choice([f'press "{button}"', f"press {button}", f'click "{button}"', f"click {button}"])
    tasks: list[tuple[str, list[str]]] = [
        (f'Click on the "{a}" button.', [f'Click "{a}".']),
        (f'Click the "{a}" button.', [f'Click "{a}".']),
        (f"Click button {a}.", [f'Click "{a}".']),
        (f'Click on the link "{a}".', [f'Click "{a}".']),
        (f"Click on {a}.", [f'Click "{a}".']),
        (f"Click on Tab #{rng.randint(1, 6)}.", []),
        (
            f'Enter "{a}" into the text field and {press}.',
            ["Click the text field.", f'Type "{a}".', f'Click "{button}".'],
        ),
        (
            f'Enter "{a}" into the field "{b}" and {press}.',
            [f'Click the field "{b}".', f'Type "{a}".', f'Click "{button}".'],
        ),
        (
            f'Enter "{a}" into "{b}" and "{c}" into "{d}", then {press}.',
            [
                f'Click the field "{b}".',
                f'Type "{a}".',
                f'Click the field "{d}".',
                f'Type "{c}".',
                f'Click "{button}".',
            ],
        ),
        (f"Select {shown} and {press}.", [*(f'Check "{t}".' for t in ticks), f'Click "{button}".']),
        (f"Select {shown} and {press}.", [*(f'Check "{t}".' for t in ticks), f'Click "{button}".']),
    ]
    task, steps = rng.choice(tasks)
    if not steps:
        steps = [f'Click "{task[len("Click on ") : -1]}".']
    at = rng.randrange(len(steps))

    def act(thought: str) -> Reply:
        text = thought.split('"', 1)[1][:-2] if '"' in thought else ""
        if thought.startswith("Type"):
            return Reply(thought, {"action": "type", "text": text}, planned=True)
        place = [rng.randint(0, 640), rng.randint(0, 470)]
        return Reply(thought, {"action": "left_click", "coordinate": place}, planned=True)

    history = tuple((act(step).text, "") for step in steps[:at])
    return Sample(task, history, (act(steps[at]),), None)


class Samples(IterableDataset[Batch]):
    """Batches without end: drawn pictures, real pages grouped by size, and words only, in the given shares."""

    def __init__(self, pages: list[Path], shares: tuple[float, float, float], first: int, tokens: int) -> None:
        self.pages, self.shares, self.first, self.tokens = pages, shares, first, tokens

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        rng = random.Random(self.first * 64 + (worker.id if worker else 0))
        real = self.real(rng)
        while True:
            kind = rng.choices(["drawn", "page", "words"], self.shares)[0]
            if kind == "drawn":
                width, height = rng.choice([(224, 224), (308, 168), (224, 308), (308, 420), (448, 224)])
                count = max(2, self.tokens // ((width // 28) * (height // 28)))
                smallest = rng.choice([14, 16, 18, 20])
                yield collate([drawn_sample(rng.randrange(10**9), width, height, smallest) for _ in range(count)])
            elif kind == "page":
                yield collate(next(real))
            else:
                yield collate([planned_sample(rng.randrange(10**9)) for _ in range(20)])

    def real(self, rng: random.Random) -> Iterator[list[Sample]]:
        """Pages of one padded size at a time; folders that appear while training are taken up."""
        waiting: dict[tuple[int, ...], list[Sample]] = defaultdict(list)
        while True:
            lines = [(line, folder) for line, folder in page_lines(self.pages) if not held_out(line)]
            rng.shuffle(lines)
            for line, folder in lines[:400]:
                try:
                    sample = page_sample(line, folder, rng)
                except (OSError, SyntaxError):  # a picture that is still being written
                    continue
                if sample.image is None or not sample.replies:
                    continue
                group = waiting[sample.image.shape]
                group.append(sample)
                if len(group) * sample.image.shape[0] * sample.image.shape[1] >= self.tokens * 784:
                    yield waiting.pop(sample.image.shape)


def held_out(line: dict[str, Any]) -> bool:
    return int(line["seed"]) % 25 == 7


def page_lines(folders: list[Path]) -> Iterator[tuple[dict[str, Any], Path]]:
    for folder in folders:
        for index in sorted(folder.glob("*/index.jsonl")):
            for text in index.read_text().splitlines():
                try:
                    yield json.loads(text), index.parent
                except ValueError:  # the last line of a folder that is still growing
                    continue


def forward(model: Any, batch: Batch, seen: tuple[Tensor, Tensor] | None = None) -> tuple[Any, Tensor, Tensor]:
    """What the language model thinks; what `see` made of the pictures, computed here unless given."""
    embedded = model.model.language_model.embed_tokens(batch.ids)
    tokens = patches = embedded.new_zeros(0)
    if batch.pixels is not None:
        tokens, patches = seen or see(model.model.visual, batch.pixels)
        embedded = embedded.masked_scatter((batch.ids == model.config.image_token_id)[..., None], tokens)
    asks, holds = batch.segment[:, :, None], batch.segment[:, None, :]
    causal = torch.ones(batch.ids.shape[1], batch.ids.shape[1], dtype=torch.bool, device=embedded.device).tril()
    mask = causal & ((asks == holds) | (holds == 0))
    thought = think(model.model.language_model, embedded, batch.positions, mask, {*LOOK, *REPEAT})
    return thought, tokens, patches


def losses(model: Any, heads: Heads, places: Places, batch: Batch) -> dict[str, Tensor]:
    thought, tokens, patches = forward(model, batch)
    wanted = batch.weight > 0
    logits = F.linear(thought.hidden[wanted], model.lm_head.weight)
    each = F.cross_entropy(logits, batch.target[wanted], reduction="none")
    out = {"words": (each * batch.weight[wanted]).sum() / batch.weight[wanted].sum()}
    if len(batch.copies):
        sample, place, source = batch.copies.T
        for block in REPEAT:
            out[f"copy{block}"] = -thought.attention[block][sample, 1, place, source].mean()
    if batch.pixels is None:
        return out
    rows, columns = batch.pixels.shape[1] // 28, batch.pixels.shape[2] // 28
    assert batch.characters is not None and batch.kinds is not None
    out["dense"] = dense_loss(heads(tokens, patches), batch.characters, batch.kinds)
    pictures = torch.stack([thought.layers[2][i, s : s + rows * columns] for i, s in enumerate(batch.starts.tolist())])
    out["place"] = places.loss(pictures, rows, columns)
    if len(batch.pointers):
        for block in LOOK:
            aimed = looked(thought.attention[block], batch, rows, columns)
            out[f"look{block}"] = -aimed.masked_fill(~target_mask(batch, rows, columns), -30).logsumexp(-1).mean()
    return out


def looked(attention: Tensor, batch: Batch, rows: int, columns: int) -> Tensor:
    """(K, T) log attention from every speaking place to every token of its picture."""
    sample, place = batch.pointers[:, 0], batch.pointers[:, 1]
    at = batch.starts[sample][:, None] + torch.arange(rows * columns, device=attention.device)
    return attention[sample[:, None], 0, place[:, None], at]


def target_mask(batch: Batch, rows: int, columns: int) -> Tensor:
    """(K, T) True for the picture tokens of the target."""
    index = torch.arange(rows * columns, device=batch.ids.device)
    r, c = index // columns, index % columns
    row, first, last_row, last = (batch.pointers[:, i, None] for i in (2, 3, 4, 5))
    return (r >= row) & (r <= last_row) & (c >= first) & (c <= last)


WEIGHTS = {"words": 1.0, "dense": 0.4, "place": 0.2, "look3": 0.5, "look4": 0.5, "copy2": 0.3, "copy3": 0.3}


@torch.no_grad()
def hits(model: Any, samples: list[Sample]) -> float:
    """Share of the samples whose first pointing reply, spoken greedily after its thought, lands in the target's box."""
    end = encode("]}}")[0]
    right = total = 0
    for sample in samples:
        reply = next((r for r in sample.replies if r.box is not None), None)
        if reply is None or sample.image is None:
            continue
        batch = collate([Sample(sample.task, sample.history, (reply,), sample.image)])
        length = int(batch.pointers[0, 1]) + 1
        said: list[int] = []
        assert batch.pixels is not None
        seen = see(model.model.visual, batch.pixels)
        for step in range(9):
            batch.ids[0, length + step - 1 : length + step] = said[-1] if said else batch.ids[0, length - 1]
            thought, *_ = forward(model, batch, seen)
            token = int(F.linear(thought.hidden[0, length + step - 1], model.lm_head.weight).argmax())
            if token == end or length + step >= batch.ids.shape[1]:
                break
            said.append(token)
        total += 1
        numbers = words().decode(said).split(",")
        if len(numbers) == 2 and all(n.strip().isdigit() for n in numbers):
            px, py = (int(n) for n in numbers)
            right += reply.box[0] <= px <= reply.box[2] and reply.box[1] <= py <= reply.box[3]  # type: ignore[index]
    return right / max(1, total)


def load(out: Path, seed: int, begin: Path | None = None) -> tuple[Any, Heads, Places, int]:
    """The newest checkpoint of this stage, else the exported one, else the tower of stage 1, else fresh weights."""
    model = new_model(seed)
    tower = model.model.visual
    heads = Heads(tower.config.hidden_size, tower.config.out_hidden_size)
    places = Places(model.config.text_config.hidden_size)
    step = 0
    if (out / "multimodal.pt").exists():
        saved = torch.load(out / "multimodal.pt", weights_only=True)
        model.load_state_dict(saved["model"])
        heads.load_state_dict(saved["heads"])
        places.load_state_dict(saved["places"])
        step = saved["step"]
    elif begin is not None:
        model.load_state_dict(type(model).from_pretrained(begin, dtype=torch.float32).state_dict())
    elif (out / "vision.pt").exists():
        saved = torch.load(out / "vision.pt", weights_only=True)
        tower.load_state_dict(saved["tower"])
        heads.load_state_dict(saved["heads"])
    return model, heads, places, step


def run(arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    model, heads, places, start = load(out, arguments.seed, arguments.begin)
    tools = optimisers([model, heads, places], arguments.rate)
    everything = [*model.parameters(), *heads.parameters(), *places.parameters()]
    shares = tuple(float(share) for share in arguments.shares.split(","))
    samples = Samples(arguments.pages, shares, start + 1, arguments.tokens)  # type: ignore[arg-type]
    loader = DataLoader(samples, batch_size=None, num_workers=arguments.workers)
    rng = random.Random(5)
    drawn = [drawn_sample(2 * 10**9 + i, 224, 224, 18, 1) for i in range(32)]
    lines = [(line, folder) for line, folder in page_lines(arguments.pages) if held_out(line)]
    rng.shuffle(lines)
    pages = [page_sample(line, folder, rng, 1) for line, folder in lines[:40]]
    log = Log(out, "multimodal", arguments.steps)
    sums: dict[str, list[float]] = defaultdict(list)
    for step, batch in enumerate(loader, start):
        if step >= arguments.steps:
            break
        parts = losses(model, heads, places, batch)
        loss = torch.stack([WEIGHTS[key] * value for key, value in parts.items()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        # Rates rise anew after every start: the optimisers' memory is not kept.
        rate = arguments.rate * min(schedule(step, arguments.steps), (step - start + 1) / 50)
        update(tools, rate, everything)
        for key, value in parts.items():
            name = "plan" if key == "words" and batch.pixels is None else key
            sums[name].append(value.item())
        if step % arguments.report == arguments.report - 1 or step + 1 == arguments.steps:
            numbers = {key: float(np.mean(values)) for key, values in sums.items()}
            sums.clear()
            if step % (4 * arguments.report) == 4 * arguments.report - 1:
                numbers |= {"hit_drawn": hits(model, drawn), "hit_pages": hits(model, pages)}
            log.write(step + 1, **numbers)
            save_checkpoint(
                out / "multimodal.pt",
                model=model.state_dict(),
                heads=heads.state_dict(),
                places=places.state_dict(),
                step=step + 1,
            )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=Path, nargs="*", default=[], help="folders of model.training.episodes' output")
    parser.add_argument("--begin", type=Path, help="exported checkpoint to go on from, such as model/tiny")
    parser.add_argument("--shares", default="0.6,0.25,0.15", help="of drawn pictures, real pages, and words only")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--tokens", type=int, default=1000, help="picture tokens in a batch")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--report", type=int, default=50, help="steps between lines of the log")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    run(parser.parse_args(argv))


if __name__ == "__main__":
    main()
