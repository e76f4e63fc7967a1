"""What the terminal says of a run, step by step."""

from __future__ import annotations

from agent.report import UNSEEN
from agent.trajectory import Step, in_words


def step_lines(step: Step) -> str:
    """One step as it is printed: number, thought, action, result, seconds."""
    thought = printable(step.reply.partition("<tool_call>")[0])
    lines = [f"step {step.index + 1}: {'a person acts' if step.by_person else thought or 'no thought said'}"]
    lines.append(f"  does    {printable(in_words(step))}")
    lines.append(f"  result  {printable(step.result) or 'ok'}  ({step.seconds.total:.1f} s)")
    return "\n".join(lines)


def printable(text: str) -> str:
    """On one line and without what could move a terminal's cursor; a page may have had its words in it."""
    return printable_line(" ".join(text.split()))


def printable_line(line: str) -> str:
    """The line with its blanks as they are."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


def shown(text: str) -> str:
    """On one line with nothing left out: what could hide or turn words stands as its number."""
    return "".join(
        letter if letter.isprintable() and not UNSEEN.match(letter) else f"\\u{ord(letter):04x}" for letter in text
    )
