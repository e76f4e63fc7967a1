"""Desk: what all tabs of the page share: settings, the model, folders, words in the browser's language."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.i18n import I18nData

from app.settings import Settings
from model.vlm import VisionLanguageModel
from tools.errors import UserError

if TYPE_CHECKING:  # torch and transformers take seconds; the page is there before them
    from model.local.runner import LocalModel
    from model.remote.model import RemoteModel

Texts = Mapping[str, tuple[str, str]]  # key -> (English, Chinese)


class Desk:
    """Made once for a page. Any thread may ask for the model."""

    def __init__(
        self, settings: Settings, folder: Path, texts: Texts, model: VisionLanguageModel | None = None
    ) -> None:
        """folder: where conversations and what else a person makes are kept; made when it is not there.

        model: one that is there already and stays its owner's; None: the settings' own, loaded when asked for.
        """
        self.settings = settings
        self.folder = folder.expanduser().resolve()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.runs = settings.runs.expanduser().resolve()
        self.texts = texts
        self.own_ports: tuple[int, ...] = ()  # where the page itself is served, once it is
        self.closing = ExitStack()  # what must end with the page: `desk.closing.callback(stop)`
        self._lock = threading.Lock()
        self._model = model
        self._loaded: LocalModel | RemoteModel | None = None  # the same, when it was loaded here

    def model(self) -> VisionLanguageModel:
        """Loaded when first asked for, then shared by all. Raises UserError."""
        if (model := self._model) is not None:  # while another is being loaded, this one answers
            return model
        with self._lock:
            return self._model or self._load(self.settings)

    def load(self, settings: Settings) -> LocalModel | RemoteModel:
        """Another model in the place of this one, which is closed only when the other is there. Raises UserError."""
        with self._lock:
            return self._load(settings)

    def close(self) -> None:
        self.closing.close()
        with self._lock:
            if self._loaded is not None:
                self._loaded.close()
            self._model = self._loaded = None

    def _load(self, settings: Settings) -> LocalModel | RemoteModel:
        from app import wiring

        fresh = wiring.load_model(settings)
        if self._loaded is not None:
            self._loaded.close()
        self.settings, self._model, self._loaded = settings, fresh, fresh
        return fresh

    def say(self, key: str) -> Any:
        """For labels, placeholders and the like: the browser puts the words in. Any: Gradio's own types say str."""
        assert key in self.texts, key
        return I18nData(key)

    def tell(self, key: str, request: gr.Request | None, **values: object) -> str:
        """For what is said while the page is used: the words, filled in, in the language of the browser that asks."""
        return self.texts[key][is_chinese(request)].format(**values)

    def wrong(self, error: UserError, request: gr.Request | None) -> str:
        """What an error says, in the language of the browser where the error knows it."""
        return error.chinese if error.chinese and is_chinese(request) else str(error)


def is_chinese(request: gr.Request | None) -> bool:
    languages = request.headers.get("accept-language", "") if request else ""
    return languages.lower().startswith("zh")
