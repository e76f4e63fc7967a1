"""How fast a few frames are taken out of a video, beside transformers' own readers, in one process and by CPU time."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tools.errors import UserError
from tools.geometry import Size
from tools.video import facts, frames, read

SIZE = Size(1920, 1080)
FPS = 30
GOP = 250  # frames from one key frame to the next: the encoder's own default
PASSAGE_S = 60  # encoded once; a longer video is its packets again and again
HOUR = 3600
LARGE = 10**9  # pixels: no frame is shrunk, so that all readers do the same work
Pixels = NDArray[np.uint8]  # (T, H, W, 3)
Spread = Literal["first to last", "equal parts"]
SPREADS: tuple[Spread, ...] = get_args(Spread)  # as qwen-vl-utils takes frames, and as transformers does


@dataclass(frozen=True)
class Ratio:
    """Ours beside another reader: CPU seconds, the best of the rounds."""

    name: str
    wanted: int  # frames
    spread: str
    ours_s: float
    theirs_s: float
    same: bool | None  # bit for bit; None: there was nothing to compare

    @property
    def times(self) -> float:
        return self.theirs_s / self.ours_s

    def line(self) -> str:
        same = {True: "identical", False: "DIFFERENT", None: "-"}[self.same]
        figures = f"{self.theirs_s:8.2f} s {self.ours_s:8.3f} s {self.times:7.1f}x"
        return f"{self.name:52} {self.wanted:3}, {self.spread:14} {figures}  {same}"


def run(rounds: int = 5, with_hour: bool = False, file: Path | None = None) -> list[Ratio]:
    """8 and 32 frames of a minute (or of `file`); with_hour: also 64 frames of an hour, read through once.

    Raises UserError for what is no video.
    """
    with tempfile.TemporaryDirectory() as folder:
        minute = file or Path(folder) / "minute.mp4"
        if not file:
            write_clip(minute, PASSAGE_S)
        kinds = [(wanted, spread) for wanted in (8, 32) for spread in SPREADS]
        found = [ratio for wanted, spread in kinds for ratio in compare(minute, wanted, spread, rounds)]
        if with_hour:
            hour = Path(folder) / "hour.mp4"
            repeat(minute, hour, HOUR // PASSAGE_S)
            found.append(read_through(hour, 64))
    return found


def told(ratios: Sequence[Ratio], as_json: bool) -> str:
    import av
    import transformers

    if as_json:
        return json.dumps([asdict(ratio) | {"ratio": round(ratio.times, 2)} for ratio in ratios])
    head = f"PyAV {av.__version__}, transformers {transformers.__version__}, {platform.machine()}; CPU time, best round"
    columns = f"{'theirs; ours':52} {'frames':19} {'theirs':>10} {'ours':>10} {'ratio':>8}  pixels"
    return "\n".join([head, columns, *(ratio.line() for ratio in ratios)])


def indices_of(wanted: int, count: int, spread: Spread) -> NDArray[np.int64]:
    """So many frames of `count`, by their numbers."""
    if spread == "equal parts":
        return np.arange(wanted) * count // wanted
    indices: NDArray[np.int64] = np.linspace(0, count - 1, wanted).round().astype(np.int64)
    return indices


def compare(path: Path, wanted: int, spread: Spread, rounds: int) -> Iterator[Ratio]:
    """Ours on one thread, and with the child process that opens files of strangers, beside each other reader."""
    clip = facts(path)
    count = round(clip.seconds * clip.fps)
    if count < wanted:
        raise UserError(f"{path.name} has {count} frames; give one with at least {wanted}")
    indices = indices_of(wanted, count, spread)
    times = [float(index) / clip.fps for index in indices]
    jobs: dict[str, Callable[[], Pixels]] = {
        "ours": partial(ours, path, times),
        "ours as used, in a child process": partial(ours_apart, path, times),
        **{name: partial(theirs, reader, path, indices) for name, reader in readers().items()},
    }
    best = {name: float("inf") for name in jobs}
    pixels = {name: job() for name, job in jobs.items()}
    for _ in range(rounds):
        for name, job in jobs.items():
            best[name] = min(best[name], cpu_s(job))
    for name in list(jobs)[2:]:
        for own in list(jobs)[:2]:
            same = np.array_equal(pixels[own], pixels[name])
            yield Ratio(f"{name}; {own}", wanted, spread, best[own], best[name], same)


def ours(path: Path, times: list[float]) -> Pixels:
    return np.stack([np.asarray(image) for _, image in read(str(path), times, LARGE, threads=1) if image])


def ours_apart(path: Path, times: list[float]) -> Pixels:
    return np.stack([np.asarray(frame.image) for frame in frames(path, times, pixels=LARGE)])


def theirs(reader: Callable[..., tuple[Pixels, Any]], path: Path, indices: NDArray[np.int64]) -> Pixels:
    return reader(str(path), lambda **_: indices)[0]


def readers() -> dict[str, Any]:
    """transformers' own, as far as what they need is installed."""
    from importlib.util import find_spec

    from transformers.video_utils import read_video_opencv, read_video_pyav

    found = {"transformers, PyAV": read_video_pyav}
    return found | ({"transformers, OpenCV": read_video_opencv} if find_spec("cv2") else {})


def read_through(path: Path, wanted: int) -> Ratio:
    """Beside decoding every frame once, without even looking at it. Raises UserError when a frame is not the asked."""
    import av

    clip = facts(path)
    times = [clip.seconds * index / wanted for index in range(wanted)]
    found: list[float] = []
    mine = cpu_s(lambda: found.extend(item["at_s"] for item, image in read(str(path), times, LARGE, 1) if image))
    if any(abs(at - asked) >= 1 / clip.fps for at, asked in zip(found, times, strict=True)):
        raise UserError("a frame is over one frame away from its time")

    def all_of_it() -> None:
        with av.open(str(path)) as container:
            for _ in container.decode(video=0):
                pass

    return Ratio(
        f"decoding all of {clip.seconds / 60:.0f} minutes; ours", wanted, "equal parts", mine, cpu_s(all_of_it), None
    )


def cpu_s(job: Callable[[], object]) -> float:
    """Of this process and of the children that ended meanwhile."""
    before = spent_s()
    job()
    return spent_s() - before


def spent_s() -> float:
    clock = os.times()
    return time.process_time() + clock.children_user + clock.children_system


def write_clip(path: Path, seconds: float, size: Size = SIZE, fps: int = FPS, gop: int = GOP) -> None:
    """H.264: a mosaic that moves all the time, with key frames only where asked."""
    import av

    mosaic = np.random.default_rng(0).integers(0, 256, (size.height // 8 + 40, size.width // 8 + 40, 3), np.uint8)
    large = np.kron(mosaic, np.ones((8, 8, 1), np.uint8))
    options = {"g": str(gop), "keyint_min": str(gop), "sc_threshold": "0", "preset": "veryfast"}
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        for index in range(round(seconds * fps)):
            left, top = 3 * index % 320, 2 * index % 320
            seen = np.ascontiguousarray(large[top : top + size.height, left : left + size.width])
            frame = av.VideoFrame.from_ndarray(seen, "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def repeat(path: Path, longer: Path, count: int) -> None:
    """The same packets so many times over, without encoding them anew."""
    import av

    with av.open(str(path)) as source, av.open(str(longer), "w") as file:
        stream = source.streams.video[0]
        out = file.add_stream_from_template(stream)
        assert stream.duration is not None
        for turn in range(count):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.pts is not None and packet.dts is not None:
                    packet.pts += turn * stream.duration
                    packet.dts += turn * stream.duration
                    packet.stream = out
                    file.mux(packet)
