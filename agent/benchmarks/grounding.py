"""Can a model point at what it is told to? ScreenSpot (v1, v2, Pro) and OSWorld-G, scored as their authors do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from agent.benchmarks.annotations import BOX_FORMATS, BoxFormat, Format, Sample, bounds, load
from agent.benchmarks.score import is_hit, mean, percent, table, wilson
from agent.journal import Journal, claim
from model.computer_use import system_prompt
from model.families import Family, Grid
from model.messages import ImagePart, Message, system, user
from model.parsing import ParseError, parse_grounding
from model.vlm import PromptTooLarge, Sampling, VisionLanguageModel
from tools.errors import UserError
from tools.geometry import Point

SAMPLING = Sampling(max_new_tokens=256, stop=("</tool_call>",))
REFUSE = "If there is no such thing on the screen, answer with the coordinate [-1, -1]."


@dataclass(frozen=True)
class Summary:
    table: str
    correct: int
    wrong_format: int
    samples: int
    score: float  # 0..1, as the benchmark's own headline number is made


def run(
    model: VisionLanguageModel,
    *,
    format: Format,
    annotations: Sequence[Path],
    images: Path,
    out: Path,
    bbox_format: BoxFormat | None = None,
    limit: int | None = None,
) -> Summary:
    """Ask for every sample not yet answered in `out`/results.jsonl, then score all that were asked for.

    bbox_format: None means the published one of the format. limit: only the first so many samples.
    Raises UserError for bad records before the model is asked anything, and for an `out` of another run.
    """
    samples = load(format, annotations, images, bbox_format)[:limit]
    settings = {
        "benchmark": "grounding",
        "format": format,
        "bbox_format": bbox_format or BOX_FORMATS[format],
        "model": model.name,
        "family": model.family.name,
    }
    claim(out, settings)
    with Journal(out / "results.jsonl") as journal:
        answered = {record["id"]: record for record in journal.records}
        waiting = [sample for sample in samples if sample.id not in answered]
        for sample in (progress := tqdm(waiting, desc=format, unit="sample", disable=None)):
            answered[sample.id] = ask(model, sample, format)
            journal.append(answered[sample.id])
            progress.set_postfix_str(f"{percent(mean(r['correct'] for r in journal.records))} % right")
    return summarise([answered[sample.id] for sample in samples], format)


def ask(model: VisionLanguageModel, sample: Sample, format: Format) -> dict[str, Any]:
    """One line of results.jsonl."""
    with Image.open(sample.image) as picture:
        image = picture.convert("RGB")
    grid = model.family.grid(sample.size)
    try:
        text = model.stream(prompt(model.family, grid, sample, format, image), SAMPLING).read()
    except PromptTooLarge as error:
        raise UserError(f"{sample.id} ({sample.image}): {error}") from error
    point = read_point(text, grid)
    box = bounds(sample.target)
    return {
        "id": sample.id,
        "instruction": sample.instruction,
        "bbox_xyxy_px": None if box is None else [box.left, box.top, box.right, box.bottom],
        "image_size": [sample.size.width, sample.size.height],
        "model_size": [grid.resized.width, grid.resized.height],
        "point_px": None if point is None else [point.x, point.y],
        "raw_text": text,
        "correct": point is not None and is_hit(sample.target, point),
        "wrong_format": point is None,
        "group": sample.group,
        "ui_type": sample.ui_type,
    }


def prompt(family: Family, grid: Grid, sample: Sample, format: Format, image: Image.Image) -> list[Message]:
    """The tool's own prompt with the size the model sees, then the instruction, then the picture.

    A model that learned the tool in training (tiny) was taught tasks such as `Click "OK"`; the others are given
    the bare instruction, as ScreenSpot-Pro does.
    """
    text = f'Click "{sample.instruction}".' if family.tool_prompt == "compact" else sample.instruction
    if format == "osworld-g":
        text = f"{text}\n{REFUSE}"
    return [system(system_prompt(family, grid.resized)), user(text, ImagePart(image))]


def read_point(text: str, grid: Grid) -> Point | None:
    """The first place of the reply in the picture's pixels: a point, or the centre of a box. None: there is none.

    It is not moved into the picture: outside is a miss. (-1, -1), the refusal, stays as it is.
    """
    try:
        found = parse_grounding(text[max(0, text.find("<tool_call>")) :])  # thoughts may hold places too
    except ParseError:
        return None
    spoken = next(
        (place.box.center if place.box else place.points[0] for place in found if place.box or place.points), None
    )
    if spoken is None or (spoken.x < 0 and spoken.y < 0):
        return spoken
    return grid.to_pixels(spoken.x, spoken.y)


def summarise(results: Sequence[dict[str, Any]], format: Format) -> Summary:
    """The table and the headline number that the benchmark's authors report."""
    right = sum(result["correct"] for result in results)
    low, high = wilson(right, len(results))
    overall = mean(result["correct"] for result in results)
    cells = list(split(results, "group", "ui_type").values())
    of_cells = mean(mean(r["correct"] for r in cell) for cell in cells)
    unreadable = sum(result["wrong_format"] for result in results)
    lines = [
        table_of(results, by_type=format != "osworld-g"),
        f"over all {len(results)} samples: {percent(overall)} % [{percent(low)}, {percent(high)}]",
    ]
    if format in ("screenspot", "screenspot-v2"):
        lines.append(f"mean of the {len(cells)} platform x type scores: {percent(of_cells)} %")
    lines.append(f"answers without a readable point (counted as wrong): {unreadable}")
    # The first ScreenSpot averages its six scores; the others average over samples.
    score = of_cells if format == "screenspot" else overall
    return Summary("\n".join(lines), right, unreadable, len(results), score)


def split(results: Sequence[dict[str, Any]], *keys: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for result in results:
        found.setdefault(tuple(result[key] for key in keys), []).append(result)
    return found


def table_of(results: Sequence[dict[str, Any]], by_type: bool) -> str:
    """Rows: groups, and all of them. Columns: interface types where they are the benchmark's, the mean, the count."""
    types = sorted({result["ui_type"] for result in results}, reverse=True) if by_type else []

    def row(name: str, members: Sequence[dict[str, Any]]) -> list[str]:
        columns = [[m for m in members if m["ui_type"] == ui_type] for ui_type in types] + [list(members)]
        scores = [percent(mean(m["correct"] for m in column)) if column else "-" for column in columns]
        return [name, *scores, str(len(members))]

    rows = [row(group, members) for (group,), members in split(results, "group").items()]
    return table(["", *types, "mean %", "n"], [*rows, row("all", results)])
