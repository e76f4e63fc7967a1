"""Code imports only to the left: tools <- model <- agent <- app <- launch.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("tools", "model", "agent", "app", "launch")
NEVER = {"torchvision", "qwen_vl_utils"}  # Handeye has its own
NOT_IN_TOOLS = {"torch", "transformers", "accelerate", "safetensors"}
STDLIB_ONLY = (
    "launch.py",
    "app/cli.py",
    *(f"app/flags/{name}.py" for name in ("common", "make", "measure", "read", "use")),
    "app/settings.py",
    "tools/chromium.py",
    "tools/errors.py",
    "tools/geometry.py",
    "tools/offline.py",
)
FILES = [ROOT / "launch.py", *(file for layer in LAYERS[:-1] for file in sorted((ROOT / layer).rglob("*.py")))]


def imported(file: Path) -> set[str]:
    """The full names of all modules that a file imports, wherever in it."""
    return set(names(ast.parse(file.read_text(encoding="utf-8")), file))


def names(tree: ast.AST, file: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=found):
                yield from (alias.name for alias in found)
            case ast.ImportFrom(level=0, module=str(module), names=found):
                yield from (f"{module}.{alias.name}" for alias in found)
            case ast.ImportFrom():
                raise AssertionError(f"{file}: relative import; say where it comes from")


def shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", FILES, ids=shown)
def test_imports_go_to_the_left(file: Path) -> None:
    layer = LAYERS.index(shown(file).split("/")[0].removesuffix(".py"))
    roots = {name.split(".")[0] for name in imported(file)}
    assert not roots & set(LAYERS[layer + 1 :])
    assert not roots & NEVER
    if LAYERS[layer] == "tools":
        assert not roots & NOT_IN_TOOLS


def test_names_of_imports_are_full() -> None:
    """`import model` would say nothing of what is used."""
    assert not {shown(file): set(LAYERS) & imported(file) for file in FILES if set(LAYERS) & imported(file)}


@pytest.mark.parametrize("name", STDLIB_ONLY)
def test_what_help_needs_imports_the_standard_library_only(name: str) -> None:
    import sys

    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    on_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    roots = {found.split(".")[0] for node in on_import for found in names(node, ROOT / name)}
    assert roots - sys.stdlib_module_names <= {"tools", "app"}
    ours = {
        f"{found.rpartition('.')[0].replace('.', '/')}.py" for node in on_import for found in names(node, ROOT / name)
    }
    assert {file for file in ours if file.startswith(("tools/", "app/"))} <= set(STDLIB_ONLY)
