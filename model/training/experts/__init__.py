"""Scripted experts: for each task they know, what to do next on the screen, and the words for it."""

from model.training.experts.basics import BASICS
from model.training.experts.hands import HANDS
from model.training.experts.inbox import INBOX
from model.training.experts.lists import LISTS
from model.training.experts.numbers import NUMBERS
from model.training.experts.shapes import SHAPES
from model.training.experts.steps import Expert
from model.training.experts.writing import WRITING

EXPERTS: dict[str, Expert] = {**BASICS, **SHAPES, **HANDS, **LISTS, **INBOX, **WRITING, **NUMBERS}
