"""What a build is a function of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow.parquet as pq
import pytest

from ai_finops.build.inputs import keep_prices, read_inputs
from ai_finops.errors import BuildError, LakeError
from ai_finops.lake import Lake
from ai_finops.pricing.catalog import export_prices
from tests.build.tiny_lake import land, land_traces, record, rows

MONDAY, TUESDAY, FRIDAY = date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 6)


def read(settings, run_day=None):
    return read_inputs(Lake(settings.lake), settings=settings, run_day=run_day)


def test_as_of_is_the_day_after_the_latest_landing_of_any_source(settings):
    land_traces(settings, MONDAY)
    land(settings, "billing", TUESDAY, key="2025-06")
    assert read(settings).as_of_date == date(2025, 6, 4)


@pytest.mark.parametrize("status", ["empty", "missing", "failed"])
def test_day_for_which_nothing_came_does_not_move_the_clock(settings, status):
    land_traces(settings, MONDAY)
    record(settings, "traces", FRIDAY, status=status)
    inputs = read(settings)
    assert inputs.as_of_date == TUESDAY
    assert [outcome.status for outcome in inputs.outcomes] == ["loaded", status]


def test_loaded_day_whose_landing_failed_later_keeps_the_clock(settings):
    land_traces(settings, MONDAY)
    land_traces(settings, TUESDAY)
    lake = Lake(settings.lake)
    loaded = replace(lake.outcome("traces", TUESDAY), read_count=1, loaded_count=1)
    lake.record_outcome(replace(loaded, status="failed", error="refused"))
    assert read(settings).as_of_date == date(2025, 6, 4)


def test_lake_of_empty_days_only_is_refused(settings):
    land(settings, "traces", MONDAY, key=str(MONDAY), status="empty")
    with pytest.raises(BuildError, match="holds nothing"):
        read(settings)


def test_source_that_is_switched_off_does_not_count(settings):
    land_traces(settings, MONDAY)
    land(settings, "billing", FRIDAY, key="2025-06")
    inputs = read(replace(settings, sources=("traces", "cloudwatch")))
    assert inputs.as_of_date == TUESDAY
    assert set(inputs.partitions) == {"traces", "context_uses", "routing_findings", "cloudwatch"}
    assert {outcome.source for outcome in inputs.outcomes} == {"traces"}


def test_estimates_beside_traces_are_read_and_texts_are_not(settings):
    land_traces(settings, MONDAY)
    before = read(settings)
    lake = Lake(settings.lake)
    text = rows("trace_contents", "span_contents", {"trace_id": "t", "content": "said"})
    lake.write_partition("trace_contents", str(MONDAY), tables={"span_contents": text})
    assert read(settings).sha256 == before.sha256
    uses = rows("context_uses", "document_uses", {"trace_id": "t", "use_score": 0.5})
    lake.write_partition("context_uses", str(MONDAY), tables={"document_uses": uses})
    with_uses = read(settings)
    assert with_uses.sha256 != before.sha256
    assert [each.key for each in with_uses.partitions["context_uses"]] == [str(MONDAY)]
    lake.remove_partition("trace_contents", str(MONDAY))
    assert read(settings).sha256 == with_uses.sha256
    land(settings, "billing", MONDAY, key="2025-06")
    assert "context_uses" not in read(replace(settings, sources=("billing",))).partitions


def issue(lake, family, key, feature_id):
    projection = rows(family, "projections", {"as_of_date": date.fromisoformat(key), "feature_id": feature_id})
    lake.write_partition(family, key, tables={"projections": projection, "savings": rows(family, "savings")})


def test_what_was_issued_before_is_read_and_what_publishing_adds_changes_no_hash(settings):
    land_traces(settings, MONDAY)
    land_traces(settings, TUESDAY)
    before, lake = read(settings), Lake(settings.lake)
    own, earlier = str(before.as_of_date), str(TUESDAY)
    # What publishing a build of this lake keeps: its own date, and what it made of a date that nobody issued.
    for family, key in (("issued", own), ("backcast", earlier)):
        issue(lake, family, key, "total")
    after = read(settings)
    assert [(each.source, each.key) for each in after.issued] == [("backcast", earlier)]
    assert after.sha256 == before.sha256
    # What a build of that date issued is another thing to be a function of.
    issue(lake, "issued", earlier, "chat")
    assert [(each.source, each.key) for each in read(settings).issued] == [("issued", earlier)]
    assert read(settings).sha256 != before.sha256


@pytest.mark.parametrize("table", ["line_items", "invoice_totals"])
def test_a_bill_is_held_against_what_was_landed_by_every_build(settings, table):
    land(settings, "billing", MONDAY, key="2025-05")
    land(settings, "billing", TUESDAY, key="2025-06")
    read(settings)
    file = Lake(settings.lake).current("billing")["2025-05"].file(table)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(LakeError, match=rf"{file} is not what was landed: .* land billing 2025-05 again"):
        read(settings)


def test_empty_lake_is_refused(settings):
    with pytest.raises(BuildError, match="holds nothing of traces, billing, cloudwatch; land a day first"):
        read(settings)


def test_lake_of_failures_only_is_refused(settings):
    record(settings, "traces", MONDAY, status="failed")
    with pytest.raises(BuildError, match="holds nothing"):
        read(settings)


def test_day_that_was_not_landed_is_refused(settings):
    land_traces(settings, MONDAY)
    land_traces(settings, TUESDAY)
    with pytest.raises(BuildError, match=r"no source has landed 2025-06-06; .* holds 2025-06-02 to 2025-06-03"):
        read(settings, run_day=FRIDAY)


def test_run_day_does_not_change_what_is_built(settings):
    land_traces(settings, MONDAY)
    land_traces(settings, TUESDAY)
    assert read(settings, run_day=MONDAY) == read(settings, run_day=TUESDAY) == read(settings)


def test_landing_the_same_again_is_the_same_input(settings):
    land_traces(settings, MONDAY)
    before = read(settings).sha256
    land_traces(settings, MONDAY, extracted_hour=9)
    assert read(settings).sha256 == before


def more_spans(settings):
    land_traces(settings, MONDAY, span_ids=("a1", "a2"))


def another_outcome(settings):
    record(settings, "cloudwatch", MONDAY, status="missing")


def another_seed(settings):
    (settings.dbt_project / "seeds" / "features.csv").write_text("feature_id\nchat\n")


def another_model(settings):
    (settings.dbt_project / "models").mkdir()
    (settings.dbt_project / "models" / "one.sql").write_text("select 1")


def another_price(settings):
    overlay = settings.dbt_project / "seeds" / "price_overlay.csv"
    lines = overlay.read_text().splitlines()
    overlay.write_text("\n".join(lines[:-1]) + "\n")


@pytest.mark.parametrize("change", [more_spans, another_outcome, another_seed, another_model, another_price])
def test_anything_the_marts_depend_on_changes_the_hash(settings, change):
    land_traces(settings, MONDAY)
    before = read(settings).sha256
    change(settings)
    assert read(settings).sha256 != before


def test_what_dbt_leaves_behind_does_not_change_the_hash(settings):
    land_traces(settings, MONDAY)
    before = read(settings).sha256
    (settings.dbt_project / "target").mkdir()
    (settings.dbt_project / "target" / "compiled.sql").write_text("select 1")
    assert read(settings).sha256 == before


def test_prices_are_kept_in_the_lake_by_version_and_content(tmp_path):
    prices = export_prices()
    folder = Lake(tmp_path).prices
    name = keep_prices(prices, folder=folder)
    path = tmp_path / "prices" / name
    assert pq.read_table(path).equals(prices)
    assert any(version in name for version in set(prices["catalog_version"].to_pylist()))
    written = path.stat().st_mtime_ns
    assert keep_prices(prices, folder=folder) == name
    assert path.stat().st_mtime_ns == written
    other = keep_prices(prices.slice(1), folder=folder)
    assert other != name
    assert {file.name for file in path.parent.iterdir()} == {name, other}
