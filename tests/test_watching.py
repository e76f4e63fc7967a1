"""agent/benchmarks/watching.py: published formats, letters, overlaps; an oracle has everything right, tiny runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.benchmarks.video_sets import Choice, Moment, load
from agent.benchmarks.watching import overlap, read_letter, run
from app.cli import main
from model.messages import VideoPart
from tests.scripted import ScriptedModel
from tests.test_video import write
from tools.errors import UserError

QUESTIONS = [
    {
        "video_id": "001", "duration": "short", "domain": "Knowledge", "sub_category": "Art", "videoID": "abc",
        "url": "https://example.com", "question_id": f"001-{number}", "task_type": "Counting Problem",
        "question": "How many?", "options": ["A. One.", "B. Two.", "C. Three.", "D. Four."], "answer": letter,
    }
    for number, letter in enumerate("BDA", 1)
]  # fmt: skip
LINES = "abc 0.5 2.0##a person sits down.\nabc 1.0 3.5##the picture grows light.\n"


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    write(folder / "abc.mp4", list(range(0, 4000, 250)))
    return folder


def annotated(folder: Path, ending: str) -> Path:
    path = folder / f"test{ending}"
    if ending == ".parquet":
        arrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(arrow.Table.from_pylist(QUESTIONS), path)
    elif ending == ".jsonl":
        path.write_text("\n".join(json.dumps(question) for question in QUESTIONS))
    elif ending == ".nested.json":
        shared = ("video_id", "duration", "domain", "sub_category")
        video = {key: QUESTIONS[0][key] for key in shared}
        own = [{key: value for key, value in one.items() if key not in shared} for one in QUESTIONS]
        path.write_text(json.dumps([video | {"questions": own}]))
    else:
        path.write_text(json.dumps(QUESTIONS))
    return path


@pytest.mark.parametrize("ending", [".parquet", ".json", ".jsonl", ".nested.json"])
def test_questions_are_read_in_every_published_form(tmp_path: Path, videos: Path, ending: str) -> None:
    found = load("video-mme", [annotated(tmp_path, ending)], videos)
    assert [one.answer for one in found if isinstance(one, Choice)] == ["B", "D", "A"]
    first = found[0]
    assert isinstance(first, Choice)
    assert first.options == ("One.", "Two.", "Three.", "Four.") and first.video == videos / "abc.mp4"


def test_lines_of_charades_are_read_and_wrong_ones_named(tmp_path: Path, videos: Path) -> None:
    path = tmp_path / "sta.txt"
    path.write_text(LINES)
    (first, _) = load("charades-sta", [path], videos)
    assert first == Moment("abc-1", videos / "abc.mp4", "a person sits down.", 0.5, 2.0)
    path.write_text(LINES + "abc 3 2##backwards\nnobody 1 2##is not there\nno line\n")
    with pytest.raises(UserError, match=r"3 bad record\(s\):(.|\n)*before it starts(.|\n)*no video named nobody"):
        load("charades-sta", [path], videos)


@pytest.mark.parametrize(
    ("text", "letter"),
    [("B", "B"), ("(C)", "C"), ("B. Two.", "B"), ("The best answer is: D", "D"),
     ("I think A, so the answer is B.", "B"), ("Two.", "B"), ("a person", None), ("Certainly", None), ("", None),
     ("E", None)],
)  # fmt: skip
def test_a_letter_is_read(text: str, letter: str | None) -> None:
    assert read_letter(text, ["One.", "Two.", "Three.", "Four."]) == letter


def test_overlaps_are_known_by_hand() -> None:
    assert overlap((0, 2), (0, 2)) == 1
    assert overlap((0, 2), (1, 3)) == pytest.approx(1 / 3)
    assert overlap((0, 1), (2, 3)) == overlap((1, 1), (1, 1)) == 0


def test_an_oracle_has_all_questions_right_and_goes_on_after_a_stop(tmp_path: Path, videos: Path) -> None:
    wanted = {
        "format": "video-mme",
        "annotations": [annotated(tmp_path, ".json")],
        "videos": videos,
        "out": tmp_path / "o",
    }
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "abc.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nthree of them\n")
    wanted["subtitle_folder"] = tmp_path / "words"
    half = ScriptedModel(["B"])
    with pytest.raises(AssertionError, match="script"):
        run(half, **wanted)  # type: ignore[arg-type]
    assert "three of them" in half.asked[0][-1].text and "(A, B, C, or D)" in half.asked[0][-1].text
    assert any(isinstance(part, VideoPart) for part in half.asked[0][-1].parts)
    summary = run(ScriptedModel(["The best answer is: D.", "A"]), **wanted)  # type: ignore[arg-type]
    assert (summary.score, summary.samples, summary.wrong_format) == (1.0, 3, 0)
    assert "short" in summary.table and "Counting Problem" in summary.table
    with pytest.raises(UserError, match="another run"):
        run(ScriptedModel([]), **wanted, fps=1.0)  # type: ignore[arg-type]


def test_an_oracle_finds_all_moments(tmp_path: Path, videos: Path) -> None:
    path = tmp_path / "sta.txt"
    path.write_text(LINES)
    said = ["The given query happens in 0.5 - 2.0 seconds.", "It happens from 00:01.00 to 00:03.50."]
    summary = run(ScriptedModel(said), format="charades-sta", annotations=[path], videos=videos, out=tmp_path / "right")
    assert summary.score == 1 and summary.table.count("100.0") == 4
    low = run(
        ScriptedModel(["0.5 - 1.25 seconds", "never"]),
        format="charades-sta", annotations=[path], videos=videos, out=tmp_path / "low",
    )  # fmt: skip
    assert low.score == pytest.approx(0.25) and low.wrong_format == 1


@pytest.mark.slow
def test_the_command_runs_with_tiny(tmp_path: Path, videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sta.txt"
    path.write_text(LINES)
    given = ["--videos", str(videos), "--model", "tiny", "--limit", "1"]
    sta = [
        "bench",
        "video",
        "--format",
        "charades-sta",
        "--annotations",
        str(path),
        "--out",
        str(tmp_path / "s"),
        *given,
    ]
    assert main(sta) == 0
    assert "mIoU" in capsys.readouterr().out
    mme = ["bench", "video", "--format", "video-mme", "--annotations", str(annotated(tmp_path, ".json"))]
    assert main([*mme, "--out", str(tmp_path / "m"), *given]) == 0
    assert "over all 1 questions" in capsys.readouterr().out
