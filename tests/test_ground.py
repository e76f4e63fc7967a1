"""`ground` at the terminal, with the embedded model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from agent.pointing import drawn_target
from app import cli
from model.families import TINY
from tools.geometry import Point


def test_a_named_thing_is_found_and_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, name, box = drawn_target("0-1", TINY.device_scale)
    image.save(tmp_path / "screen.png")
    marked = tmp_path / "marked.png"
    assert cli.main(["ground", str(tmp_path / "screen.png"), name, "--to", str(marked), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["found"]
    (at,) = found["points"]
    assert box.contains(Point(*at))
    with Image.open(marked) as picture:
        assert picture.size == image.size and picture.tobytes() != image.tobytes()


@pytest.mark.parametrize(
    ("argv", "told"), [([], "give a picture"), (["x.png"], "give a picture"), (["/no/x.png", "a"], "there is no file")]
)
def test_what_is_missing_is_told_before_a_model_is_loaded(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ground", *argv]) == 2
    assert told in capsys.readouterr().err
