"""Video files as frames, by the files' own clocks; and frames as a video that every browser plays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tools.apart import apart
from tools.errors import UserError
from tools.geometry import Size

FRAME_PIXELS = 768 * 28 * 28  # of one frame: what Qwen2.5-VL takes at most
LAST_S = 0.04  # how long players show the last frame of a WebM file
LEAP_S = 3.0  # farther ahead than this, a seek is cheaper than decoding what lies between
BACK_S = (0.0, 10.0, 60.0)  # how far before a moment a seek is tried: some indices lead past it
# Containers that hold one video. Playlists and the like name other files or addresses, which must not be opened.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,asf,ogg,gif,apng,ivf"


@dataclass(frozen=True)
class Facts:
    size: Size  # upright, as a player shows it
    seconds: float  # to the end of the last frame
    fps: float  # on average, as the file says; 0 when it does not
    codec: str  # such as "h264"


@dataclass(frozen=True)
class Frame:
    at_s: float  # when it comes on, from the start of the video
    image: Image.Image


def facts(path: Path) -> Facts:
    """Raises UserError for what is no video, and tools.apart.Stuck for what takes too much time or memory."""
    found, _ = next(opened(path, []))
    return Facts(Size(*found["size"]), found["seconds"], found["fps"], found["codec"])


def frames(path: Path, times_s: Sequence[float], *, pixels: int = FRAME_PIXELS) -> Iterator[Frame]:
    """What is on at each of these seconds, which must rise; at and after the end nothing is.

    Each frame is shrunk to at most so many pixels. Raises as `facts` does.
    """
    for item, image in islice(opened(path, times_s, pixels), 1, None):
        assert image is not None
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
    import av

    tick = Fraction(1, 1000)
    with av.open(str(path), "w", format="webm") as file:
        stream = None
        for image, at_s in stays(zip(images, times_s, strict=True), end_s):
            if stream is None:
                stream = file.add_stream("libvpx", options={"deadline": "realtime", "cpu-used": "8", "crf": "10"})
                stream.width, stream.height, stream.pix_fmt = image.width, image.height, "yuv420p"
                stream.bit_rate = 4_000_000
                stream.codec_context.time_base = tick
            frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), "rgb24")
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


def opened(path: Path, times_s: Sequence[float], pixels: int = 1) -> Iterator[tuple[dict[str, Any], Any]]:
    if not path.is_file():
        raise UserError(f"no file at {path}")
    return apart("tools.video:read", {"path": str(path), "times_s": list(times_s), "pixels": pixels})


def read(path: str, times_s: list[float], pixels: int) -> Iterator[tuple[dict[str, Any], Image.Image | None]]:
    """What the child process does: first the facts, then the frames."""
    import av

    name = Path(path).name
    try:
        with av.open(path, options={"format_whitelist": FORMATS, "protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise UserError(f"{name} has no pictures, only sound")
            video = Video(container)
            seconds = video.seconds()
            yield video.facts() | {"seconds": seconds}, None
            for at_s, frame in video.seen([time for time in times_s if time < seconds]):
                yield {"at_s": at_s}, upright(frame, pixels)
    except (av.FFmpegError, StopIteration) as error:
        raise UserError(f"{name} is no video that can be read; give MP4, WebM, MKV, AVI or MOV") from error


class Video:
    """An open container's first video stream. Only the child process has one."""

    def __init__(self, container: Any) -> None:
        self.container = container
        self.stream = container.streams.video[0]
        self.stream.thread_type = "AUTO"
        self.begin = self.stream.start_time or 0

    def at_s(self, thing: Any) -> float:
        """When a frame or packet is seen, seconds from the start."""
        return float(((thing.pts or 0) - self.begin) * thing.time_base)

    def facts(self) -> dict[str, Any]:
        first = next(self.decode_from(0.0))
        size = (first.width, first.height) if first.rotation % 180 == 0 else (first.height, first.width)
        return {
            "size": size,
            "fps": float(self.stream.average_rate or 0),
            "codec": self.stream.codec_context.name,
        }

    def seconds(self) -> float:
        """To the end of the last frame, by the packets themselves: a header may be wrong, or silent."""
        claimed = self.container.duration
        for start_s in ([claimed / 1e6] if claimed else []) + [0.0]:
            self.seek(start_s)
            ends = [
                self.at_s(packet) + float((packet.duration or 0) * packet.time_base)
                for packet in self.container.demux(self.stream)
                if packet.pts is not None
            ]
            if ends:
                return max(ends)
        return 0.0

    def seen(self, times_s: list[float]) -> Iterator[tuple[float, Any]]:
        """For each second the last frame that came on by then; before the first frame, the first."""
        coming: Iterator[Any] = iter(())
        now = ahead = None
        for wanted in times_s:
            if now is None or wanted - self.at_s(now) > LEAP_S:
                coming = self.decode_from(wanted)
                now, ahead = next(coming), next(coming, None)
            while ahead is not None and self.at_s(ahead) <= wanted + 1e-6:
                now, ahead = ahead, next(coming, None)
            yield self.at_s(now), now

    def decode_from(self, wanted: float) -> Iterator[Any]:
        """Frames from one that is on at that second or was before it, if there is any such."""
        for start_s in [*(max(0.0, wanted - back) for back in BACK_S), 0.0]:
            self.seek(start_s)
            coming = self.container.decode(self.stream)
            first = next(coming, None)
            if first is not None and (start_s == 0 or self.at_s(first) <= wanted):
                yield first
                yield from coming
                return

    def seek(self, at_s: float) -> None:
        self.container.seek(self.begin + int(at_s / self.stream.time_base), stream=self.stream)


def upright(frame: Any, pixels: int) -> Image.Image:
    """The frame as a player shows it, shrunk to at most so many pixels."""
    scale = min(1.0, (pixels / (frame.width * frame.height)) ** 0.5)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    image: Image.Image = frame.to_image(width=width, height=height)
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
