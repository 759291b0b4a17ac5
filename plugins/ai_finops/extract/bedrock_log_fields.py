"""Where an invocation log says what: two tables of this folder, first match wins in both.

| File | Says |
|---|---|
| `bedrock_log_fields.csv` | which places of a record or of its bodies fill which column |
| `request_metadata_aliases.csv` | which keys of a request's metadata name the feature, the pipeline, the journey, the user |
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Field:
    """One place that may fill a column."""

    column: str
    part: str
    """`record` (a field of the log line), `input` or `output` (a path into a body); of an answer logged as the parts of its
    stream, `stream_start` (into the first message) or `stream_end` (into the last part's metrics)"""
    path: str


@cache
def fields() -> tuple[Field, ...]:
    """Return the places in the order of their file."""
    return tuple(Field(row["column"], row["part"], row["path"]) for row in _rows("bedrock_log_fields"))


@cache
def metadata_keys() -> dict[str, tuple[str, ...]]:
    """Return the metadata keys of each column, first choice first."""
    keys: dict[str, tuple[str, ...]] = {}
    for row in _rows("request_metadata_aliases"):
        keys[row["column"]] = (*keys.get(row["column"], ()), row["key"])
    return keys


def _rows(name: str) -> list[dict[str, str]]:
    with (HERE / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
