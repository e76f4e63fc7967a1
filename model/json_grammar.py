"""How JSON is spelled in a reply that is held to a schema or a grammar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# As Python's json.dumps writes it, which is how prompts show it; one spelling, so that more of a reply is forced.
SPELLING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "lenient": True}


def json_rule(schema: Mapping[str, Any]) -> str:
    """The schema as the right side of a rule of `Sampling.grammar`."""
    return "%json " + json.dumps({**schema, "x-guidance": SPELLING})
