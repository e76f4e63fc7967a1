"""Qwen's `computer_use` tool, with what its fine-tunes (Fara, GUI-Owl) add to it, and the actions of a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from agent.languages import Decision
from agent.languages.arguments import COORDINATES, MAX_SCROLL, MAX_WAIT_S, Arguments, checked
from agent.languages.grammar import reply_grammar
from agent.trajectory import Ask, Finish
from model.computer_use import call
from model.families import Family, Grid
from model.parsing import ParseError, Spoken, ToolCall, parse_reply
from tools.actions import (
    Action,
    Back,
    Click,
    CloseTab,
    Drag,
    Forward,
    Goto,
    Move,
    Press,
    Reload,
    Scroll,
    SwitchTab,
    Type,
    Wait,
)
from tools.geometry import Point, Size
from tools.keys import MODIFIERS

ACTIONS = (
    *("key", "type", "mouse_move", "left_click", "right_click", "middle_click", "double_click", "triple_click"),
    *("left_click_drag", "scroll", "hscroll", "wait", "answer", "terminate", "click", "drag"),
    *("visit_url", "history_back", "history_forward", "reload", "switch_tab", "close_tab"),
)
ASKS = ("interact", "ask_user_question")  # of GUI-Owl and Fara; no prompt of ours names them
EXAMPLE = call("left_click", coordinate=[100, 200])
CLICKS = {
    "click": ("left", 1),
    "left_click": ("left", 1),
    "right_click": ("right", 1),
    "middle_click": ("middle", 1),
    "double_click": ("left", 2),
    "triple_click": ("left", 3),
}
# What fine-tunes of other tools ask for, and what to do instead.
INSTEAD = {
    "screenshot": "a new screenshot comes after every step; use wait to look again",
    "cursor_position": "the pointer is where the last action left it",
    "web_search": "use visit_url with the address of a search engine",
    "pause_and_memorize_fact": "write the fact in front of your next call; you will see it again",
    "read_page_answer_question": "read the screenshot yourself; scroll to see more",
    "long_press": "use left_click or left_click_drag",
    "swipe": "use scroll or left_click_drag",
}
WEB = re.compile(r"https?://[^\s]+|about:blank", re.IGNORECASE)
HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?(?:[/?#][^\s]*)?")


@dataclass(frozen=True)
class ComputerUse:
    family: Family

    def read(self, reply: str, screen: Size, model_screen: Size | Grid) -> Decision:
        """What the reply asks for, in pixels of `screen`.

        model_screen: the size the model saw, or the grid that says so. Only the first call counts: the next one
        would be blind. An <answer> that is no call ends the task. Raises ParseError, written for the model.
        """
        grid = model_screen if isinstance(model_screen, Grid) else Grid(screen, model_screen, self.family)
        return self.understand(parse_reply(reply), grid)

    def understand(self, spoken: Spoken, grid: Grid) -> Decision:
        """As `read`, of a reply whose calls were found before."""
        if spoken.answer is not None:
            return Finish(True, checked(spoken.answer))
        try:
            called = spoken.first()
        except ParseError as error:
            # The parser does not know the tool: show the model a whole call of it.
            raise ParseError(f"{str(error).splitlines()[0]}\n{EXAMPLE}") from error
        return decide(called, grid)

    def grammar(self, screen: Size) -> str | None:
        """What a reply to this screen is held to. None: to nothing, as a model that was not made for Handeye may
        spell its calls in other ways that `read` understands.
        """
        return reply_grammar(self.family.grid(screen).spoken) if self.family.tool_prompt == "compact" else None

    def write(self, action: Action | Finish, grid: Grid) -> str:
        """The call that `read` turns into this action. Raises ValueError for what the language has no word for."""
        match action:
            case Click(at=at, modifiers=modifiers):
                held: dict[str, Any] = {"keys": list(modifiers)} if modifiers else {}
                return call(_click_name(action), **_at(at, grid), **held)
            case Move(at=at):
                return call("mouse_move", **_at(at, grid))
            case Drag(to=to, start=start, button="left"):
                return call("left_click_drag", **_at(start, grid, "start_coordinate"), **_at(to, grid))
            case Scroll(dy=dy, dx=dx, at=at) if not dx:
                return call("scroll", pixels=_plain(-dy), **_at(at, grid))
            case Scroll(dy=dy, dx=dx, at=at) if not dy:
                return call("hscroll", pixels=_plain(dx), **_at(at, grid))
            case Type(text=text):
                return call("type", text=text)
            case Press(keys=keys):
                return call("key", keys=list(keys))
            case Wait(seconds=seconds):
                return call("wait", time=_plain(seconds))
            case Goto(url=url):
                return call("visit_url", url=url)
            case SwitchTab(index=index):
                return call("switch_tab", index=index)
            case Back() | Forward() | Reload() | CloseTab():
                names = {Back: "history_back", Forward: "history_forward", Reload: "reload", CloseTab: "close_tab"}
                return call(names[type(action)])
            case Finish(success=True, answer=answer) if answer:
                return call("answer", text=answer)
            case Finish(success=success, answer=answer):
                said = {"answer": answer} if answer else {}
                return call("terminate", status="success" if success else "failure", **said)
            case _:
                raise ValueError(f"computer_use has no word for {action}")


def decide(called: ToolCall, grid: Grid) -> Decision:
    """One call as actions. Raises ParseError."""
    name = re.sub(r"[^a-z_]", "", called.name.lower()[:64])
    values = called.arguments
    action = next((values[key] for key in ("action", "type") if isinstance(values.get(key), str)), None)
    if action is None and name in (*ACTIONS, *ASKS):
        action, name = name, ""  # the action was put in the tool's place
    if name.replace("_", "") not in ("computeruse", "computer", ""):
        raise ParseError(f"there is no tool {called.name[:40]!r}; the tool is computer_use. For example:\n{EXAMPLE}")
    if action is None:
        raise ParseError(f'the call names no "action". For example:\n{EXAMPLE}')
    return _decide(action.strip(), Arguments(action.strip(), values, grid))


def _decide(action: str, given: Arguments) -> Decision:
    match action:
        case "click" | "left_click" | "right_click" | "middle_click" | "double_click" | "triple_click":
            return _click(action, given)
        case "mouse_move":
            return Move(given.point())
        case "left_click_drag" | "drag":
            return _drag(given)
        case "scroll":
            pixels = given.number("pixels", low=-MAX_SCROLL, high=MAX_SCROLL)
            return Scroll(dy=0.0 - pixels, at=given.point_if_any())  # the tool's positive is up, ours is down
        case "hscroll":
            return Scroll(0.0, given.number("pixels", low=-MAX_SCROLL, high=MAX_SCROLL), given.point_if_any())
        case "type":
            return _type(given)
        case "key":
            return Press(given.keys("keys", "key", "text"))
        case "wait":
            return Wait(given.number("time", "seconds", "duration", low=0.0, high=MAX_WAIT_S))
        case "answer":
            return Finish(True, given.text("text", "answer"))
        case "terminate":
            return _terminate(given)
        case "interact" | "ask_user_question":
            return Ask(given.text("text", "question"))
        case _:
            return _browse(action, given)


def _browse(action: str, given: Arguments) -> Action:
    match action:
        case "visit_url":
            return Goto(_address(given.text("url")))
        case "history_back":
            return Back()
        case "history_forward":
            return Forward()
        case "reload":
            return Reload()
        case "switch_tab":
            return SwitchTab(int(given.number("index", low=0, high=1000)))
        case "close_tab":
            return CloseTab()
        case _ if action in INSTEAD:
            raise ParseError(f"{action} does not exist here: {INSTEAD[action]}")
        case _:
            raise ParseError(f"there is no action {action[:40]!r}; the actions are {', '.join(ACTIONS)}")


def _click(action: str, given: Arguments) -> Click:
    button, times = CLICKS[action]
    if action == "click" and given.values.get("button") in ("left", "right", "middle"):
        button = given.values["button"]
    at = given.point_if_any()
    try:
        keys = given.keys("keys", "modifiers")
    except ParseError:
        keys = ()  # models put noise there; only real modifiers change a click
    held = keys if all(key in MODIFIERS for key in keys) else ()
    match button:
        case "right" | "middle":
            return Click(at, button, times, held)
        case _:
            return Click(at, "left", times, held)


def _drag(given: Arguments) -> Drag:
    start = given.points("start_coordinate", "start_point", "from")
    path = given.points(*COORDINATES)
    path = start + path + given.points("coordinate2", "end_coordinate", "end_point", "to")
    if not path or len(path) > 2:
        raise ParseError(f'{given.action} needs "coordinate": [x, y], where to drag to')
    return Drag(path[-1], path[0] if len(path) == 2 else None)


def _type(given: Arguments) -> Decision:
    """Fara and GUI-Owl let one call click into the field, clear it, type and press Enter."""
    text = Type(given.text("text"))
    steps: list[Action] = []
    if any(given.values.get(name) is not None for name in COORDINATES):
        steps.append(Click(given.point()))
    if given.flag("clear", "delete_existing_text"):
        steps += [Press(("ctrl", "a")), Press(("delete",))]
    steps.append(text)
    if given.flag("press_enter", "enter"):
        steps.append(Press(("enter",)))
    return tuple(steps) if len(steps) > 1 else text


def _terminate(given: Arguments) -> Finish:
    answer = given.text_if_any("answer", "text")
    if answer and given.values.get("status") is None:
        return Finish(True, answer)
    return Finish(given.choice("status", ("success", "failure")) == "success", answer)


def _address(url: str) -> str:
    url = url.strip()
    if WEB.fullmatch(url):
        return url
    if HOST.fullmatch(url[:2000]):
        return f"https://{url}"
    raise ParseError(f"{url[:60]!r} is no address to visit; give one that starts with https:// or http://")


def _click_name(click: Click) -> str:
    for name, how in CLICKS.items():
        if how == (click.button, click.times) and name != "click":
            return name
    raise ValueError(f"computer_use has no word for {click}")


def _at(point: Point | None, grid: Grid, name: str = "coordinate") -> dict[str, list[int]]:
    """The point in the model's own numbers; {} for where the pointer is."""
    if point is None:
        return {}
    x, y = grid.from_pixels(point)
    return {name: [min(round(x), grid.spoken.width - 1), min(round(y), grid.spoken.height - 1)]}


def _plain(number: float) -> int | float:
    return int(number) if number == int(number) else round(number, 3)
