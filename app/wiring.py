"""Settings -> model, browser, agent: the only file that picks a class by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from agent.loop import Agent, Guide, Journal, NoGuide
from agent.safety import AllowAll, Policy
from app.settings import Settings
from model.families import Family
from model.local.load import load
from model.local.runner import LocalModel
from model.remote.address import is_address
from model.remote.model import RemoteModel
from model.remote.server import KEY
from model.vlm import VisionLanguageModel
from tools.browser import Browser
from tools.errors import UserError


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


def open_browser(settings: Settings, family: Family, url: str, downloads: Path | None = None) -> Browser:
    """A page at the scale that the model reads best, unless the settings name another. Raises UserError."""
    scale = settings.scale or family.device_scale
    return Browser(url, viewport=settings.viewport, scale=scale, headed=settings.headed, downloads=downloads)


def make_agent(
    settings: Settings,
    model: VisionLanguageModel,
    browser: Browser,
    journal: Journal,
    on_text: Callable[[str], None] | None = None,
    policy: Policy = AllowAll(),
    guide: Guide = NoGuide(),
) -> Agent:
    return Agent(
        model,
        browser,
        max_steps=settings.max_steps,
        policy=policy,
        journal=journal,
        on_text=on_text,
        guide=guide,
    )
