"""Preparing a build: folder, number, and views over exactly the current files of the lake."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ai_finops.api_calls import ApiCalls
from ai_finops.build import candidates, find_build, prepare
from ai_finops.build.raw_views import open_warehouse
from ai_finops.build.stations import keep_runs
from ai_finops.closing.frozen_rows import FROZEN_TABLES
from ai_finops.errors import BuildError
from ai_finops.lake import Lake
from ai_finops.lake_schemas import DERIVED_TABLES, SOURCE_TABLES
from tests.build.tiny_lake import land, land_traces, record

MONDAY, TUESDAY = date(2025, 6, 2), date(2025, 6, 3)


def query(build, sql):
    with open_warehouse(build["warehouse"], read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_build_is_numbered_dated_and_described(settings):
    land_traces(settings, MONDAY)
    build = prepare(settings=settings)
    assert build["build_id"].startswith("000001-2025-06-03-")
    assert build["as_of_date"] == "2025-06-03"
    assert json.loads(json.dumps(build)) == build
    record_of_build = json.loads(Path(build["build_dir"], "build.json").read_text())
    assert record_of_build["inputs_sha256"].startswith(build["build_id"][-8:])
    assert find_build(settings) == find_build(settings, build["build_id"]) == build


def test_two_builds_of_one_lake_differ_only_in_their_number(settings):
    land_traces(settings, MONDAY)
    first, second = prepare(settings=settings), prepare(settings=settings)
    assert first["build_id"][7:] == second["build_id"][7:]
    assert second["build_id"].startswith("000002-")


def test_number_goes_on_from_published_builds(settings):
    land_traces(settings, MONDAY)
    (settings.published / "builds" / "000041-2025-06-02-0123abcd").mkdir(parents=True)
    assert prepare(settings=settings)["build_id"].startswith("000042-")


def test_views_show_the_current_version_of_each_partition(settings):
    land_traces(settings, MONDAY, span_ids=("a1", "a2"))
    land_traces(settings, TUESDAY, span_ids=("b1",))
    land_traces(settings, MONDAY, span_ids=("a1", "a3", "a4"))
    build = prepare(settings=settings)
    assert query(build, "select span_id from raw.traces_spans order by 1") == [("a1",), ("a3",), ("a4",), ("b1",)]


def test_build_keeps_to_the_versions_it_took_down(settings):
    land_traces(settings, MONDAY, span_ids=("a1",))
    build = prepare(settings=settings)
    land_traces(settings, MONDAY, span_ids=("a1", "a2"))
    assert query(build, "select span_id from raw.traces_spans") == [("a1",)]


def test_every_table_is_there_also_without_rows(settings):
    land_traces(settings, MONDAY)
    build = prepare(settings=settings)
    known = SOURCE_TABLES | DERIVED_TABLES
    expected = {f"{source}_{table}" for source, tables in known.items() for table in tables}
    expected |= {"extract_objects", "extract_quarantine", "extract_outcomes", "prices", "closed_periods"}
    expected |= {"extract_api_calls", "station_runs"}
    expected |= {"lake_partitions", "changed_partitions", "gone_traces", "previous_days"}
    expected |= {f"closed_{name}{kind}" for name in FROZEN_TABLES for kind in ("", "_empty")}
    assert {name for (name,) in query(build, "select table_name from information_schema.tables")} == expected
    assert query(build, "select count(*) from raw.billing_line_items") == [(0,)]
    kinds = dict(query(build, "select column_name, column_type from (describe raw.billing_line_items)"))
    assert kinds["line_item_usage_start_date"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["resource_tags"] == "MAP(VARCHAR, VARCHAR)"


def test_outcomes_are_rows_with_their_types(settings):
    land_traces(settings, MONDAY)
    record(settings, "billing", MONDAY, status="missing")
    build = prepare(settings=settings)
    rows = query(build, "select source, landing_date, status, partitions from raw.extract_outcomes order by source")
    assert rows == [("billing", MONDAY, "missing", ["2025-06-02"]), ("traces", MONDAY, "loaded", ["2025-06-02"])]
    kinds = dict(query(build, "select column_name, column_type from (describe raw.extract_outcomes)"))
    assert kinds["extracted_at"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["read_count"] == "BIGINT"


def test_calls_and_seconds_of_a_landing_are_rows(settings):
    land_traces(settings, MONDAY)
    lake = Lake(settings.lake)
    calls = (ApiCalls("s3", "GetObject", "us-east-1", 3), ApiCalls("openai", "GET", None, 1))
    outcome = lake.outcome("traces", MONDAY)
    lake.record_outcome(replace(outcome, api_call_count=4, api_calls=calls, landing_seconds=1.5))
    build = prepare(settings=settings)
    rows = query(build, "select * exclude (source, landing_date) from raw.extract_api_calls order by service_name")
    assert rows == [("openai", "GET", None, 1, 0), ("s3", "GetObject", "us-east-1", 3, 0)]
    assert query(build, "select landing_seconds from raw.extract_outcomes") == [(1.5,)]


def test_stations_of_builds_of_earlier_days_are_rows_and_those_of_the_last_day_are_not(settings):
    land_traces(settings, MONDAY)
    build = prepare(settings=settings)
    keep_runs(Lake(settings.lake), folder=Path(build["build_dir"]), build_id=build["build_id"], as_of=TUESDAY)
    stations = "select station_name, run_date from raw.station_runs"
    again = prepare(settings=settings)
    assert query(again, stations) == []
    assert again["build_id"][7:] == build["build_id"][7:]
    land_traces(settings, TUESDAY)
    assert query(prepare(settings=settings), stations) == [("prepare_build", MONDAY)]


def test_seconds_change_nothing_that_a_build_is_made_of(settings):
    land_traces(settings, MONDAY)
    build = prepare(settings=settings)
    lake = Lake(settings.lake)
    lake.record_outcome(replace(lake.outcome("traces", MONDAY), landing_seconds=9.5))
    assert prepare(settings=settings)["build_id"][7:] == build["build_id"][7:]


def test_objects_and_quarantine_of_all_sources_are_one_table(settings):
    broken = {"source": "traces", "landing_date": MONDAY, "object_key": "o", "reason": "not JSON", "record_count": 1}
    land(settings, "traces", MONDAY, key="2025-06-02", quarantine=[broken])
    land(settings, "cloudwatch", MONDAY, key="2025-06-02", quarantine=[broken | {"source": "cloudwatch"}])
    build = prepare(settings=settings)
    assert query(build, "select source from raw.extract_quarantine order by 1") == [("cloudwatch",), ("traces",)]


def test_source_that_is_switched_off_has_its_tables_without_rows(settings):
    land_traces(settings, MONDAY)
    land(settings, "billing", MONDAY, key="2025-06", line_items=[{"billing_period": "2025-06"}])
    assert query(prepare(settings=settings), "select count(*) from raw.billing_line_items") == [(1,)]
    build = prepare(settings=replace(settings, sources=("traces",)))
    assert query(build, "select count(*) from raw.billing_line_items") == [(0,)]


@pytest.mark.parametrize("name", ["o'brien", "a[b]*c", "day=2025-06-02", 'with "quotes" and spaces', "semi;colon--"])
def test_hostile_folder_names_are_only_names(settings, tmp_path, name):
    odd = replace(settings, home=tmp_path / name)
    land_traces(odd, MONDAY, span_ids=("a1",))
    land_traces(replace(settings, home=tmp_path / "abxc"), MONDAY, span_ids=("other",))
    build = prepare(settings=odd)
    assert query(build, "select span_id, columns('^day$|^landing_date$') from raw.traces_spans") == [("a1", MONDAY)]


def test_folder_that_duckdb_cannot_write_in_is_said_in_a_sentence(settings, tmp_path):
    odd = replace(settings, home=tmp_path / "what?")  # DuckDB takes what follows ? for parameters
    land_traces(odd, MONDAY)
    with pytest.raises(BuildError, match=r"could not prepare .*what\?/builds/000001-"):
        prepare(settings=odd)
    assert [path.name for path in odd.builds.iterdir()] == [".lock"]


def test_refusal_leaves_no_folder(settings):
    with pytest.raises(BuildError):
        prepare(settings=settings)
    land_traces(settings, MONDAY)
    with pytest.raises(BuildError, match="no source has landed 2025-06-03"):
        prepare(settings=settings, run_day=TUESDAY)
    assert [path.name for path in settings.builds.iterdir()] == [".lock"]


def test_folder_without_its_description_is_no_build(settings):
    land_traces(settings, MONDAY)
    first = prepare(settings=settings)
    second = prepare(settings=settings)
    Path(second["build_dir"], "build.json").unlink()  # as if killed while preparing
    assert find_build(settings) == first
    with pytest.raises(BuildError, match="no build 000002-"):
        find_build(settings, second["build_id"])
    assert prepare(settings=settings)["build_id"].startswith("000003-")


def test_old_candidates_go(settings):
    land_traces(settings, MONDAY)
    for _ in range(7):
        prepare(settings=settings)
    assert [folder.name[:6] for folder in candidates(settings)] == [
        "000003",
        "000004",
        "000005",
        "000006",
        "000007",
    ]


def test_warehouse_held_by_another_process_is_said_in_a_sentence(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BuildError, match=r"warehouse\.duckdb cannot be opened: .*lock"):
            open_warehouse(path)


def test_no_build_is_said_in_a_sentence(settings):
    with pytest.raises(BuildError, match=f"no build in {settings.builds} .newest: none"):
        find_build(settings)
