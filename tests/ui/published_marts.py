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
DIMENSIONS = ("dim_builds", "dim_closed_periods")
_SQL_TYPES = {"string": "varchar"}
# What the contracts say is never NULL, and the audit does not look at.
_NEVER_NULL = """
update rpt_daily_pipeline_costs set input_tokens = 0, output_tokens = 0, unknown_cost_call_count = 0;
update rpt_daily_service_costs set input_tokens = 0, output_tokens = 0, unknown_cost_call_count = 0;
update rpt_daily_api_costs set input_tokens = 0, output_tokens = 0, unknown_cost_call_count = 0;
"""
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


@cache
def dimension_columns() -> dict[str, list[str]]:
    """Return the columns of the marts that publishing adds."""
    with make_empty() as connection:
        return {mart: [name for name, *_ in connection.execute(f"describe {mart}").fetchall()] for mart in DIMENSIONS}


def make_empty() -> duckdb.DuckDBPyConnection:
    """Return marts without a row, in a database `marts` as the published file's is; `dim_builds` and such too."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; attach ':memory:' as published")
    write._write_dim_builds(connection, BUILD)
    write._write_dim_closed_periods(connection, ClosedLedger(()))
    connection.execute("attach ':memory:' as marts; use marts")
    for mart, columns in contracts().items():
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"create table {mart} ({listed})")
    for mart in DIMENSIONS:
        connection.execute(f"create table {mart} as from published.{mart} limit 0")
    return connection


def make_tiny() -> duckdb.DuckDBPyConnection:
    """Return the marts of `tiny_marts`, with all columns of the contracts; what they leave out is NULL."""
    connection = make_empty()
    scripts = (
        tiny_marts.DAYS,
        tiny_marts.RAW,
        tiny_marts.CALLS,
        tiny_marts.COSTS,
        tiny_marts.LEVELS,
        tiny_marts.REVIEW,
    )
    with duckdb.connect() as tiny:
        for script in (*scripts, tiny_marts.DECISIONS):
            for statement in filter(str.strip, script.split(";")):
                tiny.execute(statement.replace("$as_of", f"date '{tiny_marts.AS_OF}'"))
        tiny_marts._make_digest(tiny)
        made = tiny.execute("select table_name from duckdb_tables() where schema_name = 'marts' order by 1").fetchall()
        for (mart,) in made:
            rows = tiny.execute(f"from marts.{mart}").to_arrow_table()
            connection.register("made", rows.select([name for name in rows.column_names if name in contracts()[mart]]))
            connection.execute(f"insert into {mart} by name from made")
            connection.unregister("made")
    connection.execute(_NEVER_NULL)
    connection.execute("insert into dim_builds from published.dim_builds")
    return connection
