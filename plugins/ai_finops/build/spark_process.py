"""What runs in the process that holds Spark's session: `python -m ai_finops.build.spark_process FOLDER REPORT PARSED …`.

FOLDER is the build's; the rest is for `dbt_process`. The catalog, in `FOLDER/spark` or a Spark Connect server's, outlives the
process, so that phase 2 finds what phase 1 made.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.build import dbt_process
from ai_finops.build.leash import follow
from ai_finops.build.raw_views import open_warehouse, schemas_of_raw
from ai_finops.build.spark_session import is_remote, make_schemas, open_session, tables_folder
from ai_finops.build.spark_tables import make_raw_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main(arguments: list[str]) -> int:
    """Make schema `raw` over the build's files, run dbt on it and return dbt's exit code."""
    folder, *dbt_arguments = arguments
    session = open_session(Path(folder) / "spark")
    _keep_to_ansi()
    try:
        if not is_remote():
            session.sparkContext.setLogLevel("ERROR")
        make_schemas(session, folder=Path(folder) / "spark")
        make_raw_tables(session, folder=Path(folder) / "spark" / "raw", tables=_raw_tables(Path(folder)))
        exit_code = dbt_process.main(dbt_arguments)
        _give_files(session, tables_folder(Path(folder) / "spark"))
        return exit_code
    finally:
        session.stop()


def _give_files(session: SparkSession, tables: Path) -> None:
    """Write a file without rows for each table that nothing was written into, as DuckDB sees tables by their files."""
    for table in tables.glob("*.db/*"):
        if not any(table.glob("*.parquet")):
            name = f"{table.parent.name.removesuffix('.db')}.{table.name}"
            session.sql(f"insert into {name} select * from {name} limit 0")  # noqa: S608 - names dbt made


def _keep_to_ansi() -> None:
    """Let what does not fit stop the build: dbt-spark 1.11.0 switches ANSI mode off, and then it is NULL (SparkCredentials)."""
    from dbt.adapters.spark.connections import SparkCredentials

    fill_in = SparkCredentials.__post_init__

    def fill_in_and_keep_to_ansi(credentials: SparkCredentials) -> None:
        fill_in(credentials)
        credentials.server_side_parameters["spark.sql.ansi.enabled"] = "true"

    SparkCredentials.__post_init__ = fill_in_and_keep_to_ansi


def _raw_tables(folder: Path) -> dict[str, tuple[pa.Schema, list[Path]]]:
    """Return the columns and files of all tables of schema `raw` that are there by now."""
    listed = json.loads((folder / "raw_files.json").read_text())
    schemas = schemas_of_raw()
    lake = {name: (schemas[name], [Path(file) for file in files]) for name, files in listed.items()}
    return lake | _others(folder, leaving_out=lake)


def _others(folder: Path, *, leaving_out: Collection[str]) -> dict[str, tuple[pa.Schema, list[Path]]]:
    """Write what else DuckDB has in schema `raw` as a Parquet file each: prices by day, outcomes, closed months, analyses."""
    written = folder / "spark" / "others"
    written.mkdir(parents=True, exist_ok=True)
    tables = {}
    with open_warehouse(folder / "warehouse.duckdb", read_only=True) as warehouse:
        query = "select table_name from information_schema.tables where table_schema = 'raw' order by 1"
        for (name,) in warehouse.execute(query).fetchall():
            if name not in leaving_out:
                file = written / f"{name}.parquet"
                warehouse.table(f"raw.{name}").write_parquet(str(file))
                tables[name] = (pq.read_schema(file), [file])
    return tables


if __name__ == "__main__":
    follow()
    sys.exit(main(sys.argv[1:]))
