"""The page: its tabs, its look, its words in English and Chinese."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import gradio as gr

from app.desk import Desk, Texts

TABS = ("chat", "documents", "video", "agent", "replay", "grounding", "doctor")
LOOK = Path(__file__).parent / "look"
CSS = "".join((LOOK / name).read_text(encoding="utf-8") for name in ("page.css", "media.css"))
ICON = (LOOK / "icon.svg").read_text(encoding="utf-8")
HEAD = f"""<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<script>{(LOOK / "page.js").read_text(encoding="utf-8")}</script>"""


def tabs() -> dict[str, ModuleType]:
    return {name: import_module(f"app.tabs.{name}") for name in TABS}


def texts() -> Texts:
    """Of all tabs; a tab's own keys begin with its name, such as "chat.send"."""
    return {key: words for tab in tabs().values() for key, words in tab.TEXTS.items()}


def words() -> gr.I18n:
    english, chinese = ({key: pair[index] for key, pair in texts().items()} for index in range(2))
    return gr.I18n(**{"en": english, "zh": chinese, "zh-CN": chinese, "zh-TW": chinese})


def page(desk: Desk) -> gr.Blocks:
    """Every tab module has TEXTS with the key "NAME.title" and `build(desk)`, called inside its gr.Tab."""
    blocks = gr.Blocks(title="Handeye", analytics_enabled=False, fill_width=True)
    with blocks:
        gr.HTML(f'<header class="brand">{ICON}<h1>Handeye</h1></header>', js_on_load=None, elem_id="brand")
        with gr.Tabs(elem_id="tabs"):
            for name, tab in tabs().items():
                with gr.Tab(desk.say(f"{name}.title"), id=name, elem_id=f"tab-{name}"):
                    tab.build(desk)
    for function in blocks.fns.values():  # the page's own, not for programs
        function.api_visibility = "private"
    return blocks


def theme() -> gr.themes.Base:
    """Calm, and legible in the light and in the dark; no font comes from elsewhere."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=[gr.themes.Font("sans-serif")],  # page.css names the system's own
        font_mono=[gr.themes.Font("monospace")],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_700",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_shadow="none",
        input_background_fill="white",
        input_background_fill_dark="*neutral_800",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="*neutral_100",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )
