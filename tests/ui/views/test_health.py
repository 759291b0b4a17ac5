"""Three sources landed on each of nine days: 3 records loaded, 1 ignored, 1 quarantined (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tests.ui.published_marts import BUILD
from tests.ui.views.seeing import chart, fact, line, rows, see, warned

JUNE_9, JUNE_10 = date(2025, 6, 9), date(2025, 6, 10)
QUARANTINED = "Quarantined in these days: 27 records. Each is kept in the lake with the reason."


def audited(settings, text: str) -> None:
    folder = settings.builds / BUILD.build_id
    folder.mkdir(parents=True)
    (folder / "audit.json").write_text(text)


def verdict(*, is_passed=True, warnings=()) -> str:
    return json.dumps({"is_passed": is_passed, "expectation_count": 326, "warnings": warnings, "failures": []})


def test_records_are_counted_by_day_over_the_sources(marts, settings):
    view = see("health", marts("tiny"), settings)
    assert line(view, "records-loaded-and-ignored", "Loaded")[JUNE_9] == 9
    assert line(view, "records-loaded-and-ignored", "Ignored")[JUNE_9] == 3
    assert line(view, "records-quarantined-and-duplicates", "Quarantined")[JUNE_9] == 3
    assert chart(view, "records-loaded-and-ignored").summary == "81 loaded and 27 ignored in 9 days."
    assert fact(view, "Records quarantined") == 27
    assert fact(view, "Data before") == date(2025, 6, 11)
    assert len(rows(view, "landings")) == 27
    assert [row["freshness_status"] for row in rows(view, "freshness")] == ["healthy"] * 3
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
    assert (traces["newest_date"], traces["days_behind_count"], traces["freshness_status"]) == (JUNE_9, 1, "warning")
    assert warned(view)[0] == "Not fresh: traces (1 day behind)."


def test_a_day_on_which_nothing_landed_is_a_gap(marts, settings):
    view = see(
        "health", marts("tiny", "delete from fct_daily_extract_outcomes where landing_date = '2025-06-09'"), settings
    )
    assert line(view, "records-loaded-and-ignored", "Loaded")[JUNE_9] is None
    assert rows(view, "outcomes")[1]["traces_status"] == "not landed"


def test_a_landing_that_failed_is_told_with_its_error(marts, settings):
    failed = (
        "update fct_daily_extract_outcomes set status = 'failed', error = 'access denied', loaded_count = null, "
        "ignored_count = null, quarantined_count = null, duplicate_count = null, read_count = null "
        "where source = 'traces' and landing_date >= '2025-06-09'"
    )
    view = see("health", marts("tiny", failed), settings)
    assert fact(view, "Landings that failed or are missing") == 2
    assert "2 landings failed, the newest traces of 2025-06-10: access denied" in warned(view)
    assert "Not fresh: traces (2 days behind)." in warned(view)
    only_traces = see("health", marts("tiny", failed), settings, source="traces")
    assert line(only_traces, "records-loaded-and-ignored", "Loaded")[JUNE_10] is None


def test_an_empty_day_is_fresh(marts, settings):
    empty = (
        "update fct_daily_extract_outcomes set status = 'empty', loaded_count = 0, quarantined_count = 0 "
        "where source = 'traces' and landing_date = '2025-06-10'"
    )
    traces = next(
        row for row in rows(see("health", marts("tiny", empty), settings), "freshness") if row["source"] == "traces"
    )
    assert (traces["newest_date"], traces["newest_with_rows_date"]) == (JUNE_10, JUNE_9)
    assert traces["freshness_status"] == "healthy"


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
    ("text", "said", "status"),
    [
        (verdict(), "passed", "healthy"),
        (verdict(warnings=["cost drifts"]), "passed", "watch"),
        (verdict(is_passed=False), "not passed", "warning"),
        ("{", "not kept", None),
        ("[]", "not kept", None),
        ("{}", "not kept", None),
    ],
)
def test_the_audit_of_this_build_is_told(marts, settings, text, said, status):
    audited(settings, text)
    view = see("health", marts("tiny"), settings)
    assert fact(view, "Audit of this build") == said
    assert next(each.status for each in view.facts if each.label == "Audit of this build") == status


def test_what_the_audit_warned_of_stands_there(marts, settings):
    audited(settings, verdict(warnings=["fct_llm_calls: volume is 0.4 of the trailing days"]))
    section = next(each for each in see("health", marts("tiny"), settings).sections if each.heading == "The audit")
    assert section.sentences == (
        f"Build {BUILD.build_id} passed 326 expectations, with 1 warning.",
        "fct_llm_calls: volume is 0.4 of the trailing days",
    )
    assert [link.href for link in section.links] == ["data-docs/index.html", "dbt-docs/index.html", "definitions"]


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
