"""Settings -> model, screen, agent: the only file that picks a class by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.loop import Agent, Guide, Journal, NoGuide
from agent.safety import AllowAll, Policy
from app import screens
from app.settings import Settings
from model.families import Family
from model.local.load import load
from model.local.runner import LocalModel
from model.vlm import VisionLanguageModel
from tools.browser import Browser
from tools.desktop import Desktop
from tools.display import own_display
from tools.virtual_desktop import VirtualDesktop, check


def load_model(settings: Settings) -> LocalModel:
    """Raises UserError when there is no such model or it does not fit."""
    return load(settings.model, device=settings.device, dtype=settings.dtype, quantization=settings.quantization)


def open_browser(settings: Settings, family: Family, url: str, downloads: Path | None = None) -> Browser:
    """A page at the scale that the model reads best, unless the settings name another. Raises UserError."""
    scale = settings.scale or family.device_scale
    return Browser(url, viewport=settings.viewport, scale=scale, headed=settings.headed, downloads=downloads)


def check_screen(start: str) -> None:
    """Can there be such a desktop? Asked before weights are loaded, which may take long. Raises UserError."""
    if apps := screens.sandbox_apps(start):
        check(apps)
    elif screens.desktop_part(start):
        own_display()


def open_screen(settings: Settings, family: Family, start: str, downloads: Path | None = None) -> Browser | Desktop:
    """start: an address of a page, or of a desktop as app/screens.py writes them. Raises UserError."""
    if apps := screens.sandbox_apps(start):
        return VirtualDesktop(apps, settings.viewport).desktop(settings.scale or 1.0)
    if part := screens.desktop_part(start):
        return Desktop(own_display(), part=part, scale=settings.scale or 1.0, framed=True)
    return open_browser(settings, family, start, downloads)


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
        policy=policy,
        journal=journal,
        on_text=on_text,
        guide=guide,
    )
    if isinstance(screen, Desktop):
        screen.obey(agent.stopped, stop or agent.stop)
    return agent
