"""agent/documents/batch.py, and the verbs `parse` and `extract` over it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from agent.documents.batch import Wanted, files_in, from_json, parse_file, parse_files, places, to_json
from agent.documents.pages import read_page
from app.cli import main
from tests.scripted import ScriptedModel
from tools.documents import Page, Word
from tools.errors import UserError
from tools.geometry import Box

SAID = (
    '<html><body><h1 data-bbox="10 10 90 20">Title {}</h1><table data-bbox="10 30 90 50"><tr><td>a</td><td>{}</td></tr>'
    "</table></body></html>"
)


def scan(path: Path, count: int) -> Path:
    sheets = [Image.new("RGB", (224, 224), (number, 255, 255)) for number in range(count)]
    sheets[0].save(path, save_all=True, append_images=sheets[1:])
    return path


def replies(count: int, first: int = 1) -> list[str]:
    return [SAID.format(number, number) for number in range(first, first + count)]


def test_a_page_comes_back_from_disk_as_it_was() -> None:
    image = Image.new("RGB", (112, 112))
    words = (Word("Tilte", Box(10, 10, 40, 20)), Word("lost", Box(90, 90, 99, 99)))
    page = read_page(ScriptedModel(replies(1)), Page(1, 2, image, (100.0, 50.0), words))
    assert page.parts[0].corrections and page.left_over
    assert from_json(json.loads(json.dumps(to_json(page)))) == page


def test_a_stopped_document_goes_on_at_the_page_it_was_at(tmp_path: Path) -> None:
    file, place = scan(tmp_path / "a.pdf", 4), tmp_path / "out" / "a.pdf"
    first = parse_file(ScriptedModel(replies(2)), file, place, Wanted())
    assert [next(first).number, next(first).number] == [1, 2]
    first.close()
    assert not place.with_name("a.pdf.md").exists()
    rest = ScriptedModel(replies(2, first=3))
    assert [page.number for page in parse_file(rest, file, place, Wanted(kinds=("markdown", "csv")))] == [1, 2, 3, 4]
    assert len(rest.asked) == 2
    text = place.with_name("a.pdf.md").read_text(encoding="utf-8")
    assert [f"# Title {number}" in text for number in (1, 2, 3, 4)] == [True] * 4
    assert place.with_name("a.pdf.page-3-table-1.csv").read_text() == "a,3\n"
    nothing = ScriptedModel([])
    assert len(list(parse_file(nothing, file, place, Wanted()))) == 4
    other = ScriptedModel(replies(4), name="another")
    list(parse_file(other, file, place, Wanted()))
    assert len(other.asked) == 4


def test_a_bad_file_stops_no_other_and_is_in_the_index(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    scan(folder / "deep" / "a.pdf", 1)
    (folder / "bad.pdf").write_text("no")
    scan(folder / "c.pdf", 1)
    (folder / "notes.txt").write_text("left alone")
    files = files_in([folder])
    out = tmp_path / "out"
    done = list(parse_files(ScriptedModel(replies(2)), files, out, Wanted(kinds=("json",))))
    assert [(one.file.name, one.pages, bool(one.error)) for one in done] == [
        ("bad.pdf", 0, True), ("c.pdf", 1, False), ("a.pdf", 1, False),
    ]  # fmt: skip
    lines = [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]
    assert [line["results"] for line in lines] == ["bad.pdf", "c.pdf", "deep/a.pdf"]
    assert json.loads((out / "deep" / "a.pdf.json").read_text())["pages"][0]["blocks"][0]["text"] == "Title 2"


def test_files_of_one_name_in_different_folders_stay_apart(tmp_path: Path) -> None:
    files = [tmp_path / "x" / "a.pdf", tmp_path / "y" / "a.pdf"]
    assert list(places(files, Path("out")).values()) == [Path("out/x/a.pdf"), Path("out/y/a.pdf")]
    with pytest.raises(UserError, match="no file or folder"):
        files_in(files)
    with pytest.raises(UserError, match="no documents"):
        files_in([tmp_path])


def test_parse_and_extract_with_tiny(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = scan(tmp_path / "a.pdf", 1)
    code = main(["parse", str(file), "--json", "--max-tokens", "24", "--model", "tiny"])
    page = json.loads(capsys.readouterr().out)
    assert (page["page"], page["of"], page["size_pt"]) == (1, 1, [224, 224])
    assert code == bool(page["problems"])
    code = main(["extract", str(file), "--form", '{"total": ""}', "--json", "--max-tokens", "24", "--model", "tiny"])
    assert set(json.loads(capsys.readouterr().out)) == {"file", "values", "pages", "problems", "said"}
    assert code in (0, 1)


def test_mistakes_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(tmp_path / "gone.pdf")]) == 2
    assert "gone.pdf" in capsys.readouterr().err
    assert main(["extract", str(scan(tmp_path / "a.pdf", 1)), "--form", "total"]) == 2
    assert "no file total" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["parse", "a.pdf", "--pages", "5-2"])
    assert "no page or range" in capsys.readouterr().err
