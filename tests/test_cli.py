from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from app import cli
from tools.errors import UserError
from tools.geometry import Size

COMMANDS = {
    "app": [],
    "chat": ["x"],
    "demo": [],
    "act": ["do it"],
    "replay": ["runs/x"],
    "runs list": [],
    "runs show": ["x"],
    "runs verify": ["x"],
    "runs export": ["x", "--as", "script"],
    "secrets add": ["x", "--for", "https://a.test"],
    "secrets list": [],
    "secrets remove": ["x"],
    "ground": ["x.png", "a button"],
    "parse": ["x.pdf"],
    "extract": ["x.pdf", "--form", "{}"],
    "ask": ["x.pdf", "Who?"],
    "mcp": [],
    "bench miniwob": ["--tasks", "click-test", "--seeds", "0:2", "--out", "x"],
    "bench pages": ["--seeds", "0:2", "--out", "x"],
    "bench grounding": ["--format", "screenspot", "--annotations", "a", "--images", "b", "--out", "x"],
    "bench reading": ["--lines", "0:2", "--papers", "0:2", "--out", "x"],
    "bench documents": ["x", "--out", "y"],
    "bench clips": ["--seeds", "0:2", "--out", "x"],
    "bench preprocess": [],
    "bench speed": [],
    "bench frames": [],
    "bench video": ["--format", "video-mme", "--annotations", "a", "--videos", "b", "--out", "x"],
    "bench verbs": ["--seeds", "0:2", "--out", "x"],
    "video ask": ["a.mp4", "b.mp4", "What differs?"],
    "video find": ["a.mp4", "rain"],
    "video caption": ["a.mp4"],
    "video read": ["a.mp4"],
    "video record": ["a.webm", "--seconds", "1"],
    "train": ["--stage", "x"],
    "doctor": [],
    "explain reply": ["x"],
    "explain url": ["x"],
    "test": [],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse([*command.split(), "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"  python3 launch.py {command}" in said.partition("examples:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_a_file_that_exists(command: str) -> None:
    assert find_spec(cli.parse([*command.split(), *COMMANDS[command]]).does)


def test_without_a_command_the_page_is_meant() -> None:
    assert cli.parse([]) == cli.parse(["app"])


@pytest.mark.parametrize(
    ("argv", "wrong"),
    [
        (["fly"], "invalid choice"),
        (["act"], "TASK"),
        (["act", "x", "--viewport", "wide"], "'wide' is no size; give WIDTHxHEIGHT"),
        (["demo", "--max-steps", "0"], "'0' is no whole number of 1 or more"),
        (["demo", "--head"], "--head"),
    ],
)
def test_a_mistake_is_told_and_ends_with_2(argv: list[str], wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    assert ended.value.code == 2
    assert wrong in capsys.readouterr().err


def test_flags_after_test_go_to_pytest_in_their_order() -> None:
    assert cli.parse(["test", "-k", "a or b", "tests/x.py", "-x"]).rest == ["-k", "a or b", "tests/x.py", "-x"]


def test_flags_are_named_as_the_settings_are() -> None:
    given = vars(cli.parse(["act", "x", "--viewport", "640x480", "--scale", "2", "--out", "kept", "--headed"]))
    assert (given["viewport"], given["scale"], given["runs"], given["headed"]) == (
        Size(640, 480),
        2.0,
        Path("kept"),
        True,
    )
    assert vars(cli.parse(["act", "x"]))["headed"] is None  # so that the settings file is heard


def test_a_user_error_is_one_line_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise UserError("no such thing; do that")

    assert cli.guarded(work) == 2
    assert capsys.readouterr().err == "error: no such thing; do that\n"


def test_an_interrupt_is_130_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise KeyboardInterrupt

    assert cli.guarded(work) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_bug_is_not_caught() -> None:
    def work() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.guarded(work)


def test_explain_reply_says_what_would_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    call = (
        '<tool_call>{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [14, 28]}}</tool_call>'
    )
    assert cli.main(["explain", "reply", "--screen", "280x280", call]) == 0
    assert '"kind": "click"' in capsys.readouterr().out


def test_explain_reply_needs_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "reply", "x"]) == 2
    assert "--screen" in capsys.readouterr().err


def test_explain_jsonl_gives_a_verdict_for_every_line() -> None:
    asked = json.dumps({"reply": "hello", "family": "tiny", "screen": [100, 100], "model_screen": [112, 112]})
    lines = f"{asked}\nnonsense\n".encode() + b"\xff\n"
    command = [sys.executable, "-c", "from app.cli import main; exit(main())", "explain", "reply", "--jsonl"]
    done = subprocess.run(command, input=lines, capture_output=True, cwd=Path(__file__).parents[1])
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [set(verdict) for verdict in verdicts] == [{"actions", "error"}] * 3
    assert all(verdict["actions"] == [] and verdict["error"] for verdict in verdicts)


def test_replay_of_what_is_no_run_is_a_user_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_doctor_json_names_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["doctor", "--json"])
    checks = {check["part"]: check for check in json.loads(capsys.readouterr().out)}
    assert list(checks) == ["python", "torch", "device", "model", "browser", "display", "desktop", "virtual"]
    assert code == (0 if all(check["ok"] for check in checks.values() if check["needed"]) else 1)


def test_doctor_tells_what_is_wrong_with_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--model", str(tmp_path)]) == 1
    assert f"MISSING model    {tmp_path}" in capsys.readouterr().out
