"""What was said, out of how a span carries it: plain text, JSON of messages in several layouts, or OTLP's form of either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_SPEAKERS = ("assistant", "model", "ai")
_SPOKEN = ("content", "text", "parts", "message", "messages", "choices", "candidates", "output")
"""Keys below which a message has its text, in the order in which they are read."""
_NOT_SPOKEN = ("reasoning", "thinking", "tool_call", "tool_use", "function_call", "tool_call_response", "tool_result")
MAX_DEPTH = 40


def spoken_text(content: str) -> str:
    """Return the text of an answer, a line for each piece.

    Of messages, what the model says: not its reasoning, calls of tools, and what others say. Of other JSON, every text and
    number in it. What is no JSON is the answer itself.
    """
    if not content.lstrip().startswith(("{", "[")):
        return content
    try:
        value = _plain(json.loads(content), MAX_DEPTH)
        pieces = list(_said(value) if _has_messages(value, MAX_DEPTH) else _leaves(value))
    except (ValueError, RecursionError):
        return content
    return "\n".join(pieces)


def _plain(value: Any, depth: int) -> Any:
    """OTLP's maps and lists as JSON has them; what lies deeper than that is nothing."""
    if depth == 0:
        return None
    if isinstance(value, list):
        return [_plain(each, depth - 1) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"values"} and isinstance(value["values"], list):
        pairs = value["values"]
        if pairs and all(isinstance(pair, dict) and set(pair) == {"key", "value"} for pair in pairs):
            return {str(pair["key"]): _plain(pair["value"], depth - 1) for pair in pairs}
        return [_plain(each, depth - 1) for each in pairs]
    if len(value) == 1:
        (name, inner), *_ = value.items()
        if name in ("stringValue", "intValue", "doubleValue", "boolValue"):
            return inner
        if name in ("kvlistValue", "arrayValue"):
            return _plain(inner, depth - 1)
    return {name: _plain(inner, depth - 1) for name, inner in value.items()}


def _has_messages(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return "role" in value or any(_has_messages(inner, depth - 1) for inner in value.values())
    return isinstance(value, list) and any(_has_messages(inner, depth - 1) for inner in value)


def _said(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _said(each)
    elif isinstance(value, dict):
        if str(value.get("role", "assistant")).lower() not in _SPEAKERS or value.get("type") in _NOT_SPOKEN:
            return
        for name in _SPOKEN:
            yield from _said(value.get(name))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def answer_text(content: str) -> str:
    """Return an answer as the model gave it: what it says in messages, else the content, be that JSON of its own."""
    if not content.lstrip().startswith(("{", "[")):
        return content
    try:
        value = _plain(json.loads(content), MAX_DEPTH)
        return "\n".join(_said(value)) if _has_messages(value, MAX_DEPTH) else content
    except (ValueError, RecursionError):
        return content
