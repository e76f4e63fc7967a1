"""Videos made to do harm, or damaged: a clear message in time, little memory here, and the next one works."""

from __future__ import annotations

import random
import struct
import time
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from agent.views import open_source, show
from model.families import TINY
from tests.test_video import write
from tools.errors import UserError
from tools.subtitles import subtitles
from tools.video import facts

LONGEST_S = 10.0 + 2.0  # until the reader is ended, and for a machine that is busy
MOST_GROWTH = 50 << 20  # bytes of the main process


def good(folder: Path, name: str = "good.mp4") -> Path:
    return write(folder / name, list(range(0, 2000, 100)))


def truncated(folder: Path) -> Path:
    """Its index, which MP4 has at the end, is cut off."""
    content = good(folder).read_bytes()
    path = folder / "cut.mp4"
    path.write_bytes(content[: len(content) // 2])
    return path


def noise(folder: Path) -> Path:
    content = bytearray(good(folder).read_bytes())
    rng = random.Random(1)
    for at in range(40, len(content) - 1200):
        content[at] = rng.randrange(256)
    path = folder / "noise.mp4"
    path.write_bytes(bytes(content))
    return path


def playlist(folder: Path) -> Path:
    path = folder / "list.m3u8"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{good(folder).as_uri()}\n#EXT-X-ENDLIST\n")
    return path


def playlist_in_disguise(folder: Path) -> Path:
    path = folder / "list.mp4"
    path.write_bytes(playlist(folder).read_bytes())
    return path


def concat(folder: Path) -> Path:
    path = folder / "all.ffconcat"
    path.write_text(f"ffconcat version 1.0\nfile '{good(folder)}'\nfile 'http://127.0.0.1:9/a.mp4'\n")
    return path


def only_sound(folder: Path) -> Path:
    path = folder / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000)
    out = folder / "sound.mp4"
    with av.open(str(path)) as source, av.open(str(out), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        for frame in source.decode(audio=0):
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return out


def no_frames(folder: Path) -> Path:
    path = folder / "none.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        file.start_encoding()
    return path


def gif(size: tuple[int, int], frames: int) -> bytes:
    """Of few bytes: every frame is the whole of a huge screen in one colour."""
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, *size, 0) + b"\x02\x02\x4c\x01\x00"
    return head + (b"\x21\xf9\x04\x00\x0a\x00\x00\x00" + image) * frames + b"\x3b"


def huge_gif(folder: Path) -> Path:
    path = folder / "huge.gif"
    path.write_bytes(gif((65535, 65535), 3))
    return path


def large_picture(folder: Path) -> Path:
    """A folder of frames with one of 400 million pixels."""
    inside = folder / "frames"
    inside.mkdir()
    Image.new("1", (20_000, 20_000)).save(inside / "0001.png")
    return inside


BAD: list[Callable[[Path], Path]] = [
    truncated, noise, playlist, playlist_in_disguise, concat, only_sound, no_frames, huge_gif, large_picture,
]  # fmt: skip


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_file_is_named_in_time_and_the_next_one_works(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    here = psutil.Process()
    before, begin = here.memory_info().rss, time.monotonic()
    with pytest.raises(UserError) as told:
        open_source(path)
    assert time.monotonic() - begin < LONGEST_S
    assert here.memory_info().rss - before < MOST_GROWTH
    assert path.name in str(told.value) or "the file" in str(told.value) or "0001.png" in str(told.value)
    assert facts(good(tmp_path, "next.mp4")).seconds == pytest.approx(2.0, abs=0.1)


def test_a_gif_of_many_frames_gives_a_sample_only(tmp_path: Path) -> None:
    path = tmp_path / "many.gif"
    path.write_bytes(gif((640, 480), 3000))
    here = psutil.Process()
    before, begin = here.memory_info().rss, time.monotonic()
    shown = show(open_source(path, 2.0), TINY)
    assert len(shown.video.part.frames) <= TINY.video_frames
    assert time.monotonic() - begin < 4 * LONGEST_S
    assert here.memory_info().rss - before < MOST_GROWTH


def test_a_header_that_lies_about_its_size_is_not_believed(tmp_path: Path) -> None:
    content = good(tmp_path).read_bytes()
    at = content.index(b"avc1", content.index(b"stsd")) + 4 + 24
    assert struct.unpack(">HH", content[at : at + 4]) == (160, 96)
    path = tmp_path / "lies.mp4"
    path.write_bytes(content[:at] + struct.pack(">HH", 65535, 65535) + content[at + 4 :])
    found = show(open_source(path), TINY)
    assert (found.video.part.frames[0].width, found.video.part.frames[0].height) == (160, 96)


def test_subtitles_of_a_bad_file_are_refused_and_open_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no subtitles"):
        subtitles(playlist(tmp_path))
    noise_file = tmp_path / "a.srt"
    noise_file.write_bytes(np.random.default_rng(0).integers(0, 256, 4000, np.uint8).tobytes())
    with pytest.raises(UserError, match="no subtitles"):
        subtitles(noise_file)
