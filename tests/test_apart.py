"""tools/apart.py: a file that does harm ends its own child process only."""

import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from PIL import Image

from tools.apart import Stuck, apart
from tools.errors import UserError


def numbers(count: int) -> Iterator[tuple[dict[str, Any], Image.Image | None]]:
    for number in range(count):
        print("a library that prints")
        yield {"number": number}, Image.new("RGB", (3, 2), (number, 0, 0)) if number % 2 else None


def greedy() -> Iterator[Any]:
    taken = bytearray(3 << 30)
    yield {"taken": len(taken)}, None


def endless() -> Iterator[Any]:
    yield {"first": True}, None
    time.sleep(600)


def refused() -> Iterator[Any]:
    raise UserError("the words of the child")
    yield


def test_items_and_pictures_come_through_in_order() -> None:
    items = list(apart("tests.test_apart:numbers", {"count": 4}))
    assert [item["number"] for item, _ in items] == [0, 1, 2, 3]
    assert [picture and picture.getpixel((2, 1)) for _, picture in items] == [None, (1, 0, 0), None, (3, 0, 0)]


def test_a_child_that_wants_too_much_memory_or_time_is_ended() -> None:
    with pytest.raises(Stuck, match="memory"):
        list(apart("tests.test_apart:greedy", {}))
    slow = apart("tests.test_apart:endless", {}, patience_s=1.0)
    assert next(slow)[0] == {"first": True}
    with pytest.raises(Stuck, match="took over 1 s"):
        next(slow)


def test_a_users_mistake_keeps_its_words_and_no_child_is_left() -> None:
    with pytest.raises(UserError, match="the words of the child"):
        list(apart("tests.test_apart:refused", {}))
    half = apart("tests.test_apart:numbers", {"count": 1000})
    next(half)
    half.close()
    assert not [each for each in psutil.Process().children() if "tools.apart" in " ".join(each.cmdline())]
