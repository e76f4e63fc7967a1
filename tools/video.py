"""Video files and folders of pictures as frames, by their own clocks; and frames as a video for every browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from tools.apart import apart
from tools.errors import UserError
from tools.film import Film, NothingShown
from tools.geometry import Size
from tools.stills import Stills

FRAME_PIXELS = 768 * 28 * 28  # of one frame: what Qwen2.5-VL takes at most
STILLS_FPS = 2.0  # pictures of a folder in one second, where their names tell no times
LAST_S = 0.04  # how long players show the last frame of a WebM file


@dataclass(frozen=True)
class Facts:
    size: Size  # upright, as a player shows it
    seconds: float  # to the end of the last frame
    fps: float  # on average, as the file says; 0 when it does not
    codec: str  # such as "h264"
    has_subtitles: bool = False


@dataclass(frozen=True)
class Frame:
    at_s: float  # when it comes on, from the start of the video
    image: Image.Image


def facts(path: Path, *, stills_fps: float = STILLS_FPS) -> Facts:
    """Of a video file, or of a folder of pictures: so many of them are one second where their names tell no times.

    Raises UserError for what is no video, and tools.apart.Stuck for what takes too much time or memory.
    """
    found, _ = next(opened(path, [], stills_fps=stills_fps))
    return Facts(Size(*found["size"]), found["seconds"], found["fps"], found["codec"], found["has_subtitles"])


def frames(
    path: Path, times_s: Sequence[float], *, pixels: int = FRAME_PIXELS, stills_fps: float = STILLS_FPS
) -> Iterator[Frame]:
    """What is on at each of these seconds, which must rise; at and after the end nothing is.

    Each frame is shrunk to at most so many pixels. Raises as `facts` does.
    """
    for item, image in islice(opened(path, times_s, pixels, stills_fps), 1, None):
        if image is not None:
            yield Frame(item["at_s"], image)


def even_times(end_s: float, fps: float, most: int, begin_s: float = 0.0) -> list[float]:
    """Seconds from begin to end, so many a second; where that were more than `most`, so many, evenly."""
    count = max(1, int((end_s - begin_s) * fps + 1e-6))
    gap = 1 / fps if count <= most else (end_s - begin_s) / most
    return [begin_s + index * gap for index in range(min(count, most))]


def frames_per_second(times_s: Sequence[float]) -> float:
    """On average; a single frame counts as one a second."""
    length = times_s[-1] - times_s[0]
    return (len(times_s) - 1) / length if length else 1.0


def write_webm(path: Path, images: Iterable[Image.Image], times_s: Sequence[float], end_s: float) -> None:
    """Each image comes on at its time, and the last stays until the end."""
    write_shown(path, stays(zip(images, times_s, strict=True), end_s))


def write_shown(path: Path, shown: Iterable[tuple[Image.Image, float]]) -> None:
    """Images of one size as they come, each with the second at which it comes on."""
    import av

    tick = Fraction(1, 1000)
    with av.open(str(path), "w", format="webm") as file:
        stream = None
        for image, at_s in shown:
            if stream is None:
                stream = file.add_stream("libvpx", options={"deadline": "realtime", "cpu-used": "8", "crf": "10"})
                stream.width, stream.height, stream.pix_fmt = image.width, image.height, "yuv420p"
                stream.bit_rate = 4_000_000
                stream.codec_context.time_base = tick
            frame = av.VideoFrame.from_image(image.convert("RGB"))  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = round(at_s * 1000), tick
            file.mux(stream.encode(frame))
        if stream is not None:
            file.mux(stream.encode())


def stays(shown: Iterable[tuple[Image.Image, float]], end_s: float) -> Iterator[tuple[Image.Image, float]]:
    """With the last image once more just before the end: the file says of no frame how long it stays."""
    for image, at_s in shown:
        yield image, at_s
    if end_s - LAST_S > at_s:
        yield image, end_s - LAST_S


def opened(
    path: Path, times_s: Sequence[float], pixels: int = 1, stills_fps: float = STILLS_FPS
) -> Iterator[tuple[dict[str, Any], Any]]:
    if not path.exists():
        raise UserError(f"no file at {path}")
    given = {"path": str(path), "times_s": list(times_s), "pixels": pixels, "stills_fps": stills_fps}
    return apart("tools.video:read", given)


def read(
    path: str, times_s: list[float], pixels: int, threads: int = 0, stills_fps: float = STILLS_FPS
) -> Iterator[tuple[dict[str, Any], Image.Image | None]]:
    """What the child process does: first the facts, then the frames, and signs of life without a picture."""
    with film(path, threads, stills_fps) as file:
        seconds = file.seconds()
        yield file.facts() | {"seconds": seconds}, None
        for at_s, picture in file.shown([time for time in times_s if time < seconds], pixels):
            yield {"at_s": at_s}, picture


@contextmanager
def film(path: str, threads: int = 0, stills_fps: float = STILLS_FPS) -> Iterator[Film | Stills]:
    """The file or folder, open for the block. Raises UserError for what is no video."""
    import av

    name = Path(path).name
    try:
        with closing(Stills(Path(path), stills_fps) if Path(path).is_dir() else Film(path, threads)) as file:
            if isinstance(file, Film) and file.stream is None:
                raise UserError(f"{name} has no pictures, only sound", f"{name} 没有画面，只有声音")
            yield file
    except (av.FFmpegError, NothingShown) as error:
        kinds = "MP4, WebM, MKV, AVI, MOV"
        raise UserError(
            f"{name} is no video that can be read; give {kinds}", f"{name} 不是可读取的视频；请使用 {kinds}"
        ) from error
