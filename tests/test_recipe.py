"""The whole recipe, a hundredth as long, from nothing to a checkpoint: every stage hands over, and each learns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import Qwen2_5_VLForConditionalGeneration

from model.training import stages, vision
from model.training.architecture import new_model
from model.training.checks import Checks, said
from model.training.forward import see
from model.training.learner import load
from model.training.lines import can_write_chinese
from model.training.samples import collate
from model.training.vision import HELD_OUT, batch_of, dense_loss

TAUGHT = "pages=4,plans=2,lines=1"
HUNDREDTH = {
    "pages": ["--seeds", "100000:100004", "--tasks", "page-links,page-form,mixed" + ",paper" * can_write_chinese()],
    "vision": ["--steps", "30", "--batch", "8", "--easy", "1000"],
    "multimodal": ["--steps", "50", "--tokens", "1500", "--report", "25", "--shares", "drawn=3,pages=1"],
    "long": ["--steps", "3", "--tokens", "3000", "--shares", "albums=1,films=1"],
    "sft": ["--shares", TAUGHT, "--steps", "2", "--questions", "3", "--tries", "2", "--checks", "2", "--tokens", "900"],
    "dpo": ["--shares", TAUGHT, "--steps", "1", "--questions", "3", "--tries", "2", "--checks", "2", "--tokens", "900"],
}


@pytest.mark.timeout(600)
def test_a_hundredth_of_the_recipe_learns(tmp_path: Path) -> None:
    torch.manual_seed(0)
    before = tower_loss(tmp_path), token_by_token(tmp_path)
    for stage, flags in HUNDREDTH.items():
        short = [] if stage in ("pages", "sft", "dpo") else ["--workers", "0"]
        stages.run(stage, tmp_path, [*flags, *short])
    after = tower_loss(tmp_path), token_by_token(tmp_path)
    assert after[0] < 0.9 * before[0], "how surprised the tower is by held-out letters"
    assert after[1] > before[1] + 0.2, "held-out tokens that the model says"
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {row["stage"] for row in rows} >= {"vision", "multimodal", "long", "sft"}
    known = json.loads((tmp_path / "manifest.json").read_text())
    assert known["multimodal"]["screens"]["page-form"] == "100000..100003"
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 500
    stages.run("export", tmp_path, ["--to", str(tmp_path / "out")])
    Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path / "out")


def tower_loss(folder: Path) -> float:
    """Of the newest tower of stage 1 on held-out pictures; it takes more than a hundredth to name letters."""
    model = new_model(0)
    tower = model.model.visual
    heads = vision.Heads(tower.config.hidden_size, tower.config.out_hidden_size)
    if (folder / "vision.pt").exists():
        saved: dict[str, Any] = torch.load(folder / "vision.pt", weights_only=True)
        tower.load_state_dict(saved["tower"])
        heads.load_state_dict(saved["heads"])
    pixels, characters, kinds = batch_of([HELD_OUT + i for i in range(8)], 224, 224, 26)
    with torch.no_grad():
        return float(dense_loss(heads(*see(tower, pixels)), characters, kinds))


def token_by_token(folder: Path) -> float:
    """Of held-out pictures, the share of tokens that the newest model says right, each after the right ones."""
    drawn = Checks([]).pointed["drawn"]
    return said(load(folder, "dpo").model, [collate(group) for group in drawn])
