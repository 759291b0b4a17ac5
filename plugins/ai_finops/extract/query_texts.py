"""The query in the texts of a span, where texts are kept: what a user asked, as far as conventions tell.

A text that says it is a query is one (`query_text`). Else it is the last thing that was said in a prompt (`prompt_text`): the
last message of the user, where messages have roles. Which of a trace's texts stands for its calls is settled later, over the
whole trace: the prompt of a call may hold documents beside the question, the input of the chain above it does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

QUERY_TEXT, PROMPT_TEXT = "query_text", "prompt_text"
MAX_CHARACTERS = 4_000
"""Of a query; what is longer is a document and would be compared by its beginning alone."""
MAX_DEPTH = 40
"""Of lists and maps in each other."""
_INDEX = re.compile(r"\.(\d+)\.")


class Text(NamedTuple):
    """One text of a span, as the family of contents holds it."""

    attribute_name: str
    content_kind: str
    content: str


def query_of(texts: Iterable[Text]) -> tuple[str, str] | None:
    """Return what a span asked and the evidence for it; None where its texts tell no query."""
    chosen = sorted(texts, key=_order)
    for text in chosen:
        if text.content_kind == "query" and (asked := _last_asked(text.content)):
            return asked, QUERY_TEXT
    for text in chosen:
        if text.content_kind == "prompt" and (asked := _last_asked(text.content)):
            return asked, PROMPT_TEXT
    return None


def _order(text: Text) -> tuple[bool, int, str]:
    """The input as the conventions name it first; of numbered messages the last first."""
    index = _INDEX.search(text.attribute_name)
    is_instruction = text.attribute_name == "gen_ai.system_instructions"
    return is_instruction, -int(index.group(1)) if index else 0, text.attribute_name


def _last_asked(content: str) -> str | None:
    try:
        read = json.loads(content) if content[:1] in "[{" else content
    except (ValueError, RecursionError):
        read = content
    said = _asked_in(_without_otlp(read, MAX_DEPTH)) or ""
    # JSON can write half a character, which no embedder can read.
    asked = said.encode("utf-8", "replace").decode().strip()
    return asked if asked and len(said) <= MAX_CHARACTERS else None


def _asked_in(read: Any) -> str | None:
    if isinstance(read, str):
        return read
    if isinstance(read, dict):
        for name in ("messages", "contents", "content", "parts", "text", "query", "question", "input", "prompt"):
            if name in read and (asked := _asked_in(read[name])):
                return asked
        return None
    if isinstance(read, list):
        roles = [each.get("role") for each in read if isinstance(each, dict)]
        mine = [each for each in read if not isinstance(each, dict) or each.get("role", "user") in ("user", "human")]
        return (
            _joined(read)
            if not any(roles)
            else next((asked for each in reversed(mine) if (asked := _asked_in(each))), None)
        )
    return None


def _joined(parts: Sequence[Any]) -> str | None:
    """Parts of one message belong together."""
    texts = [text for part in parts if (text := _asked_in(part))]
    return "\n".join(texts) or None


def _without_otlp(read: Any, depth: int) -> Any:
    """Return OTLP's lists and maps as plain ones; what is none of these stays as it is, what lies deeper is nothing."""
    if depth == 0:
        return None
    if isinstance(read, list):
        return [_without_otlp(each, depth - 1) for each in read]
    if not isinstance(read, dict):
        return read
    if set(read) == {"values"} and isinstance(read["values"], list):
        values = read["values"]
        if values and all(isinstance(each, dict) and set(each) == {"key", "value"} for each in values):
            return {str(each["key"]): _without_otlp(each["value"], depth - 1) for each in values}
        return [_without_otlp(each, depth - 1) for each in values]
    if len(read) == 1:
        ((name, value),) = read.items()
        if name in ("stringValue", "arrayValue", "kvlistValue", "intValue", "doubleValue", "boolValue"):
            return _without_otlp(value, depth - 1)
    return {name: _without_otlp(value, depth - 1) for name, value in read.items()}
