"""tools/video.py: frames at asked seconds, on files made here with known times."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tools.errors import UserError
from tools.geometry import Size
from tools.video import even_times, facts, frames


def write(path: Path, times_ms: list[int], size: tuple[int, int] = (160, 96), codec: str = "libx264") -> Path:
    """A video whose frames grow lighter and come on at times_ms[i]; its left top corner is white."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=30, options={"g": "12"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(times_ms):
            pixels = np.full((size[1], size[0], 3), 10 + index * (220 // len(times_ms)), np.uint8)
            pixels[:32, :32] = 255
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def which(image: Image.Image, count: int) -> int:
    grey = image.getpixel((image.width - 3, image.height - 3))
    assert isinstance(grey, tuple)
    return round((grey[0] - 10) / (220 // count))


UNEVEN = [0, 40, 500, 510, 520, 2000, 2040, 7000, 7040, 7500, 12_000, 12_040]


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx")])
def test_the_frame_that_is_on_is_found_where_times_are_uneven(tmp_path: Path, name: str, codec: str) -> None:
    path = write(tmp_path / name, UNEVEN, codec=codec)
    wanted = [0, 0.035, 0.041, 0.505, 1.9, 2.0, 2.03, 6.999, 7.0, 11.9, 12.01]
    expected = [max(at for at, time in enumerate(UNEVEN) if time <= 1000 * second) for second in wanted]
    found = list(frames(path, wanted))
    assert [which(frame.image, len(UNEVEN)) for frame in found] == expected
    assert [frame.at_s for frame in found] == pytest.approx([UNEVEN[at] / 1000 for at in expected], abs=0.002)


def test_facts_come_from_the_frames_and_after_the_end_there_is_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", list(range(0, 2000, 40)))
    found = facts(path)
    assert found.size == Size(160, 96)
    assert found.seconds == pytest.approx(2.0, abs=0.05)
    assert found.codec == "h264"
    assert [which(frame.image, 50) for frame in frames(path, [1.9, 2.5, 99])] == [47]


def test_a_header_that_lies_about_the_length_is_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", list(range(0, 2000, 40)))
    content = path.read_bytes()
    at = content.index(b"\x44\x89\x88") + 3  # Duration, eight bytes of float
    path.write_bytes(content[:at] + np.array(3.6e7, ">f8").tobytes() + content[at + 8 :])
    assert facts(path).seconds == pytest.approx(2.0, abs=0.05)
    path.write_bytes(content[:at] + np.array(3.0, ">f8").tobytes() + content[at + 8 :])
    assert facts(path).seconds == pytest.approx(2.0, abs=0.05)


def test_a_video_held_sideways_is_upright(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [0, 40, 80])
    content = path.read_bytes()
    at = content.index(b"tkhd") + 4 + 40
    clockwise = [0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30]
    path.write_bytes(content[:at] + np.array(clockwise, ">i4").tobytes() + content[at + 36 :])
    assert facts(path).size == Size(96, 160)
    (frame,) = frames(path, [0.0])
    assert frame.image.size == (96, 160)
    assert frame.image.getpixel((92, 4)) > (240, 240, 240)  # the left top corner went to the right


def test_frames_are_shrunk_to_the_pixels_allowed(tmp_path: Path) -> None:
    (frame,) = frames(write(tmp_path / "a.mp4", [0, 40]), [0], pixels=160 * 96 // 4)
    assert frame.image.size == (80, 48)


def test_what_is_no_video_is_named_and_playlists_open_nothing(tmp_path: Path) -> None:
    video = write(tmp_path / "a.mp4", list(range(0, 2000, 40)))
    texts = {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{video}\n#EXT-X-ENDLIST\n",
        "a.ffconcat": f"ffconcat version 1.0\nfile {video}\n",
        "a.txt": "hello",
        "empty.mp4": "",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(UserError, match="is no video"):
            facts(path)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:800])
    with pytest.raises(UserError, match="is no video"):
        facts(cut)
    with pytest.raises(UserError, match="no file"):
        facts(tmp_path / "gone.mp4")


def test_even_times_are_so_many_a_second_or_fewer() -> None:
    assert even_times(2.0, 2, 100) == [0, 0.5, 1.0, 1.5]
    assert even_times(100.0, 2, 4) == [0, 25, 50, 75]
    assert even_times(0.1, 2, 4) == [0]
    assert even_times(6.0, 1, 10, begin_s=3.0) == [3, 4, 5]
