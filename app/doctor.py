"""Is everything there? One check for each part, that says OK with what was found, or what to do."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
from PIL import Image

from app.settings import Settings
from model.messages import ImagePart, user
from model.remote.address import is_address
from model.vlm import Sampling, VisionLanguageModel
from tools.chromium import VARIABLE, find_browser
from tools.display import own_display
from tools.errors import UserError
from tools.virtual_desktop import MANAGER, SERVER
from tools.virtual_desktop import check as check_programs

GIB = 2**30
ANSWER_S = 30.0  # for a browser to say its version
SIZE = (640, 480)  # of the picture that the speed is measured with
TOKENS = 32


@dataclass(frozen=True)
class Check:
    part: str
    ok: bool
    text: str  # what was found, or the remedy
    needed: bool = True  # False: all commands work without it, but for what the text names
    chinese: str = ""  # the text, where the page shows it in Chinese

    def __str__(self) -> str:
        mark = "OK" if self.ok else "MISSING" if self.needed else "NOTE"
        return f"{mark:<8}{self.part:<9}{self.text}"


def examine(settings: Settings) -> list[Check]:
    return list(checks(settings))


def checks(settings: Settings) -> Iterator[Check]:
    yield Check("python", sys.version_info >= (3, 10), f"{platform.python_version()} at {sys.executable}")
    yield torch_check()
    if is_address(settings.model):
        yield from server_checks(settings)
    else:
        yield device_check(settings)
        yield model_check(settings)
    yield browser_check()
    yield display_check()
    yield desktop_check()
    yield virtual_check()


def torch_check() -> Check:
    try:
        import torch
        import transformers
    except ImportError as error:
        return Check("torch", False, f"{error}; run: python3 launch.py test --version, which completes the set-up")
    return Check("torch", True, f"{torch.__version__}, transformers {transformers.__version__}")


def device_check(settings: Settings) -> Check:
    """The device that the settings ask for, with the memory that is free."""
    import torch

    from model.local.load import devices

    try:
        places = devices(settings.device)
    except UserError as error:
        return Check("device", False, str(error))
    if places[0].type == "cuda":
        names = (f"{torch.cuda.get_device_name(place)}, {gpu_memory(place)}" for place in places)
        return Check("device", True, "; ".join(names))
    memory = psutil.virtual_memory()
    free = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free"
    text = f"{places[0].type}, {os.cpu_count()} cores, {free}; no GPU is used"
    left = f"可用内存 {memory.available / GIB:.1f} / {memory.total / GIB:.1f} GiB"
    return Check("device", True, text, chinese=f"{places[0].type}，{os.cpu_count()} 个核心，{left}；未使用 GPU")


def gpu_memory(place: object) -> str:
    import torch

    free, total = torch.cuda.mem_get_info(place)  # type: ignore[arg-type]
    return f"{free / GIB:.1f} of {total / GIB:.1f} GiB free"


def model_check(settings: Settings) -> Check:
    """Reads no more of the weights than their headers, and downloads nothing."""
    from huggingface_hub import try_to_load_from_cache
    from transformers import AutoConfig

    from model.families import family_of
    from model.local.checkpoint import HUB_ID, open_checkpoint
    from model.local.language import why_not_of

    name = settings.model
    if name != "tiny" and not Path(name).expanduser().is_dir() and HUB_ID.fullmatch(name):
        cached = try_to_load_from_cache(name, "config.json")
        if not isinstance(cached, str):
            text = f"{name} is not on this machine yet; the first command that uses it downloads it"
            chinese = f"{name} 还不在这台电脑上；第一次使用时会下载"
            return Check("model", False, text, needed=False, chinese=chinese)
        name = str(Path(cached).parent)
    try:
        checkpoint = open_checkpoint(name)
        family = family_of(checkpoint.config, checkpoint.preprocessor)
    except UserError as error:
        return Check("model", False, str(error))
    size = f"{checkpoint.parameters / 1e6:.1f} million weights, {checkpoint.stored_bytes / 2**20:.0f} MiB"
    reason = why_not_of(AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=False))
    runner = f"; transformers runs its language model, slower, as {reason}" if reason else ""
    return Check("model", True, f"{settings.model}: {family.name}, {size}, in {checkpoint.folder}{runner}")


def server_checks(settings: Settings) -> Iterator[Check]:
    """Is it there, and does it answer a question about a picture?"""
    from app.wiring import load_model
    from model.remote.model import RemoteModel

    try:
        model = load_model(settings)
    except UserError as error:
        yield Check("server", False, str(error))
        return
    assert isinstance(model, RemoteModel)
    with closing(model):
        yield Check("server", True, f"{model.server.address.base}, answers in {1000 * model.answered_s:.0f} ms")
        try:
            prompt, first, rate = speed(model)
        except UserError as error:
            yield Check("model", False, str(error))
            return
        once = "sent once" if model.shown.takes_names else "sent with every question"
        length = f"up to {model.length:,} tokens, " if model.length else ""
        told = f"{prompt} tokens read in {first:.2f} s, then {rate:.1f} tokens/s"
        told += f"; pictures keep their size and are {once}"
        yield Check("model", True, f"{model.id}: {model.family.name}, {length}{told}")


def speed(model: VisionLanguageModel) -> tuple[int, float, float]:
    """Prompt tokens, seconds to the first token, tokens a second after it."""
    picture = Image.effect_noise(SIZE, 64).convert("RGB")  # new each time, so that nothing is remembered of it
    reply = model.stream([user("Describe this screen.", ImagePart(picture))], Sampling(TOKENS))
    reply.read()
    usage = reply.usage
    spoken = max(usage.total_s - usage.prefill_s, 1e-6)
    return usage.prompt_tokens, usage.prefill_s, (usage.new_tokens - 1) / spoken


def browser_check() -> Check:
    program = find_browser()
    if program is None:
        chosen = os.environ.get(VARIABLE)
        wrong = f"{VARIABLE}={chosen} is no program; " if chosen else ""
        return Check("browser", False, f"{wrong}install Chrome, Chromium or Edge, or run: {playwright_install()}")
    if os.name == "nt":  # --version opens a window there
        return Check("browser", True, str(program))
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=ANSWER_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("browser", False, f"{program} does not start ({error}); install another Chrome or Chromium")
    if said.returncode:
        why = said.stderr.strip().splitlines()[-1:] or [f"exit code {said.returncode}"]
        return Check("browser", False, f"{program} does not start ({why[0]}); run: {playwright_install()} --with-deps")
    version = re.search(r"\d+(\.\d+)+", said.stdout)
    return Check("browser", True, f"{program}, version {version[0] if version else said.stdout.strip()}")


def playwright_install() -> str:
    return f"{sys.executable} -m playwright install chromium"


def display_check() -> Check:
    """Only --headed needs one."""
    if sys.platform in ("win32", "darwin"):
        return Check("display", True, "the desktop's own", needed=False)
    for variable in ("WAYLAND_DISPLAY", "DISPLAY"):
        if name := os.environ.get(variable):
            return Check("display", True, f"{variable}={name}", needed=False)
    text = "none, so --headed has nowhere to show its window; all else works (xvfb-run gives a virtual one)"
    chinese = "没有，因此 --headed 无处显示窗口；其他功能不受影响（可用 xvfb-run 提供虚拟显示器）"
    return Check("display", False, text, needed=False, chinese=chinese)


def desktop_check() -> Check:
    """The person's own, which only `act --desktop` and "This screen" of the page take."""
    try:
        name = own_display().name
    except UserError as error:
        return Check("desktop", False, str(error), needed=False, chinese=error.chinese)
    if not name:
        return Check("desktop", True, "this system's own (untried by us)", chinese="本系统自带（我们未测试过）")
    return Check("desktop", True, f"yours can be used: X11, {name}", chinese=f"可以使用你的桌面：X11，{name}")


def virtual_check() -> Check:
    """Only `act --sandbox` and "Virtual desktop" of the page make one."""
    try:
        check_programs(())
    except UserError as error:
        return Check("virtual", False, str(error), needed=False, chinese=error.chinese)
    return Check("virtual", True, f"{SERVER} and {MANAGER} make one", chinese=f"可由 {SERVER} 和 {MANAGER} 提供")
