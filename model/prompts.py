"""Requests that a model is taught and scored with, word for word. Source: the cookbooks of Qwen2.5-VL and Qwen3-VL."""

from __future__ import annotations

READ_LINE = READ_PAGE = "Read all the text in the image."  # how much there is to read, the picture tells
DOCUMENT = "QwenVL HTML"  # the page as HTML, every block with its box
