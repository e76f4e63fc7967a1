"""What people do with a model, done with one behind a server: parse, bench, doctor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from agent.documents.batch import Wanted, parse_files
from app.cli import main
from app.desk import Desk
from app.settings import Settings, read_settings, to_json
from app.wiring import load_local, load_model
from model.remote.model import RemoteModel
from model.vlm import ModelLost, Sampling
from tests.model_server import Running
from tools.errors import UserError


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """Six small pages in three files, beside one that is none."""
    folder = tmp_path / "papers"
    folder.mkdir()
    sheets = []
    for number in range(6):
        sheets.append(Image.new("RGB", (160, 160), "white"))
        ImageDraw.Draw(sheets[-1]).text((20, 20 + 10 * number), f"Page {number}", "black")
    sheets[0].save(folder / "long.tiff", save_all=True, append_images=sheets[1:4])
    sheets[4].save(folder / "one.png")
    sheets[5].save(folder / "two.png")
    (folder / "none.pdf").write_text("no")
    return folder


def results(folder: Path) -> dict[str, bytes]:
    """All that is not said of the model."""
    files = (file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(".pages.jsonl"))
    return {file.name: file.read_bytes() for file in files}


def test_parse_gives_the_same_files_with_any_number_of_workers(
    papers: Path, tmp_path: Path, model_server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["parse", str(papers), "--max-tokens", "12", "--out"]
    main([*said, str(tmp_path / "here"), "--model", "tiny"])
    model_server.wish(late_s=0.2)
    main([*said, str(tmp_path / "there"), "--model", model_server.address, "--workers", "5"])
    here, there = (results(tmp_path / name) for name in ("here", "there"))
    assert here == there
    assert len(here) == 1 + 3 * 4
    assert 3 <= model_server.met()["most"] <= 5
    kept = [(tmp_path / name / "long.tiff.pages.jsonl").read_text().splitlines()[1:] for name in ("here", "there")]
    assert kept[0] == kept[1] and len(kept[0]) == 4
    assert capsys.readouterr().out.count("3 of 4 files") == 2


def test_parse_ends_where_the_server_does_and_goes_on_later(
    papers: Path, tmp_path: Path, model_server: Running
) -> None:
    model = RemoteModel(model_server.address)
    model.server.waits_s = ()
    files, wanted = sorted(papers.iterdir()), Wanted(sampling=Sampling(4))
    out = tmp_path / "out"
    seen = []

    def on_page(file: Path, page: object) -> None:
        seen.append(page)
        if len(seen) == 2:
            model_server.wish(refuse=[503] * 50)

    with pytest.raises(ModelLost, match="busy"):
        list(parse_files(model, files, out, wanted, on_page))
    assert len(seen) == 2 and not (out / "long.tiff.md").exists()
    model_server.wish()
    assert [done.pages for done in parse_files(model, files, out, wanted, workers=3)] == [4, 0, 1, 1]
    model.close()


@pytest.mark.parametrize("schemas", [True, False])
def test_extract_gives_the_server_the_schema_if_it_takes_one(
    tmp_path: Path, model_server: Running, capsys: pytest.CaptureFixture[str], schemas: bool
) -> None:
    Image.new("RGB", (100, 100), "white").save(tmp_path / "bill.png")
    model_server.wish(schemas=schemas, says=['{"total": ', "7}"])
    said = ["extract", str(tmp_path / "bill.png"), "--form", '{"total": 0}', "--max-tokens", "9", "--json"]
    assert main([*said, "--model", model_server.address]) == 0
    assert json.loads(capsys.readouterr().out)["values"] == {"total": 7}
    schema = {"type": "object", "properties": {"total": {"type": ["number", "null"]}}, "required": ["total"]}
    assert model_server.met()["schema"] == (schema if schemas else None)


def test_the_agent_solves_practice_pages_through_a_server(
    tmp_path: Path, model_server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["bench", "pages", "--tasks", "practice-links", "--seeds", "0:2", "--pages", "2", "--max-steps", "4"]
    assert main([*said, "--out", str(tmp_path), "--model", model_server.address]) == 0
    played = [json.loads(line) for line in (tmp_path / "episodes.jsonl").read_text().splitlines()]
    assert [episode["success"] for episode in played] == [True, True]
    assert json.loads((tmp_path / "run.json").read_text())["model"] == f"{model_server.address}/v1#tiny"


def test_doctor_tells_of_the_server(
    model_server: Running, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDEYE_MODEL", model_server.address)
    main(["doctor", "--json"])
    checks = {check["part"]: check for check in json.loads(capsys.readouterr().out)}
    assert list(checks)[:5] == ["python", "torch", "server", "model", "browser"] and "device" not in checks
    assert checks["server"]["text"].startswith(f"{model_server.address}/v1, answers in ")
    assert checks["model"]["text"].startswith("tiny: tiny, up to 4,096 tokens, ")
    assert "tokens/s; pictures keep their size and are sent once" in checks["model"]["text"]
    model_server.wish(shrink=100)
    assert main(["doctor"]) == 1
    assert "MISSING model" in capsys.readouterr().out
    assert main(["doctor", "--model", "http://127.0.0.1:9"]) == 1
    assert "MISSING server   no model server answers" in capsys.readouterr().out


def test_a_server_takes_the_place_of_a_model_in_the_page(model_server: Running, tmp_path: Path) -> None:
    desk = Desk(Settings(), tmp_path, {})
    there = desk.load(Settings(model=model_server.address))
    assert desk.model() is there and there.family.name == "tiny"
    desk.load(Settings(model=f"{model_server.address}/v1#tiny"))
    with pytest.raises(UserError, match="closed"):
        there.stream([])
    desk.close()


def test_the_key_is_read_from_its_variable_and_in_no_record(
    model_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_server.wish(key="secret-word")
    monkeypatch.setenv("HANDEYE_API_KEY", "secret-word\n")
    settings = read_settings({"model": model_server.address})
    model = load_model(settings)
    assert "secret" not in json.dumps(to_json(settings)) + model.name
    model.close()
    with pytest.raises(UserError, match="needs the weights"):
        load_local(settings)
