"""What hands can do to a screen: one frozen dataclass per action, and their JSON form."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from tools.geometry import Point

Button = Literal["left", "right", "middle"]


@dataclass(frozen=True)
class Click:
    at: Point | None = None  # None: where the pointer is
    button: Button = "left"
    times: int = 1
    modifiers: tuple[str, ...] = ()  # names from tools/keys.py, held during the click


@dataclass(frozen=True)
class Move:
    at: Point


@dataclass(frozen=True)
class Drag:
    to: Point
    start: Point | None = None  # None: where the pointer is
    button: Button = "left"


@dataclass(frozen=True)
class Scroll:
    dy: float  # pixels; positive shows what is further down
    dx: float = 0.0  # pixels; positive shows what is further right
    at: Point | None = None  # None: where the pointer is


@dataclass(frozen=True)
class Type:
    text: str


@dataclass(frozen=True)
class Press:
    keys: tuple[str, ...]  # a chord: pressed in order, released in reverse; names from tools/keys.py


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Goto:
    url: str


@dataclass(frozen=True)
class Back:
    pass


@dataclass(frozen=True)
class Forward:
    pass


@dataclass(frozen=True)
class Reload:
    pass


@dataclass(frozen=True)
class SwitchTab:
    index: int  # counted from 0 in the order the tabs were opened


@dataclass(frozen=True)
class CloseTab:
    pass


Action = Click | Move | Drag | Scroll | Type | Press | Wait | Goto | Back | Forward | Reload | SwitchTab | CloseTab

KINDS: dict[str, type[Action]] = {
    kind.__name__.lower(): kind
    for kind in (Click, Move, Drag, Scroll, Type, Press, Wait, Goto, Back, Forward, Reload, SwitchTab, CloseTab)
}


def to_json(action: Action) -> dict[str, Any]:
    """{"kind": "click", "at": [x, y], ...}; the inverse of `from_json`."""
    out: dict[str, Any] = {"kind": type(action).__name__.lower()}
    for field in fields(action):
        value = getattr(action, field.name)
        out[field.name] = [value.x, value.y] if isinstance(value, Point) else value
        if isinstance(value, tuple):
            out[field.name] = list(value)
    return out


def from_json(data: dict[str, Any]) -> Action:
    """Raises ValueError that names the kind or field that is wrong."""
    arguments = dict(data)
    kind = KINDS.get(str(arguments.pop("kind", None)))
    if kind is None:
        raise ValueError(f"unknown action kind {data.get('kind')!r}; known: {', '.join(KINDS)}")
    for name, value in arguments.items():
        if name in ("at", "start", "to") and value is not None:
            arguments[name] = Point(float(value[0]), float(value[1]))
        elif isinstance(value, list):
            arguments[name] = tuple(value)
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ValueError(f"bad {kind.__name__.lower()} action {data!r}: {error}") from error


def points(action: Action) -> tuple[Point, ...]:
    """The points of the screen that the action touches, in order."""
    match action:
        case Click(at=at) | Scroll(at=at):
            return (at,) if at else ()
        case Move(at=at):
            return (at,)
        case Drag(to=to, start=start):
            return (start, to) if start else (to,)
        case _:
            return ()
