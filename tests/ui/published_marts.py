"""Published marts in memory with the columns that they really have: those of the dbt contracts, and what publishing adds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb
import yaml

from ai_finops.build.candidate import BuildRecord
from ai_finops.closing.closed_ledger import ClosedLedger
from ai_finops.publish import write
from tests.quality import tiny_marts

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
_SQL_TYPES = {"string": "varchar"}
BUILD = BuildRecord(
    build_id="000001-2025-06-11-0123abcd",
    as_of_date="2025-06-11",
    built_at="2025-06-11T08:00:00+00:00",
    inputs_sha256="0123abcd" * 8,
    project_version="0.1.0",
    dbt_version="1.11.16",
    duckdb_version="2.0.0",
)


@cache
def contracts() -> dict[str, dict[str, str]]:
    """Return the columns of each mart with their SQL types, as its contract says."""
    found = {}
    for path in sorted(MODELS.rglob("*__models.yml")):
        for model in yaml.safe_load(path.read_text())["models"]:
            types = {column["name"]: column["data_type"] for column in model["columns"]}
            found[model["name"]] = {name: _SQL_TYPES.get(kind, kind) for name, kind in types.items()}
    return found


def create_empty(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every mart without a row, `dim_builds` and `dim_closed_periods` too, in a database `published`."""
    connection.execute("set timezone = 'UTC'; attach ':memory:' as published; use published")
    for mart, columns in contracts().items():
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"create table {mart} ({listed})")
    write._write_dim_builds(connection, BUILD)
    write._write_dim_closed_periods(connection, ClosedLedger(()))
    connection.execute("delete from dim_builds")


def add_tiny(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill empty marts with those of `tiny_marts`; what these leave out is NULL."""
    connection.execute("attach ':memory:' as tiny; use tiny")
    scripts = (
        tiny_marts.DAYS,
        tiny_marts.RAW,
        tiny_marts.CALLS,
        tiny_marts.COSTS,
        tiny_marts.LEVELS,
        tiny_marts.REVIEW,
    )
    for script in (*scripts, tiny_marts.DECISIONS):
        for statement in filter(str.strip, script.split(";")):
            connection.execute(statement.replace("$as_of", f"date '{tiny_marts.AS_OF}'"))
    tiny_marts._make_digest(connection)
    connection.execute("use published")
    made = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'tiny' and schema_name = 'marts' order by 1"
    ).fetchall()
    for (mart,) in made:
        connection.execute(f"insert into {mart} by name from tiny.marts.{mart}")
    connection.execute("detach tiny")
    connection.execute("delete from dim_builds")
    connection.execute(
        "insert into dim_builds by name select ? as build_id, ?::date as as_of_date, ?::timestamptz as built_at, "
        "'0123abcd' as inputs_sha256, '0.1.0' as project_version, '1.11.16' as dbt_version, '2.0.0' as duckdb_version",
        [BUILD.build_id, BUILD.as_of_date, BUILD.built_at],
    )
