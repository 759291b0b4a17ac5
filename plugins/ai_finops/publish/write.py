"""Write the marts of a candidate warehouse as the files that readers read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.build.candidate import BuildRecord
from ai_finops.build.marts import MARTS
from ai_finops.closing.closed_ledger import ClosedLedger
from ai_finops.closing.closing import ledger_rows
from ai_finops.publish.describe import comment_on, parquet_metadata

if TYPE_CHECKING:
    import duckdb

    from ai_finops.dictionary import Table

# Readable by every DuckDB 1.x and later (docs/decisions/0002-duckdb-version.md).
STORAGE_VERSION = "v1.0.0"
_DIM_BUILDS = frozenset(
    ("build_id", "as_of_date", "built_at", "inputs_sha256", "project_version", "dbt_version", "duckdb_version")
)


def write_marts(
    warehouse: Path, *, folder: Path, record: BuildRecord, closed: ClosedLedger, described: Sequence[Table] = ()
) -> dict[str, int]:
    """Copy schema `marts` into `folder` as `marts.duckdb` and one Parquet file a mart, rows ordered by their grain.

    In the file the tables lie in its main schema: DuckDB calls a file `marts.duckdb` the catalog `marts`, so that both
    `fct_llm_calls` and `marts.fct_llm_calls` name a mart, where a schema `marts` in it would be ambiguous.

    Args:
        warehouse: The candidate's DuckDB file; only read.
        folder: An empty folder.
        record: What `dim_builds` says, its only row.
        closed: What `dim_closed_periods` says.
        described: What is said of tables and columns, which becomes their comments.
    Returns:
        Rows by mart.
    """
    from ai_finops.build.raw_views import open_warehouse

    with open_warehouse(":memory:") as connection:
        connection.execute(f"attach {_text(warehouse)} as candidate (read_only)")
        connection.execute(
            f"attach {_text(folder / 'marts.duckdb')} as published (storage_version '{STORAGE_VERSION}')"
        )
        names = table_names(connection, database="candidate", schema="marts")
        for name in names:
            rows = f'select * from candidate.marts."{name}" order by {_order(name)}'  # noqa: S608 - names dbt made
            connection.execute(f'create table published."{name}" as {rows}')
            _keep_not_null(connection, name)
        _write_dim_builds(connection, record)
        _write_dim_closed_periods(connection, closed)
        comment_on(connection, described, database="published")
        names += ["dim_builds", "dim_closed_periods"]
        told = {table.name: table for table in described}
        counts = {name: _write_parquet(connection, name, folder=folder, told=told.get(name)) for name in names}
        connection.execute("detach published")
    return counts


def table_names(connection: duckdb.DuckDBPyConnection, *, database: str, schema: str = "main") -> list[str]:
    """Return the tables of a schema of an attached database, in order."""
    rows = connection.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = ? and table_schema = ? order by table_name",
        [database, schema],
    ).fetchall()
    return [name for (name,) in rows]


def _keep_not_null(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Say of the copy what the mart's contract says of its columns; `create table as` takes the values alone."""
    columns = connection.execute(
        "select column_name from information_schema.columns where table_catalog = 'candidate' and table_schema = 'marts' "
        "and table_name = ? and is_nullable = 'NO' order by ordinal_position",
        [name],
    ).fetchall()
    for (column,) in columns:
        connection.execute(f'alter table published."{name}" alter column "{column}" set not null')


def _order(name: str) -> str:
    """Order by the grain; a mart that is not listed, by all its columns."""
    return ", ".join(f'"{column}"' for column in MARTS[name].grain) if name in MARTS else "all"


def _write_dim_builds(connection: duckdb.DuckDBPyConnection, record: BuildRecord) -> None:
    connection.execute(
        """
        create table published.dim_builds (
            build_id varchar not null,
            as_of_date date not null,
            built_at timestamp with time zone not null,
            inputs_sha256 varchar not null,
            project_version varchar not null,
            dbt_version varchar not null,
            duckdb_version varchar not null
        )
        """
    )
    connection.execute(
        """
        insert into published.dim_builds values (
            $build_id, $as_of_date, $built_at, $inputs_sha256, $project_version, $dbt_version, $duckdb_version
        )
        """,
        {name: value for name, value in asdict(record).items() if name in _DIM_BUILDS},
    )


def _write_dim_closed_periods(connection: duckdb.DuckDBPyConnection, closed: ClosedLedger) -> None:
    connection.execute(
        """
        create table published.dim_closed_periods (
            provider_name varchar not null,
            billing_account_id varchar not null,
            usage_month date not null,
            version bigint not null,
            rule varchar not null,
            costs_sha256 varchar not null,
            reconciliations_sha256 varchar not null,
            build_id varchar not null,
            is_current boolean not null,
            closed_at_date date not null
        )
        """
    )
    for row in ledger_rows(closed):
        marks = ", ".join(f"${name}" for name in row)
        connection.execute(f"insert into published.dim_closed_periods values ({marks})", row)  # noqa: S608 - our own names


def _write_parquet(connection: duckdb.DuckDBPyConnection, name: str, *, folder: Path, told: Table | None) -> int:
    target = _text(folder / f"{name}.parquet")
    connection.execute(
        f'copy published."{name}" to {target} (format parquet, compression zstd{parquet_metadata(told)})'
    )
    counted = connection.execute(f'select count(*) from published."{name}"')  # noqa: S608 - names dbt made
    return counted.fetchone()[0]


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
