"""When something happens in a video: seconds and clock times, in prose and in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from model.parsing.grounding import json_values, lines_of
from model.parsing.loose import ParseError, bounded
from model.parsing.results import Results

MAX_TEXT = 2000  # characters of a description
FRAMES = 30.0  # in a second, of times such as 00:01:02:15; which it was no reply says
# h:mm:ss.f or h:mm:ss:frames, or mm:ss.f with any number of minutes
CLOCK = r"\d{1,4}:[0-5]?\d(?::[0-5]?\d(?::[0-5]?\d)?)?(?:[.,]\d{1,6})?"
HOURS, MINUTES = r"(?:(?:hours?|hrs?|h)(?![a-zA-Z])|小时|时)", r"(?:(?:minutes?|mins?)(?![a-zA-Z])|分钟?)"
AND = r"(?:\s{0,2},?\s{0,2}(?:and\s{1,2})?)"
LEFT = r"\d{1,3}(?:\.\d{1,6})?\s?(?:(?:seconds?|secs?|s)(?![a-zA-Z])|秒)"
# 1h2m3.5s, 1 hour 2 minutes, 2 min and 3 s, 1小时2分3秒; a bare m is a minute only beside an h or an s
SPOKEN = (
    rf"(?:\d{{1,4}}\s?{HOURS}(?:{AND}\d{{1,4}}\s?(?:{MINUTES}|m(?![a-zA-Z])))?(?:{AND}{LEFT})?"
    rf"|\d{{1,4}}\s?(?:{HOURS}|h){AND}\d{{1,4}}\s?(?:{MINUTES}|m){AND}{LEFT}"
    rf"|\d{{1,4}}\s?(?:{MINUTES}|m){AND}{LEFT}|\d{{1,4}}(?:\.\d{{1,6}})?\s?{MINUTES})"
)
TOLD = rf"(?:{SPOKEN}|{CLOCK})"
PART = re.compile(r"(\d+(?:\.\d+)?)\s?(h|时|小时|m|分|s|秒)", re.IGNORECASE)
WORTH = {"h": 3600, "时": 3600, "小时": 3600, "m": 60, "分": 60, "s": 1, "秒": 1}  # seconds
PLAIN = r"\d{1,6}(?:\.\d{1,6})?"
UNIT = r"(?:(?:seconds?|secs?|s)(?![a-zA-Z])|秒)"
TO = r"\s{0,3}(?:-|–|—|~|～|至|到|to\b|and\b|until\b|till\b)\s{0,3}"
RANGE = re.compile(
    rf"(?<![\d.:])<?(?:(?P<a>{TOLD})\s?s?>?{TO}<?(?P<b>{TOLD})s?"
    rf"|(?P<c>{PLAIN})\s?(?:{UNIT})?>?{TO}<?(?P<d>{PLAIN})\s?{UNIT})>?(?!:?\d)",
    re.IGNORECASE,
)
MOMENT = re.compile(rf"(?<![\d.:])<?(?:(?P<a>{TOLD})s?|(?P<c>{PLAIN})\s?{UNIT})>?(?!:?\d)", re.IGNORECASE)
EITHER = re.compile(f"{RANGE.pattern}|{MOMENT.pattern.replace('<a>', '<e>').replace('<c>', '<f>')}", re.IGNORECASE)
PLAIN_OR_CLOCK = re.compile(rf"{PLAIN}|{CLOCK}")
LASTS = re.compile(r"(?:\b(?:for|lasts?|lasting|every|takes?|took|within)|持续|每)\s*(?:about\s*)?$", re.IGNORECASE)
BARE = re.compile(rf"\s*({TOLD}|{PLAIN})\s*(?:{UNIT})?\s*", re.IGNORECASE)
BARE_RANGE = re.compile(rf"\s*\[?\s*({TOLD}|{PLAIN})\s?(?:{UNIT})?{TO}({TOLD}|{PLAIN})\s?(?:{UNIT})?\s*\]?\s*", re.I)
START_KEYS = ("start_time", "start", "begin", "begin_time", "starttime", "from", "start_timestamp")
END_KEYS = ("end_time", "end", "finish", "endtime", "to", "end_timestamp", "stop")
RANGE_KEYS = ("timestamp", "timestamps", "time", "time_range", "range", "span", "interval", "segment", "duration")
TEXT_KEYS = ("description", "event", "label", "text", "caption", "activity", "sentence", "content", "query", "title")


@dataclass(frozen=True)
class Span:
    """A stretch of a video, in seconds from its start; start equals end for a single moment."""

    start_s: float
    end_s: float
    text: str = ""  # what happens there, where it is said


def parse_times(text: str) -> Results[Span]:
    """Every stretch of time named in a reply; single moments only when it names no stretch. Raises ParseError."""
    results: Results[Span] = Results()
    for read in json_values(bounded(text)):
        results.truncated |= read.truncated
        results.extend(_from_json(read.value))
    if not results:
        results.extend(_from_prose(text, RANGE))
    if not results:
        results.extend(_from_prose(text, MOMENT))
    if not results:
        raise ParseError("no time in the reply; write it as mm:ss.ff - mm:ss.ff")
    return results


def times_in(text: str) -> Iterator[tuple[int, int, Span]]:
    """Every time as it stands in the text, from and to which letter; how long something lasts is none."""
    for match in EITHER.finditer(text):
        if not LASTS.search(text[: match.start()]):
            first, *rest = (seconds(told) for told in match.groups() if told)
            yield match.start(), match.end(), _span(first, rest[0] if rest else first)


def seconds(text: str) -> float:
    """ "01:02:03.5" -> 3723.5, "75:30" -> 4530.0, "3.2" -> 3.2, "1h2m3s" -> 3723.0, "00:01:02:15" -> 62.5."""
    if parts := PART.findall(text):
        return sum(float(number) * WORTH[unit.lower()] for number, unit in parts)
    hours, _, frames = text.rpartition(":") if text.count(":") == 3 else (text, "", "0")
    total = 0.0
    for part in hours.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total + float(frames.replace(",", ".")) / FRAMES


def shifted(text: str, change: Callable[[float], float]) -> str:
    """The text with every time in it changed, in the form in which it stands; how long something lasts stays."""

    def of_range(match: re.Match[str]) -> str:
        if LASTS.search(text[: match.start()]):
            return match[0]
        found = match[0]
        for name in reversed([name for name in match.re.groupindex if match[name]]):
            begin, end = (at - match.start() for at in match.span(name))
            found = found[:begin] + _like(match[name], change(seconds(match[name]))) + found[end:]
        return found

    return EITHER.sub(of_range, text)


def _like(form: str, at_s: float) -> str:
    """So many seconds, as the form is written."""
    at_s = max(0.0, at_s)
    digits = len(form.replace(",", ".").partition(".")[2]) if PLAIN_OR_CLOCK.fullmatch(form) else 0
    if ":" not in form and not PART.search(form):
        return f"{at_s:.{max(digits, 0 if at_s == round(at_s) else 1)}f}"
    parts = form.count(":") + 1 if ":" in form else 3
    whole = round(at_s, digits)
    minutes, rest = divmod(whole, 60)
    tail = f"{rest:0{digits + 3 if digits else 2}.{digits}f}"
    if parts == 2:
        return f"{int(minutes):02d}:{tail}"
    return f"{int(minutes // 60):02d}:{int(minutes % 60):02d}:{tail}"


def _from_json(value: Any, numbers: bool = True) -> Iterator[Span]:
    """numbers: a pair of bare numbers is a stretch of seconds; under most keys it is something else."""
    if isinstance(value, list):
        may = len(value) == 2 and (numbers or all(isinstance(item, str) for item in value))
        pair = [_moment(item) for item in value] if may else []
        if len(pair) == 2 and pair[0] is not None and pair[1] is not None:
            yield _span(pair[0], pair[1])
        else:
            for item in value:
                yield from _from_json(item, numbers)
    elif isinstance(value, str):
        if span := _range(value):
            yield span
    elif isinstance(value, dict):
        yield from _from_object(value)


def _from_object(value: dict[str, Any]) -> Iterator[Span]:
    keys = {key.lower().replace(" ", "_"): item for key, item in value.items()}
    text = next((str(keys[key])[:MAX_TEXT] for key in TEXT_KEYS if isinstance(keys.get(key), str)), "")
    start = next((moment for key in START_KEYS if (moment := _moment(keys.get(key))) is not None), None)
    end = next((moment for key in END_KEYS if (moment := _moment(keys.get(key))) is not None), None)
    if start is not None or end is not None:
        start, end = (end if start is None else start), (start if end is None else end)
        assert start is not None and end is not None
        yield _span(start, end, text)
        return
    for key, item in value.items():
        if span := _range(key):  # {"00:23.00 - 00:48.00": "what happens"}
            yield Span(span.start_s, span.end_s, item[:MAX_TEXT] if isinstance(item, str) else "")
        elif key.lower() in RANGE_KEYS:
            moment = _moment(item)
            inner = [_span(moment, moment)] if moment is not None else list(_from_json(item))
            yield from (Span(span.start_s, span.end_s, span.text or text) for span in inner)
        elif isinstance(item, (dict, list)):
            for span in _from_json(item, numbers=False):
                yield Span(span.start_s, span.end_s, span.text or text or key[:MAX_TEXT])


def _moment(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if value >= 0 else None
    match = BARE.fullmatch(value[:100]) if isinstance(value, str) else None
    return seconds(match[1]) if match else None


def _range(text: str) -> Span | None:
    match = BARE_RANGE.fullmatch(text[:100])
    return _span(seconds(match[1]), seconds(match[2])) if match else None


def _span(start: float, end: float, text: str = "") -> Span:
    return Span(min(start, end), max(start, end), text)


def _from_prose(text: str, form: re.Pattern[str]) -> Iterator[Span]:
    for line in lines_of(text):
        matches = list(form.finditer(line))
        for match in matches:
            start, *rest = (seconds(number) for number in match.groups() if number)
            yield _span(start, rest[0] if rest else start, _said(line, match) if len(matches) == 1 else "")


def _said(line: str, match: re.Match[str]) -> str:
    """What a line such as "00:01 - 00:06: the man sits down" says beside its times; of a sentence, all of it."""
    before, after = line[: match.start()].strip(" \t-*•|[(0123456789."), line[match.end() :].strip(" \t:：,-|)].")
    return after if not before else line.strip()
