"""Results as lines: what survives a kill, and what may not be mixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.journal import Journal, claim, read
from tools.errors import UserError


def test_a_torn_last_line_is_dropped_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lines.jsonl"
    with Journal(path) as journal:
        journal.append({"id": 1, "text": "é\u2028\ud800\r\n"})
        journal.append({"id": 2})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id": 3, "te')
    assert [record["id"] for record in read(path)] == [1, 2]
    with Journal(path) as journal:
        assert [record["id"] for record in journal.records] == [1, 2]
        journal.append({"id": 3})
    assert path.read_bytes() == whole + b'{"id": 3}\n'
    assert read(path)[0]["text"] == "é\u2028\ud800\r\n"


def test_a_line_is_on_disk_before_the_next_one(tmp_path: Path) -> None:
    with Journal(tmp_path / "lines.jsonl") as journal:
        journal.append({"id": 1})
        assert read(tmp_path / "lines.jsonl") == [{"id": 1}]


@pytest.mark.parametrize("text", ["no JSON\n", "3\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match="choose another --out"):
        Journal(path)
    assert path.read_text() == text


def test_a_folder_is_kept_for_one_setting(tmp_path: Path) -> None:
    claim(tmp_path, {"model": "tiny", "scale": 2.0})
    claim(tmp_path, {"model": "tiny", "scale": 2.0})
    with pytest.raises(UserError, match=r"scale was 2\.0, now 3\.0"):
        claim(tmp_path, {"model": "tiny", "scale": 3.0})
