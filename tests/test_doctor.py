"""What the doctor says of a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkpoints import write_checkpoint

from app.doctor import desktop_check, model_check, virtual_check
from app.settings import Settings


def test_a_model_that_transformers_has_to_run_is_told_with_the_reason(tmp_path: Path) -> None:
    folder = write_checkpoint("qwen2.5-vl", tmp_path)
    assert "slower" not in model_check(Settings(model=str(folder))).text
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["rope_parameters"] |= {"rope_type": "yarn", "factor": 2.0}
    (folder / "config.json").write_text(json.dumps(config))
    found = model_check(Settings(model=str(folder)))
    assert found.ok and found.text.endswith("transformers runs its language model, slower, as its positions are yarn")


def test_what_a_desktop_lacks_is_told_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    found = desktop_check()
    assert not (found.ok or found.needed) and "Wayland" in found.text and "Wayland" in found.chinese
    monkeypatch.setenv("PATH", "")
    found = virtual_check()
    assert not found.ok and found.text.endswith("apt-get install xvfb openbox") and "未安装" in found.chinese
