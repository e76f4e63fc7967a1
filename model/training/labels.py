"""Dense labels of a picture: which character and which widget lies under each patch, from boxes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.words import CHINESE

CHARACTERS = [*(chr(code) for code in range(33, 127)), *sorted({*"".join(CHINESE), *"，。"})]
CHARACTER_CLASS = {character: index + 1 for index, character in enumerate(CHARACTERS)}
OTHER = len(CHARACTERS) + 1
CHARACTER_CLASSES = OTHER + 1  # 0: nothing here
KINDS = ("none", "text", "button", "link", "tab", "checkbox", "checked", "radio", "field", "close", "select")
SAMPLES = 2  # points looked at in one patch, side by side, so that narrow letters are seen too


def character_labels(chars: Iterable[list[Any]], height: int, width: int) -> NDArray[np.int64]:
    """(rows, columns, 2, 2, 2): token row, token column, patch row, patch column, sample -> class of the character.

    chars: [character, left, top, right, bottom] in pixels of a picture whose sides are multiples of 28.
    """
    step = 14 / SAMPLES
    grid = np.zeros((height // 14, width // 14 * SAMPLES), np.int64)
    for character, left, top, right, bottom in chars:
        y1, y2 = np.ceil((top - 7) / 14), np.floor((bottom - 7) / 14)
        x1, x2 = np.ceil((left - step / 2) / step), np.floor((right - step / 2) / step)
        grid[max(0, int(y1)) : max(0, int(y2) + 1), max(0, int(x1)) : max(0, int(x2) + 1)] = CHARACTER_CLASS.get(
            character, OTHER
        )
    cells: NDArray[np.int64] = grid.reshape(height // 28, 2, width // 28, 2, SAMPLES).transpose(0, 2, 1, 3, 4)
    return cells


def kind_labels(elements: Iterable[dict[str, Any]], height: int, width: int) -> NDArray[np.int64]:
    """(rows, columns, 2, 2): token row, token column, patch row, patch column -> index into KINDS."""
    grid = np.zeros((height // 14, width // 14), np.int64)
    biggest_first = sorted(elements, key=lambda e: -(e["box"][2] - e["box"][0]) * (e["box"][3] - e["box"][1]))
    for element in biggest_first:
        left, top, right, bottom = element["box"]
        name = "checked" if element["kind"] == "checkbox" and "checked" in (element["state"] or "") else element["kind"]
        rows = slice(max(0, round(top / 14)), max(0, max(round(top / 14) + 1, round(bottom / 14))))
        columns = slice(max(0, round(left / 14)), max(0, max(round(left / 14) + 1, round(right / 14))))
        grid[rows, columns] = KINDS.index(name) if name in KINDS else 0
    cells: NDArray[np.int64] = grid.reshape(height // 28, 2, width // 28, 2).transpose(0, 2, 1, 3)
    return cells
