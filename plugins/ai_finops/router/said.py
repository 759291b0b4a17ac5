"""What an answer says, as it is compared: its data where it has any, else its text; and which tools it called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ai_finops.router.answer import Answer


class Said(NamedTuple):
    """What is held against another answer."""

    text: str
    tools: tuple[str, ...] = ()
    """Names of the tools that it called, as far as the provider's answer is one that can be read."""


class NotComparable(ValueError):
    """An answer holds what cannot be written down."""


def said_by(answer: Answer) -> Said:
    """Return what an answer says. Structured output counts wherever it is: words beside a call of a tool are no answer.

    Several calls of tools are one list of names and inputs, in the order of the answer.

    Raises:
        NotComparable: Its structured output is no JSON.
    """
    calls = list(_tool_calls(answer.raw))
    tools = tuple(name for name, _ in calls)
    if len(calls) > 1:
        return Said(_written([{"name": name, "input": given} for name, given in calls]), tools)
    if answer.structured is not None:
        return Said(_written(answer.structured), tools)
    return Said(answer.text, tools)


def _written(value: Any) -> str:
    try:
        return json.dumps(dict(value) if isinstance(value, Mapping) else value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotComparable(type(error).__name__) from error


def _tool_calls(raw: object) -> Iterable[tuple[str, Any]]:
    """Names and inputs of the calls in an answer of Converse, of chat completions or of Anthropic's messages."""
    message = _get(_get(raw, "output"), "message")
    for block in _listed(_get(message, "content")):
        if (use := _get(block, "toolUse")) is not None:
            yield str(_get(use, "name")), _get(use, "input")
    for choice in _listed(_get(raw, "choices"))[:1]:
        for call in _listed(_get(_get(choice, "message"), "tool_calls")):
            function = _get(call, "function")
            yield str(_get(function, "name")), _parsed(_get(function, "arguments"))
    for block in _listed(_get(raw, "content")):
        if _get(block, "type") == "tool_use":
            yield str(_get(block, "name")), _get(block, "input")


def _parsed(arguments: object) -> object:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return arguments


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _get(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
