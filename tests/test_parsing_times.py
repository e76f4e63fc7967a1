"""Times of a video in every written form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.parsing import ParseError, Span, parse_times
from model.parsing.times import shifted, times_in

SHARED = Path(__file__).parents[2] / "shared" / "data" / "qwen_outputs"


@pytest.mark.skipif(not SHARED.exists(), reason="the shared outputs are not here")
def test_real_replies_give_their_spans() -> None:
    cases = json.loads((SHARED / "video_understanding.json").read_text())
    spans = {i: parse_times(cases[i]["output"]) for i in (1, 2, 4, 5)}
    assert [len(spans[i]) for i in spans] == [1, 1, 8, 9]
    assert (spans[1][0].start_s, spans[1][0].end_s) == (64.0, 72.0)
    assert (spans[2][0].start_s, spans[2][0].end_s) == (1.0, 6.0)
    assert spans[4][1] == Span(47.0, 90.0, "season the meat with salt and pepper.")
    assert spans[5][-1] == Span(195.0, 200.0, "slice the beef against the grain.")
    for i in (0, 3, 6, 7):
        with pytest.raises(ParseError):
            parse_times(cases[i]["output"])


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("The event happens in 01:32.40 - 01:35.60.", 92.4, 95.6),
        ("It happens from 12:34.56s to 13:00s", 754.56, 780),
        ("between 3.2s and 7.5s", 3.2, 7.5),
        ("3.2 - 7.5 seconds", 3.2, 7.5),
        ("75:30.00 - 90:00.50", 4530, 5400.5),
        ("1:02:03.5 – 1:02:04", 3723.5, 3724),
        ("64.0秒到72.0秒", 64, 72),
        ("从00:01到00:06", 1, 6),
        ("<3.0 seconds> - <5.0 seconds>", 3, 5),
        ("from 1h2m3.5s to 1h2m10s", 3723.5, 3730),
        ("2 minutes and 3 seconds - 3 min", 123, 180),
        ("at 1 hour 5 minutes", 3900, 3900),
        ("从1分30秒到2分钟", 90, 120),
        ("1小时2分3秒", 3723, 3723),
        ("00:01:02:15 - 00:01:04:00", 62.5, 64),
        ("00h 01m 02s", 62, 62),
        ('{"start_time": "1m5s", "end_time": "1m 7.5s"}', 65, 67.5),
        ("At 00:05 he falls", 5, 5),
        ("after 3.5 seconds", 3.5, 3.5),
        ('[{"start_time": 3.2, "end_time": "7.5s"}]', 3.2, 7.5),
        ('{"timestamp": "00:01.00 - 00:06.00", "event": "a"}', 1, 6),
        ('{"time": [1.5, 2.5]}', 1.5, 2.5),
        ("[[1.5, 2.5]]", 1.5, 2.5),
        ('{"start_time": "00:06", "end_time": "00:01"}', 1, 6),
    ],
)
def test_time_is_read_in_every_form(text: str, start: float, end: float) -> None:
    (span,) = parse_times(text)
    assert (span.start_s, span.end_s) == pytest.approx((start, end))


def test_lines_keep_what_happens() -> None:
    spans = parse_times("1. 00:01 - 00:06: sits down\n2. 00:07 - 00:09, stands up\n")
    assert [span.text for span in spans] == ["sits down", "stands up"]


def test_cut_list_says_that_it_was_cut() -> None:
    spans = parse_times('[{"start_time": "00:01", "end_time": "00:06", "description": "a"}, {"start_time": "00:0')
    assert (len(spans), spans.truncated) == (1, True)


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("What happens at 00:12?", "What happens at 10:12?"),
        ("at 12 seconds and 3.25s", "at 612 seconds and 603.25s"),
        ("between 3.2 and 7.5 seconds", "between 603.2 and 607.5 seconds"),
        ("at 3 s it rains for 2 seconds", "at 603 s it rains for 2 seconds"),
        ("00:01.50 - 00:06.00: sits", "10:01.50 - 10:06.00: sits"),
        ("59:59.99s", "69:59.99s"),
        ("0:59:59.5", "01:09:59.5"),
        ("at 1m5s", "at 00:11:05"),
        ("3 apples cost 12.50", "3 apples cost 12.50"),
    ],
)
def test_times_in_a_text_are_moved(text: str, later: str) -> None:
    assert shifted(text, lambda at: at + 600) == later
    assert shifted(text, lambda at: at).count(":") >= text.count(":")


def test_times_are_found_where_they_stand() -> None:
    text = "At 1:05 it opens for 3 s, and from 2 s to 4.5 s it is light."
    found = {text[begin:end]: (span.start_s, span.end_s) for begin, end, span in times_in(text)}
    assert found == {"1:05": (65.0, 65.0), "2 s to 4.5 s": (2.0, 4.5)}


def test_other_numbers_are_no_times() -> None:
    for text in ("It costs 17,000.", '{"coordinate": [10, 20]}', "12345", "1:99", "5 m", "a 2 m wall"):
        with pytest.raises(ParseError):
            parse_times(text)


@given(st.integers(0, 599_999), st.integers(0, 599_999))
@settings(max_examples=100, deadline=None)
def test_clock_times_are_read_back(a: int, b: int) -> None:
    start, end = sorted((a / 100, b / 100))
    clock = [f"{int(s // 60):02d}:{s % 60:05.2f}" for s in (start, end)]
    if any(part.endswith("60.00") for part in clock):
        return
    (span,) = parse_times(f"It happens in {clock[0]} - {clock[1]}.")
    assert (span.start_s, span.end_s) == pytest.approx((start, end), abs=0.01)
