"""A run as it was written is told from one that somebody changed, wherever it was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from test_store import STEPS, TASK

from agent.chain import digest, sealed
from agent.store import Recording, record
from agent.verify import Fault, verify
from app import cli
from tools.errors import UserError

Lines = list[bytes]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Five steps, of which the last one ends the run."""
    with Recording(tmp_path, TASK, "scripted", "tiny", {"max_steps": 30}) as recording:
        list(record(STEPS, recording))
    return recording.folder


def change(run: Path, edit: Callable[[Lines], Lines]) -> list[str]:
    """What is said of a run whose lines were edited."""
    path = run / "steps.jsonl"
    path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))
    verdict = verify(run)
    assert (verdict.state == "changed") == bool(verdict.faults)
    return [str(fault) for fault in verdict.faults]


def edited(line: bytes, **values: object) -> bytes:
    return json.dumps({**json.loads(line), **values}).encode() + b"\n"


def resealed(line: bytes, **values: object) -> bytes:
    """As somebody who knows how seals are made would change it."""
    kept = {key: value for key, value in json.loads(line).items() if key not in ("before", "hash")}
    return json.dumps(sealed({**kept, **values}, json.loads(line)["before"])).encode() + b"\n"


def test_a_run_as_it_was_written_is_untouched(run: Path) -> None:
    verdict = verify(run)
    last = json.loads((run / "steps.jsonl").read_bytes().splitlines()[-1])
    assert (verdict.state, verdict.steps, verdict.faults, verdict.is_ended) == ("untouched", 5, (), True)
    assert verdict.seal == last["hash"] == digest({key: last[key] for key in last if key != "hash"})


def test_a_moved_run_is_untouched(run: Path, tmp_path: Path) -> None:
    assert verify(run.rename(tmp_path / "elsewhere")).state == "untouched"


@pytest.mark.parametrize("number", range(10))
def test_any_changed_record_names_its_step(run: Path, number: int) -> None:
    key = "outcome" if number % 2 else "intent"
    for values in ({"result": "nothing happened"}, {"reply": "x"}, {"hash": "0" * 64}, {"before": "0" * 64}):
        path = run / "steps.jsonl"
        whole = path.read_bytes()
        assert json.loads(whole.splitlines()[number])[key] == number // 2
        line = edited(whole.splitlines()[number], **values)
        told = change(run, lambda lines, line=line: [*lines[:number], line, *lines[number + 1 :]])
        assert f"step {number // 2 + 1} was changed" in told and len(told) <= 2
        path.write_bytes(whole)
    assert verify(run).state == "untouched"


@pytest.mark.parametrize("number", range(9))
def test_a_changed_record_with_a_new_seal_is_known_by_the_one_after_it(run: Path, number: int) -> None:
    told = change(run, lambda lines: [*lines[:number], resealed(lines[number], url="x"), *lines[number + 1 :]])
    assert told == [f"step {number // 2 + 1} was changed"]


def test_other_bytes_that_mean_the_same_are_a_change(run: Path) -> None:
    assert change(run, lambda lines: [*lines[:4], lines[4].replace(b": ", b":", 1), *lines[5:]]) == [
        "step 3 was changed"
    ]


@pytest.mark.parametrize("first", range(4))
def test_a_removed_step_is_named(run: Path, first: int) -> None:
    assert change(run, lambda lines: lines[: 2 * first] + lines[2 * first + 2 :]) == [f"step {first + 1} was removed"]


@pytest.mark.parametrize("number", range(9))
def test_half_a_step_cannot_be_removed_either(run: Path, number: int) -> None:
    assert change(run, lambda lines: lines[:number] + lines[number + 1 :]) == [f"step {number // 2 + 1} was removed"]


def test_several_removed_steps_are_all_named(run: Path) -> None:
    assert change(run, lambda lines: lines[:2] + lines[6:]) == ["step 2 was removed", "step 3 was removed"]


def test_steps_in_another_order_or_twice_are_seen(run: Path) -> None:
    assert "step 2 stands in another place" in change(run, lambda lines: [*lines[:4], *lines[2:4], *lines[4:]])
    assert change(run, lambda lines: lines[:2] + lines[6:8] + lines[2:4])


@pytest.mark.parametrize("left", range(10))
def test_a_cut_end_is_told_and_what_is_left_is_untouched(run: Path, left: int) -> None:
    assert change(run, lambda lines: lines[:left]) == []
    verdict = verify(run)
    assert (verdict.state, verdict.steps, verdict.is_ended) == ("cut", (left + 1) // 2, False)


def test_a_line_cut_in_the_middle_is_a_cut_end(run: Path) -> None:
    assert change(run, lambda lines: [*lines[:-1], lines[-1][:40]]) == []
    assert verify(run).state == "cut"


def test_another_task_is_seen(run: Path) -> None:
    path = run / "run.json"
    path.write_text(path.read_text().replace("Find the price", "Buy the shop"))
    assert verify(run).faults == (Fault(None, "was changed"),)


def test_a_lost_or_painted_picture_is_seen(run: Path) -> None:
    names = [json.loads(line)["screenshot"] for line in (run / "steps.jsonl").read_bytes().splitlines()[::2]]
    assert names[0] == names[2] and names[1] == names[3]
    with Image.open(run / "screens" / names[0]) as picture:
        picture.putpixel((1, 1), (255, 255, 255))
        picture.save(run / "screens" / names[0])
    (run / "screens" / names[1]).unlink()
    told = [(fault.step, fault.what) for fault in verify(run).faults]
    assert told == [(0, told[0][1]), (1, told[1][1]), (2, told[0][1]), (3, told[1][1])]
    assert told[0][1] == "has another picture" and told[1][1] == "has lost its picture"


@pytest.mark.parametrize("line", [b"\xff\n", b"[]\n", b"{}\n", b'{"intent": [], "png": []}\n', b'{"outcome": 1e99}\n'])
def test_any_line_can_be_judged(run: Path, line: bytes) -> None:
    assert "step 3 was changed" in change(run, lambda lines: [*lines[:4], line, *lines[5:]])


def test_a_run_from_before_there_were_seals_gets_a_plain_answer(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def older(line: bytes) -> bytes:
        kept = {key: value for key, value in json.loads(line).items() if key not in ("before", "hash", "png")}
        return json.dumps(kept).encode() + b"\n"

    assert change(run, lambda lines: [older(line) for line in lines]) == []
    assert verify(run).state == "unsealed"
    assert cli.main(["runs", "verify", str(run)]) == 1
    assert "recorded before runs were sealed" in capsys.readouterr().out


def test_the_terminal_tells_it_and_ends_with_0_only_for_untouched(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["runs", "verify", "last", "--runs", str(run.parent)]) == 0
    assert capsys.readouterr().out.startswith("untouched: all 5 steps")
    change(run, lambda lines: [*lines[:2], *lines[4:-1]])
    assert cli.main(["runs", "verify", str(run)]) == 1
    assert capsys.readouterr().out == "changed: step 2 was removed; the end is missing\n"
    assert cli.main(["runs", "verify", str(run), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["faults"]) == ("changed", [{"step": 1, "what": "was removed"}])


def test_what_is_no_run_is_the_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="no run in"):
        verify(tmp_path)
    assert cli.main(["runs", "verify", "x", "--runs", str(tmp_path)]) == 2
