"""README and CONTRIBUTING are true: their commands parse, the tree lists the files that exist, links lead to files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import cli

ROOT = Path(__file__).parents[1]
FOLDERS = ("tools", "model", "agent", "app")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def commands() -> Iterator[str]:
    """In blocks and in running text."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        yield from re.findall(r"^python3 launch\.py[^\n]*", text, re.MULTILINE)
        yield from re.findall(r"`(python3 launch\.py[^`]*)`", text)


def arguments(command: str) -> list[str]:
    """As a shell would pass them on: without comments and redirections."""
    words = shlex.split(command, comments=True)[2:]
    return words[: words.index("<")] if "<" in words else words


def tree() -> dict[str, str]:
    """Path -> description of the README's file tree; folders end with a slash."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Files")[2].split("```")[1]
    found: dict[str, str] = {}
    above: list[str] = []
    for line in filter(None, block.splitlines()):
        match = re.fullmatch(r"( *)(\S+) {2,}(\S.*)", line)
        assert match, f"no name and description: {line!r}"
        depth = len(match[1]) // 2
        above[depth:] = [match[2]]
        found["".join(above)] = match[3]
    return found


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_parses(command: str) -> None:
    argv = arguments(command)
    if "--help" in argv:
        with pytest.raises(SystemExit, match=r"^0$"):
            cli.parse(argv)
    else:
        assert cli.parse(argv).command == (argv[0] if argv else "app")


def test_every_command_is_shown() -> None:
    shown = {arguments(command)[0] for command in commands() if arguments(command)}
    assert {"app", "chat", "demo", "act", "replay", "mcp", "bench", "doctor", "explain", "test"} <= shown


def test_the_tree_lists_exactly_the_files_that_exist() -> None:
    listed = {path for path in tree() if not path.endswith("/")}
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if file.name != "__init__.py")
    existing = {"launch.py", *(file.relative_to(ROOT).as_posix() for file in files)}
    assert sorted(existing - listed) == []
    assert sorted(listed - existing) == []


def test_the_folders_of_the_tree_exist() -> None:
    assert all((ROOT / path).is_dir() for path in tree() if path.endswith("/"))


def test_links_lead_to_files() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
