"""`ground`: where is it on this picture? Or, with --calibrate, how good is the model at pointing?"""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import closing
from typing import Any

from agent.pointing import TARGETS, Calibration, Pointed, ask, calibrate, drawn, understood
from app import wiring
from app.pictures import read_picture
from app.settings import read_settings
from app.show import printable
from model.vlm import VisionLanguageModel
from tools.errors import UserError


def run(arguments: Namespace) -> int:
    """0 when something was found; of a calibration, always."""
    settings = read_settings(vars(arguments))
    if arguments.calibrate:
        with closing(wiring.load_model(settings)) as model:
            return trial(model, arguments.json)
    if arguments.picture is None or not arguments.phrase:
        raise UserError('give a picture and what to find: python3 launch.py ground page.png "the search button"')
    if not arguments.picture.is_file():
        raise UserError(f"there is no file {arguments.picture}")
    image = read_picture(arguments.picture)
    with closing(wiring.load_model(settings)) as model:
        pointed = understood(ask(model, image, arguments.phrase, arguments.way).read(), model.family, image)
    if arguments.to:
        drawn(image, pointed).save(arguments.to)
    print(json.dumps(as_data(pointed), indent=2) if arguments.json else in_words(pointed))
    return 0 if pointed.places else 1


def trial(model: VisionLanguageModel, as_json: bool) -> int:
    trials = []
    for one in calibrate(model):
        trials.append(one)
        if not as_json:
            print(f"{len(trials)} of {TARGETS}  {'hit ' if one.is_hit else 'miss'}  {one.name}", flush=True)
    found = Calibration.of(trials)
    if as_json:
        print(json.dumps({"trials": found.trials, "hits": found.hits, "offset": found.offset}))
    else:
        off = f", off by ({found.offset[0]:+.1f}, {found.offset[1]:+.1f}) px on average" if found.offset else ""
        print(f"{found.hits} of {found.trials} hit{off}")
    return 0


def in_words(pointed: Pointed) -> str:
    lines = [f"said: {printable(pointed.said)}"]
    lines += [f"problem: {pointed.problem}"] if pointed.problem else []
    lines += [f"at {place}" for place in pointed.places]
    return "\n".join([*lines, *([] if pointed.places or pointed.problem else ["it says that there is no such thing"])])


def as_data(pointed: Pointed) -> dict[str, Any]:
    """In pixels of the picture."""
    found = []
    for one in pointed.found:
        box = [one.box.left, one.box.top, one.box.right, one.box.bottom] if one.box else None
        found.append({"label": one.label, "box": box, "points": [[at.x, at.y] for at in one.points]})
    return {"said": pointed.said, "found": found, "problem": pointed.problem or None}
