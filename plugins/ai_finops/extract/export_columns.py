"""Which column of an export fills which column of the lake: data, in `cur_columns.csv` and `focus_columns.csv`.

| In the file | Says |
|---|---|
| `names` | how exports spell it, first match wins: CUR 2.0 (and a legacy report in Parquet), then a legacy report in CSV |
| `gathered_from` | prefixes: where a legacy report has a column for each key of a map, those become one map |
| `need` | `required`, `optional`, or the version of the format since which it is required |
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from ai_finops.errors import SourceBroken
from ai_finops.extract.export_values import NotReadable, convert, gather

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the lake, as exports spell it."""

    name: str
    names: tuple[str, ...]
    gathered_from: tuple[str, ...]
    need: str

    def is_needed(self, version: str | None) -> bool:
        """Return whether an export of this version of its format must have it."""
        return self.need == "required" or (self.need != "optional" and version is not None and version >= self.need)

    def __str__(self) -> str:
        first, *others = (*self.names, *(f"{prefix}…" for prefix in self.gathered_from))
        return first + (f" ({' or '.join(others)} in other formats)" if others else "")


@cache
def read_columns(table: str) -> tuple[Column, ...]:
    """Return the columns of a table of this folder, in its order."""
    with (HERE / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            Column(row["column"], _parts(row["names"]), _parts(row.get("gathered_from")), row["need"])
            for row in csv.DictReader(file)
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """How one file's columns fill the lake's."""

    where: str
    """The file's address, for messages."""
    schema: pa.Schema
    sources: Mapping[str, tuple[str, ...]]
    """Names in the file by the column they fill; a column that the file does not have is not in it."""
    gathered: Mapping[str, Mapping[str, str]]
    """For columns that are gathered: the map's key by name in the file."""

    @property
    def names(self) -> list[str]:
        """Names to read from the file."""
        return sorted({name for names in self.sources.values() for name in names})

    def read(self, name: str, lines: pa.Table) -> pa.ChunkedArray:
        """Return a column of the lake from the lines as the file has them; null where it does not have it.

        Raises:
            SourceBroken: A value cannot be read; the message names the file and the column.
        """
        kind, sources = self.schema.field(name).type, self.sources.get(name, ())
        if name in self.gathered:
            return gather({key: lines[source] for source, key in self.gathered[name].items()})
        if not sources:
            return pa.chunked_array([pa.nulls(lines.num_rows, kind)])
        try:
            return convert(lines[sources[0]], kind)
        except NotReadable as error:
            raise SourceBroken(
                f"{self.where}: column {sources[0]} {error}; the old version stays; correct the export's query"
            ) from error


def match_columns(
    columns: Collection[Column], names: list[str], *, schema: pa.Schema, where: str, version: str | None = None
) -> Columns:
    """Match a file's column names with the lake's.

    Raises:
        SourceBroken: A column that is needed is missing, or there twice; the message names the file and the column.
    """
    sources: dict[str, tuple[str, ...]] = {}
    gathered: dict[str, dict[str, str]] = {}
    own_columns = {name for column in columns for name in column.names}
    rest = [name for name in names if name not in own_columns]
    for column in columns:
        found = next((name for name in column.names if name in names), None)
        if found is not None:
            sources[column.name] = (found,)
        elif keys := _keys(column, rest):
            sources[column.name], gathered[column.name] = tuple(keys), keys
        elif column.is_needed(version):
            hint = f" (all it has is {names[0][:60]!r}: is it separated by commas?)" if len(names) == 1 else ""
            raise SourceBroken(
                f"{where} has no column {column}{hint}; the old version stays; add the column to the export's query"
            )
    for name in (name for found in sources.values() for name in found):
        if names.count(name) > 1:
            raise SourceBroken(f"{where} has column {name} twice; the old version stays; correct the export's query")
    return Columns(where, schema, sources, gathered)


def snake_case(name: str) -> str:
    """Return a legacy report's name as AWS spells it where capitals are not allowed.

    Source: Cost and Usage Reports user guide, "Running Amazon Athena queries", Column names.
    """
    underscored = re.sub(r"[^A-Za-z0-9]", "_", re.sub(r"([A-Z])", r"_\1", name))
    return re.sub(r"_+", "_", underscored).strip("_").lower()


def _keys(column: Column, names: list[str]) -> dict[str, str]:
    """Return the map's key by name in the file; of names that become one key AWS keeps the first."""
    keys: dict[str, str] = {}
    for prefix in column.gathered_from:
        for name in names:
            key = snake_case(name.removeprefix(prefix))
            if name.startswith(prefix) and key and key not in keys.values():
                keys[name] = key
    return keys


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(part for part in (text or "").split("|") if part)
