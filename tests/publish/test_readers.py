"""Readers of the published files while builds are published: never an error, never two builds at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from ai_finops.build.candidate import KEPT_COUNT, find_build
from ai_finops.build.raw_views import open_warehouse
from ai_finops.publish import current_build, open_published, publish
from tests.publish.readers import Readers
from tests.publish.test_swap import pass_audit
from tests.quality.tiny_marts import make_build

BUILD_COUNT = 10
KEPT_MARTS = (
    "fct_llm_calls",
    "fct_daily_feature_costs",
    "fct_daily_reconciliations",
    "fct_daily_metrics",
    "rpt_weekly_digest",
)
NUMBER_OF_DIM_BUILDS = "select cast(left(build_id, 6) as bigint)"


@pytest.fixture
def publish_numbered(settings):
    """Publish a build, every row of every mart of which says the build's number."""
    template = make_build(settings, number=59)
    with open_warehouse(Path(template["warehouse"])) as candidate:
        names = candidate.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
        for (name,) in names:
            if name in KEPT_MARTS:
                candidate.execute(f"alter table marts.{name} add column build_number bigint")
            else:
                candidate.execute(f"drop table marts.{name}")
    folder = Path(template["build_dir"])
    parked = settings.home / "template"
    folder.rename(parked)

    def publish_numbered(number: int) -> Path:
        build_id = f"{number:06d}-2025-06-11-0123abcd"
        candidate = settings.builds / build_id
        shutil.copytree(parked, candidate)
        record = json.loads((candidate / "build.json").read_text()) | {"build_id": build_id}
        (candidate / "build.json").write_text(json.dumps(record))
        with open_warehouse(candidate / "warehouse.duckdb") as marts:
            for name in KEPT_MARTS:
                marts.execute(f"update marts.{name} set build_number = {number}")
        build = find_build(settings, build_id)
        pass_audit(build)
        return Path(publish(settings=settings, build=build)["path"])

    return publish_numbered


def numbers_in(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """Read each mart of an open file with a statement of its own."""
    queries = [f"select build_number from {mart}" for mart in KEPT_MARTS] + [f"{NUMBER_OF_DIM_BUILDS} from dim_builds"]
    rows = [row for query in queries for row in connection.execute(query).fetchall()]
    return {number for (number,) in rows}


def by_open_published(_: object, *, settings) -> set[int]:
    with open_published(settings) as connection:
        return numbers_in(connection)


def by_duckdb_file(_: object, *, settings) -> set[int]:
    folder = (settings.published / "current").resolve()
    with duckdb.connect(folder / "marts.duckdb", read_only=True) as connection:
        return numbers_in(connection)


def by_parquet(settings, *, read) -> set[int]:
    """Resolve the link once, then read one file after the other of that build."""
    folder = (settings.published / "current").resolve()
    found = {number for mart in KEPT_MARTS for number in read(folder / f"{mart}.parquet", "build_number")}
    return found | {int(build_id[:6]) for build_id in read(folder / "dim_builds.parquet", "build_id")}


def read_pandas(file: Path, column: str) -> list:
    return pd.read_parquet(file, columns=[column])[column].tolist()


def read_polars(file: Path, column: str) -> list:
    return pl.scan_parquet(file).select(column).collect()[column].to_list()


def read_pyarrow(file: Path, column: str) -> list:
    return pq.read_table(file, columns=[column])[column].to_pylist()


def read_duckdb(file: Path, column: str) -> list:
    with duckdb.connect() as connection:
        return [
            value for (value,) in connection.execute(f"select {column} from read_parquet(?)", [str(file)]).fetchall()
        ]


def by_files(_: object, *, settings, libraries: Iterator[Callable]) -> set[int]:
    """Read the Parquet files of one build, each time with the next library."""
    return by_parquet(settings, read=next(libraries))


ANALYST = """
import json, sys
from pathlib import Path
import duckdb

for _ in sys.stdin:
    folder = Path(sys.argv[1]).resolve()
    with duckdb.connect(folder / "marts.duckdb", read_only=True) as connection:
        found = {row[0] for mart in sys.argv[2:] for row in connection.execute(f"select build_number from {mart}").fetchall()}
    print(json.dumps(sorted(found)), flush=True)
"""


class Analyst:
    """Another process, which reads the marts once for each line that it gets."""

    def __init__(self, current: Path) -> None:
        command = [sys.executable, "-c", ANALYST, str(current), *KEPT_MARTS]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Analyst:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def read(self) -> set[int]:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return set(json.loads(self._process.stdout.readline()))


def test_readers_never_see_an_error_or_a_mix_of_two_builds(settings, publish_numbered):
    publish_numbered(1)
    libraries = cycle((read_pandas, read_polars, read_pyarrow, read_duckdb))
    ways = [
        partial(by_open_published, settings=settings),
        partial(by_duckdb_file, settings=settings),
        partial(by_files, settings=settings, libraries=libraries),
    ]
    analyst = Analyst(settings.published / "current")
    with Readers(ways) as readers, Readers([Analyst.read], connect=lambda: analyst) as others:
        for number in range(1, BUILD_COUNT + 1):
            if number > 1:
                publish_numbered(number)
            readers.wait_for(number)
            others.wait_for(number)
    readers.require_whole_builds(BUILD_COUNT)
    others.require_whole_builds(BUILD_COUNT)


def test_one_file_after_the_other_through_the_link_may_be_of_two_builds(settings, publish_numbered):
    """Why docs/querying.md says to resolve the link first."""
    current = settings.published / "current"
    publish_numbered(1)
    resolved = current.resolve()
    first = read_pandas(current / "fct_llm_calls.parquet", "build_number")
    publish_numbered(2)
    assert {*first, *read_pandas(current / "fct_daily_metrics.parquet", "build_number")} == {1, 2}
    assert {*first, *read_pandas(resolved / "fct_daily_metrics.parquet", "build_number")} == {1}


def test_an_open_build_outlives_its_files_and_a_resolved_path_the_next_builds(settings, publish_numbered):
    publish_numbered(1)
    resolved = current_build(settings)
    with open_published(settings) as reader:
        for number in range(2, KEPT_COUNT + 1):
            publish_numbered(number)
        assert set(read_polars(resolved / "fct_daily_metrics.parquet", "build_number")) == {1}
        publish_numbered(KEPT_COUNT + 1)
        assert not resolved.exists()
        assert numbers_in(reader) == {1}
    assert by_open_published(None, settings=settings) == {KEPT_COUNT + 1}
