"""Schema `raw` of a build's warehouse: views over the Parquet files that the build reads, which dbt's sources point at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from ai_finops.config import KNOWN_SOURCES
from ai_finops.errors import BuildError
from ai_finops.lake import schema_id
from ai_finops.lake_schemas import OBJECTS, QUARANTINE, SOURCE_TABLES, tables_of

if TYPE_CHECKING:
    from ai_finops.build.inputs import Inputs
    from ai_finops.lake import Lake, Outcome
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
    ]
)


def open_warehouse(path: Path | str, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file with UTC as its time zone, so that a timestamp falls on the same day on every machine.

    Raises:
        BuildError: It is missing, damaged, or held by another process.
    """
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise BuildError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from error
    connection.execute("set timezone = 'UTC'")
    return connection


def make_raw_views(connection: duckdb.DuckDBPyConnection, *, lake: Lake, inputs: Inputs) -> None:
    """Make schema `raw` over exactly the files in `inputs`; a source that is switched off has its tables, without rows."""
    connection.execute("create schema if not exists raw")
    for source in KNOWN_SOURCES:
        for table, schema in SOURCE_TABLES[source].items():
            _view_table(connection, f"{source}_{table}", _files(lake, inputs, (source,), table=table), schema)
    for table, schema in (("objects", OBJECTS), ("quarantine", QUARANTINE)):
        _view_table(connection, f"extract_{table}", _files(lake, inputs, KNOWN_SOURCES, table=table), schema)
    view_prices(connection, folder=lake.prices, periods=inputs.price_periods)
    _make_outcomes(connection, inputs.outcomes)


def view_parquet(connection: duckdb.DuckDBPyConnection, name: str, *, files: Sequence[Path]) -> None:
    """Make or replace view `raw.<name>` over Parquet files of one schema."""
    # A view's text takes no parameters, so the paths are quoted into it.
    scan = f"select * from read_parquet([{_quoted(files)}], hive_partitioning = false)"  # noqa: S608
    connection.execute(f"create or replace view raw.{name} as {scan}")


def view_prices(connection: duckdb.DuckDBPyConnection, *, folder: Path, periods: Sequence[PricePeriod]) -> None:
    """Make or replace view `raw.prices`: the prices of each period's table, with no day outside of the period.

    `priced_from` and `priced_to` are the period's: usage days from the first on and before the second, NULL for the open one.
    """
    scans = " union all by name ".join(_period_scan(folder / period.prices, period) for period in periods)
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


def _view_table(
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
    connection.register("recorded_outcomes", pa.Table.from_pylist(rows, schema=OUTCOMES))
    connection.execute("create or replace table raw.extract_outcomes as select * from recorded_outcomes")
    connection.unregister("recorded_outcomes")
