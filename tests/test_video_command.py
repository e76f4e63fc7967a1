"""`video` at the terminal: lines and JSON, files, exit codes, and Ctrl-C that keeps what is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.cli import main, parse
from app.commands import video
from app.settings import read_span
from model.messages import Message
from model.vlm import Reply, Sampling
from tests.conftest import Site
from tests.scripted import ScriptedModel
from tests.test_film_answers import slides
from tests.test_films import film
from tools.errors import UserError
from tools.video import facts, frames

FOUND = "The given query happens in 1.0 - 2.0 seconds."
TOLD = '[{"start": "00:01.00", "end": "00:02.50", "description": "it rains"}]'


class StoppedAt(ScriptedModel):
    """Ctrl-C comes with the question after the last reply."""

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        try:
            return super().stream(messages, sampling)
        except AssertionError as error:
            raise KeyboardInterrupt from error


def run(model: ScriptedModel, *words: object) -> int:
    arguments = parse(["video", *map(str, words)])
    files = video.videos_in(arguments.files)
    return (video.ask if arguments.verb == "ask" else video.all_of)(model, files, arguments)


def test_found_in_several_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film(tmp_path / "a.mp4", 4)
    film(tmp_path / "b.mp4", 4)
    (tmp_path / "c.mp4").write_bytes(b"no video")
    assert run(ScriptedModel([FOUND, "never"]), "find", tmp_path / "[ab].mp4", "rain") == 0
    out = capsys.readouterr()
    assert out.out.splitlines()[1].startswith("00:00:01.000 - 00:00:02.000  The given") and "no time" in out.err
    assert run(ScriptedModel([FOUND, FOUND]), "find", tmp_path / "?.mp4", "rain", "--json") == 1
    out = capsys.readouterr()
    first = json.loads(out.out.splitlines()[0])
    assert first["file"].endswith("a.mp4") and first["spans"][0]["start_s"] == 1 and len(first["seen_s"]) == 7
    assert "c.mp4" in out.err
    assert run(ScriptedModel(["never"]), "find", tmp_path / "a.mp4", "rain") == 1
    with pytest.raises(UserError, match="no video"):
        run(ScriptedModel([]), "find", tmp_path / "c.mp4", "rain")


def test_ctrl_c_keeps_what_is_done_and_the_next_start_goes_on(tmp_path: Path) -> None:
    path, out = film(tmp_path / "a.mp4", 40), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(StoppedAt([TOLD]), "caption", path, "--out", out)
    half = json.loads((out / "a.caption.json").read_text())
    assert not half["whole"] and [one["text"] for one in half["events"]] == ["it rains"]
    model = ScriptedModel([TOLD, TOLD])
    assert run(model, "caption", path, "--out", out) == 0
    whole = json.loads((out / "a.caption.json").read_text())
    assert whole["whole"] and len(whole["events"]) == 3 and len(model.asked) == 2
    assert (out / "a.caption.srt").read_text().count("-->") == 3
    assert (out / "a.caption.vtt").read_text().startswith("WEBVTT")
    assert run(ScriptedModel([TOLD] * 3), "caption", path, "--out", out, "--fps", "1.9") == 0
    with pytest.raises(KeyboardInterrupt):
        run(StoppedAt([TOLD]), "caption", path, "--as", "srt", "--to", tmp_path / "half.srt")
    assert (tmp_path / "half.srt").read_text().count("-->") == 1


def test_captions_in_every_form_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = film(tmp_path / "a.mp4", 4)
    for kind, sign in (("srt", "00:00:01,000 -->"), ("vtt", "WEBVTT"), ("json", '"events"'), ("lines", "it rains")):
        assert run(ScriptedModel([TOLD]), "caption", path, "--as", kind) == 0
        assert sign in capsys.readouterr().out
    model = ScriptedModel([TOLD, "It rains once."])
    assert run(model, "caption", path, "--summary") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "It rains once."
    assert "it rains" in model.asked[1][-1].text


def test_an_answer_is_streamed_or_moved_to_the_videos_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = film(tmp_path / "a.mp4", 20)
    assert run(ScriptedModel(["At 00:02 it\nrains."]), "ask", path, "When?") == 0
    out = capsys.readouterr()
    assert out.out == "At 00:02 it\nrains.\n" and "frames of" in out.err and "a second" in out.err
    said = ["At 00:02 it rains."]
    assert run(ScriptedModel(said), "ask", path, "When?", "--span", "0:10-0:16", "--json", "--out", tmp_path) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == "At 00:12 it rains." and told["seen_s"][0] == 10.0
    assert json.loads((tmp_path / "answer.json").read_text()) == told
    other = film(tmp_path / "b.mp4", 4)
    assert run(ScriptedModel(["the length"]), "ask", path, other, "What differs?", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["seen_s"]) == 2


def test_a_long_video_is_answered_in_stretches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = slides(tmp_path / "a.webm", [(str(number), 10.0 * number) for number in range(40)], 400.0)
    replies = ["yes at 00:01", "no", "no", "Once."]
    asked = ("ask", path, "Does it rain?", "--fps", "0.2", "--out", tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run(StoppedAt(replies[:1]), *asked)
    assert run(ScriptedModel(replies[1:]), *asked) == 0
    out = capsys.readouterr()
    assert out.out.splitlines()[-1] == "Once." and "3 stretches" in out.err
    assert len((tmp_path / "out" / "a.ask.jsonl").read_text().splitlines()) == 4
    assert run(ScriptedModel(["At once."]), "ask", path, "Does it rain?", "--whole") == 0


def test_texts_are_told_with_their_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = slides(tmp_path / "a.webm", [("one", 0), ("two", 2)], 4.0)
    assert run(ScriptedModel(["Shop sale", "Closed"]), "read", path) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "00:00:00.000 - 00:00:02.000  Shop sale"
    assert second.startswith("00:00:02.000 - 00:00:04.0") and second.endswith("  Closed")
    assert run(ScriptedModel(["Shop sale", "Closed"]), "read", path, "--json", "--out", tmp_path) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["texts"][1]["text"] == "Closed"
    assert [one["text"] for one in json.loads((tmp_path / "a.read.json").read_text())["texts"]] == [
        "Shop sale",
        "Closed",
    ]


def test_spans_are_read() -> None:
    assert read_span("1:00-2:30.5") == (60.0, 150.5)
    assert (read_span("90-"), read_span("-30"), read_span("1:00:00-1:00:01")) == ((90, None), (0, 30), (3600, 3601))
    for wrong in ("", "-", "5", "10-5", "a-b", "1:75-2:00"):
        with pytest.raises(ValueError):
            read_span(wrong)


def test_mistakes_are_said_before_the_model_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(film(tmp_path / name, 2)) for name in ("a.mp4", "b.mp4")]
    assert main(["video", "caption", *paths, "--as", "srt", "--to", "x.srt"]) == 2
    assert "--out DIR" in capsys.readouterr().err
    assert main(["video", "record", "a.mp4", "--seconds", "1"]) == 2
    assert "a.webm" in capsys.readouterr().err


@pytest.mark.slow
def test_a_page_is_recorded(tmp_path: Path, site: Site) -> None:
    site.put("/green", "<style>body { background: rgb(0, 120, 0) }</style>")
    program = "import sys; from app.cli import main; sys.exit(main(sys.argv[1:]))"
    asked = ["video", "record", "a.webm", "--seconds", "0.5", "--url", site.at("/green")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", program, *asked]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert facts(tmp_path / "a.webm").seconds == pytest.approx(0.5, abs=0.2)
    (frame,) = frames(tmp_path / "a.webm", [0.2])
    red, green, blue = frame.image.getpixel((40, 40))  # type: ignore[misc]
    assert (red < 30, 100 < green < 140, blue < 30) == (True, True, True)
