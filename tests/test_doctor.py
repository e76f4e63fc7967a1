"""What the doctor says of a model."""

from __future__ import annotations

import json
from pathlib import Path

from checkpoints import write_checkpoint

from app.doctor import model_check
from app.settings import Settings


def test_a_model_that_transformers_has_to_run_is_told_with_the_reason(tmp_path: Path) -> None:
    folder = write_checkpoint("qwen2.5-vl", tmp_path)
    assert "slower" not in model_check(Settings(model=str(folder))).text
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["rope_parameters"] |= {"rope_type": "yarn", "factor": 2.0}
    (folder / "config.json").write_text(json.dumps(config))
    found = model_check(Settings(model=str(folder)))
    assert found.ok and found.text.endswith("transformers runs its language model, slower, as its positions are yarn")
