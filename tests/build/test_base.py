"""Which earlier build a new one begins as a copy of, and what it notes of the change since."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ai_finops.build import base as base_module
from ai_finops.build import inputs, prepare
from ai_finops.build.raw_views import open_warehouse
from ai_finops.build.seal import break_seal, seal
from ai_finops.errors import LakeError
from ai_finops.lake import Lake
from ai_finops.pricing.price_ledger import PriceLedger, PricePeriod, write_ledger
from ai_finops.pricing.price_table import FOREVER
from tests.build.tiny_lake import land, land_traces, record

MONDAY, TUESDAY, WEDNESDAY = date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 4)


def phase_1_ends(build: dict[str, str]) -> None:
    """Leave behind what the next build reads of this one, as the models and dbt's last hook would."""
    with open_warehouse(build["warehouse"]) as connection:
        connection.execute("""
            create schema if not exists intermediate;
            create or replace table intermediate.int_landed_traces_indexed as
            select
                'traces' as source, trace_id as trace_key, null::varchar as response_id, null::varchar as request_id,
                started_at::date as usage_date, landing_date
            from raw.traces_spans;
            create or replace table intermediate.int_days_compared as
            select date '2025-06-02' as usage_date, 7::hugeint as names_checksum, null::hugeint as bill_checksum,
                9::hugeint as accounts_checksum, true as has_batch;
            create table if not exists raw.ended_phases (phase varchar);
            insert into raw.ended_phases values ('phase_1');
        """)
    seal(Path(build["warehouse"]))


def way(build: dict[str, str]) -> tuple[str | None, str]:
    """Return what the build's record says it was built on, and why."""
    said = json.loads(Path(build["build_dir"], "build.json").read_text())
    return said["built_on"], said["is_built_because"]


def query(build, sql):
    with open_warehouse(build["warehouse"], read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def monday(settings):
    """A build of Monday whose phase 1 has ended."""
    land_traces(settings, MONDAY, span_ids=("a1", "a2"))
    build = prepare(settings=settings)
    assert way(build) == (None, "all of it: there is no earlier build")
    assert build["built_on_as_of_date"] == ""
    phase_1_ends(build)
    return build


def test_build_begins_as_a_copy_of_the_last_one(settings, monday):
    land_traces(settings, TUESDAY, span_ids=("b1",))
    build = prepare(settings=settings)
    assert way(build) == (monday["build_id"], f"what has changed since {monday['build_id']}")
    assert build["built_on_as_of_date"] == "2025-06-03"
    assert query(build, "select count(*) from intermediate.int_landed_traces_indexed") == [(2,)]
    assert query(build, "select span_id from raw.traces_spans order by 1") == [("a1",), ("a2",), ("b1",)]
    assert query(build, "select * from raw.changed_partitions") == [("traces", "2025-06-03")]
    assert query(build, "select * from raw.gone_traces") == []
    assert query(build, "select * from raw.previous_days") == [(MONDAY, 7, None, 9, True)]


def test_other_content_and_a_removed_partition_are_noted_with_what_they_were(settings, monday):
    land_traces(settings, TUESDAY, span_ids=("b1",))
    land(settings, "billing", TUESDAY, key="2025-06")
    second = prepare(settings=settings)
    phase_1_ends(second)
    land_traces(settings, MONDAY, span_ids=("a1",))
    Lake(settings.lake).remove_partition("traces", str(TUESDAY))
    build = prepare(settings=settings)
    assert way(build)[0] == second["build_id"]
    assert query(build, "select * from raw.changed_partitions order by all") == [
        ("traces", "2025-06-02"),
        ("traces", "2025-06-03"),
    ]
    gone = query(build, "select trace_key, usage_date from raw.gone_traces order by all")
    assert gone == [("ta1", MONDAY), ("ta2", MONDAY), ("tb1", TUESDAY)]


def test_build_that_did_not_end_is_passed_over(settings, monday):
    land_traces(settings, TUESDAY)
    assert way(prepare(settings=settings))[0] == monday["build_id"]  # its phase 1 never ran
    killed = prepare(settings=settings)
    phase_1_ends(killed)
    Path(killed["warehouse"]).with_name("warehouse.duckdb.wal").write_bytes(b"half")
    damaged = prepare(settings=settings)
    Path(damaged["warehouse"]).write_bytes(b"no warehouse")
    assert way(prepare(settings=settings))[0] == monday["build_id"]


def flip(file: Path) -> None:
    """Damage a file as a disk does: one bit, and neither its size nor its time."""
    times, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_damaged_warehouse_is_passed_over_for_the_one_before(settings, monday, caplog):
    land_traces(settings, TUESDAY)
    second = prepare(settings=settings)
    phase_1_ends(second)
    flip(Path(second["warehouse"]))
    built_on, why = way(prepare(settings=settings))
    assert built_on == monday["build_id"]
    assert why == f"what has changed since {monday['build_id']}; {second['build_id']} is damaged"
    assert (
        f"{second['warehouse']} is not what its build left and is passed over; remove {second['build_dir']}"
        in caplog.text
    )


def test_only_damaged_warehouses_make_one_from_nothing(settings, monday):
    flip(Path(monday["warehouse"]))
    build = prepare(settings=settings)
    assert way(build) == (None, f"all of it: there is no earlier build; {monday['build_id']} is damaged")
    assert query(build, "select count(*) from raw.previous_days") == [(0,)]


def test_warehouse_that_is_being_written_is_passed_over(settings, monday):
    break_seal(Path(monday["warehouse"]))
    assert way(prepare(settings=settings))[0] is None


def test_damaged_record_is_passed_over(settings, monday):
    Path(monday["build_dir"], "build.json").write_text('{"build_id": "0000')
    build = prepare(settings=settings)
    assert way(build) == (None, f"all of it: what {monday['build_id']} says of itself cannot be read")


def lake_file(settings, day: date) -> Path:
    return Lake(settings.lake).current("traces")[str(day)].file("spans")


def test_damaged_lake_file_is_named_before_it_is_read(settings, monday):
    land_traces(settings, TUESDAY)
    file = lake_file(settings, TUESDAY)
    flip(file)
    said = rf"{file} is not what was landed: its SHA-256 is .* remove {file.parent} and land traces 2025-06-03 again"
    with pytest.raises(LakeError, match=said):
        prepare(settings=settings)
    assert [folder.name for folder in settings.builds.iterdir() if folder.is_dir()] == [monday["build_id"]]
    shutil.rmtree(file.parent)
    land_traces(settings, TUESDAY)
    assert way(prepare(settings=settings))[0] == monday["build_id"]


def test_lake_files_that_went_into_the_base_are_not_hashed_again(settings, monday, monkeypatch):
    land_traces(settings, TUESDAY)
    hashed = []
    monkeypatch.setattr(Lake, "require_whole", lambda _, version: hashed.append(version.key))
    prepare(settings=settings)
    assert hashed == [str(TUESDAY)]
    prepare(settings=settings, is_full=True)
    assert hashed == [str(TUESDAY), str(MONDAY), str(TUESDAY)]


def test_missing_lake_file_is_said_in_a_sentence(settings, monday):
    land_traces(settings, TUESDAY)
    lake_file(settings, TUESDAY).unlink()
    with pytest.raises(LakeError, match=r"could not read .*spans\.parquet.*; restore it from a backup, or remove"):
        prepare(settings=settings)


def test_only_builds_that_did_not_end_make_one_from_nothing(settings):
    land_traces(settings, MONDAY)
    first = prepare(settings=settings)
    assert way(prepare(settings=settings)) == (None, f"all of it: {first['build_id']} has not ended well")


def test_asked_for_all_of_it(settings, monday):
    build = prepare(settings=settings, is_full=True)
    assert way(build) == (None, "all of it: asked for")
    assert query(build, "select count(*) from raw.previous_days") == [(0,)]
    assert query(build, "select source, partition_key from raw.lake_partitions") == [("traces", "2025-06-02")]


def another_seed(settings, _monkeypatch):
    (settings.dbt_project / "seeds" / "features.csv").write_text("feature_id\nchat\n")


def another_model(settings, _monkeypatch):
    (settings.dbt_project / "one.sql").write_text("select 1")


def another_version(_settings, monkeypatch):
    monkeypatch.setattr(base_module, "version", lambda name: f"{name} of tomorrow")


def another_module(settings, monkeypatch):
    package = settings.home / "package"
    package.mkdir()
    (package / "one.py").write_text("one = 1\n")
    monkeypatch.setattr(base_module, "_PACKAGE", package)


@pytest.mark.parametrize("change", [another_seed, another_model, another_version, another_module])
def test_other_code_makes_a_build_from_nothing(settings, monday, monkeypatch, change):
    change(settings, monkeypatch)
    why = f"all of it: code, seeds or package versions are not those of {monday['build_id']}"
    assert way(prepare(settings=settings)) == (None, why)


def other_prices(monkeypatch) -> None:
    """Let the catalog be another from now on."""
    export = inputs._export_prices
    monkeypatch.setattr(inputs, "_export_prices", lambda settings: export(settings).slice(1))


def test_other_prices_of_the_same_days_make_a_build_from_nothing(settings, monday, monkeypatch):
    other_prices(monkeypatch)
    why = f"all of it: {monday['build_id']} priced its days by other price tables"
    assert way(prepare(settings=settings)) == (None, why)


def test_other_prices_of_new_days_alone_do_not(settings, monday, monkeypatch):
    folder = Lake(settings.lake).prices
    (held,) = (path.name for path in (settings.lake / "prices").glob("*.parquet"))
    write_ledger(folder, PriceLedger(held=(PricePeriod(FOREVER, TUESDAY, held),)))
    other_prices(monkeypatch)
    land_traces(settings, TUESDAY)
    assert way(prepare(settings=settings))[0] == monday["build_id"]


def test_held_prices_that_end_a_day_too_early_make_a_build_from_nothing(settings, monday, monkeypatch):
    folder = Lake(settings.lake).prices
    (held,) = (path.name for path in (settings.lake / "prices").glob("*.parquet"))
    write_ledger(folder, PriceLedger(held=(PricePeriod(FOREVER, MONDAY, held),)))
    other_prices(monkeypatch)
    assert way(prepare(settings=settings))[0] is None


def test_days_priced_again_make_a_build_from_nothing(settings, monday, monkeypatch):
    folder = Lake(settings.lake).prices
    (held,) = (path.name for path in (settings.lake / "prices").glob("*.parquet"))
    write_ledger(folder, PriceLedger(held=(PricePeriod(FOREVER, TUESDAY, held),)))
    other_prices(monkeypatch)
    assert way(prepare(settings=settings, recosted_days=(MONDAY, MONDAY)))[0] is None


def test_lake_whose_last_day_is_gone_makes_a_build_from_nothing(settings, monday):
    land_traces(settings, TUESDAY)
    tuesday = prepare(settings=settings)
    phase_1_ends(tuesday)
    record(settings, "traces", TUESDAY, status="missing")
    build = prepare(settings=settings)
    assert way(build)[0] == monday["build_id"]
    assert build["as_of_date"] == "2025-06-03"


def test_source_switched_off_is_a_change_of_its_partitions(settings, monday):
    land_traces(settings, MONDAY, span_ids=("a1", "a2"))
    land(settings, "billing", MONDAY, key="2025-06")
    build = prepare(settings=replace(settings, sources=("billing",)))
    assert query(build, "select * from raw.changed_partitions order by all") == [
        ("billing", "2025-06"),
        ("traces", "2025-06-02"),
    ]
    assert query(build, "select count(*) from raw.gone_traces") == [(2,)]


def test_marts_of_phase_2_are_not_taken_over(settings, monday):
    with open_warehouse(monday["warehouse"]) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.rpt_weekly_digest as select 1 as week")
        connection.execute("create table marts.fct_llm_calls as select 1 as call_id")
    seal(Path(monday["warehouse"]))
    build = prepare(settings=settings)
    assert query(build, "select table_name from information_schema.tables where table_schema = 'marts'") == [
        ("fct_llm_calls",)
    ]
