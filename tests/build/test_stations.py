"""How long stations of builds took: noted beside a candidate, kept once it is published, read by builds of later days."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from ai_finops.build import stations
from ai_finops.build.stations import keep_runs, newest_runs, note, read_runs, station
from ai_finops.errors import BuildError, LakeError
from ai_finops.lake import Lake

MONDAY = date(2025, 6, 2)
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "build").mkdir()
    return tmp_path / "build"


def keep(lake, folder, last_day, *, build_id="000001-2025-06-03-0123abcd"):
    return keep_runs(lake, folder=folder, build_id=build_id, as_of=last_day + timedelta(days=1))


def seconds(runs):
    return {(run.run_date, run.station_name): run.run_seconds for run in runs}


def test_a_station_that_ends_well_is_noted_with_its_rows(lake, folder, monkeypatch):
    clock = iter((10.0, 12.5))
    monkeypatch.setattr(stations.time, "monotonic", lambda: next(clock))
    with station(folder, "analyse_costs") as analysing:
        analysing.row_count = 7
    assert keep(lake, folder, MONDAY)
    (run,) = newest_runs(lake)
    assert (run.station_name, run.run_seconds, run.row_count, run.run_date) == ("analyse_costs", 2.5, 7, MONDAY)


def test_a_station_that_fails_leaves_the_note_of_before(lake, folder):
    note(folder, "build_costs", seconds=3)
    with pytest.raises(RuntimeError), station(folder, "build_costs"):
        raise RuntimeError
    keep(lake, folder, MONDAY)
    assert seconds(newest_runs(lake)) == {(MONDAY, "build_costs"): 3}


def test_a_station_made_again_counts_as_it_went_last(lake, folder):
    note(folder, "build_costs", seconds=3)
    note(folder, "build_costs", seconds=1)
    keep(lake, folder, MONDAY)
    assert seconds(newest_runs(lake)) == {(MONDAY, "build_costs"): 1}


def test_a_station_nobody_knows_is_refused(folder):
    with pytest.raises(ValueError, match="build_castles"):
        note(folder, "build_castles", seconds=1)


def test_a_note_that_the_disk_refuses_is_said(folder):
    (folder / "stations").write_text("in the way")
    with pytest.raises(BuildError, match=r"build_costs has ended.*run it again"):
        note(folder, "build_costs", seconds=1)


def test_a_build_reads_days_before_its_own_last_one(lake, folder):
    for day, took in ((MONDAY, 1), (TUESDAY, 2)):
        note(folder, "publish_marts", seconds=took)
        keep(lake, folder, day)
    assert seconds(read_runs(lake, before=TUESDAY)) == {(MONDAY, "publish_marts"): 1}
    assert read_runs(lake, before=MONDAY) == ()
    assert seconds(newest_runs(lake)) == {(TUESDAY, "publish_marts"): 2}


def test_the_last_build_of_a_day_counts_until_a_later_day_is_published(lake, folder):
    note(folder, "prepare_build", seconds=1)
    keep(lake, folder, MONDAY)
    note(folder, "prepare_build", seconds=2)
    assert keep(lake, folder, MONDAY)
    keep(lake, folder, TUESDAY)
    note(folder, "prepare_build", seconds=9)
    assert not keep(lake, folder, MONDAY)
    assert seconds(read_runs(lake, before=TUESDAY)) == {(MONDAY, "prepare_build"): 2}


def test_stations_come_in_the_order_of_the_flow(lake, folder):
    for name in reversed(stations.STATIONS):
        note(folder, name, seconds=1)
    keep(lake, folder, MONDAY)
    assert [run.station_name for run in newest_runs(lake)] == list(stations.STATIONS)


def test_where_nothing_was_published_nothing_is_kept(lake):
    assert (newest_runs(lake), read_runs(lake, before=date.max)) == ((), ())


@pytest.mark.parametrize("content", ["{", "[]", '{"stations": {"build_costs": {}}}'])
def test_a_damaged_file_is_named(lake, content):
    lake.runs.replace("2025-06-02.json", content.encode())
    with pytest.raises(LakeError, match=r"2025-06-02\.json.*remove the file"):
        newest_runs(lake)


def test_what_is_kept_says_which_build_it_was(lake, folder):
    keep(lake, folder, MONDAY)
    assert json.loads(lake.runs.read("2025-06-02.json"))["build_id"] == "000001-2025-06-03-0123abcd"
