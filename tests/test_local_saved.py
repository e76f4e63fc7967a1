"""A saved conversation goes on in another process as if it had never stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import write_checkpoint
from PIL import Image

from model.local.load import load
from model.local.runner import LocalModel
from model.messages import ImagePart, Message, assistant, user
from model.vlm import Sampling
from tools.errors import UserError

SAMPLING = Sampling(12, repetition_penalty=1.3)
TALK: list[Message] = [user("Look", ImagePart(Image.effect_mandelbrot((150, 90), (-2.0, -1.2, 1.0, 1.2), 60)))]
ELSEWHERE = """
import json, sys
sys.path[:0] = sys.argv[4:]
from pathlib import Path
from test_local_saved import SAMPLING, TALK, assistant, load, user
model = load(sys.argv[1], device="cpu")
model.restore(Path(sys.argv[2]))
reply = model.stream([*TALK, assistant(sys.argv[3]), user("And then?")], SAMPLING)
print(json.dumps([reply.read(), reply.usage.cached_tokens]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint("qwen2.5-vl", tmp_path_factory.mktemp("saved"))


def asked(folder: Path) -> tuple[LocalModel, str]:
    model = load(str(folder), device="cpu")
    return model, model.stream(TALK, SAMPLING).read()


def test_another_process_goes_on_where_this_one_stopped(folder: Path, tmp_path: Path) -> None:
    model, said = asked(folder)
    model.save(TALK, tmp_path / "talk.safetensors")
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    command = [sys.executable, "-c", ELSEWHERE, str(folder), str(tmp_path / "talk.safetensors"), said, *paths]
    text, cached = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    reply = model.stream([*TALK, assistant(said), user("And then?")], SAMPLING)
    assert text == reply.read()
    assert cached == reply.usage.cached_tokens > reply.usage.image_tokens
    model.forget()
    assert text == model.stream([*TALK, assistant(said), user("And then?")], SAMPLING).read()


def test_what_other_weights_or_nobody_saved_is_refused(folder: Path, tmp_path: Path) -> None:
    model, _ = asked(folder)
    file = tmp_path / "talk.safetensors"
    model.save(TALK, file)
    other = load(str(write_checkpoint("qwen2.5-vl", tmp_path / "other", layers=2)), device="cpu")
    half = load(str(folder), device="cpu", dtype="bfloat16")
    for one in (other, half):
        with pytest.raises(UserError, match="another model"):
            one.restore(file)
        assert not one.arenas.kept
    file.write_bytes(file.read_bytes()[:-100])
    for wrong in (file, tmp_path / "none.safetensors"):
        with pytest.raises(UserError, match="no saved conversation"):
            model.restore(wrong)


def test_a_conversation_of_which_nothing_is_kept_cannot_be_saved(folder: Path, tmp_path: Path) -> None:
    model, _ = asked(folder)
    model.forget()
    with pytest.raises(UserError, match="ask the model first"):
        model.save(TALK, tmp_path / "talk.safetensors")
    assert not list(tmp_path.iterdir())
