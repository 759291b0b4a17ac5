"""The suite's own parts on a home of a few rows: what is whole is found whole, and each damage is found."""

from __future__ import annotations

import json
import shutil
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.closing.closed_ledger import ClosedLedger, ClosedPeriod, Closing, FrozenTable, Period, write_closed
from ai_finops.config import REPOSITORY, Settings
from ai_finops.lake import Lake
from ai_finops.lake_files import file_sha256
from tests.build.tiny_lake import land
from tests.chaos import run
from tests.chaos.damage import HOW, turn_unnoticed
from tests.chaos.lab import Case, Lab, spread
from tests.chaos.playing import take_down
from tests.chaos.promises import lake_state
from tests.chaos.reader import Reader
from tests.chaos.snapshots import bring_in_step

DAY = date(2025, 6, 1)
BUILD = "000001-2025-06-02-0123abcd"
_OBJECT = {"landing_date": DAY, "object_key": "o", "read_count": 2, "loaded_count": 1, "ignored_count": 0}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chaos")
    project = folder / "dbt_project"
    (project / "seeds").mkdir(parents=True)
    for seed in ("price_overlay.csv", "closing_rules.csv"):
        shutil.copy(REPOSITORY / "dbt_project" / "seeds" / seed, project / "seeds")
    settings = Settings.from_env({"AI_FINOPS_HOME": str(folder / "home"), "AI_FINOPS_DBT_PROJECT": str(project)})
    _land(settings)
    _publish(settings)
    rows = settings.lake / "closed" / "rows.parquet"
    rows.parent.mkdir()
    rows.write_bytes(b"rows of May")
    table = FrozenTable(rows.name, file_sha256(rows), 1)
    closing = Closing(Period("aws.bedrock", "1", date(2025, 5, 1)), DAY, "because", 1)
    write_closed(Lake(settings.lake).closed, ClosedLedger((ClosedPeriod(closing, BUILD, {"costs": table}),)))
    made = Lab(folder, None, settings, {}, None, Reader(settings.home), None)
    made.keep("landed")
    made.undisturbed = take_down(made, folder / "history_marts")
    made.keep("landed")
    return made


@pytest.fixture
def lab(tiny):
    tiny.back_to("landed")
    return tiny


def _land(settings) -> None:
    span = {"trace_id": "t", "span_id": "s", "operation_name": "chat", "landing_date": DAY}
    broken = {"landing_date": DAY, "object_key": "o", "reason": "not_json"}
    land(
        settings,
        "traces",
        DAY,
        key=str(DAY),
        spans=[span],
        objects=[_OBJECT | {"quarantined_count": 1, "duplicate_count": 0}],
        quarantine=[broken],
    )
    lake = Lake(settings.lake)
    whole = lake.outcome("traces", DAY)
    lake.record_outcome(type(whole).from_json(json.dumps(json.loads(whole.to_json()) | _COUNTS)))
    land(settings, "billing", DAY, key="2025-06")
    land(settings, "cloudwatch", DAY, key=str(DAY))


_COUNTS = {"read_count": 2, "loaded_count": 1, "quarantined_count": 1}


def _publish(settings) -> None:
    place, candidate = settings.published / "builds" / BUILD, settings.builds / BUILD
    for folder in (place, candidate):
        folder.mkdir(parents=True)
    with duckdb.connect(str(place / "marts.duckdb")) as marts:
        marts.execute("create table dim_builds as select ? as build_id", [BUILD])
    pq.write_table(pa.table({"build_id": [BUILD]}), place / "dim_builds.parquet")
    (place / "build.json").write_text(json.dumps({"build_id": BUILD, "row_counts": {"dim_builds": 1}}))
    (settings.published / "current").symlink_to(f"builds/{BUILD}")
    with duckdb.connect(str(candidate / "warehouse.duckdb")) as warehouse:
        warehouse.execute("create schema raw; create table raw.changed_partitions as select 'traces', '2025-06-01'")
    (candidate / "audit.json").write_text('{"is_passed": true}')


def test_a_whole_lake_keeps_all_promises(lab):
    assert lab.lake_faults() == []
    assert lab.lost() == 0
    assert lab.undisturbed.changed_partitions == [("traces", "2025-06-01")]
    assert len(lab.undisturbed.closed["closings"]) == 1


def test_when_and_how_fast_something_landed_is_no_difference(lab):
    lake = Lake(lab.settings.lake)
    outcome = json.loads(lake.outcome("billing", DAY).to_json())
    moved = outcome | {"landing_seconds": 1.5, "extracted_at": "2026-01-01T00:00:00+00:00"}
    lake.record_outcome(type(lake.outcome("billing", DAY)).from_json(json.dumps(moved)))
    assert lab.lake_faults(is_cost_counted=False) == []


def test_a_landing_that_asked_more_often_is_one_only_where_calls_are_counted(lab):
    lake = Lake(lab.settings.lake)
    outcome = json.loads(lake.outcome("billing", DAY).to_json())
    lake.record_outcome(type(lake.outcome("billing", DAY)).from_json(json.dumps(outcome | {"api_call_count": 7})))
    assert lab.lake_faults(is_cost_counted=False) == []
    assert "P4 outcome billing 2025-06-01 is not what it is undisturbed" in lab.lake_faults()


def _lose(lab, source="cloudwatch"):
    Lake(lab.settings.lake).remove_partition(source, str(DAY))


def _damage(lab):
    path = Lake(lab.settings.lake).current_version("traces", str(DAY)).file("spans")
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def _land_again(lab):
    land(lab.settings, "billing", DAY, key="2025-06", line_items=[{"line_item_usage_type": "more"}])


def _leave_a_draft(lab):
    (lab.home / "lake" / ".writing-0").mkdir()


def _reopen_may(lab):
    write_closed(Lake(lab.settings.lake).closed, ClosedLedger())


def _publish_half(lab):
    (lab.settings.builds / BUILD / "audit.json").write_text('{"is_passed": false}')


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_lose, "P4 cloudwatch 2025-06-01 is not what it is undisturbed"),
        (_damage, "spans.parquet is not what was landed"),
        (_land_again, "P8 billing 2025-06 has 2 versions"),
        (_leave_a_draft, "left over: lake/.writing-0"),
        (_reopen_may, "P3 the ledger of closed months is another"),
        (_publish_half, f"P7 {BUILD} is published and did not pass its audit"),
    ],
)
def test_each_harm_is_found(lab, harm, said):
    harm(lab)
    assert any(said in fault for fault in lab.lake_faults(is_cost_counted=False))


def test_lost_rows_are_counted(lab):
    before = lake_state(lab.settings)[f"traces {DAY}"][1]
    _lose(lab, "traces")
    assert lab.lost() == sum(before.values()) > 0


def test_going_back_takes_back_what_was_done(lab):
    _lose(lab)
    _leave_a_draft(lab)
    lab.back_to("landed")
    assert lab.lake_faults(is_cost_counted=False) == []


def test_a_state_is_brought_in_step_with_links_and_without_what_is_not_in_it(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    (one / "folder").mkdir(parents=True)
    (one / "folder" / "file").write_text("said")
    (one / "link").symlink_to("folder")
    (other / "link").mkdir(parents=True)
    (other / "gone").write_text("")
    bring_in_step(one, other)
    assert sorted(path.name for path in other.rglob("*")) == ["file", "folder", "link"]
    assert (other / "link").is_symlink() and (other / "folder" / "file").read_text() == "said"


@pytest.mark.parametrize("how", HOW)
def test_damage_is_damage(tmp_path, how):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"cost": list(range(500))}), path)
    before = path.read_bytes()
    HOW[how](path)
    assert path.read_bytes() != before


def test_a_bit_can_be_turned_that_no_reader_notices(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"cost": list(range(500))}), path)
    turn_unnoticed(path)
    assert pq.read_table(path)["cost"].to_pylist() != list(range(500))


@pytest.mark.parametrize(
    ("count", "most", "points"),
    [(3, 5, [1, 2, 3]), (9, 3, [1, 5, 9]), (5, 5, [1, 2, 3, 4, 5]), (7, 1, [1]), (0, 3, [])],
)
def test_points_are_spread_with_both_ends(count, most, points):
    assert spread(count, most) == points


@pytest.mark.parametrize(
    ("case", "is_survived"),
    [
        (Case("g", "n", "killed", ()), True),
        (Case("g", "n", "", ()), False),
        (Case("g", "n", "killed", ("P4 broken",)), False),
        (Case("g", "n", "killed", (), lost=1), False),
    ],
)
def test_what_did_not_happen_broke_or_lost_is_not_survived(case, is_survived):
    assert case.is_survived is is_survived
    assert run.table([case]).splitlines()[-1].split() == ["all", "1", str(int(is_survived)), str(case.lost)]


def test_groups_are_listed_and_others_refused(capsys):
    assert run.main(["--list"]) == 0
    listed = capsys.readouterr().out.split()
    assert listed == list(run.GROUPS) and len(listed) >= 10
    assert run.main(["earthquake"]) == 2
    assert "there is no group earthquake" in capsys.readouterr().err
