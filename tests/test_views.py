"""agent/views.py: the model's clock and the video's, scenes, subtitles, spans, folders of frames."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest
from PIL import Image

from agent.reading import Video
from agent.views import Shown, View, model_times, open_source, show, sizes
from model.families import QWEN3_VL, TINY
from model.messages import VideoPart
from tests.test_video import write
from tools.errors import UserError
from tools.scenes import cuts, scene_times
from tools.subtitles import Line, subtitles
from tools.video import facts, frames

SRT = """1
00:00:01,000 --> 00:00:02,500
hello <i>you</i>
there

2
00:00:06,000 --> 00:00:07,000
bye
"""


def scenes(path: Path, colours: list[tuple[int, int, int]], each_s: float = 2.0) -> Path:
    """One colour after the other, so long each, ten frames a second."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for colour in colours:
            for index in range(round(each_s * 10)):
                image = Image.new("RGB", (160, 96), colour)
                image.paste((255, 255, 255), (2 * index, 30, 2 * index + 20, 60))  # moves all the time
                file.mux(stream.encode(av.VideoFrame.from_image(image)))
        file.mux(stream.encode())
    return path


def with_subtitles(video: Path, srt: str) -> Path:
    text, out = video.with_suffix(".srt"), video.with_name("subtitled.mkv")
    text.write_text(srt, encoding="utf-8")
    with av.open(str(video)) as pictures, av.open(str(text)) as words, av.open(str(out), "w") as file:
        tracks = [(words, words.streams.subtitles[0]), (pictures, pictures.streams.video[0])]
        made = [file.add_stream_from_template(stream) for _, stream in tracks]
        for (container, stream), own in zip(tracks, made, strict=True):
            for packet in container.demux(stream):
                if packet.pts is not None:
                    packet.stream = own
                    file.mux(packet)
    return out


RED, GREEN, BLUE = (200, 0, 0), (0, 160, 0), (0, 0, 220)


def test_scenes_begin_where_the_picture_changes_at_once(tmp_path: Path) -> None:
    path = scenes(tmp_path / "a.mp4", [RED, GREEN, BLUE])
    assert cuts(path) == pytest.approx([2.0, 4.0], abs=0.31)  # the frames that no other needs are left out
    assert cuts(path, 3.0, 5.0) == pytest.approx([4.0], abs=0.31)
    shown = show(open_source(path, 1.0, View(scenes=True)), TINY)
    assert all(any(abs(at - cut) < 0.31 for at in shown.at_s) for cut in (0.0, 2.0, 4.0))


def test_every_scene_gets_a_frame_and_long_ones_more() -> None:
    assert scene_times([2, 4], 0, 12, 3) == [0, 2, 4]
    assert scene_times([2, 4], 0, 12, 6) == pytest.approx([0, 2, 4, 6, 8, 10])
    assert scene_times([1, 2, 10], 0, 12, 2) == [2, 10]
    assert scene_times([], 5, 9, 2) == [5, 7]


def test_the_models_clock_is_bent_back_to_the_videos() -> None:
    at = (10.0, 11.0, 15.0, 20.0)
    assert model_times(at, 10.0, QWEN3_VL) == (0.0, 1.0, 5.0, 10.0)
    even = model_times(at, 10.0, TINY)
    assert [later - earlier for earlier, later in pairwise(even)] == pytest.approx([10 / 3] * 3)
    assert model_times((3.0, 4.0, 5.0), 2.0, TINY) == (1.0, 2.0, 3.0)
    part = VideoPart((Image.new("RGB", (28, 28)),) * 4, even)
    shown = Shown(Video(part, 12.0), 10.0, 22.0, at)
    for model_s, whole_s in zip(even, at, strict=True):
        assert shown.to_whole(model_s) == pytest.approx(whole_s)
        assert shown.to_model(whole_s) == pytest.approx(model_s)
    assert shown.to_whole(99.0) == 22.0
    assert shown.told("It happens at 00:05.00.") == f"It happens at 00:{shown.to_whole(5.0):05.2f}."


def test_a_span_is_asked_about_in_the_times_of_the_whole(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "a.mp4", list(range(0, 20_000, 500))), 2.0, View(10.0, 16.0))
    shown = show(source, TINY)
    assert shown.at_s[0] == 10.0 and shown.video.part.times_s[0] == 0.0 and not shown.is_plain
    assert shown.asked("What is at 00:12 or at 3 s?") == "What is at 00:02 or at 3 s?"
    assert shown.told("at 2.5 seconds") == "at 12.5 seconds"
    assert "12 frames of 6.0 s, 2 a second" in sizes(shown, TINY)
    with pytest.raises(UserError, match="nothing from 30"):
        open_source(tmp_path / "a.mp4", 2.0, View(30.0))


def test_subtitles_of_the_file_are_told_with_the_models_times(tmp_path: Path) -> None:
    path = with_subtitles(write(tmp_path / "a.mkv", list(range(0, 10_000, 500))), SRT)
    assert subtitles(path) == [Line(1.0, 2.5, "hello you there"), Line(6.0, 7.0, "bye")]
    assert subtitles(path.with_name("a.srt")) == subtitles(path)
    assert subtitles(path.with_name("a.mkv")) == []
    shown = show(open_source(path, 2.0, View(5.0)), TINY)
    assert shown.asked("Why?").splitlines()[1:] == ["1.0 - 2.0 seconds: bye", "", "Why?"]
    assert show(open_source(path, 2.0, View(subtitles=False)), TINY).asked("Why?") == "Why?"


def test_a_folder_of_frames_is_a_video(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        Image.new("RGB", (64, 48), (20 * number, 0, 0)).save(tmp_path / f"frame_{number}.png")
    found = facts(tmp_path, stills_fps=4)
    assert (found.seconds, found.fps, found.codec) == (0.75, 4.0, "pictures")
    seen = [frame.image.getpixel((5, 5))[0] for frame in frames(tmp_path, [0, 0.25, 0.6], stills_fps=4)]  # type: ignore[index]
    assert seen == [20, 40, 200]
    timed = tmp_path / "timed"
    timed.mkdir()
    for name in ("shot_0.5s.png", "shot_4.25s.png", "shot_2s.png"):
        Image.new("RGB", (64, 48)).save(timed / name)
    assert [frame.at_s for frame in frames(timed, [1.0, 3.0, 4.5])] == [0.5, 2.0, 4.25]
    clocks = tmp_path / "clocks"
    clocks.mkdir()
    for name in ("00-00-01.jpg", "00-01-00.5.jpg"):
        Image.new("RGB", (64, 48)).save(clocks / name)
    assert [frame.at_s for frame in frames(clocks, [70.0])] == [60.5]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="no pictures"):
        facts(empty)
    (empty / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="no picture that can be read"):
        facts(empty)
