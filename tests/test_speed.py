"""`bench speed` runs all its races, holds the sides against each other and says what it did not measure."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import torch
from PIL import Image

from agent.benchmarks import captures, races, speed
from agent.benchmarks.races import QUICK, Told, Track, Wrong

MEASURED = {"R1_10", "R1_20", "R1_last", "R1_best", "R2", "R2_tower", "R3", "R4_1k", "R4_13k", "R8"}
MEASURED |= {"R6_pyav", "R6_dense", "R7_browser"}
MEASURED |= {"R6_opencv"} if find_spec("cv2") else set()
MEASURED |= {"R7"} if which("Xvfb") and which("openbox") else set()
MEASURED |= {"R5_time", "R5_forwards"}


def test_a_quick_run_fills_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "speed.png"
    assert speed.main(True, (), True, picture) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["ratios"]) == set(speed.BARS) == set(speed.ABOUT)
    assert {name for name, ratio in found["ratios"].items() if ratio is not None} == MEASURED
    assert all(ratio > 0 for ratio in found["ratios"].values() if ratio is not None)
    assert found["seconds"]["R1"]["handeye"] > 0 and found["versions"]["transformers"] and found["date"]
    assert any("10 interleaved conversations, none with a wrong token" in note for note in found["notes"])
    assert Image.open(picture).width > 100
    lines = speed.table(found).splitlines()
    assert sum(line.split()[0] in speed.BARS for line in lines if line[:1] == "R" and ":" not in line) == len(
        speed.BARS
    )


def test_a_side_that_says_something_else_gets_no_ratio() -> None:
    track = Track(QUICK)
    said = track.naive.answer

    def another(*given: Any, **how: Any) -> list[int]:
        return [token + 1 for token in said(*given, **how)]

    track.naive.answer = another  # type: ignore[method-assign]
    with pytest.raises(Wrong, match="R2"):
        races.pages(track)
    assert speed.ran(races.trajectory, track) == Told(notes=["R1: the sides did not say the same tokens"])


def test_patches_one_colour_of_which_is_a_step_off_get_no_ratio() -> None:
    theirs = torch.rand(8, 1176)
    captures.gate("R3", theirs + 1e-6, {"pixel_values": theirs})
    off = theirs.clone()
    off[3, 4] += 1 / 255 / 0.28
    with pytest.raises(Wrong, match="R3"):
        captures.gate("R3", off, {"pixel_values": theirs})
    with pytest.raises(Wrong, match="R3"):
        captures.gate("R3", theirs[:4], {"pixel_values": theirs})


def test_a_kept_beginning_changes_no_logit_in_double_precision() -> None:
    assert races.precision() < 1e-12
