"""The words a model acts with, one file per language: `read` a reply into actions, `write` an action as a call."""

from __future__ import annotations

from agent.trajectory import Ask, Finish
from tools.actions import Action

Decision = Action | tuple[Action, ...] | Finish | Ask  # a tuple: one call means several, such as click, type, Enter
