"""A checkpoint on disk: found by name, whole, and known in size before any of it is loaded."""

from __future__ import annotations

import json
import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError, safe_open

from tools.errors import UserError

TINY = Path(__file__).parents[1] / "tiny"
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
WANTED = ["*.json", "*.safetensors", "*.txt", "*.jinja"]  # of a hub repository; code and pickles stay there
PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")  # the second is what newer versions write

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    folder: Path
    config: dict[str, Any]
    preprocessor: dict[str, Any] | None  # None when the folder has none
    parameters: int
    stored_bytes: int  # of the weights as they lie on disk


def open_checkpoint(name: str) -> Checkpoint:
    """name: "tiny", a folder, or a hub id. Raises UserError, naming the file, for one that is missing or damaged."""
    folder = find(name)
    config = read_json(folder / "config.json")
    preprocessor = next((read_json(folder / file) for file in PREPROCESSORS if (folder / file).is_file()), None)
    counts = [measure(file) for file in weight_files(folder)]
    return Checkpoint(folder, config, preprocessor, sum(n for n, _ in counts), sum(size for _, size in counts))


def find(name: str) -> Path:
    """The folder of a checkpoint; downloads a hub id unless it is cached already."""
    if name == "tiny":
        return TINY
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not HUB_ID.fullmatch(name):
        raise UserError(
            f"no model at {name}; give a folder, a hub id such as Qwen/Qwen2.5-VL-3B-Instruct, or tiny",
            f"{name} 没有模型；请给出文件夹、Hub 名称（如 Qwen/Qwen2.5-VL-3B-Instruct）或 tiny",
        )
    log.info("looking for %s on the hub and in its cache", name)
    try:
        return Path(snapshot_download(name, allow_patterns=WANTED))
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"no folder {name} here, and the hub gave no model of that name ({reason}); "
            "check the name and the connection, or start with --model tiny",
            f"本机没有文件夹 {name}，Hub 也没有给出这个模型（{reason}）；请检查名称和网络，或使用 tiny",
        ) from error


def read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{file} is missing; a checkpoint folder needs it, so download the model again") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}); download it again") from error
    if not isinstance(found, dict):
        raise UserError(f"{file} does not hold a JSON object; download it again")
    return found


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files, all of those that the index names."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        if not (folder / "model.safetensors").is_file():
            raise UserError(f"no model.safetensors in {folder}; only safetensors are loaded, so convert or download it")
        return [folder / "model.safetensors"]
    named = read_json(index).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise UserError(f"{index} names no weights; download it again")
    files = sorted({folder / str(file) for file in named.values()})
    for file in files:
        if file.parent != folder:
            raise UserError(f"{index} names a file outside its folder ({file.name}); do not use this checkpoint")
        if not file.is_file():
            raise UserError(f"{file} is missing though {index.name} names it; download it again")
    return files


def measure(file: Path) -> tuple[int, int]:
    """Weights and bytes in one file. The header says how long the file must be, so a cut one is found here."""
    try:
        with safe_open(file, framework="np") as opened:
            shapes = [opened.get_slice(key).get_shape() for key in opened.keys()]  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is damaged or cut short ({error}); download it again") from error
    return sum(math.prod(shape) for shape in shapes), file.stat().st_size
