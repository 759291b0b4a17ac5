"""Write what tables and columns mean into the published files, for whoever opens them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.dictionary import Table, read_manifest, tables_of

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)


def descriptions_for(candidate: Path, *, dbt_project: Path) -> list[Table]:
    """Return what is said of the tables of a candidate build.

    By the manifest that it was built with, else by the parsed project; without either, or where it cannot be read, nothing
    is: descriptions stop no build from being published.
    """
    places = (candidate / "dbt" / "phase_1" / "target" / "manifest.json", dbt_project / "target" / "manifest.json")
    path = next((place for place in places if place.is_file()), None)
    try:
        return tables_of(read_manifest(path)) if path else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("tables of %s are published without descriptions: %s: %r", candidate.name, path, error)
        return []


def comment_on(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], *, database: str) -> None:
    """Make descriptions the comments of the tables and columns of an attached database; what it has not is left out."""
    rows = connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = ?", [database]
    ).fetchall()
    held = set(rows)
    statements = []
    for table in tables:
        if any(name == table.name for name, _ in held):
            statements.append(f'comment on table {database}."{table.name}" is {_text(table.description)}')
        for column in table.columns:
            if (table.name, column.name) in held:
                place = f'{database}."{table.name}"."{column.name}"'
                statements.append(f"comment on column {place} is {_text(column.description)}")
    if statements:
        connection.execute(";\n".join(["begin", *statements, "commit"]))


def parquet_metadata(table: Table | None) -> str:
    """Return the option of DuckDB's `copy` that writes descriptions into a Parquet file; empty without any."""
    if table is None:
        return ""
    columns = json.dumps({column.name: column.description for column in table.columns}, ensure_ascii=False)
    return f", kv_metadata {{description: {_text(table.description)}, column_descriptions: {_text(columns)}}}"


def _text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"
