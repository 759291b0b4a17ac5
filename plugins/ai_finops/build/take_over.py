"""What a phase made on Spark, shown in the build's DuckDB file: analyses, audit and publishing read it there.

Readers get one DuckDB file and one Parquet file a mart from whatever engine; writing these is the part of a build that one
machine still does.
"""

from __future__ import annotations

from pathlib import Path

from ai_finops.build.raw_views import open_warehouse
from ai_finops.build.spark_session import tables_folder


def take_over(folder: Path) -> list[str]:
    """Make or replace a view in the build's warehouse over each table of its Spark catalog; nothing is copied.

    Args:
        folder: The build's folder.
    Returns:
        Views as `schema.table`, in order.
    """
    made = []
    with open_warehouse(folder / "warehouse.duckdb") as warehouse:
        for table in sorted(tables_folder(folder / "spark").glob("*.db/*")):
            schema = table.parent.name.removesuffix(".db")
            files = ", ".join("'" + str(file).replace("'", "''") + "'" for file in sorted(table.glob("*.parquet")))
            rows = f"select * from read_parquet([{files}], hive_partitioning = false)"  # noqa: S608 - our own paths
            warehouse.execute(f"create schema if not exists {schema}")
            warehouse.execute(f"create or replace view {schema}.{table.name} as {rows}")
            made.append(f"{schema}.{table.name}")
    return made
