"""The words that spans are written in: attribute names, dialects, operations, providers. All of it is data, in this folder.

| File | Says |
|---|---|
| `attribute_aliases.csv` | which attributes fill which column, first match wins; no column: known and not read |
| `dialects.csv` | how to tell who wrote a span; the first test that holds wins |
| `operation_names.csv` | which operation a dialect's word means; `*` is any word; columns in order of authority |
| `provider_names.csv` | which provider a dialect's word means; a word not listed is kept in lower case |
| `processing_names.csv` | which processing a service tier means; a word not listed is kept in lower case |
| `input_conventions.csv` | whether a dialect's input tokens include the cached ones; the first row that fits wins |
| `output_conventions.csv` | whether its output tokens include reasoning; the first row that fits wins |
| `content_attributes.csv` | which attributes hold what people and models said, kept only where that is switched on |

`N` in an attribute name stands for an index. A `part` says which piece of an attribute is read: a path into its JSON (`$.…`)
or the group of a pattern (`^…`).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Alias:
    """One attribute that is known by name."""

    column: str
    """The column it fills; empty when it is known and not read."""
    place: str
    """`span` or `resource`"""
    attribute: str
    part: str = ""
    """The piece of its text that is read; empty for all of it."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How a kind of span counts its tokens."""

    dialect: str
    """`*` fits all, here and below."""
    provider: str
    attribute: str
    """A span attribute that is there."""
    name: str
    """`includes` · `excludes` · `by_total` (the span's own total shows which; without one, includes) ·
    `by_total_else_excludes` · `by_size` (includes, unless the part is more than the whole)"""


@cache
def aliases() -> tuple[Alias, ...]:
    """Return the known attributes in the order of their file."""
    return tuple(
        Alias(row["column"], row["place"], row["attribute"], row["part"]) for row in _rows("attribute_aliases")
    )


@cache
def columns() -> dict[str, list[Alias]]:
    """Return the aliases of each column, first choice first."""
    by_column: dict[str, list[Alias]] = {}
    for alias in aliases():
        if alias.column:
            by_column.setdefault(alias.column, []).append(alias)
    return by_column


def span_attribute_names() -> list[str]:
    """Return the names of all span attributes that are known: read, told dialects by, or left out on purpose."""
    told_by = (value for test, value, _ in dialect_tests() if test == "attribute")
    return sorted({alias.attribute for alias in aliases() if alias.place == "span"}.union(told_by))


@cache
def dialect_tests() -> tuple[tuple[str, str, str], ...]:
    """Return (test, value, dialect) in order; a test is `attribute`, `scope` or `scope_prefix`."""
    return tuple((row["test"], row["value"], row["dialect"]) for row in _rows("dialects"))


@cache
def operation_words() -> dict[str, dict[str, str]]:
    """Return the operation by lower-case word for each column that may say one, in order of authority."""
    words: dict[str, dict[str, str]] = {}
    for row in _rows("operation_names"):
        words.setdefault(row["column"], {})[row["value"]] = row["operation_name"]
    return words


@cache
def provider_words() -> dict[str, str]:
    """Return the provider by lower-case word."""
    return {row["value"]: row["provider_name"] for row in _rows("provider_names")}


@cache
def processing_words() -> dict[str, str]:
    """Return the processing by lower-case word."""
    return {row["value"]: row["processing"] for row in _rows("processing_names")}


@cache
def input_conventions() -> tuple[Convention, ...]:
    """Return whether input tokens include cached ones, in order; the last row fits all."""
    return _conventions("input_conventions", suffix="_cached")


@cache
def output_conventions() -> tuple[Convention, ...]:
    """Return whether output tokens include reasoning, in order; the last row fits all."""
    return _conventions("output_conventions", suffix="_reasoning")


@cache
def content_kinds() -> dict[str, str]:
    """Return the kind of text by the attribute that holds it."""
    return {row["attribute"]: row["content_kind"] for row in _rows("content_attributes")}


def _conventions(name: str, *, suffix: str) -> tuple[Convention, ...]:
    return tuple(
        Convention(row["dialect"], row["provider_name"], row["attribute"], row["convention"].removesuffix(suffix))
        for row in _rows(name)
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (HERE / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
