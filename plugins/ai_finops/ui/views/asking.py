"""What views share: rows of a query, and a filter's value that is one of its choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ai_finops.ui.view import Choice

if TYPE_CHECKING:
    import duckdb

UNATTRIBUTED = "unattributed"
NOBODYS = frozenset({UNATTRIBUTED, "unknown"})
"""What members of a level are called that nobody answers for: without a feature, without a pipeline or service."""


def ask(
    connection: duckdb.DuckDBPyConnection, query: str, given: Sequence[object] | Mapping[str, object] = ()
) -> list[tuple]:
    """Return all rows of a query; its values go in as parameters, never as text."""
    return connection.execute(query, given).fetchall()


def one_of(chosen: Mapping[str, Sequence[str]], name: str, choices: Sequence[Choice]) -> str | None:
    """Return the first value chosen that is one of the choices, else the first choice; None where there is none."""
    known = [choice.value for choice in choices]
    return next((value for value in chosen.get(name, ()) if value in known), known[0] if known else None)


def some_of(chosen: Mapping[str, Sequence[str]], name: str, choices: Sequence[Choice]) -> tuple[str, ...]:
    """Return the values chosen that are among the choices, in the order of the choices, each once."""
    asked = set(chosen.get(name, ()))
    return tuple(choice.value for choice in choices if choice.value in asked)
