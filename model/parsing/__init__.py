"""From a model's words to typed results: tool calls, boxes and points, documents, times. Raises ParseError only."""

from model.parsing.calls import Spoken, ToolCall, ToolCallStream, parse_reply, parse_tool_calls
from model.parsing.documents import Block, parse_document
from model.parsing.grounding import Found, parse_grounding, parse_json
from model.parsing.loose import Json, ParseError
from model.parsing.results import Results
from model.parsing.times import Span, parse_times

__all__ = [
    "Block",
    "Found",
    "Json",
    "ParseError",
    "Results",
    "Span",
    "Spoken",
    "ToolCall",
    "ToolCallStream",
    "parse_document",
    "parse_grounding",
    "parse_json",
    "parse_reply",
    "parse_times",
    "parse_tool_calls",
]
