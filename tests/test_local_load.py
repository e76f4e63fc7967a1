"""Real checkpoints are found, checked and loaded; what is wrong with one is said by name."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from checkpoints import write_checkpoint
from safetensors.torch import load_file, save_file

from model.local.checkpoint import open_checkpoint
from model.local.load import KEPT_WHOLE, choose_dtype, devices, load, quantization_config
from model.messages import user
from model.vlm import Sampling
from tools.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_checkpoint("qwen2.5-vl", tmp_path / "small")


def test_loaded_model_knows_what_it_is(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    model = load(str(folder), device="cpu")
    assert (model.name, model.family.name, model.device) == (str(folder), "qwen2.5-vl", "cpu")
    assert model.dtype == torch.float32
    assert model.parameters == sum(parameter.numel() for parameter in model.opened().parameters())
    assert model.family.max_pixels == 1_000_000
    assert "loading" in caplog.text and "loaded" in caplog.text


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_asked_precision_is_used_and_answers(folder: Path, dtype: str) -> None:
    model = load(str(folder), device="cpu", dtype=dtype)
    assert str(model.dtype) == f"torch.{dtype}"
    assert model.stream([user("Hi")], Sampling(4)).read() is not None


def test_several_files_load_like_one(tmp_path: Path) -> None:
    one = load(str(write_checkpoint("qwen2.5-vl", tmp_path / "one")), device="cpu")
    many = load(str(write_checkpoint("qwen2.5-vl", tmp_path / "many", shard="100KB")), device="cpu")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 2
    assert one.stream([user("Hi")], Sampling(8)).read() == many.stream([user("Hi")], Sampling(8)).read()


def test_missing_file_of_several_is_named(tmp_path: Path) -> None:
    folder = write_checkpoint("qwen2.5-vl", tmp_path, shard="100KB")
    gone = sorted(folder.glob("*.safetensors"))[1]
    gone.unlink()
    with pytest.raises(UserError, match=gone.name):
        load(str(folder), device="cpu")


@pytest.mark.parametrize("kept", [3, 5000, -1])
def test_file_cut_short_is_named(folder: Path, kept: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        load(str(folder), device="cpu")


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_damaged_configuration_is_named(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json"):
        load(str(folder), device="cpu")


def test_folder_without_weights_says_what_is_loaded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="only safetensors"):
        load(str(folder), device="cpu")


def test_index_that_leads_out_of_the_folder_is_refused(folder: Path) -> None:
    index = {"weight_map": {"lm_head.weight": "../../elsewhere.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="outside its folder"):
        load(str(folder), device="cpu")


def test_weights_that_lack_a_tensor_are_refused(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors[next(name for name in tensors if name.endswith("merger.ln_q.weight"))]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"do not fit its config\.json: 1 are missing"):
        load(str(folder), device="cpu")


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if name.endswith("layers.0.mlp.up_proj.weight"))
    tensors[name] = tensors[name][:-1].clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"up_proj\.weight"):
        load(str(folder), device="cpu")


def test_other_kind_of_model_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    with pytest.raises(UserError, match="llama"):
        load(str(folder), device="cpu")


def test_code_in_a_checkpoint_never_runs(folder: Path) -> None:
    ran = folder / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Evil", "AutoModelForImageTextToText": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    load(str(folder), device="cpu")
    assert not ran.exists()


@pytest.mark.parametrize("name", ["", "nowhere", "./no/such/folder", "a/b/c", "../x/y"])
def test_name_that_is_nothing_says_what_to_give(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no model at|is missing"):
        load(name, device="cpu")


def test_hub_id_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    ask = "from model.local.checkpoint import find\ntry: find('nobody/nothing')\nexcept Exception as e: print(repr(e))"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    root = Path(__file__).parents[1]
    out = subprocess.run([sys.executable, "-c", ask], env=offline, cwd=root, capture_output=True, text=True, check=True)
    assert "UserError" in out.stdout
    assert "nobody/nothing" in out.stdout and "--model tiny" in out.stdout


def test_hub_id_in_the_cache_loads_without_the_hub(folder: Path, tmp_path: Path) -> None:
    cached = tmp_path / "home/hub/models--some--model"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text("0" * 40)
    (cached / "snapshots").mkdir()
    folder.rename(cached / "snapshots" / ("0" * 40))
    ask = "from model.local.checkpoint import open_checkpoint; print(open_checkpoint('some/model').parameters > 0)"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    root = Path(__file__).parents[1]
    out = subprocess.run([sys.executable, "-c", ask], env=offline, cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "True"


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_device_that_is_not_here_is_refused() -> None:
    assert devices("auto") == [torch.device("cpu")]
    for name in ("cuda", "cuda:3", "toaster"):
        with pytest.raises(UserError, match=name):
            devices(name)


def test_unknown_precision_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="int3"):
        load(str(folder), device="cpu", dtype="int3")


def test_weights_larger_than_the_memory_are_refused_before_they_are_read(folder: Path) -> None:
    checkpoint = open_checkpoint(str(folder))
    cpu = [torch.device("cpu")]
    assert choose_dtype(checkpoint, "auto", cpu, None) == torch.float32
    larger = type(checkpoint)(folder, {}, None, parameters=10**13, stored_bytes=0)
    with pytest.raises(UserError, match="GiB"):
        choose_dtype(larger, "auto", cpu, None)


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="needs a machine without bitsandbytes")
def test_quantisation_without_its_package_says_how_to_get_it(folder: Path) -> None:
    with pytest.raises(UserError, match="pip install bitsandbytes"):
        load(str(folder), device="cpu", quantization="4bit")


def test_quantisation_leaves_the_tower_whole(folder: Path) -> None:
    from transformers.quantizers.quantizers_utils import should_convert_module

    weights = load(str(folder), device="cpu").opened()
    linear = [name for name, module in weights.named_modules() if isinstance(module, torch.nn.Linear)]
    for bits in ("4bit", "8bit"):
        assert quantization_config(bits, torch.bfloat16).llm_int8_skip_modules == KEPT_WHOLE
    converted = [name for name in linear if should_convert_module(name, KEPT_WHOLE)]
    assert converted == [name for name in linear if name.startswith("model.language_model.")]
    assert len(converted) == 3 * 7
