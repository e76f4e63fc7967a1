"""Task lists and the words that choose them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.benchmarks.tasks import CHANCE, LISTS, D, T, read_seeds, read_tasks, reserved
from tools.errors import UserError


def test_the_lists_share_no_task_and_name_each_once() -> None:
    assert (len(T), len(D)) == (64, 14)
    everything = [task for tasks in LISTS.values() for task in tasks]
    assert len(everything) == len(set(everything))
    assert set(CHANCE) <= set(everything)
    assert all(0 <= chance < 1 for chance in CHANCE.values())


def test_tasks_are_read_from_lists_names_and_files(tmp_path: Path) -> None:
    assert read_tasks("T") == T
    assert read_tasks("D") == D
    assert read_tasks("click-test, click-tab-2,click-test") == ("click-test", "click-tab-2")
    assert read_tasks(",".join(T)) == T
    (tmp_path / "mine.txt").write_text("click-test  # the easiest\n\nenter-text, enter-date\n")
    assert read_tasks(str(tmp_path / "mine.txt")) == ("click-test", "enter-text", "enter-date")


@pytest.mark.parametrize("given", ["", ",", "mine.txt", "../click-test", "Click-Test", "click--test"])
def test_what_names_no_task_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="give T, D"):
        read_tasks(given)


def test_tasks_in_no_list_are_reserved() -> None:
    assert reserved(("click-test", "not-in-a-list", "practice-form", *D)) == ("not-in-a-list",)


def test_seeds_are_a_range_without_its_end() -> None:
    assert read_seeds("3:7") == range(3, 7)
    for given in ("7:3", "3:3", "5", "a:b", "-1:3", "3:7:2"):
        with pytest.raises(UserError, match="give first:end"):
            read_seeds(given)
