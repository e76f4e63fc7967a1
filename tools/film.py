"""An open video file: what its packets say of times, and the frames at asked seconds by seek or scan."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from PIL import Image

LEAP_S = 10.0  # farther ahead than this, a seek is taken where the packets do not say what is nearer
BACK_S = (0.0, 10.0, 60.0)  # how far before a moment a seek is tried: some indices lead past it
# Containers that hold one video. Playlists and the like name other files or addresses, which must not be opened.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,asf,ogg,gif,apng,ivf,mxf,nut,rm,dv,wtv,yuv4mpegpipe"
)
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
EARLY_S = (-60.0, 0.0)  # for the start: some indices hold decoding times, and the first of these is before it
SKIPPING = ("h264", "hevc")  # their packets each hold one picture that is shown, so what no other needs can be left out
SCOUTED = 2000  # packets after a key frame that are looked at, at most: about a minute
THREADS = 4  # at most: each takes memory, of which the reader has little
BEAT = 300  # frames decoded on the way before a sign of life is given


@dataclass(frozen=True)
class Way:
    """To the frame that is on at a moment, by the packets alone. Seconds from the start of the video."""

    key_s: float  # where decoding has to begin
    on_s: float | None  # when the frame came on; None: not looked for that far


class NothingShown(Exception):
    """Not one frame could be decoded."""


class Film:
    """The first video stream of a file. Only a child process has one (see tools/apart.py).

    threads: 0 means as many as pay. Raises av.FFmpegError and NothingShown for what cannot be read.
    """

    def __init__(self, path: str, threads: int = 0) -> None:
        import av

        self.path = path
        self.container: Any = av.open(path, options=OPTIONS)
        self.scout: Any = None  # the file once more, to look ahead in
        self.stream: Any = next(iter(self.container.streams.video), None)
        if self.stream is not None:
            self.codec = self.stream.codec_context
            self.stream.thread_type = "NONE" if threads == 1 else "AUTO"
            self.codec.thread_count = threads or min(THREADS, os.cpu_count() or 1)
            self.begin = self.stream.start_time or 0
        self.skip_before = 0.0  # seconds; of the frames before it only those are decoded that others need
        self.coming: Iterator[Any] = iter(())
        self.now: Any = None
        self.ahead: Any = None

    def close(self) -> None:
        for container in filter(None, (self.container, self.scout)):
            container.close()

    def at_s(self, thing: Any) -> float:
        """When a frame or packet is seen, seconds from the start."""
        return float(((thing.pts or 0) - self.begin) * thing.time_base)

    def facts(self) -> dict[str, Any]:
        first = next(self.decode_from(0.0), None)
        if first is None:
            raise NothingShown
        size = (first.width, first.height) if first.rotation % 180 == 0 else (first.height, first.width)
        return {
            "size": size,
            "fps": float(self.stream.average_rate or 0),
            "codec": self.codec.name,
            "has_subtitles": bool(self.container.streams.subtitles),
        }

    def seconds(self) -> float:
        """To the end of the last frame, by the packets themselves: a header may be wrong, or silent."""
        claimed = self.container.duration
        for start_s in ([claimed / 1e6] if claimed else []) + [0.0]:
            self.seek(self.container, start_s)
            ends = [
                self.at_s(packet) + float((packet.duration or 0) * packet.time_base)
                for packet in self.container.demux(self.stream)
                if packet.pts is not None
            ]
            if ends:
                return max(ends)
        return 0.0

    def seen(self, times_s: Sequence[float]) -> Iterator[tuple[float, Any]]:
        """For each second the last frame that came on by then; before the first frame, the first.

        On a long way also (seconds, None) now and then, as a sign of life.
        """
        for wanted in times_s:
            way = self.way(wanted)
            on_s = way.on_s if way else None
            self.skip_before = on_s - 1e-6 if on_s is not None and self.codec.name in SKIPPING else 0.0
            if self.now is None or self.is_seek_nearer(wanted, way):
                self.coming, self.now, self.ahead = self.decode_from(wanted), None, None
            yield from self.go_to(wanted, on_s)
            yield self.at_s(self.now), self.now

    def small(self, begin_s: float, size: tuple[int, int]) -> Iterator[tuple[float, Any]]:
        """Every frame that others need from there on, so small: (seconds, array of RGB); for a rough look at all."""
        self.skip_before = float("inf") if self.codec.name in SKIPPING else 0.0
        for frame in self.decode_from(begin_s):
            if (at_s := self.at_s(frame)) >= begin_s:
                yield at_s, frame.reformat(*size, format="rgb24", interpolation="AREA").to_ndarray()

    def shown(self, times_s: Sequence[float], pixels: int) -> Iterator[tuple[float, Image.Image | None]]:
        """What `seen` finds, as pictures of at most so many pixels."""
        for at_s, frame in self.seen(times_s):
            yield at_s, frame and upright(frame, pixels)

    def go_to(self, wanted: float, on_s: float | None) -> Iterator[tuple[float, None]]:
        """Frame by frame until `now` is the one that is on; on_s: when it came on, where that is known."""
        decoded = 0
        while on_s is None or self.now is None or self.at_s(self.now) < on_s - 1e-6:
            if self.ahead is None:
                self.ahead = next(self.coming, None)
            if self.now is not None and (self.ahead is None or self.at_s(self.ahead) > wanted + 1e-6):
                return
            if self.ahead is None:
                raise NothingShown
            self.now, self.ahead = self.ahead, None
            decoded += 1
            if decoded % BEAT == 0:
                yield self.at_s(self.now), None

    def is_seek_nearer(self, wanted: float, way: Way | None) -> bool:
        """Nearer than to decode on from here."""
        here = self.at_s(self.ahead or self.now)
        return way.key_s > here if way else wanted - here > LEAP_S

    def way(self, wanted: float) -> Way | None:
        """None: the packets do not say; the file has no index that leads to a key frame, or no times."""
        import av

        if self.scout is None:
            self.scout = av.open(self.path, options=OPTIONS)
        self.seek(self.scout, wanted)
        key: float | None = None
        on = 0.0
        for number, packet in enumerate(self.scout.demux(self.scout.streams.video[0])):
            if key is not None and number > SCOUTED:
                return Way(key, None)
            if packet.pts is None or packet.dts is None or packet.is_discard:
                break
            at = self.at_s(packet)
            if key is None:
                if not packet.is_keyframe or at > wanted + 1e-6:
                    return None
                key = on = at
            if at <= wanted + 1e-6:
                on = max(on, at)
            if float((packet.dts - self.begin) * packet.time_base) > wanted:
                break
        return Way(key, on) if key is not None else None

    def decode_from(self, wanted: float) -> Iterator[Any]:
        """Frames from one that is on at that second or was before it, if there is any such."""
        for start_s in [*(max(0.0, wanted - back) for back in BACK_S), 0.0]:
            self.seek(self.container, start_s)
            coming = self.decoded()
            first = next(coming, None)
            if first is not None and (start_s == 0 or self.at_s(first) <= wanted + 1e-6):
                yield first
                yield from coming
                return

    def decoded(self) -> Iterator[Any]:
        for packet in self.container.demux(self.stream):
            leave = packet.pts is not None and self.at_s(packet) < self.skip_before
            self.codec.skip_frame = "NONREF" if leave else "DEFAULT"
            yield from packet.decode()

    def seek(self, container: Any, at_s: float) -> None:
        """To a key frame before it, as far as the index of the file is right."""
        import av

        for to_s in (at_s,) if at_s else EARLY_S:
            with suppress(av.FFmpegError):
                container.seek(self.begin + int(to_s / self.stream.time_base), stream=container.streams.video[0])
                return
        container.seek(0)


def upright(frame: Any, pixels: int) -> Image.Image:
    """The frame as a player shows it, shrunk to at most so many pixels."""
    scale = min(1.0, (pixels / (frame.width * frame.height)) ** 0.5)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    image: Image.Image = frame.to_image(width=width, height=height)
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
