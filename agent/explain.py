"""What Handeye would do with a reply, and why: a verdict for programs, a story for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TextIO

from agent.languages import Decision
from agent.languages.computer_use import ComputerUse
from agent.languages.mobile_use import MobileUse
from agent.trajectory import Ask, Finish
from model.families import Family, Grid, spelled
from model.parsing import ParseError, Spoken, ToolCall, parse_reply
from tools.actions import Action, points, to_json
from tools.geometry import Size

MAX_LINE = 16_000_000  # bytes; the rest of a longer line is passed over
MAX_SIDE = 100_000  # pixels of a screen


class BadQuestion(ValueError):
    """The request to explain is itself wrong; the text says where."""


@dataclass(frozen=True)
class Question:
    reply: str
    family: Family
    screen: Size
    model_screen: Size


def explain(reply: str, family: Family, screen: Size, model_screen: Size | Grid) -> dict[str, Any]:
    """{"actions": [...], "error": None or what the model would be told, "notes": [...]}."""
    grid = model_screen if isinstance(model_screen, Grid) else Grid(screen, model_screen, family)
    try:
        spoken = parse_reply(reply)
    except ParseError as mistake:
        return {"actions": [], "error": str(mistake), "notes": []}
    try:
        actions = [as_json(action) for action in decide(spoken, grid)]
        return {"actions": actions, "error": None, "notes": _notes(spoken)}
    except ParseError as mistake:
        return {"actions": [], "error": str(mistake), "notes": _notes(spoken)}


def explain_text(reply: str, family: Family, screen: Size, model_screen: Size | Grid) -> str:
    """The same for a person, step by step."""
    grid = model_screen if isinstance(model_screen, Grid) else Grid(screen, model_screen, family)
    lines = [f"The screen is {screen}; {family.name} sees it at {grid.resized} and speaks in 0..{grid.spoken}."]
    try:
        spoken = parse_reply(reply)
        lines += [f"Call {i}: {_brief(call)}" for i, call in enumerate(spoken.calls, 1)]
        lines += [f"Note: {note}" for note in _notes(spoken)]
        for action in decide(spoken, grid):
            lines += _story(action, grid)
    except ParseError as mistake:
        lines += ["Nothing would be done. The model would be told:", f"  {mistake}"]
    return "\n".join(lines)


def explain_jsonl(lines_in: BinaryIO | Iterable[str | bytes], out: TextIO) -> None:
    """One verdict line for every line that comes in, whatever it holds.

    lines_in: objects {reply, family, screen: [w, h], model_screen: [w, h]}, one per line; give it
    `sys.stdin.buffer`, so that broken UTF-8 becomes a verdict too. Written: {"actions": [...], "error": null | text}.
    """
    for line in whole_lines(lines_in):
        try:
            asked = question(line)
            verdict = explain(asked.reply, asked.family, asked.screen, asked.model_screen)
        except BadQuestion as error:
            verdict = {"actions": [], "error": str(error)}
        # ASCII only: half a character in a reply must not stop the output
        print(json.dumps({key: verdict[key] for key in ("actions", "error")}), file=out, flush=True)


def decide(spoken: Spoken, grid: Grid) -> tuple[Action | Finish | Ask, ...]:
    """What the reply asks for, in the language that its call names. Raises ParseError."""
    mobile = bool(spoken.calls) and spoken.calls[0].name == "mobile_use"
    language = MobileUse(grid.family) if mobile else ComputerUse(grid.family)
    decision: Decision = language.understand(spoken, grid)
    return decision if isinstance(decision, tuple) else (decision,)


def as_json(action: Action | Finish | Ask) -> dict[str, Any]:
    match action:
        case Finish(success=success, answer=answer):
            return {"kind": "finish", "success": success, "answer": answer}
        case Ask(question=question):
            return {"kind": "ask", "question": question}
        case _:
            return to_json(action)


def family_named(name: str) -> Family:
    """ "Qwen/Qwen2.5-VL-7B-Instruct", "qwen2_5_vl", "tiny" -> the family. Raises BadQuestion."""
    if family := spelled(name):
        return family
    raise BadQuestion(f"unknown family {name[:60]!r}; known: qwen2-vl, qwen2.5-vl, qwen3-vl, tiny")


def question(line: str | bytes) -> Question:
    """One line of `explain_jsonl`, checked. Raises BadQuestion."""
    asked = json_object(line, "reply, family, screen and model_screen")
    return Question(
        string_of(asked, "reply"),
        family_named(string_of(asked, "family")),
        _size(asked, "screen"),
        _size(asked, "model_screen"),
    )


def json_object(line: str | bytes, keys: str) -> dict[str, Any]:
    """keys: what it should hold, in words. Raises BadQuestion."""
    if len(line) > MAX_LINE:
        raise BadQuestion(f"the line is longer than {MAX_LINE} bytes")
    try:
        asked = json.loads(line.decode("utf-8-sig") if isinstance(line, bytes) else line)
    except (ValueError, RecursionError) as error:
        raise BadQuestion(f"the line is not JSON: {str(error)[:200]}") from error
    if not isinstance(asked, dict):
        raise BadQuestion(f"the line must be a JSON object with {keys}")
    return asked


def string_of(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str):
        raise BadQuestion(f'"{name}" must be a string')
    return value


def _size(asked: dict[str, Any], name: str) -> Size:
    value = asked.get(name)
    is_pair = isinstance(value, list) and len(value) == 2 and all(type(side) is int for side in value)
    if not is_pair or not isinstance(value, list) or not all(1 <= side <= MAX_SIDE for side in value):
        raise BadQuestion(f'"{name}" must be [width, height], two whole numbers from 1 to {MAX_SIDE}')
    return Size(value[0], value[1])


def whole_lines(lines_in: BinaryIO | Iterable[str | bytes]) -> Iterator[str | bytes]:
    """Lines of bounded length: of a longer one, just enough to see that it is too long."""
    readline = getattr(lines_in, "readline", None)
    if readline is None:
        yield from lines_in
        return
    while line := readline(MAX_LINE + 1):
        newline = b"\n" if isinstance(line, bytes) else "\n"
        rest = line
        while rest and not rest.endswith(newline):
            rest = readline(MAX_LINE)
        yield line


def _notes(spoken: Spoken) -> list[str]:
    if spoken.calls and spoken.answer is not None:
        return ["the reply also answers in <answer> tags; that ends the task, and no call is carried out"]
    if len(spoken.calls) > 1:
        return [f"{len(spoken.calls)} calls in one reply; only the first counts, the others were made without looking"]
    return []


def _story(action: Action | Finish | Ask, grid: Grid) -> Iterator[str]:
    for point in () if isinstance(action, Finish | Ask) else points(action):
        x, y = grid.from_pixels(point)
        yield f"Coordinate ({x:g}, {y:g}) of the model is pixel ({point.x:g}, {point.y:g}) of the screen."
    yield f"Would do: {json.dumps(as_json(action), ensure_ascii=False)}"


def _brief(call: ToolCall) -> str:
    text = f"{ascii(call.name) if call.name else '(no name)'} {json.dumps(call.arguments)}"
    return text if len(text) <= 300 else f"{text[:300]}..."
