"""Desk: what all tabs of the page share: settings, the model, folders, words in the browser's language."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from gradio.i18n import I18nData

from app.settings import Settings

if TYPE_CHECKING:  # torch and transformers take seconds; the page is there before them
    from model.local.runner import LocalModel

Texts = Mapping[str, tuple[str, str]]  # key -> (English, Chinese)


class Desk:
    """Made once for a page. Any thread may ask for the model."""

    def __init__(self, settings: Settings, folder: Path, texts: Texts) -> None:
        """folder: where conversations and what else a person makes are kept; made when it is not there."""
        self.settings = settings
        self.folder = folder.expanduser().resolve()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.runs = settings.runs.expanduser().resolve()
        self.texts = texts
        self.closing = ExitStack()  # what must end with the page: `desk.closing.callback(stop)`
        self._lock = threading.Lock()
        self._model: LocalModel | None = None

    def model(self) -> LocalModel:
        """Loaded when first asked for, then shared by all. Raises UserError."""
        from app import wiring

        with self._lock:
            if self._model is None:
                self._model = wiring.load_model(self.settings)
            return self._model

    def load(self, settings: Settings) -> LocalModel:
        """Another model in the place of this one, which is closed only when the other is there. Raises UserError."""
        from app import wiring

        with self._lock:
            fresh = wiring.load_model(settings)
            if self._model is not None:
                self._model.close()
            self.settings, self._model = settings, fresh
            return fresh

    @property
    def is_loaded(self) -> bool:
        return self._model is not None

    def close(self) -> None:
        self.closing.close()
        with self._lock:
            if self._model is not None:
                self._model.close()
            self._model = None

    def say(self, key: str) -> I18nData:
        """For labels, placeholders and the like: the browser puts the words in."""
        assert key in self.texts, key
        return I18nData(key)

    def tell(self, key: str, request: gr.Request | None, **values: object) -> str:
        """For what is said while the page is used: the words, filled in, in the language of the browser that asks."""
        return self.texts[key][is_chinese(request)].format(**values)


def is_chinese(request: gr.Request | None) -> bool:
    languages = request.headers.get("accept-language", "") if request else ""
    return languages.lower().startswith("zh")
