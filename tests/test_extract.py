"""agent/documents/extract.py: values in the form that was asked for."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.documents.extract import Extracted, Form, extract
from model.parsing import parse_json
from tests.scripted import ScriptedModel
from tools.errors import UserError

SHEET = Image.new("RGB", (112, 112))
OUTPUTS = Path(__file__).parents[2] / "shared" / "data" / "qwen_outputs"
SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$", "description": "YYYY-MM-DD"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
    "required": ["total"],
}


def asked(given: Any, *replies: str, pages: int = 1) -> tuple[Extracted, ScriptedModel]:
    model = ScriptedModel(replies)
    return extract(model, [(number, SHEET) for number in range(1, pages + 1)], Form.of(given)), model


def test_an_example_is_shown_as_it_is_and_a_schema_as_an_empty_one() -> None:
    _, model = asked({"total": "", "n": 0}, '{"total": "1", "n": 2}')
    assert model.asked[0][-1].text == 'Extract the key-value information in the format:{"total": "", "n": 0}'
    assert Form.of(SCHEMA).example == {"total": 0, "date": "YYYY-MM-DD", "items": [{"name": ""}]}


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_reason() -> None:
    found, model = asked(SCHEMA, '{"total": "much"}', '```json\n{"total": "1,250.50", "date": "2026-01-31"}\n```')
    assert found.values == {"total": 1250.5, "date": "2026-01-31"}
    assert not found.problems
    assert "total: 'much' is not of type 'number'" in model.asked[1][-1].text


def test_what_still_does_not_fit_is_kept_and_said() -> None:
    found, _ = asked(SCHEMA, '{"total": 3, "date": "soon"}', '{"total": 3, "date": "later"}')
    assert found.values == {"total": 3, "date": "later"}
    assert [problem.split(":")[0] for problem in found.problems] == ["date"]
    found, _ = asked(SCHEMA, "nothing", "still nothing")
    assert any("no JSON object" in problem for problem in found.problems)


def test_the_first_page_that_has_a_value_gives_it_and_lists_grow() -> None:
    found, _ = asked(
        {"total": "", "name": "", "rows": [""]},
        '{"total": "", "name": "A", "rows": ["x"]}', '{"total": 7, "name": "B", "rows": ["y", "z"]}', pages=2,
    )  # fmt: skip
    assert found.values == {"total": "7", "name": "A", "rows": ["x", "y", "z"]}
    assert found.pages == {"name": 1, "rows": 1, "total": 2}
    assert not found.problems


def test_a_form_that_is_none_is_refused() -> None:
    for given in ([], "total", {"properties": {"a": {"type": "nothing"}}}):
        with pytest.raises(UserError):
            Form.of(given)


@pytest.mark.skipif(not OUTPUTS.is_dir(), reason="the shared outputs are not here")
def test_a_real_answer_to_the_cookbooks_question_fits() -> None:
    records = json.loads((OUTPUTS / "ocr.json").read_text(encoding="utf-8"))
    (record,) = (one for one in records if one["prompt"].startswith("Extract the key-value"))
    form = json.loads(record["prompt"].split("format:", 1)[1])
    found, model = asked(form, record["output"])
    assert model.asked[0][-1].text == record["prompt"].replace(
        record["prompt"].split("format:", 1)[1], json.dumps(form)
    )
    assert found.values == parse_json(record["output"]).value
    assert not found.problems
