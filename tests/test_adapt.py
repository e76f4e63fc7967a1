"""A checkpoint that learns from a recorded run says afterwards what was done there, and loads like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from PIL import Image

from model.computer_use import call
from model.local.checkpoint import TINY
from model.local.load import load
from model.messages import ImagePart, assistant, system, user
from model.training.adapt import adapt, surprise


def test_it_says_afterwards_what_was_done(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    base = tmp_path / "base"
    shutil.copytree(TINY, base)
    reply = 'Click "zebra".\n' + call("left_click", coordinate=[35, 77])
    asked = [
        system("The screen's resolution is 112x112."),
        user("Do it.", ImagePart(Image.new("RGB", (112, 112), "red"))),
    ]
    model = load(str(base), dtype="float32")
    with torch.no_grad():
        before = surprise(model, [*asked, assistant(reply)]).item()
    adapt(model, [[*asked, assistant(reply)]], tmp_path / "out", steps=60, rate=1e-2, rank=8)
    learned = load(str(tmp_path / "out"), dtype="float32")
    with torch.no_grad():
        assert surprise(learned, [*asked, assistant(reply)]).item() < before / 5
    assert learned.stream(asked).read() == reply
