"""Settings -> model, screen, agent: the only file that picks a class by name."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.loop import Agent, Guide, Journal, NoGuide
from agent.safety import AllowAll, Approvals, Policy, Request
from app import screens
from app.settings import Settings
from model.families import Family
from model.local.load import load
from model.local.runner import LocalModel
from model.remote.address import is_address
from model.remote.model import RemoteModel
from model.remote.server import KEY
from model.vlm import VisionLanguageModel
from tools.addresses import with_start
from tools.browser import Browser
from tools.desktop import Desktop
from tools.display import own_display
from tools.errors import UserError
from tools.geometry import Size
from tools.secrets import NAMED, Secrets
from tools.url_rules import BadPattern, Rules
from tools.virtual_desktop import VirtualDesktop, check

VIRTUAL = Size(1280, 800)  # a virtual desktop, where nobody asks for another size


def load_model(settings: Settings) -> LocalModel | RemoteModel:
    """Raises UserError when there is no such model or it does not fit."""
    if is_address(settings.model):
        return RemoteModel(settings.model, os.environ.get(KEY, "").strip())
    return load_local(settings)


def load_local(settings: Settings) -> LocalModel:
    """One whose weights are in this process. Raises UserError."""
    if is_address(settings.model):
        raise UserError(f"{settings.model} is a server, and this needs the weights: give a folder or a hub id")
    return load(settings.model, device=settings.device, dtype=settings.dtype, quantization=settings.quantization)


def open_browser(
    settings: Settings,
    family: Family,
    url: str,
    downloads: Path | None = None,
    own_ports: Sequence[int] = (),
    said: str | None = None,
    secrets: Secrets | None = None,
) -> Browser:
    """A page at the scale that the model reads best, unless the settings name another. Raises UserError.

    own_ports: of this machine, where Handeye itself is served; never contacted. said: the address that a person gave,
    whose site may be contacted wherever it is; None: `url` is it; "": nobody gave one.
    """
    rules = Rules(settings.allow, settings.block, own_ports=own_ports)
    try:
        rules.check()
    except BadPattern as error:
        raise UserError(f"--allow, --block: {error}") from error
    return Browser(
        url,
        viewport=settings.viewport or family.viewport,
        scale=settings.scale or family.device_scale,
        headed=settings.headed,
        downloads=downloads,
        rules=with_start(rules, url if said is None else said),
        secrets=secrets,
    )


def check_screen(start: str, task: str) -> None:
    """Can the task be done there? Asked before weights are loaded, which may take long. Raises UserError."""
    apps, part = screens.sandbox_apps(start), screens.desktop_part(start)
    if (apps or part) and (secret := NAMED.search(task)):
        raise UserError(
            f"nothing fills in {secret[0]} on a desktop, where no address says who would get it: take the browser, or "
            "type it yourself",
            f"桌面上没有网址可以说明 {secret[0]} 会交给谁，因此不会填入：请改用浏览器，或自己输入",
        )
    if apps:
        check(apps)
    elif part:
        own_display()


def open_screen(
    settings: Settings,
    family: Family,
    start: str,
    downloads: Path | None = None,
    own_ports: Sequence[int] = (),
    said: str | None = None,
    secrets: Secrets | None = None,
) -> Browser | Desktop:
    """start: an address of a page, or of a desktop as app/screens.py writes them. Raises UserError.

    A desktop is one that a person gave, and nothing else; see `open_browser` for the rest.
    """
    by_person = said in (None, start)
    if by_person and (apps := screens.sandbox_apps(start)):
        return VirtualDesktop(apps, settings.viewport or VIRTUAL).desktop(settings.scale or 1.0)
    if by_person and (part := screens.desktop_part(start)):
        return Desktop(own_display(), part=part, scale=settings.scale or 1.0, framed=True)
    return open_browser(settings, family, start, downloads, own_ports, said, secrets)


def make_policy(
    settings: Settings, screen: Browser | Desktop, task: str, start: str, ask: Callable[[Request], bool]
) -> Policy:
    """ask: a person, who may also never answer, which is a no. On a virtual desktop nobody is asked unless always."""
    always = settings.approve == "always"
    if settings.approve == "never":
        return AllowAll()
    if isinstance(screen, Desktop):
        if screens.sandbox_apps(start) and not always:
            return AllowAll()
        return Approvals(ask, screen.screenshot, always=always, task=task)
    return Approvals(
        ask, screen.screenshot, always=always, task=task, start=start, find=screen.target, grant=screen.grant
    )


def make_agent(
    settings: Settings,
    model: VisionLanguageModel,
    screen: Browser | Desktop,
    journal: Journal,
    on_text: Callable[[str], None] | None = None,
    policy: Policy = AllowAll(),
    guide: Guide = NoGuide(),
    stop: Callable[[], None] | None = None,
) -> Agent:
    """stop: what a person's stop key does on a desktop; None: the agent's own `stop`."""
    agent = Agent(
        model,
        screen,
        max_steps=settings.max_steps,
        max_minutes=settings.max_minutes or math.inf,
        max_tokens=settings.max_tokens or math.inf,
        policy=policy,
        journal=journal,
        on_text=on_text,
        guide=guide,
    )
    if isinstance(screen, Desktop):
        screen.obey(agent.stopped, stop or agent.stop)
    return agent
