"""Three sources landed on each of nine days: 3 records loaded, 1 ignored, 1 quarantined (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ai_finops.cli import _parser
from ai_finops.config import KNOWN_SOURCES, Settings
from ai_finops.lake import Lake
from ai_finops.lake_schemas import QUARANTINE, tables_of
from ai_finops.ui.charts import draw
from ai_finops.ui.charts.words import place_words
from ai_finops.ui.page.cells import write
from ai_finops.ui.views.arrivals import runs
from ai_finops.ui.views.quarantine import object_address, quarantine_address
from tests.ui.published_marts import BUILD
from tests.ui.views.seeing import chart, fact, line, rows, see, warned

JUNE_9, JUNE_10 = date(2025, 6, 9), date(2025, 6, 10)
SOURCES = ("billing", "cloudwatch", "traces")
QUARANTINED = (
    "Quarantined in these days: 27 records. Where they lie, and why, stands below under What could not be read."
)


def audited(settings, text: str) -> None:
    folder = settings.builds / BUILD.build_id
    folder.mkdir(parents=True)
    (folder / "audit.json").write_text(text)


def verdict(*, is_passed=True, warnings=()) -> str:
    return json.dumps({"is_passed": is_passed, "expectation_count": 326, "warnings": warnings, "failures": []})


def test_records_are_counted_by_day_and_source(marts, settings):
    view = see("health", marts("tiny"), settings)
    for source in SOURCES:
        assert line(view, f"records-{source}", "Loaded")[JUNE_9] == 3
        assert line(view, f"records-{source}", "Ignored")[JUNE_9] == 1
        assert line(view, "records-quarantined", source)[JUNE_9] == 1
    traces = chart(view, "records-traces")
    assert (traces.title, traces.summary) == ("traces: 9 loaded of 9 days", "27 loaded and 9 ignored in 9 days.")
    told = "27 records quarantined in 9 days: billing 9, cloudwatch 9, traces 9."
    assert chart(view, "records-quarantined").summary == told
    assert fact(view, "Records quarantined") == 27
    assert fact(view, "Data before") == date(2025, 6, 11)
    assert len(rows(view, "landings")) == 27
    assert [row["freshness_status"] for row in rows(view, "freshness")] == ["fresh"] * 3
    assert warned(view) == [QUARANTINED]


def test_a_day_that_did_not_land_is_seen_in_the_matrix_and_in_the_freshness(marts, settings):
    view = see(
        "health",
        marts("tiny", "delete from fct_daily_extract_outcomes where source = 'traces' and landing_date = '2025-06-10'"),
        settings,
    )
    newest = rows(view, "outcomes")[0]
    assert (newest["landing_date"], newest["traces_status"], newest["billing_status"]) == (
        JUNE_10,
        "not landed",
        "loaded",
    )
    traces = next(row for row in rows(view, "freshness") if row["source"] == "traces")
    assert (traces["newest_date"], traces["days_behind_count"], traces["freshness_status"]) == (JUNE_9, 1, "behind")
    # Once, as not fresh: that the days since then did not land says no more.
    assert warned(view) == ["Not fresh: traces (1 day behind).", QUARANTINED.replace("27", "26")]


def test_a_day_on_which_one_source_did_not_land_is_a_mark_in_the_picture_of_that_source(marts, settings):
    gone = "delete from fct_daily_extract_outcomes where landing_date = '2025-06-09' and source = 'traces'"
    view = see("health", marts("tiny", gone), settings)
    traces = chart(view, "records-traces")
    assert traces.title == "traces: 8 loaded, 1 not landed of 9 days"
    assert traces.summary == "24 loaded and 8 ignored in 9 days; not landed on 2025-06-09."
    assert line(view, "records-traces", "Loaded")[JUNE_9] is None
    marks = traces.series[-1]
    assert (marks.name, marks.style, set(marks.values)) == ("No new records", "mark", {None})
    assert {day for day, words in zip(traces.x, marks.words, strict=True) if words} == {JUNE_9}
    # Two pictures, of which one is seen; and the legend.
    assert str(draw(traces)).count('class="dot c3"') == 3
    said = place_words(traces, traces.x.index(JUNE_9)).splitlines()
    unknown = [f"{name}: not known" for name in ("Loaded", "Ignored", "Duplicates")]
    assert said == ["Mon 2025-06-09", *unknown, "No new records: not landed"]
    # A day that landed says nothing of it, and neither does another source.
    assert place_words(traces, 0).splitlines() == ["Mon 2025-06-02", "Loaded: 3", "Ignored: 1", "Duplicates: 0"]
    assert [one.name for one in chart(view, "records-billing").series] == ["Loaded", "Ignored", "Duplicates"]
    assert rows(view, "outcomes")[1]["traces_status"] == "not landed"
    assert "Did not land: traces (2025-06-09)." in warned(view)
    assert fact(view, "Landings failed, missing or absent") == 1


def test_before_its_first_landing_nobody_waited_for_a_source(marts, settings):
    later = "delete from fct_daily_extract_outcomes where landing_date < '2025-06-05' and source = 'traces'"
    view = see("health", marts("tiny", later), settings)
    assert rows(view, "outcomes")[-1]["traces_status"] is None
    assert chart(view, "records-traces").title == "traces: 6 loaded of 6 days"
    assert fact(view, "Landings failed, missing or absent") == 0
    # What landed before the days that are shown is no beginning.
    earlier = (
        "insert into fct_daily_extract_outcomes by name select * replace (date '2025-05-01' as landing_date) "
        "from fct_daily_extract_outcomes where landing_date = '2025-06-10' and source = 'traces'"
    )
    view = see("health", marts("tiny", later, earlier), settings)
    assert rows(view, "outcomes")[-1]["traces_status"] == "not landed"
    assert "Did not land: traces (2025-06-02 to 2025-06-04)." in warned(view)


def test_a_source_that_is_switched_on_and_has_never_landed_is_told(marts, tmp_path):
    names = ("traces", "billing", "cloudwatch", "openai")
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path), "AI_FINOPS_SOURCES": ",".join(names)})
    view = see("health", marts("tiny"), settings)
    assert "Not fresh: openai (never landed)." in warned(view)
    openai = next(row for row in rows(view, "freshness") if row["source"] == "openai")
    assert (openai["newest_date"], openai["freshness_status"]) == (None, "never_landed")
    assert chart(view, "records-openai").title == "openai: 9 not landed of 9 days"


def test_a_landing_that_failed_is_told_with_its_error(marts, settings):
    failed = (
        "update fct_daily_extract_outcomes set status = 'failed', error = 'access denied', loaded_count = null, "
        "ignored_count = null, quarantined_count = null, duplicate_count = null, read_count = null "
        "where source = 'traces' and landing_date >= '2025-06-09'"
    )
    view = see("health", marts("tiny", failed), settings)
    assert fact(view, "Landings failed, missing or absent") == 2
    assert "2 landings failed, the newest traces of 2025-06-10: access denied" in warned(view)
    assert "Not fresh: traces (2 days behind)." in warned(view)
    only_traces = see("health", marts("tiny", failed), settings, source="traces")
    assert line(only_traces, "records-traces", "Loaded")[JUNE_10] is None
    assert chart(only_traces, "records-traces").title == "traces: 7 loaded, 2 failed of 9 days"


def test_a_feed_that_came_empty_is_shown_as_such(marts, settings):
    empty = (
        "update fct_daily_extract_outcomes set status = 'empty', loaded_count = 0, quarantined_count = 0 "
        "where source = 'traces' and landing_date = '2025-06-10'"
    )
    view = see("health", marts("tiny", empty), settings)
    traces = next(row for row in rows(view, "freshness") if row["source"] == "traces")
    assert (traces["newest_date"], traces["newest_with_rows_date"]) == (JUNE_10, JUNE_9)
    assert traces["freshness_status"] == "empty"
    assert write("empty", "status").status == "watch"
    assert warned(view)[0] == "Came empty: traces (2025-06-10)."
    assert (fact(view, "Landings empty"), fact(view, "Landings failed, missing or absent")) == (1, 0)
    assert chart(view, "records-traces").title == "traces: 8 loaded, 1 empty of 9 days"
    # Empty is none, not unknown: there is a mark all the same.
    assert line(view, "records-traces", "Loaded")[JUNE_10] == 0
    assert chart(view, "records-traces").series[-1].words[-2:] == (None, "empty")


def test_a_feed_that_is_always_empty_is_no_news(marts, settings):
    empty = (
        "update fct_daily_extract_outcomes set status = 'empty', loaded_count = 0, quarantined_count = 0 "
        "where source = 'traces'"
    )
    view = see("health", marts("tiny", empty), settings)
    assert not any("empty" in told for told in warned(view))
    assert fact(view, "Landings empty") == 0
    assert chart(view, "records-traces").title == "traces: 9 empty of 9 days"
    assert next(row for row in rows(view, "freshness") if row["source"] == "traces")["freshness_status"] == "empty"


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((2,), "2025-06-02"),
        ((5, 2, 3), "2025-06-02 to 2025-06-03, 2025-06-05"),
        ((1, 2, 4, 6, 8, 10), "2 days before, 2025-06-04, 2025-06-06, 2025-06-08, 2025-06-10"),
    ],
)
def test_days_that_follow_each_other_are_told_as_one(days, told):
    assert runs(date(2025, 6, day) for day in days) == told


def test_what_was_quarantined_is_found_by_what_the_view_says(marts, tmp_path):
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "it's"), "AI_FINOPS_TRACES_BUCKET": "our-traces"})
    tables = {name: schema.empty_table() for name, schema in tables_of("traces").items()}
    kept = [
        {
            "source": "traces",
            "object_key": key,
            "place": "line 7",
            "reason": "no JSON",
            "record_count": 1,
            "landing_date": day,
        }
        for key, day in (("otlp/a.json", JUNE_10), ("otlp/b.json", JUNE_9))
    ]
    tables["quarantine"] = pa.Table.from_pylist(kept, schema=QUARANTINE)
    Lake(settings.lake).write_partition("traces", str(JUNE_10), tables=tables)
    view = see("health", marts("tiny"), settings, source="traces")
    place = rows(view, "quarantine")[0]
    assert (place["landing_date"], place["quarantined_count"]) == (JUNE_10, 1)
    assert place["object_address"] == "s3://our-traces/<object_key>"
    (section,) = [each for each in view.sections if each.heading == "What could not be read"]
    query, landing = section.commands
    ((object_key, *told, file),) = duckdb.sql(query).fetchall()
    assert (object_key, told) == ("otlp/a.json", ["line 7", "no JSON", 1])
    assert Path(file).match(place["quarantine_address"])
    assert landing == "ai-finops land traces --from 2025-06-10"
    assert _parser().parse_args(landing.split()[1:]).source == "traces"


@pytest.mark.parametrize("source", KNOWN_SOURCES)
def test_every_source_has_places(settings, source):
    assert object_address(source, settings=settings)
    assert quarantine_address(source, settings=settings).startswith(f"{settings.lake}/data/{source}/")


def test_where_nothing_was_quarantined_no_way_to_look_is_told(marts, settings):
    view = see("health", marts("tiny", "update fct_daily_extract_outcomes set quarantined_count = 0"), settings)
    (section,) = [each for each in view.sections if each.heading == "What could not be read"]
    assert (section.sentences, section.commands, rows(view, "quarantine")) == ((), (), [])
    assert section.charts[0].series == ()
    assert warned(view) == []


def test_a_source_and_a_number_of_days_can_be_chosen(marts, settings):
    old = (
        (
            "insert into fct_daily_extract_outcomes by name select * replace (date '2025-05-28' as landing_date) "
            "from fct_daily_extract_outcomes where landing_date = '2025-06-10'"
        ),
        (
            "insert into fct_daily_extract_outcomes by name select * replace (date '2025-05-27' as landing_date) "
            "from fct_daily_extract_outcomes where landing_date = '2025-06-10'"
        ),
    )
    connection = marts("tiny", *old)
    # May 28 is the first of the 14 days before June 11.
    assert rows(see("health", connection, settings, days="14"), "outcomes")[-1]["landing_date"] == date(2025, 5, 28)
    assert rows(see("health", connection, settings, days="28"), "outcomes")[-1]["landing_date"] == date(2025, 5, 27)
    traces = see("health", connection, settings, source="traces", days="14")
    assert {row["source"] for row in rows(traces, "landings")} == {"traces"}
    assert [column.label for column in traces.table("outcomes").columns] == ["Day", "traces"]


@pytest.mark.parametrize(
    ("text", "said", "group"),
    [
        (verdict(), "passed", "good"),
        (verdict(warnings=["cost drifts"]), "passed_with_warnings", "watch"),
        (verdict(is_passed=False), "not_passed", "bad"),
        (None, "not_kept", "none"),
        ("{", "unreadable", "bad"),
        ("[]", "unreadable", "bad"),
        ("{}", "unreadable", "bad"),
    ],
)
def test_the_audit_of_this_build_is_told_once(marts, settings, text, said, group):
    if text:
        audited(settings, text)
    view = see("health", marts("tiny"), settings)
    (told,) = [each for each in view.facts if each.label == "Audit of this build"]
    # A status is a badge with its word; one beside it would say it twice.
    assert (told.value, told.kind, told.status) == (said, "status", None)
    assert write(told.value, told.kind).status == group
    if said == "unreadable":
        (section,) = [each for each in view.sections if each.heading == "The audit"]
        assert f"{settings.builds / BUILD.build_id / 'audit.json'} cannot be read" in section.sentences[0]


def test_what_the_audit_warned_of_stands_there(marts, settings):
    audited(settings, verdict(warnings=["fct_llm_calls: volume is 0.4 of the trailing days"]))
    section = next(each for each in see("health", marts("tiny"), settings).sections if each.heading == "The audit")
    assert section.sentences == (
        f"Build {BUILD.build_id} passed 326 expectations, with 1 warning.",
        "fct_llm_calls: volume is 0.4 of the trailing days",
    )
    assert [link.href for link in section.links] == ["definitions"]


def test_pages_of_other_programs_are_linked_where_they_are(marts, settings):
    found = {
        f"data-docs/{BUILD.build_id}/index.html": settings.home / "data_docs" / BUILD.build_id / "index.html",
        "data-docs/index.html": settings.home / "data_docs" / "index.html",
        "dbt-docs/index.html": settings.published / "dbt_docs" / "index.html",
    }
    for address, file in found.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
        links = [each for section in see("health", marts("tiny"), settings).sections for each in section.links]
        assert [link.href for link in links] == [address, "definitions"]
        file.unlink()


def test_what_traces_do_not_say_is_summed_over_the_days(marts, settings):
    gaps = (
        (
            "insert into fct_daily_instrumentation_gaps by name select 'lib' as scope_name, 'api' as service_name, 'p' as "
            "provider_name, 'm' as request_model, 'no_usage' as reason, 'not_said' as usage_gap, n as call_count, d::date as "
            "usage_date from (values (2, '2025-06-09'), (3, '2025-06-10'), (100, '2025-01-01')) as r(n, d)"
        ),
        (
            "insert into fct_daily_unpriced_usage by name select 'p' as provider_name, 'm' as request_model, 'no_price' as "
            "cost_reason, 4 as call_count, null as input_tokens, 7 as output_tokens, date '2025-06-10' as usage_date"
        ),
        (
            "insert into fct_daily_unmapped_attributes by name select 'a.b' as attribute_name, 'api' as service_name, 5 as "
            "span_count, date '2025-06-10' as landing_date"
        ),
    )
    view = see("health", marts("tiny", *gaps), settings)
    (gap,) = rows(view, "instrumentation-gaps")
    assert (gap["call_count"], gap["newest_date"]) == (5, JUNE_10)
    (unpriced,) = rows(view, "unpriced-usage")
    assert (unpriced["input_tokens"], unpriced["output_tokens"]) == (None, 7)
    (unmapped,) = rows(view, "unmapped-attributes")
    assert unmapped["span_count"] == 5


def test_the_day_before_the_clock_is_there_though_nothing_landed_on_it(marts, settings):
    gone = "delete from fct_daily_extract_outcomes where landing_date = '2025-06-10'"
    newest = rows(see("health", marts("tiny", gone), settings), "outcomes")[0]
    assert (newest["landing_date"], newest["traces_status"]) == (JUNE_10, "not landed")
