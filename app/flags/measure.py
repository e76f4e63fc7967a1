"""Flags of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.flags.common import add_model, add_out, command, typed
from app.settings import read_count, read_rate, read_scale, read_size
from tools.geometry import Size

SCREEN = Size(1920, 1080)


def add_bench(commands: Any) -> None:
    group = commands.add_parser(
        "bench", help="measure: tasks solved, targets hit, text read, pictures prepared", allow_abbrev=False
    )
    kinds = group.add_subparsers(title="benchmarks", metavar="BENCHMARK", dest="benchmark", required=True)

    examples = (
        "bench miniwob --tasks click-test,enter-text --seeds 0:50 --out runs/miniwob",
        "bench miniwob --tasks D --seeds 0:50 --out runs/dev --pages 2",
    )
    miniwob = command(kinds, "miniwob", "MiniWoB++ tasks", *examples, does="bench")
    lists = "names parted by commas, a file of names, or T (may be trained on), D (development)"
    miniwob.add_argument("--tasks", required=True, metavar="NAME,NAME|FILE|T|D", help=lists)
    pages = command(
        kinds, "pages", "the five kinds of practice page", "bench pages --seeds 0:50 --out runs/pages", does="bench"
    )
    pages.add_argument("--tasks", default="P", metavar="NAME,NAME", help="practice-NAME of each kind (default: all)")
    for bench in (miniwob, pages):
        bench.add_argument("--seeds", required=True, metavar="A:B", help="from A up to, but without, B")
        bench.add_argument("--pages", type=typed(read_count), default=1, metavar="N", help="so many at a time")
        bench.add_argument(
            "--random", action="store_true", help="no model: clicks at random, to know what chance gives"
        )
        bench.add_argument(
            "--chance", type=Path, metavar="DIR", help="folder of a --random run to correct the scores by"
        )
        bench.add_argument(
            "--max-steps", type=typed(read_count), metavar="N", help="steps before it counts as not done"
        )
        bench.add_argument("--scale", type=typed(read_scale), metavar="F", help="screenshot pixels for each CSS pixel")
        add_out(bench, "episodes.jsonl")
        add_model(bench)
    add_grounding(kinds)
    add_reading(kinds)
    add_pages(kinds)
    about = "can the model point on screens drawn in styles that no training showed"
    example = "bench screens --size 640x480 --count 200 --out runs/screens"
    screens = command(kinds, "screens", about, example, does="bench")
    screens.add_argument(
        "--size", type=typed(read_size), default="640x480", metavar="WxH", help="(default: %(default)s)"
    )
    screens.add_argument(
        "--count", type=typed(read_count), default=200, metavar="N", help="targets (default: %(default)s)"
    )
    add_out(screens, "results.jsonl")
    add_model(screens)
    add_clips(kinds)
    add_watching(kinds)
    add_verbs(kinds)
    about = "ten tasks with real programs on a virtual desktop (Linux)"
    desktop = command(kinds, "desktop", about, "bench desktop --out runs/desktop --scale 2", does="bench")
    desktop.add_argument("--tasks", metavar="NAME,NAME", help="some of them (default: all)")
    desktop.add_argument("--scale", type=typed(read_scale), default=1.0, metavar="F", help="enlarge what is seen (1)")
    add_out(desktop, "results.jsonl")
    add_model(desktop)
    about = "the first held-out screens, papers, lines and clips with what the model makes of them, as a picture"
    showcase = command(kinds, "showcase", about, "bench showcase --out examples.png", does="bench")
    showcase.add_argument(
        "--out", type=Path, default=Path("examples.png"), metavar="FILE", help="(default: %(default)s)"
    )
    add_model(showcase)
    about = "how fast a screenshot is made ready for the model, beside transformers' own processor"
    preprocess = command(kinds, "preprocess", about, "bench preprocess", does="bench")
    preprocess.add_argument(
        "--size", type=typed(read_size), default=SCREEN, metavar="WxH", help="(default: %(default)s)"
    )
    preprocess.add_argument("--rounds", type=typed(read_count), default=15, metavar="N", help="(default: %(default)s)")
    add_frames(kinds)
    about = "how much less a step costs than with transformers, as ratios of CPU time"
    speed = command(kinds, "speed", about, "bench speed", "bench speed --only R3 R4 --picture speed.png", does="bench")
    races = ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8")
    speed.add_argument("--only", nargs="+", choices=races, default=(), help="not all of them, which takes 15 minutes")
    speed.add_argument("--quick", action="store_true", help="small sizes, to see that it works; the ratios say nothing")
    speed.add_argument("--json", action="store_true", help="for programs: one JSON object")
    speed.add_argument("--picture", type=Path, metavar="FILE", help="the ratios as a PNG too")
    about = "the published 3B shape with random weights: load, answer, free; needs 8 GB of disk"
    shape = command(kinds, "real-shape", about, "bench real-shape", does="bench")
    shape.add_argument("--tokens", type=typed(read_count), default=8, metavar="N", help="(default: %(default)s)")


def add_grounding(kinds: Any) -> None:
    example = "bench grounding --format screenspot-v2 --annotations web.json --images images --out runs/grounding"
    grounding = command(kinds, "grounding", "can the model point at what it is told to", example, does="bench")
    formats = ("screenspot", "screenspot-v2", "screenspot-pro", "osworld-g")
    grounding.add_argument("--format", required=True, choices=formats, help="whose records these are")
    grounding.add_argument("--annotations", required=True, nargs="+", type=Path, metavar="FILE", help="JSON files")
    grounding.add_argument("--images", required=True, type=Path, metavar="DIR", help="folder of the pictures")
    meaning = "what the numbers of a box mean (default: as the format is published)"
    grounding.add_argument("--bbox-format", choices=("xywh", "xyxy"), help=meaning)
    grounding.add_argument("--limit", type=typed(read_count), metavar="N", help="only the first N samples")
    add_out(grounding, "results.jsonl")
    add_model(grounding)


def add_clips(kinds: Any) -> None:
    about = "can the model say when something happens in a short clip"
    clips = command(kinds, "clips", about, "bench clips --seeds 0:100 --out runs/clips", does="bench")
    clips.add_argument("--seeds", required=True, metavar="A:B", help="from A up to, but without, B")
    add_out(clips, "results.jsonl")
    add_model(clips)


def add_verbs(kinds: Any) -> None:
    about = "video ask, find, caption, read and the comparison, on files with known events and words"
    parser = command(kinds, "verbs", about, "bench verbs --seeds 0:10 --out runs/verbs", does="bench")
    parser.add_argument("--seeds", required=True, metavar="A:B", help="from A up to, but without, B")
    add_out(parser, "results.jsonl")
    add_model(parser)


def add_watching(kinds: Any) -> None:
    examples = (
        "bench video --format video-mme --annotations test.parquet --videos videos --out runs/mme",
        "bench video --format charades-sta --annotations charades_sta_test.txt --videos Charades_v1 --out runs/sta",
    )
    about = "does the model understand videos: published questions, and when something happens"
    parser = command(kinds, "video", about, *examples, does="bench")
    parser.add_argument(
        "--format", required=True, choices=("video-mme", "charades-sta"), help="whose records these are"
    )
    files = "parquet, JSON or JSON lines; text lines of Charades-STA"
    parser.add_argument("--annotations", required=True, nargs="+", type=Path, metavar="FILE", help=files)
    parser.add_argument("--videos", required=True, type=Path, metavar="DIR", help="folder of the videos")
    parser.add_argument("--subtitles", type=Path, metavar="DIR", help="folder of SRT files (default: none are told)")
    parser.add_argument("--fps", type=typed(read_rate), default=2.0, metavar="F", help="frames a second (%(default)s)")
    parser.add_argument("--limit", type=typed(read_count), metavar="N", help="only the first N samples")
    add_out(parser, "results.jsonl")
    add_model(parser)


def add_frames(kinds: Any) -> None:
    about = "how fast frames are taken out of a video, beside transformers' own readers"
    parser = command(kinds, "frames", about, "bench frames", "bench frames --hour --rounds 3", does="bench")
    parser.add_argument("--file", type=Path, metavar="FILE", help="a video to use instead of the drawn minute")
    parser.add_argument("--rounds", type=typed(read_count), default=5, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--hour", action="store_true", help="64 frames of an hour too, and read it through")
    parser.add_argument("--json", action="store_true", help="for programs")


def add_reading(kinds: Any) -> None:
    example = "bench reading --lines 0:100 --papers 0:50 --out runs/reading"
    about = "can the model read: lines of text, and pages as HTML"
    reading = command(kinds, "reading", about, example, does="bench")
    reading.add_argument("--lines", metavar="A:B", help="seeds of lines, from A up to, but without, B")
    reading.add_argument("--papers", metavar="A:B", help="seeds of pages")
    add_out(reading, "results.jsonl")
    add_model(reading)


def add_pages(kinds: Any) -> None:
    example = "bench documents OmniDocBench --out runs/documents"
    about = "can the model read documents: a folder of pages as OmniDocBench has them"
    documents = command(kinds, "documents", about, example, does="bench")
    documents.add_argument("folder", type=Path, metavar="DIR", help="with one JSON file, and its pictures in images")
    documents.add_argument("--limit", type=typed(read_count), metavar="N", help="only the first N pages")
    most = "of one answer about one page (default: %(default)s)"
    documents.add_argument("--max-tokens", type=typed(read_count), default=4096, metavar="N", help=most)
    documents.add_argument("--json", action="store_true", help="for programs: the scores, 0 to 1")
    add_out(documents, "results.jsonl")
    add_model(documents)
