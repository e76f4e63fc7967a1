"""The page: its tabs, its look, its words in English and Chinese."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import gradio as gr

from app.desk import Desk, Texts

TABS = ("chat", "agent", "replay", "grounding", "doctor")


def tabs() -> list[ModuleType]:
    return [import_module(f"app.tabs.{name}") for name in TABS if find_spec(f"app.tabs.{name}")]


def texts() -> Texts:
    """Of all tabs; a tab's own keys begin with its name, such as "chat.send"."""
    return {key: words for tab in tabs() for key, words in tab.TEXTS.items()}


def words() -> gr.I18n:
    english = {key: pair[0] for key, pair in texts().items()}
    chinese = {key: pair[1] for key, pair in texts().items()}
    return gr.I18n(**{"en": english, "zh": chinese, "zh-CN": chinese, "zh-TW": chinese})


def page(desk: Desk) -> gr.Blocks:
    """Every tab module has TEXTS with the key "NAME.title" and `build(desk)`, called inside its gr.Tab."""
    with gr.Blocks(title="Handeye", analytics_enabled=False, fill_height=True) as blocks, gr.Tabs():
        for name, tab in zip(TABS, tabs(), strict=False):
            with gr.Tab(desk.say(f"{name}.title"), id=name, elem_id=f"tab-{name}"):
                tab.build(desk)
    return blocks
