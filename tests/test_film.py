"""tools/film.py: by seek or by scan, the frames are those that decoding everything would give."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np
import pytest

from agent.benchmarks.frames import HOUR, PASSAGE_S, compare, indices_of, read_through, repeat, write_clip
from tools.film import SCOUTED, Film
from tools.geometry import Size
from tools.video import facts, read

SMALL = Size(160, 96)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 seconds at 10 frames a second with a key frame every 5 seconds, and frames that no other needs."""
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    write_clip(path, 24, SMALL, fps=10, gop=50)
    return path


def remuxed(path: Path, ending: str) -> Path:
    other = path.with_suffix(ending)
    if ending == ".avi":  # which takes no H.264 as it is in MP4
        with av.open(str(path)) as source, av.open(str(other), "w") as file:
            out = file.add_stream("mpeg4", rate=10, options={"g": "50", "bf": "2"})
            out.width, out.height, out.pix_fmt = SMALL.width, SMALL.height, "yuv420p"
            for frame in source.decode(video=0):
                file.mux(out.encode(frame))
            file.mux(out.encode())
    elif other != path:
        repeat(path, other, 1)
    return other


def everything(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        begin = stream.start_time or 0
        return [
            (float((frame.pts - begin) * frame.time_base), frame.to_ndarray(format="rgb24").tobytes())
            for frame in container.decode(stream)
            if frame.pts is not None and frame.time_base is not None
        ]


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov", ".ts", ".avi", ".flv", ".nut"])
def test_frames_are_bit_for_bit_those_of_decoding_everything(clip: Path, ending: str) -> None:
    path = remuxed(clip, ending)
    whole = everything(path)
    rng = random.Random(ending)
    for count in (1, 3, 9, 60):
        times = sorted(rng.uniform(0, 23.9) for _ in range(count))
        found = [(item["at_s"], image.tobytes()) for item, image in read(str(path), times, 10**9) if image]
        assert found == [[one for one in whole if one[0] <= time + 1e-6][-1] for time in times]


def test_a_seek_is_taken_where_it_leaves_something_out(clip: Path) -> None:
    film = Film(str(clip))
    list(film.seen([1.0]))
    assert film.at_s(film.ahead or film.now) < 5
    for wanted, nearer in ((1.5, False), (4.9, False), (5.2, True), (23.0, True)):
        way = film.way(wanted)
        assert way is not None
        assert film.is_seek_nearer(wanted, way) is nearer
        assert way.key_s == pytest.approx(wanted // 5 * 5) and way.on_s == pytest.approx(int(wanted * 10 + 1e-6) / 10)
    film.close()


def test_the_benchmark_compares_equal_pixels(clip: Path) -> None:
    found = list(compare(clip, 8, "first to last", 1))
    assert [ratio.same for ratio in found] == [True] * len(found) and len(found) >= 2
    assert all(ratio.ours_s > 0 and ratio.theirs_s > 0 for ratio in found)
    assert indices_of(3, 9, "first to last").tolist() == [0, 4, 8]
    assert indices_of(3, 9, "equal parts").tolist() == [0, 3, 6]
    assert np.isfinite(read_through(clip, 8).times)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_64_frames_of_an_hour_cost_less_than_a_third_of_reading_it_through(tmp_path: Path) -> None:
    minute, hour = tmp_path / "minute.mp4", tmp_path / "hour.mp4"
    write_clip(minute, PASSAGE_S, Size(1920, 1080), fps=1, gop=20)
    repeat(minute, hour, HOUR // PASSAGE_S)
    assert facts(hour).seconds == pytest.approx(HOUR, abs=1)
    assert read_through(hour, 64).times > 3


@pytest.mark.slow
def test_far_from_a_key_frame_the_frames_are_right_too(tmp_path: Path) -> None:
    path = tmp_path / "one.mp4"
    write_clip(path, 2 * SCOUTED / 10, SMALL, fps=10, gop=10 * SCOUTED)
    whole = everything(path)
    times = [1.0, 150.05, 230.0, 390.0]
    found = [(item["at_s"], image.tobytes()) for item, image in read(str(path), times, 10**9) if image]
    assert found == [[one for one in whole if one[0] <= time + 1e-6][-1] for time in times]
