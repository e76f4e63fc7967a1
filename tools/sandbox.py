"""Sandbox: a small computer drawn in memory, for fast tests of the agent and as screens to learn from."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from tools.actions import Action, Click, Drag, Move, Press, Scroll, Type, Wait
from tools.environment import ActionFailed, Screenshot
from tools.geometry import Box, Point, Size
from tools.keys import parse_keys

Kind = Literal["button", "link", "checkbox", "field", "label"]
KINDS: tuple[Kind, ...] = ("button", "link", "checkbox", "field", "label")
NAMES = (
    "Save Send Cancel Search Delete Open Close Next Back Submit Login Help Print Share Reply Edit Copy Paste Apply "
    "Reset Update Upload Export Import Name Email Phone City Street Country Company Title Subject Comment News Sports "
    "Music Travel Weather Games Books Recipes Photos Maps Red Green Blue Yellow Large Small Daily Weekly Monthly"
)
PAPER = ("#ffffff", "#f4f6f8", "#fdf6e3", "#eef3ea")
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
INK, BLUE, EDGE = "#202124", "#0b57d0", "#80868b"


@dataclass
class Widget:
    """One thing on the screen; its state changes as it is used."""

    kind: Kind
    name: str
    box: Box
    value: str = ""  # of a field
    checked: bool = False  # of a checkbox
    presses: int = 0  # of a button or link


@dataclass
class Screen:
    widgets: list[Widget]
    size: Size
    title: str = "Sandbox"
    paper: str = PAPER[0]
    text_px: int = 16

    def at(self, point: Point) -> Widget | None:
        """The widget on top there."""
        return next((widget for widget in reversed(self.widgets) if widget.box.contains(point)), None)

    def find(self, name: str) -> Widget:
        """Raises KeyError when there is none of that name."""
        for widget in self.widgets:
            if widget.name == name:
                return widget
        raise KeyError(name)

    def draw(self, focus: Widget | None = None) -> Image.Image:
        image = Image.new("RGB", (self.size.width, self.size.height), self.paper)
        pen, font = ImageDraw.Draw(image), ImageFont.load_default(self.text_px)
        for widget in self.widgets:
            _draw(pen, widget, font, widget is focus)
        return image


@dataclass
class Sandbox:
    """An Environment; `screen` holds the state that tests look at."""

    screen: Screen
    focus: Widget | None = None
    selected: bool = False  # all of the field in focus, so that typing replaces it
    pointer: Point = field(default_factory=lambda: Point(0, 0))
    entered: list[str] = field(default_factory=list)  # names of the fields in which Enter was pressed

    @classmethod
    def random(cls, seed: int, size: Size = Size(640, 480)) -> Sandbox:
        """The same screen for the same seed and size: rows of widgets with different names, none overlapping."""
        chance = random.Random(f"{seed} {size}")
        names = chance.sample(NAMES.split(), k=len(NAMES.split()))
        text_px = chance.randint(14, 22)
        font, widgets = ImageFont.load_default(text_px), []
        left = top = float(chance.randint(8, 24))
        while names:
            widget = _placed(chance.choice(KINDS), names.pop(), left, top, text_px, font)
            if widget.box.right > size.width - 8 and left > 24:  # the row is full
                left, top = float(chance.randint(8, 24)), top + text_px + chance.randint(20, 48)
            elif widget.box.bottom > size.height - 8:
                break
            else:
                widgets += [widget] if widget.box.right <= size.width - 8 else []
                left = widget.box.right + chance.randint(12, 60)
        return cls(Screen(widgets, size, paper=chance.choice(PAPER), text_px=text_px))

    def screenshot(self) -> Screenshot:
        return Screenshot(self.screen.draw(self.focus), self.screen.title)

    def perform(self, action: Action) -> str:
        match action:
            case Click(at=at, button=button, times=times):
                self._move(at)
                if button == "left":
                    self._click(times)
            case Move(at=at) | Drag(to=at):
                self._move(at)
            case Scroll(at=at):
                self._move(at)  # nothing here is larger than the screen
            case Type(text=text):
                self._type(text)
            case Press(keys=keys):
                self._press(keys)
            case Wait():
                pass
            case _:
                raise ActionFailed(f"there is no browser here to {type(action).__name__.lower()} in; use what is shown")
        return ""

    def close(self) -> None:
        """Nothing to let go of."""

    def _move(self, at: Point | None) -> None:
        if at is not None and not at.inside(self.screen.size):
            raise ActionFailed(f"{at} is outside the {self.screen.size} screen; give a point inside it")
        self.pointer = at or self.pointer

    def _click(self, times: int) -> None:
        self.focus = self.screen.at(self.pointer)
        self.selected = times > 1
        for _ in range(times):
            self._activate()

    def _activate(self) -> None:
        match self.focus:
            case Widget(kind="checkbox") as box:
                box.checked = not box.checked
            case Widget(kind="button" | "link") as target:
                target.presses += 1
            case _:
                pass

    def _type(self, text: str) -> None:
        for letter in text.replace("\r\n", "\n"):
            match letter:
                case "\n" | "\r":
                    self._press(("enter",))
                case "\t":
                    self._press(("tab",))
                case _ if self.focus and self.focus.kind == "field":
                    self.focus.value = letter if self.selected else self.focus.value + letter
                    self.selected = False
                case _:
                    pass

    def _press(self, names: tuple[str, ...]) -> None:
        try:
            keys = parse_keys(names)
        except ValueError as error:
            raise ActionFailed(str(error)) from error
        in_field = self.focus is not None and self.focus.kind == "field"
        match keys:
            case ("tab",):
                self._step(1)
            case ("shift", "tab"):
                self._step(-1)
            case ("backspace",) | ("delete",) if self.focus and in_field:
                keep = "" if self.selected else self.focus.value[:-1] if keys[0] == "backspace" else self.focus.value
                self.focus.value, self.selected = keep, False
            case ("ctrl", "a"):
                self.selected = in_field
            case ("enter",) if self.focus and in_field:
                self.entered.append(self.focus.name)
            case ("enter",) if self.focus and self.focus.kind != "checkbox":
                self._activate()
            case ("space",) if not in_field:
                self._activate()
            case (key,) if in_field:
                self._type(" " if key == "space" else key if len(key) == 1 else "")
            case _:
                pass

    def _step(self, by: int) -> None:
        """Focus goes to the next widget that takes it."""
        stops = [widget for widget in self.screen.widgets if widget.kind != "label"]
        here = next((index for index, widget in enumerate(stops) if widget is self.focus), -1 if by > 0 else 0)
        self.focus = stops[(here + by) % len(stops)] if stops else None
        self.selected = bool(self.focus and self.focus.value)


def _placed(kind: Kind, name: str, left: float, top: float, text_px: int, font: Font) -> Widget:
    """As large as its name needs; fields have room to type in."""
    width = font.getlength(name) + {"button": 24, "checkbox": text_px + 8, "field": 8 * text_px}.get(kind, 4)
    return Widget(
        kind, name, Box.from_xywh(left, top, round(width), text_px + (14 if kind in ("button", "field") else 6))
    )


def _draw(pen: ImageDraw.ImageDraw, widget: Widget, font: Font, focused: bool) -> None:
    box, middle = widget.box, widget.box.center.y
    edge, width = (BLUE, 2) if focused else (EDGE, 1)
    corners = (box.left, box.top, box.right, box.bottom)
    match widget.kind:
        case "button":
            pen.rounded_rectangle(corners, 5, "#dfe3e8" if widget.presses % 2 == 0 else "#b9c4d4", edge, width)
            pen.text((box.center.x, middle), widget.name, INK, font, anchor="mm")
        case "link":
            pen.text((box.left + 2, middle), widget.name, BLUE if not widget.presses else "#681da8", font, anchor="lm")
            pen.line((box.left + 2, box.bottom - 2, box.right - 2, box.bottom - 2), BLUE, width)
        case "checkbox":
            side = box.height - 8
            square = (box.left + 2, middle - side / 2, box.left + 2 + side, middle + side / 2)
            pen.rectangle(square, BLUE if widget.checked else "white", edge, width)
            if widget.checked:
                tick = [(0.2, 0.5), (0.42, 0.75), (0.8, 0.25)]
                pen.line([(square[0] + x * side, square[1] + y * side) for x, y in tick], "white", 2)
            pen.text((square[2] + 4, middle), widget.name, INK, font, anchor="lm")
        case "field":
            pen.rectangle(corners, "white", edge, width)
            pen.text(
                (box.left + 6, middle), widget.value or widget.name, INK if widget.value else EDGE, font, anchor="lm"
            )
            if focused:
                caret = box.left + 7 + font.getlength(widget.value)
                pen.line((caret, box.top + 5, caret, box.bottom - 5), INK)
        case "label":
            pen.text((box.left + 2, middle), widget.name, INK, font, anchor="lm")
