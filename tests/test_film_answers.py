"""Long videos by stretches, several videos, texts over time, and what a stop leaves; with scripted replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from agent.film_answers import answers, asked_about, compare, is_long, sum_up
from agent.film_batch import claim_of, kept, places, videos_in
from agent.film_texts import Glance, Text, glances, texts
from agent.films import Stretch, events, find
from agent.views import View, open_source
from model.families import TINY
from model.messages import VideoPart
from model.parsing import Span
from tests.scripted import ScriptedModel
from tests.test_films import film
from tools.errors import UserError
from tools.video import write_webm


def test_a_long_video_is_asked_by_stretches_and_summed_up(tmp_path: Path) -> None:
    source = open_source(film(tmp_path / "a.mp4", 40), 2.0)
    model = ScriptedModel(["nothing", "At 00:03 he falls for 2 seconds.", "nothing", "He falls."])
    found = list(answers(model, source, "What happens?"))
    assert [one.begin_s for one in found] == pytest.approx([0, 13.3, 26.6], abs=0.4)
    at = found[1].begin_s + 3
    assert found[1].said == f"At 00:{at:02.0f} he falls for 2 seconds."
    assert all(one.seen_s[0] == pytest.approx(one.begin_s) for one in found)
    reply = sum_up(model, "What happens?", found)
    assert reply.read() == "He falls."
    said = model.asked[-1][-1].text
    assert found[1].said in said and said.endswith("What happens?")
    assert not is_long(source, model)
    assert is_long(source, ScriptedModel([], replace(TINY, video_frames=2)))


def test_only_the_stretches_that_a_question_names_are_watched(tmp_path: Path) -> None:
    parts = [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    assert asked_about("What is at 00:12?", parts) == [(10.0, 20.0)]
    assert asked_about("What is between 5 and 15 seconds?", parts) == parts[:2]
    assert asked_about("What is at 01:12?", parts) == asked_about("What is it?", parts) == parts
    source = open_source(film(tmp_path / "a.mp4", 40), 2.0)
    model = ScriptedModel(["red"])
    (answer,) = answers(model, source, "Which colour at 0:30?")
    assert model.asked[0][-1].text == f"Which colour at 00:{30 - answer.begin_s:02.0f}?"


def test_an_hour_of_stretches_has_the_times_of_the_hour(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (56, 56), (minute * 4, 0, 0)) for minute in range(60)]
    write_webm(tmp_path / "hour.webm", frames, [60.0 * minute for minute in range(60)], 3600.0)
    model = ScriptedModel(['[{"start_time": "00:10.00", "end_time": "00:20.00", "description": "x"}]'] * 8)
    found = list(events(model, tmp_path / "hour.webm", fps=0.05))
    assert len(found) == 6 and found[-1].end_s == pytest.approx(3600, abs=0.1)
    assert [span.start_s for one in found for span in one.spans] == pytest.approx([600 * n + 10 for n in range(6)])
    later = list(events(ScriptedModel(["none"]), tmp_path / "hour.webm", fps=0.05, done=5))
    assert [one.begin_s for one in later] == pytest.approx([3000])


def test_a_span_and_a_clock_are_asked_for(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 20)
    model = ScriptedModel(["00:01.00 - 00:02.00"])
    (one,) = find(model, path, "rain", view=View(10.0, 16.0, clock="hours"))
    assert one.spans == (Span(11.0, 12.0),) and one.seen_s[0] == 10.0 and "a second" in one.note
    assert model.asked[0][-1].text.endswith("Use 'hh:mm:ss.ff' as time format.")
    (late,) = find(ScriptedModel(["at 40 seconds"]), path, "rain", view=View(10.0, 16.0))
    assert late.spans[0].end_s == 16.0


def test_videos_are_compared_in_one_prompt_with_shared_frames(tmp_path: Path) -> None:
    paths = [film(tmp_path / "a.mp4", 30), film(tmp_path / "b.mp4", 4)]
    model = ScriptedModel(["the length"])
    looking = compare(model, paths, "What differs?")
    assert looking.reply.read() == "the length"
    videos = [part for part in model.asked[0][-1].parts if isinstance(part, VideoPart)]
    assert [len(video.frames) for video in videos] == [16, 7]  # half of 32 at most; 3.5 s at 2 a second
    assert model.asked[0][-1].text == "Video 1: Video 2: What differs?"
    with pytest.raises(UserError, match="two to 8"):
        compare(model, paths[:1], "What differs?")


def slides(path: Path, shown: list[tuple[str, float]], end_s: float) -> Path:
    images = []
    for words, _ in shown:
        image = Image.new("RGB", (224, 84), "white")
        ImageDraw.Draw(image).text((10, 30), words, fill="black", font=ImageFont.load_default(size=20))
        images.append(image)
    write_webm(path, images, [at for _, at in shown], end_s)
    return path


def test_texts_are_read_once_for_each_picture_and_have_their_times(tmp_path: Path) -> None:
    path = slides(tmp_path / "a.webm", [("one", 0), ("two", 3), ("one", 5)], 7.0)
    model = ScriptedModel(["Shop sale\n 20 % off", "Shop sa1e", "Shop sale\n20 % off"])
    seen = list(glances(model, path))
    assert [(one.at_s, one.until_s) for one in seen] == [(at, pytest.approx(at + 1, abs=0.1)) for at in range(7)]
    assert len(model.asked) == 3
    found = texts(seen)
    told = [(one.text, one.first_s, round(one.last_s)) for one in found]
    assert told == [("Shop sale", 0, 7), ("20 % off", 0, 3), ("20 % off", 5, 7)]
    again = list(glances(ScriptedModel(["Shop sale"]), path, done=5, known="Shop sa1e"))
    assert [one.said for one in again] == ["Shop sale"] * 2
    assert next(glances(ScriptedModel([]), path, done=4, known="kept", view=View(0, 5.0))).said == "kept"


def test_texts_of_one_glance_are_apart() -> None:
    assert texts([Glance(0, 1, "aaaa\naaaa\n\n"), Glance(1, 2, "aaaa")]) == [Text("aaaa", 0, 2), Text("aaaa", 0, 1)]


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    made: list[int] = []

    def work(before: Sequence[Stretch]) -> Iterator[Stretch]:
        for number in range(len(before), 3):
            made.append(number)
            yield Stretch(number, number + 1, (Span(number, number + 0.5, "ж"),), "said", seen_s=(0.5,))

    place = tmp_path / "a.find"
    coming = kept(place, {"fps": 2.0, "span": (0, 1)}, Stretch, work)
    first = [next(coming), next(coming)]
    coming.close()  # type: ignore[attr-defined]
    assert list(kept(place, {"fps": 2.0, "span": (0, 1)}, Stretch, work))[:2] == first
    assert made == [0, 1, 2]
    assert len(list(kept(place, {"fps": 1.0}, Stretch, work))) == 3 and made == [0, 1, 2, 0, 1, 2]


def test_names_with_stars_are_resolved_and_results_have_places(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4", "a.webm"):
        (tmp_path / name).write_bytes(b"x")
    found = videos_in([tmp_path / "*.mp4", tmp_path / "a.webm", tmp_path / "a.mp4"])
    assert [path.name for path in found] == ["a.mp4", "b.mp4", "a.webm"]
    named = [place and place.name for place in places(found, tmp_path / "o", "find").values()]
    assert named == ["a.find", "b.find", "a-2.find"]
    assert set(places(found, None, "find").values()) == {None}
    with pytest.raises(UserError, match="no file"):
        videos_in([tmp_path / "*.avi"])
    assert claim_of(found[0])["content"] == claim_of(found[1])["content"] != claim_of(tmp_path)["content"]
