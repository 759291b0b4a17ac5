"""What a build sees of the lake: every current partition, also one that was landed before its table had all its columns."""

from __future__ import annotations

import json
from datetime import date

import pyarrow.parquet as pq
import pytest

from ai_finops.build.inputs import read_inputs
from ai_finops.build.raw_views import make_raw_views, open_warehouse
from ai_finops.lake import Lake
from tests.build.tiny_lake import land, land_traces

MONDAY, TUESDAY, WEDNESDAY = date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 4)


@pytest.fixture
def raw(settings):
    """Ask schema raw over the lake as it is."""
    lake = Lake(settings.lake)

    def ask(query: str) -> list[tuple]:
        with open_warehouse(":memory:") as connection:
            make_raw_views(connection, lake=lake, inputs=read_inputs(lake, settings=settings, run_day=None))
            return connection.execute(query).fetchall()

    return ask


def make_older(settings, day: date, *, is_noted: bool, without: str, with_more: str) -> None:
    """Change a landed day into one of an earlier release, which had another column in the place of one."""
    version = Lake(settings.lake).current_version("traces", str(day))
    file = version.file("spans")
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.rename_columns([with_more if name == without else name for name in table.column_names]), file)
    manifest = version.path / "partition.json"
    record = json.loads(manifest.read_text())
    for noted in record["tables"].values():
        noted["schema"] = "0123abcd"
        if not is_noted:
            del noted["schema"]
    manifest.write_text(json.dumps(record))


def test_days_of_an_earlier_release_have_nothing_in_newer_columns(settings, raw):
    for day, span_id in ((MONDAY, "a"), (TUESDAY, "b"), (WEDNESDAY, "c")):
        land_traces(settings, day, span_ids=(span_id,))
    columns = [name for name, *_ in raw("describe raw.traces_spans")]
    make_older(settings, MONDAY, is_noted=False, without="operation_name", with_more="operation")
    make_older(settings, TUESDAY, is_noted=True, without="trace_id", with_more="old_id")
    query = "select span_id, operation_name, trace_id, landing_date from raw.traces_spans order by 1"
    assert raw(query) == [
        ("a", None, "ta", MONDAY),
        ("b", "chat", None, TUESDAY),
        ("c", "chat", "tc", WEDNESDAY),
    ]
    assert [name for name, *_ in raw("describe raw.traces_spans")] == columns
    assert raw("select count(*) from raw.extract_objects") == [(0,)]


def test_journeys_of_days_landed_before_they_had_names_have_none(settings, raw):
    land_traces(settings, MONDAY, span_ids=("a",))
    named = {"trace_id": "tb", "span_id": "b", "journey_name": "onboarding", "landing_date": TUESDAY}
    land(settings, "traces", TUESDAY, key=str(TUESDAY), spans=[named])
    make_older(settings, MONDAY, is_noted=True, without="journey_name", with_more="journey_kind")
    assert raw("select span_id, journey_name from raw.traces_spans order by 1") == [("a", None), ("b", "onboarding")]


def test_an_empty_lake_s_tables_have_their_columns(settings, raw):
    land_traces(settings, MONDAY)
    assert raw("select count(*) from raw.billing_line_items") == [(0,)]
    assert ("line_item_unblended_cost",) in raw(
        "select column_name from information_schema.columns where table_name = 'billing_line_items'"
    )


@pytest.mark.parametrize(("text", "memory"), [("", "1.8 GiB"), ("300MB", "286.1 MiB")])
def test_a_warehouse_takes_the_memory_of_the_setting(monkeypatch, text, memory):
    monkeypatch.setenv("AI_FINOPS_BUILD_MEMORY", text)

    with open_warehouse(":memory:") as connection:
        assert connection.execute("select current_setting('memory_limit')").fetchone() == (memory,)
