"""Values out of pages, in the form that a person gave: a JSON schema, or an example of what the answer looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from PIL import Image

from agent.documents.kept import Sheets, each_page
from model.messages import ImagePart, Message, assistant, user
from model.parsing import ParseError, parse_json
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.documents import Page
from tools.errors import UserError

ASK = "Extract the key-value information in the format:{form}"  # word for word the OCR cookbook's
MEND = "That does not fit: {problems}. Answer with the whole JSON again, in the format:{form}"
SAMPLING = Sampling(max_new_tokens=2048)
MOST_PROBLEMS = 5  # said to the model at once
NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})*(?:\.\d+)?|-?\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class Form:
    """What is wanted. schema: JSON Schema 2020-12. example: the same with empty values, as it is shown to the model."""

    schema: dict[str, Any]
    example: Any

    @classmethod
    def of(cls, given: Any) -> Form:
        """given: a schema of an object, or an example. Raises UserError."""
        if not isinstance(given, dict):
            raise UserError('give a JSON object: an example such as {"total": ""}, or a JSON schema of an object')
        if isinstance(given.get("properties"), dict):
            try:
                Draft202012Validator.check_schema(given)
            except SchemaError as error:
                raise UserError(f"this is no JSON schema: {error.message}") from error
            return cls(given, emptied(given))
        return cls(schema_of(given), given)

    def problems(self, value: Any) -> list[str]:
        """What does not fit, each with its place."""
        found = Draft202012Validator(self.schema).iter_errors(value)
        return [f"{'.'.join(map(str, error.absolute_path)) or 'the answer'}: {error.message}" for error in found]


@dataclass(frozen=True)
class Extracted:
    values: dict[str, Any]
    pages: dict[str, int] = field(default_factory=dict)  # the page each key was first found on, from 1
    problems: tuple[str, ...] = ()  # where it does not fit the form
    said: tuple[str, ...] = ()  # the model's last word on each page


@dataclass(frozen=True)
class OnPage:
    number: int
    value: Any  # as the model gave it; None where it gave no JSON
    said: str


def extract(
    model: VisionLanguageModel,
    pages: Iterable[tuple[int, Image.Image]],
    form: Form,
    sampling: Sampling = SAMPLING,
    on_reply: Callable[[Reply], None] = lambda reply: None,
) -> Extracted:
    """Each page is asked for all values; a cancelled reply ends it. Raises PromptTooLarge."""
    found = []
    for number, image in pages:
        value, reply = of_page(model, image, form, sampling, on_reply)
        if reply.usage.finish == "cancelled":
            break
        found.append(OnPage(number, value, reply.text))
    return gathered(found, form)


def extract_file(
    model: VisionLanguageModel,
    sheets: Sheets,
    form: Form,
    *,
    kept: Path | None = None,
    sampling: Sampling = SAMPLING,
    on_reply: Callable[[Reply], None] = lambda reply: None,
) -> Iterator[OnPage]:
    """What each page of a file has, as it is read; to be `gathered`.

    kept: a file that keeps it; what it holds is not asked for again. Raises UserError.
    """

    def look(page: Page) -> dict[str, Any] | None:
        value, reply = of_page(model, page.image, form, sampling, on_reply)
        return None if reply.usage.finish == "cancelled" else {"value": value, "said": reply.text}

    about = {"model": model.name, "form": form.schema}
    for record in each_page(sheets, look, kept, about):
        yield OnPage(record["page"], record["value"], record["said"])


def gathered(pages: Iterable[OnPage], form: Form) -> Extracted:
    """The first page that has a value gives it; lists grow over the pages."""
    values: dict[str, Any] = {}
    found_on: dict[str, int] = {}
    said, unreadable = [], []
    for page in pages:
        said.append(page.said)
        if not isinstance(page.value, dict):
            unreadable.append(f"page {page.number}: the answer holds no JSON object")
            continue
        for key, one in page.value.items():
            if isinstance(one, list) and isinstance(values.get(key), list):
                values[key] = [*values[key], *one]
            elif is_empty(values.get(key)) and not (key in values and is_empty(one)):
                values[key] = one
            if key not in found_on and not is_empty(one):
                found_on[key] = page.number
    return Extracted(values, found_on, (*unreadable, *form.problems(values)), tuple(said))


def of_page(
    model: VisionLanguageModel, image: Image.Image, form: Form, sampling: Sampling, on_reply: Callable[[Reply], None]
) -> tuple[Any, Reply]:
    """The page's values, asked a second time where they do not fit."""
    shown = json.dumps(form.example, ensure_ascii=False)
    sampling = replace(sampling, schema=form.schema)
    asked: list[Message] = [user(ASK.format(form=shown), ImagePart(image))]
    value: Any = None
    for _ in range(2):
        reply = model.stream(asked, sampling)
        on_reply(reply)
        reply.read()
        value = fitted(read(reply.text), form.schema)
        problems = form.problems(value) if value is not None else ["there is no JSON in it"]
        if not problems or reply.usage.finish == "cancelled":
            break
        told = MEND.format(problems="; ".join(problems[:MOST_PROBLEMS]), form=shown)
        asked = [*asked, assistant(reply.text), user(told)]
    return value, reply


def read(said: str) -> Any:
    try:
        return parse_json(said).value
    except ParseError:
        return None


def fitted(value: Any, schema: dict[str, Any]) -> Any:
    """Numbers written as words become numbers where the form wants them, and the other way round."""
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {key: fitted(one, inner.get(key, {})) for key, one in value.items()}
    if isinstance(value, list):
        return [fitted(one, schema.get("items") or {}) for one in value]
    wanted = schema.get("type", ())
    wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    if isinstance(value, str) and "string" not in wanted and {"number", "integer"} & set(wanted):
        if not NUMBER.fullmatch(value.strip()):
            return value
        number = float(value.replace(",", ""))
        return int(number) if number.is_integer() and "." not in value else number
    if isinstance(value, (int, float)) and not isinstance(value, bool) and wanted[:1] == ("string",):
        return str(value)
    return value


def schema_of(example: Any) -> dict[str, Any]:
    """What an example asks for: its keys, and values of its kinds; null stands for what is not there."""
    match example:
        case dict():
            inner = {str(key): schema_of(value) for key, value in example.items()}
            return {"type": "object", "properties": inner, "required": list(inner)}
        case list():
            return {"type": "array", "items": schema_of(example[0]) if example else {}}
        case bool():
            return {"type": ["boolean", "null"]}
        case int() | float():
            return {"type": ["number", "null"]}
        case str():
            return {"type": ["string", "null"]}
    return {}


def emptied(schema: dict[str, Any]) -> Any:
    """An example of a schema with empty values; a description stands where the value goes."""
    wanted = schema.get("type")
    wanted = next((one for one in wanted if one != "null"), None) if isinstance(wanted, list) else wanted
    if "properties" in schema:
        return {key: emptied(inner) for key, inner in schema["properties"].items() if isinstance(inner, dict)}
    if wanted == "array":
        items = schema.get("items")
        return [emptied(items)] if isinstance(items, dict) else []
    return {"number": 0, "integer": 0, "boolean": False}.get(wanted or "", schema.get("description", ""))


def is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
