"""Settings -> model, browser, agent: the only file that picks a class by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.loop import Agent, Guide, Journal, NoGuide
from agent.safety import AllowAll, Approvals, Policy, Request
from app.settings import Settings
from model.families import Family
from model.local.load import load
from model.local.runner import LocalModel
from model.vlm import VisionLanguageModel
from tools.addresses import with_start
from tools.browser import Browser
from tools.errors import UserError
from tools.secrets import Secrets
from tools.url_rules import BadPattern, Rules


def load_model(settings: Settings) -> LocalModel:
    """Raises UserError when there is no such model or it does not fit."""
    return load(settings.model, device=settings.device, dtype=settings.dtype, quantization=settings.quantization)


def open_browser(
    settings: Settings,
    family: Family,
    url: str,
    downloads: Path | None = None,
    own_ports: Sequence[int] = (),
    given: bool = True,
    secrets: Secrets | None = None,
) -> Browser:
    """A page at the scale that the model reads best, unless the settings name another. Raises UserError.

    own_ports: of this machine, where Handeye itself is served; never contacted. given: `url` comes from a person, and
    so may be contacted wherever it is.
    """
    rules = Rules(settings.allow, settings.block, own_ports=own_ports)
    try:
        rules.check()
    except BadPattern as error:
        raise UserError(f"--allow, --block: {error}") from error
    return Browser(
        url,
        viewport=settings.viewport,
        scale=settings.scale or family.device_scale,
        headed=settings.headed,
        downloads=downloads,
        rules=with_start(rules, url) if given else rules,
        secrets=secrets,
    )


def make_policy(settings: Settings, browser: Browser, task: str, start: str, ask: Callable[[Request], bool]) -> Policy:
    """ask: a person, who may also never answer, which is a no."""
    if settings.approve == "never":
        return AllowAll()
    return Approvals(
        ask,
        browser.screenshot,
        always=settings.approve == "always",
        task=task,
        start=start,
        find=browser.target,
        grant=browser.grant,
    )


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
        max_minutes=settings.max_minutes or math.inf,
        max_tokens=settings.max_tokens or math.inf,
        policy=policy,
        journal=journal,
        on_text=on_text,
        guide=guide,
    )
