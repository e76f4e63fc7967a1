"""What is recorded replays as it was, whatever was cut off."""

from __future__ import annotations

import json
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from agent.store import UNKNOWN, Recording, read_run, record, replay, slug
from agent.trajectory import Ask, Ending, Finish, Seconds, Step
from model.vlm import Usage
from tools.actions import Click, Drag, Press, Type
from tools.environment import Screenshot
from tools.errors import UserError
from tools.geometry import Point

TASK = "Find the price of “Tea”, then stop"


def picture(shade: int) -> Screenshot:
    image = Image.new("RGB", (40, 30), (shade, 0, 0))
    image.putpixel((3, 4), (1, 2, 3))
    return Screenshot(image, f"Tea \ud800 <b>\n{shade}", "http://shop/?q=é")


STEPS = [
    Step(
        0,
        picture(0),
        "Click it.\n<tool_call>\u2028\n{}",
        actions=(Click(Point(0, 0.5), modifiers=("ctrl",)), Type("a\nb\x00 😀\udfff")),
        result="a tab opened",
        seconds=Seconds(0.1, 1 / 3, 5e-9),
        usage=Usage(10, 4, 7, 0.25, 0.5, "stop"),
    ),
    Step(1, picture(1), "mumble", result="no call", mistake=True),
    Step(2, picture(0), "again", actions=(Drag(Point(3, 4)), Press(("ctrl", "c"))), by_person=True, corrected="no\n"),
    Step(3, picture(1), "which?", ask=Ask("“Tea” or\n\ud800?"), result="The user answers: \x00 tea"),
    Step(4, picture(2), "done", finish=Finish(True, "3 €"), ending=Ending("finished", "3 €")),
]


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    with Recording(tmp_path, TASK, "scripted", "tiny", {"max_steps": 30}) as new:
        yield new


def test_replay_equals_live(recording: Recording) -> None:
    assert list(record(STEPS, recording)) == STEPS
    assert list(replay(recording.folder)) == STEPS


def test_a_run_recorded_before_persons_could_act_still_replays(recording: Recording) -> None:
    list(record(STEPS[:2], recording))
    path = recording.folder / "steps.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"by_person": false, "corrected": "", "ask": null, ', b""))
    assert b'"ask"' not in path.read_bytes() and list(replay(recording.folder)) == STEPS[:2]


def test_each_step_can_be_replayed_as_soon_as_it_is_recorded(recording: Recording) -> None:
    for count, _ in enumerate(record(STEPS, recording), start=1):
        assert list(replay(recording.folder)) == STEPS[:count]


def test_a_step_without_outcome_replays_as_interrupted(recording: Recording) -> None:
    list(record(STEPS[:2], recording))
    recording.intent(STEPS[2])
    *whole, last = replay(recording.folder)
    assert whole == STEPS[:2]
    assert (last.reply, last.actions, last.screenshot) == (STEPS[2].reply, STEPS[2].actions, STEPS[2].screenshot)
    assert last.result == UNKNOWN and last.ending and last.ending.reason == "interrupted"


def test_cut_anywhere_the_whole_lines_before_it_replay(recording: Recording) -> None:
    list(record(STEPS, recording))
    path = recording.folder / "steps.jsonl"
    written = path.read_bytes()
    ends = [at for at, byte in enumerate(written) if byte == ord("\n")]
    for size in sorted({*range(0, len(written), 13), *(end + near for end in ends for near in (-1, 0, 1))}):
        path.write_bytes(written[:size])
        lines = written[:size].count(b"\n")
        steps = list(replay(recording.folder))
        assert steps[: lines // 2] == STEPS[: lines // 2]
        assert [step.result for step in steps[lines // 2 :]] == [UNKNOWN] * (lines % 2)


def test_a_damaged_line_is_named(recording: Recording) -> None:
    list(record(STEPS, recording))
    path = recording.folder / "steps.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for number, damaged in [(1, b"{}\n"), (2, b"\xff\n"), (3, b"[1]\n"), (4, lines[1]), (5, b'{"intent": 2}\n')]:
        path.write_bytes(b"".join([*lines[: number - 1], damaged, *lines[number:]]))
        with pytest.raises(UserError, match=f"line {number} of .*steps.jsonl"):
            list(replay(recording.folder))


def test_a_missing_picture_is_the_users_to_mend(recording: Recording) -> None:
    list(record(STEPS, recording))
    next((recording.folder / "screens").iterdir()).unlink()
    with pytest.raises(UserError, match="damaged"):
        list(replay(recording.folder))


def test_no_line_reads_a_picture_outside_the_folder(recording: Recording, tmp_path: Path) -> None:
    list(record(STEPS, recording))
    Image.new("RGB", (1, 1)).save(tmp_path / "other.png")
    path = recording.folder / "steps.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"screenshot": "', b'"screenshot": "../../other.png/../', 1))
    assert list(replay(recording.folder)) == STEPS
    shown = json.loads(path.read_bytes().splitlines()[0])["screenshot"]
    path.write_bytes(path.read_bytes().replace(shown.encode(), b"../../other.png", 1))
    with pytest.raises(UserError):
        list(replay(recording.folder))


def test_equal_screens_are_stored_once(recording: Recording) -> None:
    list(record(STEPS, recording))
    assert len(list((recording.folder / "screens").iterdir())) == 3


def test_run_json_says_what_was_asked_of_whom_with_what(recording: Recording) -> None:
    run = read_run(recording.folder)
    assert (run.task, run.model, run.family, run.settings) == (TASK, "scripted", "tiny", {"max_steps": 30})
    assert run.versions["pillow"] and run.versions["python"]


def test_only_the_owner_can_read_a_run(recording: Recording) -> None:
    assert stat.S_IMODE(recording.folder.stat().st_mode) == 0o700


def test_runs_of_one_task_in_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    folders = [Recording(tmp_path, TASK, "m", "tiny", {}).folder for _ in range(5)]
    assert len(set(folders)) == 5 and all("find-the-price-of-tea-then-stop" in folder.name for folder in folders)
    assert sorted(tmp_path.iterdir()) == sorted(folders), "no draft is left"


def test_any_task_makes_a_file_name() -> None:
    assert slug("Öffne /etc/passwd & ../..!") == "offne-etc-passwd"
    assert slug("查找") == slug("") == "task"
    assert len(slug("a " * 500)) <= 40


def test_a_folder_without_a_run_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(tmp_path)):
        read_run(tmp_path)
    with pytest.raises(UserError, match=str(tmp_path)):
        list(replay(tmp_path))
    (tmp_path / "run.json").write_text('{"task": 1}')
    with pytest.raises(UserError, match="damaged"):
        read_run(tmp_path)


def test_a_folder_that_cannot_be_made_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write to .*file"):
        Recording(tmp_path / "file", TASK, "m", "tiny", {})


@pytest.mark.parametrize("limit", [0, 100, 300, 700, 1500, 3000])
def test_a_full_disk_names_the_folder_and_leaves_a_run_that_replays(recording: Recording, limit: int) -> None:
    """No file may grow over `limit` bytes: the kernel then refuses as it does on a full disk, in mid-line too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(UserError, match=f"cannot write to .*{recording.folder.name}.*free some space"):
            for step in [Step(index, picture(0), "word") for index in range(100)]:
                recording.outcome(step)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for step in replay(recording.folder):
        assert step.reply == "word"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_device_that_is_full_is_told_the_same_way(recording: Recording) -> None:
    recording.close()
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(UserError, match="No space left"):
        recording._lines.file = full
        recording.outcome(STEPS[0])
    assert not list(replay(recording.folder))


def test_a_moved_run_still_replays(recording: Recording, tmp_path: Path) -> None:
    list(record(STEPS, recording))
    assert list(replay(recording.folder.rename(tmp_path / "elsewhere"))) == STEPS
