"""Settings: defaults <- settings.toml in the user's configuration folder <- HANDEYE_* variables <- flags."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from tools.chromium import VARIABLE as BROWSER_VARIABLE
from tools.errors import UserError
from tools.geometry import Size

Quantization = Literal["4bit", "8bit"]
Approve = Literal["always", "irreversible", "never"]

PREFIX = "HANDEYE_"
ELSEWHERE = {
    BROWSER_VARIABLE,
    "HANDEYE_API_KEY",
    "HANDEYE_DATA",
    "HANDEYE_PASSWORD",
    "HANDEYE_VAULT",
}  # read where they are used; none is for a run's record


@dataclass(frozen=True)
class Settings:
    model: str = "tiny"
    """What answers: "tiny" (comes with Handeye), a folder that holds a checkpoint, a hub id, or a server's address."""
    device: str = "auto"
    """Where it runs: auto, cpu, cuda, cuda:0, mps; this and the next two are not for a server."""
    dtype: str = "auto"
    """What it computes in: auto, float32, bfloat16, float16."""
    quantization: Quantization | None = None
    """4bit, 8bit, or None: the weights as they are."""
    offline: bool = False
    """Nothing beyond this machine can be reached by Handeye's own process, nor by its browser."""
    max_steps: int = 30
    """Steps of one task before it counts as not done."""
    max_minutes: float | None = None
    """Minutes of seeing, thinking and acting before a task counts as not done; None: no limit."""
    max_tokens: int | None = None
    """Tokens read and written before a task counts as not done; None: no limit."""
    approve: Approve = "irreversible"
    """A person is asked before each action: always, never, or if it may not be undone or was not asked for."""
    viewport: Size | None = None
    """Size of a page, in CSS pixels; None: what the model reads best."""
    scale: float | None = None
    """Screenshot pixels for each CSS pixel; None: what the model reads best."""
    headed: bool = False
    """Show the browser's window."""
    allow: Sequence[str] | None = None
    """The only addresses that the agent's browser may contact, as patterns; None: all public ones."""
    block: Sequence[str] = ()
    """Addresses that it never contacts, whatever is allowed."""
    runs: Path = Path("runs")
    """Where each run gets a folder of its own."""


def read_settings(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """flags: values by field name, already of the right type; None means not given. Raises UserError."""
    chosen = {**from_file(settings_file(environment)), **from_environment(environment)}
    chosen |= {field.name: flags[field.name] for field in fields(Settings) if flags.get(field.name) is not None}
    return Settings(**chosen)


def recorded(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field name, out of a run's record, which may hold more than settings. Raises UserError."""
    texts = {name: as_text(value) for name, value in kept.items() if name in READERS and value is not None}
    return {name: read_one(name, text, f"{name} in the run's record") for name, text in texts.items()}


def settings_file(environment: Mapping[str, str]) -> Path:
    """Where this system keeps a user's settings; the file need not exist."""
    if sys.platform == "win32":
        folder = Path(environment.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "handeye" / "settings.toml"


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where this system keeps what a program's user makes; HANDEYE_DATA names another place."""
    if named := environment.get("HANDEYE_DATA"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        folder = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return folder / "handeye"


def from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}; mend it or move it away") from error
    return {name: read_one(name, as_text(value), f"{name} in {path}") for name, value in table.items()}


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """An empty variable counts as not set."""
    given = {key: text for key, text in environment.items() if key.startswith(PREFIX) and key not in ELSEWHERE and text}
    return {(name := key.removeprefix(PREFIX).lower()): read_one(name, text, key) for key, text in given.items()}


def as_text(value: object) -> str:
    """A TOML value as a person would write it in a variable, so that both are read by one rule."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_one(name: str, text: str, where: str) -> Any:
    """Raises UserError that says where the mistake stands and what would be right."""
    if name not in READERS:
        raise UserError(f"{where}: there is no setting {name!r}; known: {', '.join(READERS)}")
    try:
        return READERS[name](text)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error


def read_text(text: str) -> str:
    return text


def read_bool(text: str) -> bool:
    """Raises ValueError."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(f"{text!r} is neither true nor false")
    return words[text.lower()]


def read_count(text: str) -> int:
    """Raises ValueError."""
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise ValueError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def read_pages(text: str) -> tuple[int, ...]:
    """ "1-3,5" to (1, 2, 3, 5). Raises ValueError."""
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?\s*", part)
        if not match or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(f"{part.strip()!r} is no page or range of pages, such as 7 or 2-5")
        numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(dict.fromkeys(numbers))


def read_approve(text: str) -> Approve:
    """Raises ValueError."""
    known: dict[str, Approve] = {"always": "always", "irreversible": "irreversible", "never": "never"}
    if text.lower() not in known:
        raise ValueError(f"{text!r} is none of {', '.join(known)}")
    return known[text.lower()]


def read_minutes(text: str) -> float:
    """Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text) or float(text) <= 0:
        raise ValueError(f"{text!r} is no number of minutes above 0")
    return float(text)


def read_patterns(text: str) -> tuple[str, ...]:
    """ "a.example, *.b.example" to its parts; of "" there are none. What is a pattern, tools/url_rules.py says."""
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def read_rate(text: str) -> float:
    """Raises ValueError."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 0.01 <= float(text) <= 30:
        raise ValueError(f"{text!r} is no number of frames a second from 0.01 to 30")
    return float(text)


def read_span(text: str) -> tuple[float, float | None]:
    """ "1:00-2:30.5" -> (60.0, 150.5), "90-" -> (90.0, None). Raises ValueError."""
    time = r"(?:(?:[0-9]+:)?[0-5]?[0-9]:[0-5]?[0-9]|[0-9]+)(?:\.[0-9]+)?"
    match = re.fullmatch(rf"({time})?-({time})?", text)
    if not match or text == "-":
        raise ValueError(f"{text!r} is no span; write it as 1:00-2:30, in seconds as 60-150, or 90- up to the end")
    begin, end = (
        None if part is None else sum(float(number) * 60**place for place, number in enumerate(part.split(":")[::-1]))
        for part in match.groups()
    )
    if end is not None and end <= (begin or 0.0):
        raise ValueError(f"{text!r} ends before it begins")
    return begin or 0.0, end


def read_seconds(text: str) -> float:
    """Raises ValueError."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 0.1 <= float(text) <= 3600:
        raise ValueError(f"{text!r} is no number of seconds from 0.1 to 3600")
    return float(text)


def read_scale(text: str) -> float:
    """Raises ValueError."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 0.25 <= float(text) <= 8:
        raise ValueError(f"{text!r} is no scale from 0.25 to 8")
    return float(text)


def read_size(text: str) -> Size:
    """ "1280x800". Raises ValueError."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})[xX×]([1-9][0-9]{0,4})", text)
    if found is None:
        raise ValueError(f"{text!r} is no size; give WIDTHxHEIGHT such as 1280x800")
    return Size(int(found[1]), int(found[2]))


def read_quantization(text: str) -> Quantization | None:
    """Raises ValueError."""
    known: dict[str, Quantization | None] = {"4bit": "4bit", "8bit": "8bit", "none": None}
    if text.lower() not in known:
        raise ValueError(f"{text!r} is no quantization; give 4bit, 8bit or none")
    return known[text.lower()]


READERS: dict[str, Callable[[str], Any]] = {
    "model": read_text,
    "device": read_text,
    "dtype": read_text,
    "quantization": read_quantization,
    "offline": read_bool,
    "max_steps": read_count,
    "max_minutes": read_minutes,
    "max_tokens": read_count,
    "approve": read_approve,
    "viewport": read_size,
    "scale": read_scale,
    "headed": read_bool,
    "allow": read_patterns,
    "block": read_patterns,
    "runs": lambda text: Path(text).expanduser(),
}


def to_json(settings: Settings) -> dict[str, Any]:
    """For a run's record."""
    viewport = settings.viewport and str(settings.viewport)
    said = {"viewport": viewport, "runs": str(settings.runs), "block": ",".join(settings.block)}
    return asdict(settings) | said | {"allow": None if settings.allow is None else ",".join(settings.allow)}
