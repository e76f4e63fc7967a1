"""agent/films.py and the verb `video`: times of a long video are times of the whole."""

import json
from pathlib import Path

import pytest

from agent.film_batch import from_json
from agent.films import Stretch, clock, events, find, stretches, to_srt, to_vtt, told
from app.cli import main
from app.film_lines import in_form
from model.messages import VideoPart
from model.parsing import Span
from model.vlm import Reply
from tests.scripted import ScriptedModel
from tests.test_video import write
from tools.errors import UserError
from tools.geometry import Size
from tools.video import Facts


def film(path: Path, seconds: int) -> Path:
    return write(path, list(range(0, 1000 * seconds, 500)))


def test_a_long_video_is_watched_in_stretches_whose_times_are_added(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 40)
    model = ScriptedModel(["The given query happens in 2.0 - 4.0 seconds."] * 4)
    most = model.family.video_frames
    fps = 3 * most / 40 - 0.01
    found = list(find(model, path, "the door opens", fps))
    assert len(found) == 3
    for stretch in found:
        assert [(span.start_s, span.end_s) for span in stretch.spans] == [
            (pytest.approx(stretch.begin_s + 2), pytest.approx(stretch.begin_s + 4))
        ]
    assert (found[0].begin_s, found[-1].end_s) == (0, pytest.approx(40, abs=0.6))
    (video,) = (part for part in model.asked[1][-1].parts if isinstance(part, VideoPart))
    assert video.times_s[0] == 0 and len(video.frames) <= most
    assert "Give the query: 'the door opens', when" in model.asked[0][-1].text


def test_what_is_no_time_is_said_and_what_is_too_late_is_at_the_end(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 4)
    (stretch,) = find(ScriptedModel(["It never happens."]), path, "rain")
    assert not stretch.spans and "no time" in stretch.problem
    (stretch,) = find(ScriptedModel(["at 00:59.00"]), path, "rain")
    assert stretch.spans[0].start_s == pytest.approx(stretch.end_s)
    with pytest.raises(UserError, match="no file"):
        list(find(ScriptedModel([]), tmp_path / "gone.mp4", "rain"))


def test_events_become_subtitles(tmp_path: Path) -> None:
    said = '[{"start": "00:01.00", "end": "00:02.50", "description": "it --> rains\\n\\nhard"}]'
    (stretch,) = events(ScriptedModel([said]), film(tmp_path / "a.mp4", 4))
    assert to_srt(stretch.spans) == "1\n00:00:01,000 --> 00:00:02,500\nit → rains\nhard\n"
    assert to_vtt(stretch.spans).startswith("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n")
    assert to_srt([Span(0, 1), Span(1, 2)]).count("-->") == 2


def test_real_replies_lose_nothing(shared: Path) -> None:
    cases = json.loads((shared / "data" / "qwen_outputs" / "video_understanding.json").read_text(encoding="utf-8"))
    for case in cases:
        reply = Reply(iter([case["output"]]))
        reply.read()
        reply.usage.finish = "stop"
        stretch = told(reply, 0.0, 300.0)
        assert stretch.said == case["output"] and bool(stretch.spans) != bool(stretch.problem)
        (kept,) = json.loads(in_form("json", Path("a.mp4"), [stretch], True))["pieces"]
        assert from_json(Stretch, kept) == stretch
        srt, vtt = in_form("srt", Path("a.mp4"), [stretch], True), in_form("vtt", Path("a.mp4"), [stretch], True)
        assert srt.count("-->") == vtt.count("-->") == len(stretch.spans)
        assert all(span.text in srt and span.text in vtt for span in stretch.spans)
        assert all(span.text.strip(".") in case["output"] for span in stretch.spans)


def test_clock_and_stretches() -> None:
    assert clock(3723.4996, ",") == "01:02:03,500"
    hour = Facts(Size(1920, 1080), 3600.0, 25.0, "h264")
    parts = stretches(hour, 2.0, 768)
    assert len(parts) == 10 and parts[-1][1] == 3600
    assert all((end - begin) * 2 <= 768 for begin, end in parts)


def test_the_verbs_run_with_tiny(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(film(tmp_path / "a.mp4", 4))
    assert main(["video", "find", path, "the picture grows light", "--json", "--model", "tiny"]) in (0, 1)
    assert '"begin_s": 0.0' in capsys.readouterr().out
    assert main(["video", "ask", str(tmp_path / "gone.mp4"), "what?"]) == 2
    assert "gone.mp4" in capsys.readouterr().err
