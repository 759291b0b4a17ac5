"""What was issued stays as issued: rows of a date of issue, kept in the lake once a build with them is published.

<lake>/data/issued/<as_of_date>/v000001-.../projections.parquet      by a build of that date
           /backcast/<as_of_date>/v000001-.../projections.parquet    by a later one: nobody had issued any

A build reads what is kept of dates before its own and makes only the rest: its own date, and those of which nothing is
kept. Publishing it keeps both. Its own date replaces what a build of the same date issued, as long as no later one is issued;
an earlier one that is kept is never touched. Why: docs/decisions/0018-issued-projections-stay.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.build.raw_views import view_table
from ai_finops.lake import schema_id
from ai_finops.lake_schemas import ISSUED_FAMILIES, ISSUED_TABLES

if TYPE_CHECKING:
    import duckdb

    from ai_finops.lake import Lake, PartitionVersion

ISSUED, BACKCAST = ISSUED_FAMILIES


@dataclass(frozen=True, slots=True)
class KeptTable:
    """Files of one table by date of issue: those with the columns it has now, and older ones."""

    now: dict[date, Path]
    older: dict[date, Path]

    def due(self, dates: Iterable[date]) -> list[date]:
        """Return the dates of issue of which nothing is kept."""
        return [day for day in dates if day not in self.now and day not in self.older]


def find_issued(lake: Lake, *, before: date) -> tuple[PartitionVersion, ...]:
    """Return what is kept of dates of issue before a build's own, in order; what was issued goes before what was made later."""
    kept = lake.current(BACKCAST) | lake.current(ISSUED)
    return tuple(kept[key] for key in sorted(kept) if date.fromisoformat(key) < before)


def write_kept(folder: Path, issued: Sequence[PartitionVersion]) -> None:
    """Note in a candidate's folder which files of issued tables it reads."""
    listed = {
        table: [
            {"as_of_date": each.key, "file": str(each.file(table)), "schema": each.schemas[table]}
            for each in issued
            if table in each.row_counts
        ]
        for table in ISSUED_TABLES
    }
    (folder / "issued.json").write_text(json.dumps(listed, indent=1) + "\n")


def read_kept(folder: Path, table: str) -> KeptTable:
    """Read what `write_kept` noted of a table; nothing where it noted nothing."""
    path, current = folder / "issued.json", schema_id(ISSUED_TABLES[table])
    listed = json.loads(path.read_text()).get(table, []) if path.exists() else []
    files = {date.fromisoformat(each["as_of_date"]): (Path(each["file"]), each["schema"]) for each in listed}
    return KeptTable(
        now={day: file for day, (file, schema) in files.items() if schema == current},
        older={day: file for day, (file, schema) in files.items() if schema != current},
    )


def analysis_files(folder: Path) -> dict[str, Path]:
    """Return where a candidate's analyses put what it issues, by table."""
    return {table: folder / "analysis" / f"{table}.parquet" for table in ISSUED_TABLES}


def view_issued(warehouse: duckdb.DuckDBPyConnection, table: str, *, made: Path, kept: KeptTable) -> str:
    """Make view `raw.analysis_<table>` over what a build made and what is kept; return its name."""
    name = f"analysis_{table}"
    view_table(warehouse, name, ([made, *kept.now.values()], list(kept.older.values())), ISSUED_TABLES[table])
    return f"raw.{name}"


def keep_issued(lake: Lake, *, made: dict[str, Path], as_of: date) -> list[date]:
    """Keep what a build issued; again with the same rows changes nothing.

    Args:
        lake: Where.
        made: Files of the tables that the build made, by table; without any it has issued nothing.
        as_of: Its own date of issue, whose rows replace what was issued on it before, as long as no later date is issued.
    Returns:
        The dates of which something was kept.
    Raises:
        LakeError: The disk refuses; dates before it are kept.
    """
    tables = {name: pq.read_table(file, partitioning=None) for name, file in made.items() if file.exists()}
    if set(tables) != set(ISSUED_TABLES):
        return []
    dates = {day for table in tables.values() for day in pc.unique(table["as_of_date"]).to_pylist()}
    kept = []
    for day in sorted({*dates, as_of}):
        current = lake.current_version(ISSUED, str(day)) or lake.current_version(BACKCAST, str(day))
        may_replace = current is None or (day == as_of and (current.source == BACKCAST or not _is_past(lake, day)))
        standing = set() if may_replace else set(current.row_counts)
        if standing == set(tables):
            continue
        family = ISSUED if day == as_of else current.source if current else BACKCAST
        rows = {
            name: _standing(current, name) if name in standing else _of_date(table, day)
            for name, table in tables.items()
        }
        lake.write_partition(family, str(day), tables=rows)
        kept.append(day)
    return kept


def _is_past(lake: Lake, day: date) -> bool:
    """Whether a later date has been issued: what was said on `day` is history then."""
    return any(date.fromisoformat(key) > day for key in lake.current(ISSUED))


def _of_date(table: pa.Table, day: date) -> pa.Table:
    return table.filter(pc.equal(table["as_of_date"], pa.scalar(day, pa.date32()))).combine_chunks()


def _standing(version: PartitionVersion, name: str) -> pa.Table:
    """Return a table as it is kept, with the columns that it has now."""
    table, schema = pq.read_table(version.file(name), partitioning=None), ISSUED_TABLES[name]
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
