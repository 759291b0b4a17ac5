"""The models on a Spark Connect server, by a client without Java: marts equal to DuckDB's, and one build in its catalog.

Takes minutes. Needs requirements-spark.txt and, for the server, Java 17.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ai_finops.build.spark_session import missing_for_connect, missing_for_spark, tables_folder
from tests.warehouse import worked_days
from tests.warehouse.on_spark import connect_server, differences, run_dbt_on_spark
from tests.warehouse.test_spark import make_worked_days

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(missing_for_spark() is not None, reason=str(missing_for_spark())),
    pytest.mark.skipif(missing_for_connect() is not None, reason=str(missing_for_connect())),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Environment of a client of a server: the address, and no Java to be found."""
    folder = tmp_path_factory.mktemp("connect")
    nothing = tmp_path_factory.mktemp("nothing")
    with connect_server(folder) as address:
        yield {"SPARK_REMOTE": address, "PATH": str(nothing), "JAVA_HOME": str(nothing)}


def build(folder: Path, *arguments: str, client: dict[str, str]) -> None:
    without_tests = ("--exclude-resource-type=test", "--exclude-resource-type=unit_test")
    report, output = run_dbt_on_spark(
        folder, "build", *arguments, *without_tests, as_of_date=worked_days.AS_OF_DATE, env=client
    )
    assert report["failed"] == [], output[-4000:]
    assert report["success"], output[-4000:]


def test_worked_days_are_the_same_from_a_server(client, tmp_path, warehouse):
    """The phases are processes of their own, with a session each; a path with a space and a quote is one like any other."""
    folder = tmp_path / "a build's folder"
    folder.mkdir()
    make_worked_days(folder / "warehouse.duckdb")
    for phase in ("phase_1", "phase_2"):
        build(folder, f"--select=tag:{phase}", client=client)
    assert differences(folder / "warehouse.duckdb", warehouse) == []


# After the one above, whose build it takes out of the server's catalog.
def test_a_server_s_catalog_holds_the_newest_build_alone(client, tmp_path):
    made = [tmp_path / name for name in ("first", "second")]
    for folder in made:
        folder.mkdir()
        make_worked_days(folder / "warehouse.duckdb")
        build(folder, "--select=features", client=client)
    held = [sorted(tables_folder(folder / "spark").glob("*.db/*")) for folder in made]
    assert held[0] == []
    assert [table.name for table in held[1]] == ["features"]
