"""Scripted experts: for each task they know, what to do next on the screen, and the words for it."""

from model.training.experts.basics import BASICS
from model.training.experts.steps import Expert

EXPERTS: dict[str, Expert] = {**BASICS}
