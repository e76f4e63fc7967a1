"""app/commands/chat.py: files at the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from scripted import ScriptedModel
from test_video import write

from app.commands.chat import talk, told
from app.files import read_files
from app.settings import read_pages, read_rate
from model.families import TINY
from model.messages import ImagePart, Part, VideoPart
from tools.errors import UserError


def test_files_belong_to_what_is_said_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    film = write(tmp_path / "b.mp4", list(range(0, 2040, 40)))
    model = ScriptedModel(["first", "second", "third"])
    lines = iter([f"/file {film}", "what is this?", "and now?", f"/image {tmp_path / 'a.png'}", "/new", "hello"])

    def read(paths: Sequence[Path]) -> list[Part]:
        given = told(read_files(paths, lambda: TINY, 2.0), TINY)
        return [*map(ImagePart, given.pictures), *(video.part for video in given.videos)]

    talk(model.stream, lines, read, [tmp_path / "a.png"], [], False)
    assert [[type(part) for part in messages[-1].parts] for messages in model.asked] == [
        [str, ImagePart, VideoPart], [str], [str],
    ]  # fmt: skip
    out, err = capsys.readouterr()
    assert out.split() == ["first", "second", "third"]
    assert "2.0 s video, 4 frames at 2/s seen as 168x84, 36 tokens" in err


def test_a_file_that_is_nothing_to_see_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    for name, wrong in (("a.txt", "no picture, PDF file or video"), ("gone.png", "no file")):
        with pytest.raises(UserError, match=wrong):
            talk(ScriptedModel([]).stream, iter([f"/file {tmp_path / name}"]), lambda _: [], [], [], False)


def test_pages_and_rates_are_read() -> None:
    assert [list(read_pages(text)) for text in ("3", "3-5", "1,4-5")] == [[3], [3, 4, 5], [1, 4, 5]]
    assert read_rate("0.5") == 0.5
    for wrong in ("0", "5-3", "-3", "x"):
        with pytest.raises(ValueError, match="no page or range"):
            read_pages(wrong)
    with pytest.raises(ValueError, match="frames a second"):
        read_rate("0")
