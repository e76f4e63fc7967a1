"""Tool calls in a reply: <tool_call> JSON </tool_call> as the Qwen models write it, whole or as it streams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from model.parsing.loose import SPACE, Budget, Json, ParseError, Reader, bounded

MAX_SPOTS = 64  # tool calls looked at in one reply; only the first is ever carried out
FORM = '<tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>'

CUT = f"the reply ended in the middle of the call; answer shorter, in the form\n{FORM}"

# qwen-agent prints "[TOOL_CALL] name" over the bare arguments
MARK = re.compile(
    r"(?P<call><\s{0,3}tool_call\s{0,3}>)|\[TOOL_CALL\][ \t]{0,8}(?P<name>[\w.-]{1,64})"
    r"|(?P<think><think(?:ing)?>)|(?P<thought></think(?:ing)?>)"
)
CLOSE = re.compile(r"<\s{0,3}/\s{0,3}tool_call\s{0,3}>")
THOUGHT = re.compile(r"</think(?:ing)?>")
STRUCTURE = re.compile(r"""["'“”\\{}\[\]<]""")
CALL_START = re.compile(r"""\{\s{0,20}["']?(?:name|action|arguments)["']?\s{0,20}[:=]""")
ARGUMENTS = ("arguments", "parameters", "args", "input")


@dataclass(frozen=True)
class ToolCall:
    name: str  # "" where the model left it out
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Spot:
    """One place of a reply where a call stands or should."""

    start: int
    end: int
    calls: tuple[ToolCall, ...]
    error: ParseError | None = None  # None: the calls are good


@dataclass(frozen=True)
class Spoken:
    """What a reply says to do."""

    text: str
    spots: tuple[Spot, ...]
    answer: str | None  # what stands in <answer> tags, unless it is itself a call; None without such tags

    @property
    def calls(self) -> list[ToolCall]:
        """All that can be read, in order."""
        return [call for spot in self.spots for call in spot.calls]

    def first(self) -> ToolCall:
        """The call to carry out. A broken first call is an error even before a good one: order carries meaning."""
        if not self.spots or self.spots[0].error:
            raise self.error()
        return self.spots[0].calls[0]

    def error(self) -> ParseError:
        """What was wrong with the first broken call, or that there is none."""
        for spot in self.spots:
            if spot.error:
                return spot.error
        if not self.text.strip():
            return ParseError(f"the reply is empty; the form is\n{FORM}")
        return ParseError(f"no tool call in the reply; the form is\n{FORM}")


def parse_reply(text: str) -> Spoken:
    """The calls and the answer of a reply, good or not. Raises ParseError only for a reply without end."""
    spots = read_spots(text)
    return Spoken(text, tuple(spots), _answer(text, spots))


def parse_tool_calls(text: str) -> list[ToolCall]:
    """All calls that can be read, in order; at least one, or ParseError says what was wrong with the first."""
    spoken = parse_reply(text)
    if not spoken.calls:
        raise spoken.error()
    return spoken.calls


def read_spots(text: str) -> list[Spot]:
    """Every tagged call, good or not; where nothing is tagged, every bare JSON object that is a call."""
    bounded(text)
    return list(_tagged(text)) or list(_bare(text))


def _answer(text: str, spots: list[Spot]) -> str | None:
    start = text.find("<answer>")
    for spot in spots:
        if spot.start < start < spot.end:
            start = text.find("<answer>", spot.end)  # that one is typed by a call
    if start < 0:
        return None
    after = start + len("<answer>")
    end = text.find("</answer>", after)
    end = len(text) if end < 0 else end
    return None if any(start < spot.end and spot.start < end for spot in spots) else text[after:end].strip()


def _tagged(text: str) -> Iterator[Spot]:
    at, last_thought, budget = 0, text.rfind("</think"), Budget.of(text)
    found: list[Spot] = []
    thoughts: list[Spot] = []  # found before a </think> that nothing opened: kept only if no call follows
    while (mark := MARK.search(text, at)) and len(found) < MAX_SPOTS:
        at = mark.end()
        if mark["think"]:
            closed = THOUGHT.search(text, at) if at <= last_thought else None
            at = closed.end() if closed else at
        elif mark["thought"]:
            thoughts, found = thoughts or found, []
        elif spot := _spot(text, mark, found[-1] if found else None, budget):
            found.append(spot)
            at = max(at, spot.end)
    yield from found or thoughts


def _spot(text: str, mark: re.Match[str], after: Spot | None, budget: Budget) -> Spot | None:
    """The call behind the tag. None when nothing follows, or when it was the closing tag of the call `after`."""
    following = MARK.search(text, mark.end())
    limit = following.start() if following else len(text)
    close = CLOSE.search(text, mark.end(), limit)
    limit = close.start() if close else limit
    brackets = [at for at in (text.find("{", mark.end(), limit), text.find("[", mark.end(), limit)) if at >= 0]
    if not brackets:
        closes = after and not CLOSE.search(text, after.end, mark.start())
        if closes or not text[mark.end() : limit].strip():
            return None
        return Spot(mark.start(), limit, (), ParseError(f"no JSON in the tool call; the form is\n{FORM}"))
    reader = Reader(text, min(brackets), budget)
    calls: list[ToolCall] = []
    try:
        while reader.letter and reader.letter in "{[" and len(calls) < MAX_SPOTS:
            read = reader.read()
            if mark["name"] and isinstance(read.value, dict) and not read.truncated:
                calls.append(ToolCall(mark["name"], read.value))
            else:
                calls += _calls(read)
            reader.skip(SPACE)
    except ParseError as error:
        if not calls:
            return Spot(mark.start(), max(reader.at, limit), (), ParseError(f"{error}; the form is\n{FORM}"))
    return Spot(mark.start(), reader.at, tuple(calls))


def _bare(text: str) -> Iterator[Spot]:
    at, found, budget = text.find("{"), 0, Budget.of(text)
    while at >= 0 and found < MAX_SPOTS and not budget.is_spent:
        reader, whole = Reader(text, at, budget), False
        calls: tuple[ToolCall, ...] = ()
        error: ParseError | None = None
        try:
            read = reader.read()
            whole = not read.truncated
            calls = tuple(_calls(read)) if _is_call(read.value) else ()
        except ParseError as problem:
            error = problem
        if error is None and not whole and not calls:
            error = ParseError(CUT)
        if calls or (error and CALL_START.match(text, at)):
            found += 1
            yield Spot(at, reader.at, calls, None if calls else error)
            whole = True
        at = text.find("{", reader.at if whole else at + 1)


def _is_call(value: dict[str, Any]) -> bool:
    """Bare JSON counts only when it has the keys of a call: a reply may quote other JSON."""
    named = isinstance(value.get("name"), str) and any(key in value for key in ARGUMENTS)
    return named or isinstance(value.get("action"), str) or "tool_calls" in value or "function" in value


def _calls(read: Json) -> Iterator[ToolCall]:
    """Raises ParseError when a value is not a call or was cut off."""
    value = read.value
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    for item in value if isinstance(value, list) else [value]:
        yield _call(item, read.truncated)
    if value == []:
        raise ParseError(f"the list of calls is empty; the form is\n{FORM}")


def _call(value: Any, truncated: bool) -> ToolCall:
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict):
        raise ParseError(f"a call must be a JSON object; the form is\n{FORM}")
    name = value.get("name", "")
    wrapped = next((value[key] for key in ARGUMENTS if key in value), None)
    if isinstance(wrapped, str) and wrapped.lstrip().startswith("{"):
        inner = Reader(wrapped).read()
        wrapped, truncated = inner.value, truncated or inner.truncated
    if not isinstance(name, str):
        raise ParseError(f"the name of the tool must be a string; the form is\n{FORM}")
    # Cut off behind complete arguments only the last "}" is missing; before that, more may have been meant.
    if truncated and not isinstance(wrapped, dict):
        raise ParseError(CUT)
    if wrapped is None:
        wrapped = {key: item for key, item in value.items() if key != "name"}
    if not isinstance(wrapped, dict) or not (name or wrapped):
        raise ParseError(f"the arguments must be a JSON object; the form is\n{FORM}")
    return ToolCall(name.strip(), wrapped)


@dataclass
class ToolCallStream:
    """Recognises tagged calls while the reply still comes, each as soon as its JSON is complete.

    Work and memory grow with the text, not with the number of pieces. Broken calls are passed over: the whole
    reply, once read, says what was wrong with them.
    """

    _parts: list[str] = field(default_factory=list)  # of the call now read
    _outside: str = ""  # the end of the text so far, where a tag may have begun; unused inside a call
    _inside: bool = False
    _thinking: bool = False
    _depth: int = 0
    _quote: str = ""
    _finished: int = 0
    _escaped: bool = False
    _ready: list[ToolCall] = field(default_factory=list)

    def feed(self, piece: str) -> ToolCall | None:
        """The next call that is complete, or None; never raises."""
        while piece and self._finished < MAX_SPOTS:
            piece = self._read_inside(piece) if self._inside else self._read_outside(piece)
        return self._ready.pop(0) if self._ready else None

    def _read_outside(self, piece: str) -> str:
        """Looks for the next tag; returns what is behind it."""
        text = self._outside + piece
        mark = (THOUGHT if self._thinking else MARK).search(text)
        if not mark:
            self._outside = text[-20:]  # longer than any tag
            return ""
        self._outside = ""
        self._inside = not self._thinking and mark["call"] is not None
        self._thinking = not self._thinking and mark["think"] is not None
        self._parts, self._depth, self._quote, self._escaped = [], 0, "", False
        return text[mark.end() :]

    def _read_inside(self, piece: str) -> str:
        """Follows brackets and quotes until the JSON is closed or a tag ends it; returns the rest."""
        at = 0
        while at < len(piece):
            if self._escaped:
                self._escaped, at = False, at + 1
                continue
            found = STRUCTURE.search(piece, at)
            if not found:
                break
            at = found.end()
            if self._is_complete(found.group()):
                end = found.start() if found.group() == "<" else at
                self._finish(piece[:end])
                return piece[end:]
        self._parts.append(piece)
        return ""

    def _is_complete(self, letter: str) -> bool:
        if letter == "\\":
            self._escaped = bool(self._quote)
        elif self._quote:
            if letter == self._quote:
                self._quote = ""
        elif letter in "\"'“" and self._depth:
            self._quote = "”" if letter == "“" else letter
        elif letter in "{[":
            self._depth += 1
        elif letter in "}]" and self._depth:
            self._depth -= 1
            return self._depth == 0
        return letter == "<" and not self._quote

    def _finish(self, last: str) -> None:
        text = "".join([*self._parts, last])
        self._inside, self._parts = False, []
        if not text.strip():
            return
        self._finished += 1
        try:
            self._ready += parse_tool_calls(f"<tool_call>{text}</tool_call>")
        except ParseError:
            return
