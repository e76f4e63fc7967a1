"""`bench`: runs a benchmark of agent/benchmarks and prints its table."""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import closing

from agent.benchmarks import (
    desktop,
    documents,
    drawn,
    episodes,
    frames,
    grounding,
    miniwob,
    preprocess,
    reading,
    real_shape,
    showcase,
    speed,
    verbs,
    video,
    watching,
)
from agent.benchmarks.tasks import read_seeds, read_tasks
from app import wiring
from app.screens import end_when_told
from app.settings import read_settings
from model.vlm import Sampling


def run(arguments: Namespace) -> int:
    match arguments.benchmark:
        case "miniwob" | "pages":
            return play(arguments)
        case "grounding":
            return point(arguments)
        case "screens":
            arguments.images = arguments.out / "screens"
            arguments.annotations = [drawn.write(arguments.images, arguments.size, arguments.count)]
            arguments.format, arguments.bbox_format, arguments.limit = "screenspot", None, None
            return point(arguments)
        case "clips":
            return watch(arguments)
        case "verbs":
            seeds = read_seeds(arguments.seeds)
            with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
                print(verbs.run(model, seeds, arguments.out).table)
            return 0
        case "video":
            return understand(arguments)
        case "desktop":
            return use_desktop(arguments)
        case "reading":
            return read(arguments)
        case "documents":
            return read_documents(arguments)
        case "showcase":
            with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
                showcase.run(model, arguments.out)
            print(f"drawn: {arguments.out}")
            return 0
        case "frames":
            ratios = frames.run(arguments.rounds, arguments.hour, arguments.file)
            print(frames.told(ratios, arguments.json))
            return 0 if all(ratio.same is not False for ratio in ratios) else 1
        case "preprocess":
            return preprocess.main(["--size", str(arguments.size), "--rounds", str(arguments.rounds)])
        case "speed":
            return speed.main(arguments.quick, arguments.only, arguments.json, arguments.picture)
        case "real-shape":
            return real_shape.main(["--tokens", str(arguments.tokens)])
    raise AssertionError(arguments.benchmark)


def play(arguments: Namespace) -> int:
    tasks, seeds = read_tasks(arguments.tasks), read_seeds(arguments.seeds)
    options = {"chance": arguments.chance}
    options |= {name: given for name in ("scale", "max_steps") if (given := getattr(arguments, name)) is not None}
    if arguments.random:
        chance = miniwob.run(
            episodes.random_clicks, tasks, seeds, arguments.out, arguments.pages, name="random", **options
        )
        print(chance.table)
        return 0
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        print(miniwob.run(model, tasks, seeds, arguments.out, arguments.pages, **options).table)
    return 0


def point(arguments: Namespace) -> int:
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        summary = grounding.run(
            model,
            format=arguments.format,
            annotations=arguments.annotations,
            images=arguments.images,
            out=arguments.out,
            bbox_format=arguments.bbox_format,
            limit=arguments.limit,
        )
    print(summary.table)
    return 0


def watch(arguments: Namespace) -> int:
    seeds = read_seeds(arguments.seeds)
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        print(video.run(model, seeds, arguments.out).table)
    return 0


def understand(arguments: Namespace) -> int:
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        summary = watching.run(
            model,
            format=arguments.format,
            annotations=arguments.annotations,
            videos=arguments.videos,
            out=arguments.out,
            fps=arguments.fps,
            subtitle_folder=arguments.subtitles,
            limit=arguments.limit,
        )
    print(summary.table)
    return 0


def use_desktop(arguments: Namespace) -> int:
    names = desktop.read_names(arguments.tasks)
    end_when_told()
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        print(desktop.run(model, names, arguments.out, arguments.scale))
    return 0


def read(arguments: Namespace) -> int:
    lines, papers = (read_seeds(given) if given else None for given in (arguments.lines, arguments.papers))
    reading.check(lines, papers)
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        print(reading.run(model, lines=lines, papers=papers, out=arguments.out).table)
    return 0


def read_documents(arguments: Namespace) -> int:
    sampling = Sampling(max_new_tokens=arguments.max_tokens)
    with closing(wiring.load_model(read_settings(vars(arguments)))) as model:
        summary = documents.run(model, arguments.folder, arguments.out, limit=arguments.limit, sampling=sampling)
    if arguments.json:
        print(json.dumps({"pages": summary.pages, "failed": summary.failed} | summary.scores))
    else:
        print(summary.table)
    return 0
