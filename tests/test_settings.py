from __future__ import annotations

import json
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from app.settings import READERS, Settings, read_settings, recorded, settings_file, to_json
from tools.errors import UserError
from tools.geometry import Size

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the tests put the file where Linux has it")


def write(folder: Path, text: str) -> dict[str, str]:
    """An environment whose settings file says this."""
    environment = {"XDG_CONFIG_HOME": str(folder)}
    file = settings_file(environment)
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return environment


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    assert read_settings({}, {"XDG_CONFIG_HOME": str(tmp_path)}) == Settings()


def test_flags_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    environment = write(tmp_path, 'model = "from-file"\ndevice = "from-file"\ndtype = "from-file"\n')
    environment |= {"HANDEYE_DEVICE": "from-variable", "HANDEYE_DTYPE": "from-variable"}
    settings = read_settings({"dtype": "from-flag", "model": None}, environment)
    assert (settings.model, settings.device, settings.dtype) == ("from-file", "from-variable", "from-flag")


def test_values_of_the_file_and_of_variables_are_read_alike(tmp_path: Path) -> None:
    toml = 'headed = true\nviewport = "800x600"\nscale = 1.5\nmax_steps = 7\nquantization = "4bit"\nruns = "kept"\n'
    variables = {
        "HANDEYE_HEADED": "yes",
        "HANDEYE_VIEWPORT": "800x600",
        "HANDEYE_SCALE": "1.5",
        "HANDEYE_MAX_STEPS": "7",
        "HANDEYE_QUANTIZATION": "4BIT",
        "HANDEYE_RUNS": "kept",
    }
    expected = Settings(
        headed=True, viewport=Size(800, 600), scale=1.5, max_steps=7, quantization="4bit", runs=Path("kept")
    )
    assert read_settings({}, write(tmp_path / "a", toml)) == expected
    assert read_settings({}, {"XDG_CONFIG_HOME": str(tmp_path / "b"), **variables}) == expected


def test_unknown_keys_are_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)modle in .*settings\.toml.*'modle'.*known: model, "):
        read_settings({}, write(tmp_path, 'modle = "tiny"'))
    with pytest.raises(UserError, match=r"HANDEYE_MODLE.*'modle'.*known: model, "):
        read_settings({}, {"XDG_CONFIG_HOME": str(tmp_path / "none"), "HANDEYE_MODLE": "tiny"})


def test_the_browser_variable_is_no_unknown_setting(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "HANDEYE_BROWSER": "/usr/bin/chromium"}
    assert read_settings({}, environment) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HANDEYE_HEADED", "perhaps"),
        ("HANDEYE_MAX_STEPS", "0"),
        ("HANDEYE_MAX_STEPS", "-1"),
        ("HANDEYE_MAX_STEPS", "1e3"),
        ("HANDEYE_VIEWPORT", "800"),
        ("HANDEYE_VIEWPORT", "0x600"),
        ("HANDEYE_SCALE", "nan"),
        ("HANDEYE_SCALE", "0"),
        ("HANDEYE_SCALE", "99"),
        ("HANDEYE_QUANTIZATION", "3bit"),
    ],
)
def test_bad_values_are_told_with_the_place_they_stand_in(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(UserError, match=f"^{variable}: .*{value}"):
        read_settings({}, {"XDG_CONFIG_HOME": str(tmp_path), variable: value})


def test_a_file_that_is_not_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"settings\.toml cannot be read"):
        read_settings({}, write(tmp_path, "model = tiny"))


def test_every_setting_can_be_read() -> None:
    assert list(READERS) == [field.name for field in fields(Settings)]


def test_the_record_of_a_run_can_be_read_back(tmp_path: Path) -> None:
    """What a run's file says of its settings makes the same settings again."""
    settings = Settings(model="x", scale=2.0, headed=True, runs=tmp_path)
    variables = {
        f"HANDEYE_{name.upper()}": str(value) for name, value in to_json(settings).items() if value is not None
    }
    assert read_settings({}, {"XDG_CONFIG_HOME": str(tmp_path), **variables}) == settings


def test_what_a_run_keeps_of_the_settings_is_read_back_as_it_was(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    for settings in (
        Settings(),
        Settings(
            model="m",
            device="cpu",
            dtype="float32",
            quantization="4bit",
            offline=True,
            max_steps=7,
            max_minutes=1.5,
            max_tokens=9,
            approve="always",
            viewport=Size(3, 4),
            scale=1.5,
            headed=True,
            allow=("a.example", "*.b.example"),
            block=("c.example",),
            runs=tmp_path,
        ),
        Settings(allow=()),
    ):
        kept = json.loads(json.dumps({**to_json(settings), "url": "about:blank"}))
        assert read_settings(recorded(kept), environment) == settings
