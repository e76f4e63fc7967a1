"""Qwen's `mobile_use` tool: a touch screen, as far as our actions reach."""

from __future__ import annotations

from dataclasses import dataclass

from agent.languages import Decision
from agent.languages.arguments import MAX_WAIT_S, Arguments, checked
from agent.trajectory import Ask, Finish
from model.families import Family, Grid
from model.parsing import ParseError, Spoken, ToolCall, parse_reply
from tools.actions import Back, Click, Drag, Press, Type, Wait
from tools.geometry import Size

ACTIONS = ("click", "long_press", "swipe", "type", "system_button", "key", "open", "wait", "answer", "terminate")
EXAMPLE = (
    '<tool_call>\n{"name": "mobile_use", "arguments": {"action": "click", "coordinate": [100, 200]}}\n</tool_call>'
)


@dataclass(frozen=True)
class MobileUse:
    family: Family

    def read(self, reply: str, screen: Size, model_screen: Size | Grid) -> Decision:
        """As ComputerUse.read. Raises ParseError."""
        grid = model_screen if isinstance(model_screen, Grid) else Grid(screen, model_screen, self.family)
        return self.understand(parse_reply(reply), grid)

    def understand(self, spoken: Spoken, grid: Grid) -> Decision:
        """As `read`, of a reply whose calls were found before."""
        if spoken.answer is not None:
            return Finish(True, checked(spoken.answer))
        return decide(spoken.first(), grid)


def decide(called: ToolCall, grid: Grid) -> Decision:
    """One call as an action. Raises ParseError."""
    if called.name != "mobile_use":
        raise ParseError(f"there is no tool {called.name[:40]!r}; the tool is mobile_use. For example:\n{EXAMPLE}")
    action = called.arguments.get("action")
    if not isinstance(action, str):
        raise ParseError(f'the call names no "action". For example:\n{EXAMPLE}')
    return _decide(action.strip(), Arguments(action.strip(), called.arguments, grid))


def _decide(action: str, given: Arguments) -> Decision:
    match action:
        case "click":
            return Click(given.point())
        case "swipe":
            return Drag(given.point("coordinate2"), given.point("coordinate"))
        case "type":
            return Type(given.text("text"))
        case "system_button":
            button = given.choice("button", ("Back", "Home", "Menu", "Enter"))
            return _button(button)
        case "wait":
            return Wait(given.number("time", low=0.0, high=MAX_WAIT_S))
        case "answer":
            return Finish(True, given.text("text"))
        case "terminate":
            return Finish(given.choice("status", ("success", "failure")) == "success", given.text_if_any("answer"))
        case "interact":  # of GUI-Owl
            return Ask(given.text("text"))
        case "long_press" | "open" | "key":
            raise ParseError(f"{action} cannot be done on this screen; use click, swipe or type")
        case _:
            raise ParseError(f"there is no action {action[:40]!r}; the actions are {', '.join(ACTIONS)}")


def _button(button: str) -> Decision:
    match button:
        case "Back":
            return Back()
        case "Enter":
            return Press(("enter",))
        case _:
            raise ParseError(f"there is no {button} button on this screen; use click, swipe or the Back button")
