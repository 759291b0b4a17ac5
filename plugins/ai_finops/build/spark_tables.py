"""Schema `raw` of a build on Spark: tables over the Parquet files that the build reads, which dbt's sources point at.

Spark makes a table over one folder, and a build reads files of many; so each table is a folder of links to its files. Where the
workers of a cluster see the lake's folder and the build's, they see what the links lead to.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ai_finops.build.spark_session import quoted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def make_raw_tables(
    session: SparkSession, *, folder: Path, tables: Mapping[str, tuple[pa.Schema, Iterable[Path]]]
) -> None:
    """Make or replace the tables `raw.<name>` over Parquet files, in a schema that is there.

    Args:
        session: Where the tables are made.
        folder: Where the links lie, a folder for each table.
        tables: Columns and files by table. A file of an earlier release may lack columns, which are NULL then, or have more.
    """
    for name, (schema, files) in tables.items():
        links = folder / name
        shutil.rmtree(links, ignore_errors=True)
        links.mkdir(parents=True)
        for number, file in enumerate(files):
            (links / f"{number:06d}.parquet").symlink_to(file.resolve())
        session.sql(f"drop table if exists raw.{name}")
        columns, place = columns_of(schema), quoted(f"file:{links}")
        session.sql(f"create table raw.{name} ({columns}) using parquet location '{place}'")


def columns_of(schema: pa.Schema) -> str:
    """Return the columns of a lake table in Spark's words.

    Raises:
        TypeError: A column has a type that no table of the lake has had.
    """
    return ", ".join(f"`{field.name}` {_spark_type(field.type)}" for field in schema)


def _spark_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    # The lake's timestamps are instants, which Spark's bare `timestamp` need not be (spark.sql.timestampType).
    if pa.types.is_timestamp(kind) and kind.tz:
        return "timestamp_ltz"
    if pa.types.is_list(kind):
        return f"array<{_spark_type(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{_spark_type(kind.key_type)}, {_spark_type(kind.item_type)}>"
    plain = {
        pa.string(): "string",
        pa.bool_(): "boolean",
        pa.int32(): "int",
        pa.int64(): "bigint",
        pa.float64(): "double",
        pa.date32(): "date",
    }
    if kind not in plain:
        raise TypeError(f"no table of the lake has had a column of type {kind}; say here what Spark calls it")
    return plain[kind]
