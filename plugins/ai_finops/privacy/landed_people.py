"""The partitions of the lake in which people are named, and how one is written again with other rows.

Whoever changes them holds `user_keys.changing`, so that no landing writes meanwhile.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.extract.bedrock_log_sql import PERSON_OF_IDENTITY
from ai_finops.extract.span_file import rewrite_spans
from ai_finops.lake import Lake, PartitionVersion
from ai_finops.lake_schemas import INVOCATIONS, SPANS, tables_of
from ai_finops.privacy.forgotten_rows import SHORTEST_ID

SPAN_SOURCES = ("traces", "xray_spans")
LOG = "bedrock_logs"
SOURCES = (*SPAN_SOURCES, LOG)
SAID = {
    "trace_contents": ("span_contents", "trace_id"),
    "trace_queries": ("span_queries", "trace_id"),
    "xray_queries": ("span_queries", "trace_id"),
    "context_uses": ("document_uses", "trace_id"),
    "bedrock_log_contents": ("invocation_contents", "request_id"),
}
"""Families of what was said and what was made of it: the table, and the column that says of which call."""


def ids_of(lake: Lake, names: Collection[str]) -> set[str]:
    """Return the traces, requests and answers of whoever these pseudonyms, or ids of an earlier release, stand for.

    A call that a trace and an invocation log both know is theirs when either says so.
    """
    spans = [version.file("spans") for source in SPAN_SOURCES for version in lake.current(source).values()]
    logs = [version.file("invocations") for version in lake.current(LOG).values()]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone='UTC'")
        connection.register("names", pa.table({"name": pa.array(sorted(names), pa.string())}))
        _view(connection, "spans", [lake.empty_file("traces", "spans"), *spans], SPANS)
        _view(connection, "invocations", [lake.empty_file(LOG, "invocations"), *logs], INVOCATIONS)
        rows = connection.execute(f"""
            with their_logs as (
                select unnest([request_id, response_id]) as id from invocations
                where user_id in (from names) or {PERSON_OF_IDENTITY} in (from names)
            ),
            telling as (select id from their_logs where length(id) >= {SHORTEST_ID}),
            traces as (
                select distinct trace_id from spans
                where user_id in (from names) or request_id in (from telling) or response_id in (from telling)
            ),
            ids as (
                select trace_id as id from traces
                union select id from telling
                union select unnest([request_id, response_id]) from spans where trace_id in (from traces)
            )
            select id from ids where length(id) >= {SHORTEST_ID}""").fetchall()  # noqa: S608 - constants
    return {each for (each,) in rows}


def names_in(version: PartitionVersion) -> set[str]:
    """Return what stands for users and callers in a partition."""
    table = "invocations" if version.source == LOG else "spans"
    person = f"union select {PERSON_OF_IDENTITY} from of_partition" if version.source == LOG else ""  # noqa: S608 - constants
    with duckdb.connect() as connection:
        _view(connection, "of_partition", [version.file(table)], tables_of(version.source)[table])
        query = f"select distinct user_id from of_partition {person}"  # noqa: S608 - constants
        rows = connection.execute(query).fetchall()
    return {each for (each,) in rows if each}


def each_partition(lake: Lake, source: str) -> Iterator[PartitionVersion]:
    """Yield the current version of each partition."""
    yield from lake.current(source).values()


def write_again(
    lake: Lake,
    version: PartitionVersion,
    *,
    rows: Callable[[pa.Table], pa.Table],
    quarantine: Callable[[pa.Table], pa.Table] = lambda table: table,
) -> None:
    """Make a partition of a source with its spans or calls, and what was set aside, changed; the same spans as the same bytes.

    Raises:
        LakeError: The lake cannot be written; the partition stays as it is.
    """
    of_source = tables_of(version.source)
    with tempfile.TemporaryDirectory(prefix="people-") as folder:
        tables: dict[str, pa.Table | Path] = {}
        for name, schema in of_source.items():
            if name == "spans":
                tables[name] = Path(folder) / "spans.parquet"
                rewrite_spans(version.file(name), change=lambda table: rows(with_all(table, SPANS)), into=tables[name])
            elif name == "invocations":
                tables[name] = Path(folder) / "invocations.parquet"
                changed = rows(with_all(_read(version.file(name)), schema)).select(schema.names)
                _copy(changed, tables[name])
            elif name == "quarantine":
                tables[name] = quarantine(with_all(_read(version.file(name)), schema)).select(schema.names)
            else:
                tables[name] = with_all(_read(version.file(name)), schema).select(schema.names)
        lake.write_partition(version.source, version.key, tables=tables)


def count_said(version: PartitionVersion, ids: Collection[str]) -> int:
    """Count the rows of these calls in a partition of what was said."""
    return pc.sum(_of_calls(version, ids)).as_py() or 0


def drop_said(lake: Lake, version: PartitionVersion, ids: Collection[str]) -> None:
    """Drop the rows of these calls from a partition of what was said; without a row left it goes whole."""
    table, _ = SAID[version.source]
    schema, is_theirs = tables_of(version.source)[table], _of_calls(version, ids)
    kept = with_all(_read(version.file(table)), schema).select(schema.names).filter(pc.invert(is_theirs))
    if not len(kept):
        lake.remove_partition(version.source, version.key)
        return
    with tempfile.TemporaryDirectory(prefix="people-") as folder:
        path = Path(folder) / f"{table}.parquet"
        _copy(kept, path)
        lake.write_partition(version.source, version.key, tables={table: path})


def _of_calls(version: PartitionVersion, ids: Collection[str]) -> pa.ChunkedArray:
    table, column = SAID[version.source]
    known = pq.read_table(version.file(table), columns=[column], partitioning=None)[column]
    return pc.is_in(known, value_set=pa.array(sorted(ids), pa.string()))


def _read(path: Path) -> pa.Table:
    return pq.read_table(path, partitioning=None)


def schema_of(source: str, table: str, columns: Collection[str]) -> pa.Schema:
    """Return the schema of some columns of a table."""
    return pa.schema([tables_of(source)[table].field(name) for name in columns])


def with_all(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table of an earlier release with the columns that it lacks, empty."""
    for field in schema:
        if field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def _copy(table: pa.Table, path: Path) -> None:
    """Write rows as landings do that write with DuckDB; a landing of the same rows may still give other bytes."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone='UTC'")
        connection.register("rows", table)
        connection.execute(f"copy (from rows) to {_text(path)} (format parquet, compression zstd)")


def _view(connection: duckdb.DuckDBPyConnection, name: str, files: Collection[Path], schema: pa.Schema) -> None:
    """Make a view with the columns that tell people and calls, of files of this release and of earlier ones."""
    columns = ("trace_id", "request_id", "response_id", "user_id", "identity_arn")
    nothing = ", ".join(f"null::varchar as {column}" for column in columns if column in schema.names)
    chosen = ", ".join(column for column in columns if column in schema.names)
    quoted = ", ".join(map(_text, files))
    connection.execute(f"""
        create view {name} as select {chosen} from (
            select {nothing} where false union all by name
            select * from read_parquet([{quoted}], union_by_name = true, hive_partitioning = false)
        )""")  # noqa: S608 - our own names and paths


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
