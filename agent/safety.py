"""Who may say no to an action before it is done."""

from __future__ import annotations

from typing import Protocol

from tools.actions import Action
from tools.environment import Screenshot


class Refused(Exception):
    """An action that must not be done; the text is written for the model and says what to do instead."""


class Policy(Protocol):
    def check(self, action: Action, screenshot: Screenshot) -> None:
        """Called with every action of a call before the first of them is done. Raises Refused."""
        ...


class AllowAll:
    """No limits: for pages and machines where nothing can be harmed."""

    def check(self, action: Action, screenshot: Screenshot) -> None:
        pass
