"""How a set of rules judges an address, and by which rule: a verdict for programs, a story for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, TextIO

from agent.explain import BadQuestion, json_object, string_of, whole_lines
from tools.url_rules import BadPattern, Rules, read_pattern


def explain_urls(lines_in: BinaryIO | Iterable[str | bytes], out: TextIO) -> None:
    """One verdict line for every line that comes in, whatever it holds.

    lines_in: objects {url, allow: [...] or missing, block: [...] or missing}. Written: {"decision": "allow" | "deny",
    "rule": "P10"}; for a line that cannot be understood {"decision": "deny", "rule": null, "error": text}.
    """
    for line in whole_lines(lines_in):
        try:
            asked = json_object(line, "url, allow and block")
            rules = Rules(patterns(asked, "allow"), patterns(asked, "block") or ())
            verdict = rules.judge(string_of(asked, "url"))
            said: dict[str, Any] = {"decision": decision(verdict.allowed), "rule": verdict.rule}
        except BadQuestion as error:
            said = {"decision": "deny", "rule": None, "error": str(error)}
        print(json.dumps(said), file=out, flush=True)


def explain_url(url: str, rules: Rules) -> str:
    """The same for a person."""
    verdict = rules.judge(url)
    lines = [f"{decision(verdict.allowed)} ({verdict.rule}): {verdict.why}"]
    for written in (*(rules.allow or ()), *rules.block):
        try:
            read_pattern(written)
        except BadPattern as error:
            lines.append(f"matches nothing: {error}")
    if rules.allow is None:
        lines.append("There is no list of what is allowed, so every public address is that is not blocked.")
    if verdict.allowed:
        lines.append("Before it is contacted, the address behind its name is judged too: only public ones (P13).")
    return "\n".join(lines)


def decision(allowed: bool) -> str:
    return "allow" if allowed else "deny"


def patterns(asked: dict[str, Any], name: str) -> Sequence[str] | None:
    """None where there is none. Entries that are no text are kept, and match nothing. Raises BadQuestion."""
    value = asked.get(name)
    if value is not None and not isinstance(value, list):
        raise BadQuestion(f'"{name}" must be a list of patterns, or missing')
    return value
