"""Schema `raw` of a build's warehouse: views over the Parquet files that the build reads, which dbt's sources point at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from ai_finops.closing.closed_ledger import frozen_files
from ai_finops.closing.frozen_rows import FROZEN_TABLES
from ai_finops.config import KNOWN_SOURCES, build_memory
from ai_finops.errors import BuildError
from ai_finops.lake import schema_id
from ai_finops.lake_schemas import DERIVED_TABLES, OBJECTS, QUARANTINE, SOURCE_TABLES, tables_of

if TYPE_CHECKING:
    from ai_finops.build.inputs import Inputs
    from ai_finops.lake import Lake, Outcome
    from ai_finops.lake_store import LakeFolder
    from ai_finops.pricing.price_ledger import PricePeriod

OUTCOMES = pa.schema(
    [
        ("source", pa.string()),
        ("landing_date", pa.date32()),
        ("status", pa.string()),
        ("as_of_date", pa.date32()),
        ("extracted_at", pa.timestamp("us", tz="UTC")),
        *[
            (f"{name}_count", pa.int64())
            for name in ("read", "loaded", "ignored", "quarantined", "duplicate", "api_call")
        ],
        ("bytes_read", pa.int64()),
        ("partitions", pa.list_(pa.string())),
        ("error", pa.string()),
        ("landing_seconds", pa.float64()),
    ]
)

API_CALLS = pa.schema(
    [
        ("source", pa.string()),
        ("landing_date", pa.date32()),
        ("service_name", pa.string()),
        ("operation_name", pa.string()),
        ("region_id", pa.string()),
        ("call_count", pa.int64()),
        ("item_count", pa.int64()),
    ]
)
"""Calls of each landing by operation; landings of an earlier release told their sum alone."""

STATION_RUNS = pa.schema(
    [
        ("station_name", pa.string()),
        ("run_seconds", pa.float64()),
        ("row_count", pa.int64()),
        ("ended_at", pa.timestamp("us", tz="UTC")),
        ("run_date", pa.date32()),
    ]
)
"""How long the stations of earlier builds took."""

_TABLES = {source: SOURCE_TABLES[source] for source in KNOWN_SOURCES} | DERIVED_TABLES
"""Of sources, and of families that are made beside one."""

CLOSED_PERIODS = pa.schema(
    [
        ("provider_name", pa.string()),
        ("billing_account_id", pa.string()),
        ("usage_month", pa.date32()),
        ("closed_at", pa.date32()),
        ("rule", pa.string()),
        ("version", pa.int64()),
        ("is_frozen", pa.bool_()),
    ]
)
"""Closed periods, and with `is_frozen` false those that the build closes."""


def open_warehouse(path: Path | str, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file with UTC as its time zone, so that a timestamp falls on the same day on every machine.

    It takes the memory of `AI_FINOPS_BUILD_MEMORY` and no more, as dbt's connection does, and then the disk beside the file.

    Raises:
        BuildError: It is missing, damaged, or held by another process.
        SettingsError: `AI_FINOPS_BUILD_MEMORY` is no amount.
    """
    memory = build_memory(os.environ)
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise BuildError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from error
    connection.execute(f"set timezone = 'UTC'; set memory_limit = '{memory}'")
    return connection


def raw_files(lake: Lake, inputs: Inputs) -> dict[str, tuple[list[Path], list[Path]]]:
    """Return the lake files of each table of schema `raw`: those that have its columns, an empty one first, and older ones."""
    lake.fetch(version for source in _TABLES for version in inputs.partitions.get(source, ()))
    own = {
        f"{source}_{table}": _files(lake, inputs, (source,), table=table)
        for source, tables in _TABLES.items()
        for table in tables
    }
    shared = {
        f"extract_{table}": _files(lake, inputs, KNOWN_SOURCES, table=table) for table in ("objects", "quarantine")
    }
    return own | shared


def schemas_of_raw() -> dict[str, pa.Schema]:
    """Return the columns of each table of schema `raw` that is made of lake files."""
    own = {f"{source}_{table}": schema for source, tables in _TABLES.items() for table, schema in tables.items()}
    return own | {"extract_objects": OBJECTS, "extract_quarantine": QUARANTINE}


def make_raw_views(
    connection: duckdb.DuckDBPyConnection, *, lake: Lake, inputs: Inputs
) -> dict[str, tuple[list[Path], list[Path]]]:
    """Make schema `raw` over exactly the files in `inputs`; a source that is switched off has its tables, without rows.

    Returns:
        The lake files of each table, as `raw_files` does.
    """
    connection.execute("create schema if not exists raw")
    schemas, files = schemas_of_raw(), raw_files(lake, inputs)
    for name, of_table in files.items():
        view_table(connection, name, of_table, schemas[name])
    view_prices(connection, folder=lake.prices, periods=inputs.price_periods)
    _make_outcomes(connection, inputs.outcomes)
    runs = pa.Table.from_pylist([asdict(run) for run in inputs.station_runs], schema=STATION_RUNS)
    _make_table(connection, "station_runs", runs)
    _make_closed(connection, folder=lake.closed, inputs=inputs)
    return files


def view_parquet(connection: duckdb.DuckDBPyConnection, name: str, *, files: Sequence[Path]) -> None:
    """Make or replace view `raw.<name>` over Parquet files of one schema."""
    # A view's text takes no parameters, so the paths are quoted into it.
    scan = f"select * from read_parquet([{_quoted(files)}], hive_partitioning = false)"  # noqa: S608
    connection.execute(f"create or replace view raw.{name} as {scan}")


def view_prices(connection: duckdb.DuckDBPyConnection, *, folder: LakeFolder, periods: Sequence[PricePeriod]) -> None:
    """Make or replace view `raw.prices`: the prices of each period's table, with no day outside of the period.

    `priced_from` and `priced_to` are the period's: usage days from the first on and before the second, NULL for the open one.
    """
    scans = " union all by name ".join(_period_scan(folder.file(period.prices), period) for period in periods)
    connection.execute(f"create or replace view raw.prices as {scans}")


def _period_scan(file: Path, period: PricePeriod) -> str:
    first, end = f"date '{period.first_day}'", f"date '{period.end_day}'" if period.end_day else "cast(null as date)"
    # least and greatest pass over nulls, so an open end stays the other one's.
    return (
        f"select * replace (greatest(valid_from, {first}) as valid_from, least(valid_to, {end}) as valid_to), "  # noqa: S608
        f"{first} as priced_from, {end} as priced_to "
        f"from read_parquet([{_quoted([file])}], hive_partitioning = false) "
        f"where (valid_to is null or valid_to > {first}) and coalesce(valid_from < {end}, true)"
    )


def view_table(
    connection: duckdb.DuckDBPyConnection, name: str, files: tuple[list[Path], list[Path]], schema: pa.Schema
) -> None:
    """Make or replace view `raw.<name>`: files of the schema as they are, and older ones with what they have of its columns."""
    of_schema, older = files
    if not older:
        view_parquet(connection, name, files=of_schema)
        return
    columns = ", ".join(f'"{column}"' for column in schema.names)
    connection.execute(f"""
        create or replace view raw.{name} as
        select {columns} from (
            select * from read_parquet([{_quoted(of_schema)}], hive_partitioning = false)
            union all by name
            select * from read_parquet([{_quoted(older)}], hive_partitioning = false, union_by_name = true)
        )""")  # noqa: S608 - our own schema and paths


def _files(lake: Lake, inputs: Inputs, sources: Iterable[str], *, table: str) -> tuple[list[Path], list[Path]]:
    """Return the files of a table that have its schema, an empty one first, and those that were written with another.

    Which is which is noted beside each file: reading every footer of a long history would take as long as the build.
    """
    of_schema: list[Path] = []
    older: list[Path] = []
    for source in sources:
        of_schema.append(lake.empty_file(source, table))
        current = schema_id(tables_of(source)[table])
        for partition in inputs.partitions.get(source, ()):
            (of_schema if partition.schemas.get(table) == current else older).append(partition.file(table))
    return of_schema, older


def _quoted(files: Iterable[Path]) -> str:
    """Return paths as SQL strings; DuckDB takes a path that exists as it is before it looks for glob signs in it."""
    return ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)


def _make_outcomes(connection: duckdb.DuckDBPyConnection, outcomes: Sequence[Outcome]) -> None:
    rows = [{name: getattr(outcome, name) for name in OUTCOMES.names} for outcome in outcomes]
    _make_table(connection, "extract_outcomes", pa.Table.from_pylist(rows, schema=OUTCOMES))
    calls = [
        {"source": outcome.source, "landing_date": outcome.landing_date, **asdict(each)}
        for outcome in outcomes
        for each in outcome.api_calls
    ]
    _make_table(connection, "extract_api_calls", pa.Table.from_pylist(calls, schema=API_CALLS))


def _make_closed(connection: duckdb.DuckDBPyConnection, *, folder: LakeFolder, inputs: Inputs) -> None:
    """Make the closed periods, and their rows of each mart that stands still."""
    closings = [(each.closing, True) for each in inputs.closed] + [(each, False) for each in inputs.closing]
    rows = [
        {
            "provider_name": closing.period.provider_name,
            "billing_account_id": closing.period.billing_account_id,
            "usage_month": closing.period.usage_month,
            "closed_at": closing.closed_at,
            "rule": closing.rule,
            "version": closing.version,
            "is_frozen": is_frozen,
        }
        for closing, is_frozen in closings
    ]
    _make_table(connection, "closed_periods", pa.Table.from_pylist(rows, schema=CLOSED_PERIODS))
    for name, schema in FROZEN_TABLES.items():
        empty = f"closed_{name}_empty"
        _make_table(connection, empty, schema.empty_table())
        files = frozen_files(folder, inputs.closed, table=name)
        # A column that a later release has is missing in what it finds closed.
        scans = [f"from raw.{empty}"]
        if files:
            scans.append(f"from read_parquet([{_quoted(files)}], union_by_name = true)")
        columns = ", ".join(f'"{column}"' for column in schema.names)
        frozen = f"select {columns} from ({' union all by name '.join(scans)})"  # noqa: S608 - our own names and paths
        connection.execute(f"create or replace view raw.closed_{name} as {frozen}")


def _make_table(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    connection.register("incoming", rows)
    connection.execute(f"create or replace table raw.{name} as select * from incoming")  # noqa: S608 - our own names
    connection.unregister("incoming")
