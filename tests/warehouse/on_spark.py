"""dbt on Spark over a hand-made schema `raw`, and two warehouses beside each other."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from ai_finops.build.parsing import process_arguments
from ai_finops.build.take_over import take_over
from tests.warehouse.tiny_lake import PROJECT

# What two cores and three gigabytes bear. Over a few rows most of the time is planning: Java's slower compiler does not pay.
# Without it Java has room for 48 MB of code, and the driver dies when classes of compiled queries fill that.
_DEFAULTS = """\
spark.master local[2]
spark.driver.memory 3g
spark.driver.defaultJavaOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.sql.shuffle.partitions 2
spark.sql.ui.retainedExecutions 1
"""
# Nor does making Java classes of a query that is run once.
_NOT_COMPILED = """\
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""


def spark_environment(folder: Path, *, is_compiled: bool = False) -> dict[str, str]:
    """Return the environment for a small Spark, whose settings are written into `folder`.

    Args:
        is_compiled: Let Spark make Java classes of its queries, as a deployment does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spark-defaults.conf").write_text(_DEFAULTS + ("" if is_compiled else _NOT_COMPILED))
    return {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """Run a small Spark Connect server on loopback; give its address, as SPARK_REMOTE has it."""
    import pyspark

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--name", "connect"),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *("--conf", "spark.connect.grpc.binding.address=127.0.0.1"),
        *("--conf", f"spark.connect.grpc.binding.port={port}", "spark-internal"),
    ]
    # As the cluster of another department: it knows nothing of where builds lie.
    environment = os.environ | spark_environment(folder / "conf")
    with (
        (folder / "server.txt").open("w") as said,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        ) as server,
    ):
        try:
            for _ in range(600):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                assert server.poll() is None, (folder / "server.txt").read_text()[-4000:]
                time.sleep(0.5)
            else:
                raise AssertionError((folder / "server.txt").read_text()[-4000:])
            yield f"sc://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)


def run_dbt_on_spark(
    folder: Path, *arguments: str, as_of_date: str, env: Mapping[str, str] | None = None
) -> tuple[dict, str]:
    """Run a dbt command over schema `raw` of `folder/warehouse.duckdb`, and show in that file what it made.

    Args:
        env: Further variables of its environment, such as SPARK_REMOTE.
    Returns:
        The report of `dbt_process`, and what was printed.
    """
    (folder / "raw_files.json").write_text("{}")
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "ai_finops.build.spark_process", str(folder)),
        *process_arguments(
            PROJECT,
            report=report,
            folder=folder,
            target="spark",
            command=[*arguments, f"--vars={json.dumps({'as_of_date': as_of_date})}"],
        ),
    ]
    # A time zone east of UTC, as on DuckDB: no day in a mart may depend on where the build runs.
    environment = os.environ | spark_environment(folder / "conf") | {"DO_NOT_TRACK": "1", "TZ": "Pacific/Auckland"}
    environment |= env or {}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert report.exists(), process.stdout[-2000:] + process.stderr[-4000:]
    take_over(folder)
    return json.loads(report.read_text()), process.stdout


def differences(
    spark: Path,
    duck: Path,
    *,
    schema: str = "marts",
    are_types_compared: bool = True,
    leaving_out: Collection[str] = (),
) -> list[str]:
    """Compare a schema of two warehouses: tables, columns and their types, and rows.

    Args:
        spark: DuckDB file that `take_over` wrote into.
        duck: DuckDB file that dbt built.
        schema: Schema of both.
        are_types_compared: Whether a number of another type is a difference even where its value is the same.
        leaving_out: Tables not to compare.
    Returns:
        A sentence for each table that is not the same, in order.
    """
    with duckdb.connect() as connection:
        for name, path in (("spark", spark), ("duck", duck)):
            place = str(path).replace("'", "''")
            connection.execute(f"attach '{place}' as {name} (read_only)")
        tables = {name: _tables(connection, name, schema, leaving_out=leaving_out) for name in ("spark", "duck")}
        if tables["spark"].keys() != tables["duck"].keys():
            return [f"not the same tables: {sorted(tables['spark'].keys() ^ tables['duck'].keys())}"]
        found = []
        for table, columns in tables["duck"].items():
            compared = len(columns[0]) if are_types_compared else 1
            odd = {column[:compared] for column in columns} ^ {column[:compared] for column in tables["spark"][table]}
            if odd:
                found.append(f"{table}: columns {sorted(odd)}")
                continue
            names = ", ".join(f'"{name}"' for name, _ in columns)
            rows = {name: f"select {names} from {name}.{schema}.{table}" for name in ("spark", "duck")}
            for one, other in (("spark", "duck"), ("duck", "spark")):
                extra = connection.execute(f"{rows[one]} except all {rows[other]}").fetchall()
                if extra:
                    found.append(f"{table}: {len(extra)} rows only on {one}, such as {extra[0]}")
        return found


def _tables(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str, *, leaving_out: Collection[str]
) -> dict[str, list[tuple[str, str]]]:
    tables: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from information_schema.columns "
        "inner join information_schema.tables using (table_catalog, table_schema, table_name) "
        # Spark's views are not seen, and its tables are seen through views.
        "where table_catalog = ? and table_schema = ? and table_type = ? order by table_name, column_name",
        [database, schema, "VIEW" if database == "spark" else "BASE TABLE"],
    ).fetchall():
        if table not in leaving_out:
            tables.setdefault(table, []).append((column, kind))
    return tables
