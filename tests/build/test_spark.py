"""What a build on Spark needs before and after Spark itself; see test_build_on_spark.py and tests/warehouse/test_spark.py."""

from __future__ import annotations

import json
import socket
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.build import dbt, prepare, spark_session
from ai_finops.build.raw_views import open_warehouse, schemas_of_raw
from ai_finops.build.spark_tables import columns_of
from ai_finops.build.take_over import take_over
from ai_finops.errors import BuildError
from tests.build.tiny_lake import land_traces


def test_columns_have_spark_s_types_and_an_instant_stays_one():
    schema = pa.schema(
        [
            ("text", pa.string()),
            ("flag", pa.bool_()),
            ("small", pa.int32()),
            ("count", pa.int64()),
            ("ratio", pa.float64()),
            ("cost", pa.decimal128(38, 12)),
            ("day", pa.date32()),
            ("at", pa.timestamp("us", tz="UTC")),
            ("keys", pa.list_(pa.string())),
            ("tags", pa.map_(pa.string(), pa.string())),
        ]
    )
    assert columns_of(schema) == (
        "`text` string, `flag` boolean, `small` int, `count` bigint, `ratio` double, `cost` decimal(38, 12), `day` date, "
        "`at` timestamp_ltz, `keys` array<string>, `tags` map<string, string>"
    )


def test_every_table_of_the_lake_has_a_form_in_spark():
    for name, schema in schemas_of_raw().items():
        assert columns_of(schema).count("`") == 2 * len(schema), name


def test_type_that_the_lake_never_had_is_refused():
    with pytest.raises(TypeError, match="no table of the lake has had a column of type time64"):
        columns_of(pa.schema([("at", pa.time64("us"))]))


def test_prepared_build_lists_the_files_that_it_reads(settings):
    land_traces(settings, date(2025, 6, 2))
    build = prepare(settings=settings)
    listed = json.loads((Path(build["build_dir"]) / "raw_files.json").read_text())
    assert listed.keys() == schemas_of_raw().keys()
    empty, landed = listed["traces_spans"]
    assert [pq.read_metadata(file).num_rows for file in (empty, landed)] == [0, 1]


def test_tables_of_spark_are_seen_in_the_build_s_duckdb_file(tmp_path):
    for name, rows in (("marts.db/fct_calls", [1, 2]), ("seeds.db/features", [])):
        table = spark_session.tables_folder(tmp_path / "spark") / name
        table.mkdir(parents=True)
        pq.write_table(pa.table({"n": pa.array(rows, pa.int64())}), table / "part-0.snappy.parquet")
        (table / "_SUCCESS").touch()
    assert take_over(tmp_path) == ["marts.fct_calls", "seeds.features"]
    # As after phase 2, which makes tables again.
    assert take_over(tmp_path) == ["marts.fct_calls", "seeds.features"]
    with open_warehouse(tmp_path / "warehouse.duckdb", read_only=True) as warehouse:
        assert warehouse.execute("select n from marts.fct_calls order by n").fetchall() == [(1,), (2,)]
        assert warehouse.execute("select n from seeds.features").fetchall() == []


def test_without_spark_a_build_on_it_says_what_to_install(monkeypatch, settings):
    monkeypatch.setattr(spark_session, "distributions", list)
    build = {"build_id": "b", "build_dir": str(settings.builds / "b"), "warehouse": "w", "as_of_date": "2025-06-03"}
    with pytest.raises(BuildError, match="Spark is not installed; make install-spark"):
        dbt.run_dbt("phase_1", settings=settings, build=build, target="spark")


def install(monkeypatch, *names: str) -> None:
    """Let these packages be the installed ones."""
    monkeypatch.setattr(spark_session, "distributions", lambda: [SimpleNamespace(name=name) for name in names])


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Spark's packages are there, and no Java."""
    install(monkeypatch, "pyspark", "dbt-spark", "grpcio", "grpcio-status", "zstandard")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))


def test_without_java_a_build_on_spark_says_which(installed, tmp_path):
    assert "Java 17" in spark_session.missing_for_spark()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    assert spark_session.missing_for_spark() is None


def test_java_of_a_connect_server_is_its_own(installed, monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", "sc://127.0.0.1:15002")
    assert spark_session.missing_for_spark() is None


def test_what_a_client_of_a_connect_server_lacks_is_named(installed, monkeypatch):
    install(monkeypatch, "pyspark", "dbt-spark", "grpcio")
    monkeypatch.setenv("SPARK_REMOTE", "sc://127.0.0.1:15002")
    assert "needs grpcio-status and zstandard too; install pyspark[connect]" in spark_session.missing_for_spark()


@pytest.mark.parametrize("url", ["", "local[2]", "spark://127.0.0.1:7077", "sc://", "sc://a host:1", "sc://h:port"])
def test_what_is_no_connect_server_is_refused(installed, monkeypatch, tmp_path, url):
    monkeypatch.setenv("SPARK_REMOTE", url)
    with pytest.raises(BuildError, match=r"write the Spark Connect server as sc://<host>:<port>, or unset it"):
        spark_session.open_session(tmp_path)


@pytest.mark.parametrize("options", ["", "/", "/;user_id=ai;use_ssl=true"])
def test_a_connect_server_that_does_not_answer_is_named(installed, monkeypatch, tmp_path, options):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{port}{options}")
    with pytest.raises(BuildError, match=f"no Spark Connect server answers at 127.0.0.1:{port}"):
        spark_session.open_session(tmp_path)


def test_unknown_engine_is_refused(settings):
    build = {"build_id": "b", "build_dir": str(settings.builds / "b"), "warehouse": "w", "as_of_date": "2025-06-03"}
    with pytest.raises(BuildError, match="dbt target 'polars' is not one of duckdb, spark"):
        dbt.run_dbt("phase_1", settings=settings, build=build, target="polars")
