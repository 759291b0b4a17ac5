"""From the lake to the message, where the marts do not support all of it: audited, published, and said in words."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from ai_finops.build import analyse
from ai_finops.build.candidate import find_build
from ai_finops.build.issued import find_issued, write_kept
from ai_finops.config import Settings
from ai_finops.lake import Lake
from ai_finops.publish import open_published, publish
from ai_finops.quality import audit
from ai_finops.report import compose, load
from tests.warehouse import odd_weeks
from tests.warehouse.tiny_lake import SONNET_ID
from tests.warehouse.whole_builds import make_whole_build

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Settings:
    """Settings whose published marts are those of the odd weeks: both phases, the analyses between them, the audit."""
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path_factory.mktemp("odd_weeks"))})
    build = make_whole_build(
        settings,
        as_of_date=odd_weeks.AS_OF_DATE,
        spans=odd_weeks.SPANS,
        lines=odd_weeks.LINES,
        outcomes=odd_weeks.OUTCOMES,
    )
    # Calls of 1,000 tokens until three weeks before, and of 100,000 now.
    (warning,) = audit(settings=settings, build=build)["warnings"]
    assert "input_tokens_off" in warning
    publish(settings=settings, build=build)
    return settings


@pytest.fixture(scope="module")
def digest_of(published):
    return lambda day: load(published, date.fromisoformat(day))


def said(digest):
    """The message up to the recommendation, and the notes."""
    text = compose(digest)
    first, _, notes = text.partition("\n")
    return first.split(": ", 1)[1].partition(" No recommendation")[0].partition(" Recommended")[0], notes


def test_a_week_of_one_failed_call_is_published_without_a_total(digest_of):
    digest = digest_of("2025-02-24")
    assert (digest.total_cost_usd, digest.covered_day_count, digest.gap_call_count) == (None, 0, 1)
    message, notes = said(digest)
    assert message == (
        "Total: not known (no earlier week to compare with). No feature's cost is known. "
        "Root cause: not known without an earlier week. Projected month-end: not enough days of known cost yet."
    )
    assert notes.startswith("Data: 7 days of 7 missing (February 24, ")


def test_a_late_span_does_not_make_a_missing_day_a_cheap_one(digest_of):
    digest = digest_of("2025-03-10")
    assert (digest.covered_day_count, digest.missing_days) == (6, "2025-03-12")
    message, notes = said(digest)
    assert message.startswith(
        "Total: $18 (not compared: 6 days of this week are covered, 7 of the week before). "
        "Support chat: $18 (100% of total). Root cause: not known, as the weeks cannot be compared. "
    )
    assert notes.startswith("Data: 1 day of 7 missing (March 12); ")
    # The 1st and the 2nd were never landed, nor was the 12th: of 16 days that is more than a tenth.
    assert "Projected month-end: not known, 3 days of the month are missing." in message
    assert (digest.projected_month_end_cost_usd, digest.projection_missing_day_count) == (None, 3)


def test_days_to_come_are_projected_where_the_month_to_date_is_not_known(published):
    with open_published(published) as marts:
        rows = marts.execute(
            """select target_period, month_number, actual_status, actual_cost_usd, projected_cost_usd from fct_cost_projections
            where as_of_date = '2025-03-17' and feature_id = 'total' and coalesce(month_number, 0) < 2
            order by target_date, target_period desc"""
        ).fetchall()
    # 13 days of $3.00 go on; the span of the 12th is in no day. April has 30 days.
    assert rows[0] == ("month", 0, "too_many_days_missing", None, None)
    assert set(rows[1:-1]) == {("day", None, None, None, Decimal(3))}
    assert rows[-1] == ("month", 1, None, None, Decimal(90))


def test_calls_without_bill_or_price_are_not_a_saving(digest_of):
    digest = digest_of("2025-03-31")
    assert digest.not_compared_reason == "unknown_cost"
    assert (digest.unknown_cost_call_count, digest.previous_unknown_cost_call_count) == (70, 0)
    message, notes = said(digest)
    assert message == (
        "Total: $21 (not compared: the cost of 70 calls this week is not known). "
        "Document summarization: $21 (share not known). Root cause: not known, as the weeks cannot be compared. "
        "Projected month-end: not known, the cost of 60 calls of the month is not known."
    )
    assert "70 calls without a price" in notes


def test_days_of_unknown_cost_are_not_days_of_no_cost(published):
    with open_published(published) as marts:
        rows = marts.execute(
            """select feature_id, any_value(window_day_count), any_value(status), min(projected_cost_usd)
            from fct_cost_projections where as_of_date = '2025-04-07' and target_period = 'day' group by 1 order by 1"""
        ).fetchall()
    # Seen are March 10 to April 6: six covered days of $3 of chat, seven of $13 on the bill, a level step, and seven of
    # which only docs is known.
    assert rows == [
        ("document_summarization", 14, "ok", Decimal(3)),
        ("support_chat", 7, "short_history", Decimal(10)),
        ("total", 7, "short_history", Decimal(13)),
    ]


def test_usage_that_its_tag_owns_does_belong_to_a_feature(digest_of):
    message, _ = said(digest_of("2025-04-21"))
    assert message.startswith(
        "Total: $84 (+200% WoW). Contract review: $63 (75% of total, up from 25%). Root cause: more usage without a trace "
        "in contract_review, owned by its tag on the bill (+$56; all else together +$0.00). "
    )


def test_parts_that_cancel_out_are_not_nothing(digest_of):
    message, _ = said(digest_of("2025-05-12"))
    assert message.startswith(
        "Total: $42 (flat WoW). Support chat: $42 (100% of total, up from 50%). "
        "Root cause: the total did not change, its parts did, by $21 each way. "
    )


def test_comparisons_under_an_arn_are_of_the_model_in_use(published):
    with open_published(published) as marts:
        rows = marts.execute(
            """select current_model_id, agreement_sample_count, status, reason from fct_savings_opportunities
            where as_of_date = '2025-05-12' and feature_id = 'document_summarization' and lever = 'routing_by_task_type'"""
        ).fetchall()
    # Wilson's interval of 150 in 300 is 44.4 % to 55.6 %.
    assert rows == [(SONNET_ID, 300, "rejected", "no worse in 55.6% of comparisons at most, wanted are 80.0%")]


def test_a_feature_whose_cost_was_not_known_is_not_new(digest_of):
    message, _ = said(digest_of("2025-06-02"))
    assert message.startswith(
        "Total: $66 (+2,098% WoW). big: $63 (95% of total, its cost the week before is not known). "
        "Root cause: a cost not known in full, big calls pipeline rag_answer from support-api, "
        "7 of 7 calls the week before without bill or price (+$63; all else together +$0.00). "
    )


def test_a_week_that_has_just_begun_has_no_driver(digest_of, published):
    digest = digest_of("2025-06-30")
    assert (digest.not_compared_reason, digest.main_driver, digest.risen_cost_usd) == ("other_day_count", None, None)
    message, _ = said(digest)
    assert message.startswith(
        "Total: $3.00 (not compared: 1 day of this week is covered, 7 of the week before). "
        "Support chat: $3.00 (100% of total). Root cause: not known, as the weeks cannot be compared. "
    )
    with open_published(published) as marts:
        rows = marts.execute(
            "select driver, contribution_cost_usd, is_comparable from fct_cost_drivers where week_start_date = '2025-06-30'"
        ).fetchall()
    assert rows == [("volume", Decimal("-18.000000"), False)]


def test_a_cost_that_jumps_and_stays_is_three_alerts_and_then_the_level(published):
    with open_published(published) as marts:
        alerts = marts.execute(
            """select usage_date, feature_id, status, is_of_step, baseline_cost_usd, excess_cost_usd, main_driver, owner
            from fct_cost_anomalies order by 1, 2"""
        ).fetchall()
        verdicts = marts.execute(
            """select feature_id, status, reason, count(*) from fct_daily_cost_baselines
            where feature_id = 'big' or (feature_id = 'support_chat' and usage_date = '2025-05-12')
            group by all order by 1, 2"""
        ).fetchall()
        details = marts.execute(
            "select detail from fct_cost_anomaly_drivers where usage_date = '2025-06-02' and driver = 'cost_not_known'"
        ).fetchall()
    # contract_review from $1 to $9 a day, beside $3 of chat; nobody traced it. Of `big` nothing is known before, so that only
    # the total can tell: of its week before one call in 144 is not known, which is borne.
    legal, lead = "legal-lead@example.com", "engineering lead"
    assert alerts == [
        (date(2025, month, day + number), feature, status, True, Decimal(before), Decimal(excess), driver, owner)
        for month, day, features in (
            (4, 21, (("contract_review", "1", 8, "untraced_usage", legal), ("total", "4", 8, "untraced_usage", lead))),
            (6, 2, (("total", "0.429", 9, "cost_not_known", lead),)),
        )
        for number, status in enumerate(("spike", "spike", "step"))
        for feature, before, excess, driver, owner in features
    ]
    assert details == [
        ("big calls pipeline rag_answer from support-api, 7 of 7 calls on the days before without bill or price",)
    ]
    # Three known days come first, and again after the weeks that are not covered. Twice $3 is $6, and no more.
    assert verdicts == [
        ("big", "cost_not_known", "calls_without_bill_or_price", 7),
        ("big", "insufficient_history", "few_known_days", 6),
        ("big", "normal", None, 9),
        ("support_chat", "normal", None, 1),
    ]


def week_of_total(published, monday, metric):
    with open_published(published) as marts:
        (row,) = marts.execute(
            """select value, status, sample_count, covered_day_count, unknown_day_count, estimated_cost_ratio, is_complete_week
            from fct_weekly_metrics where feature_id = 'total' and metric_name = ? and week_start_date = ?""",
            [metric, monday],
        ).fetchall()
    return row


def test_a_week_is_held_against_what_its_monday_projected(published):
    # On April 21 seven days at 13 (March 24 on) lie behind, and a step down to seven at 4: seven more at 4 are projected.
    found = week_of_total(published, "2025-04-21", "weekly_cost_to_projection_ratio")
    assert found == (pytest.approx(84 / 28, rel=1e-5), "warning", 7, 7, 0, 0.0, True)
    # Untraced usage that its tag owns is $63 of it.
    assert week_of_total(published, "2025-04-21", "feature_cost_share_ratio")[:3] == (0.75, "warning", 7)


def test_a_week_with_a_missing_day_or_unknown_cost_is_not_held_against_its_projection(published):
    metric = "weekly_cost_to_projection_ratio"
    # Six days of $3 against the mean of seven such days, each by estimate; the span of the missing day is in no day.
    assert week_of_total(published, "2025-03-10", metric) == (1.0, "insufficient", 6, 6, 0, 1.0, False)
    assert week_of_total(published, "2025-03-31", metric) == (None, "insufficient", 0, 7, 7, None, True)


def test_a_week_across_the_end_of_the_month_has_a_projection_from_its_first_day(published):
    with open_published(published) as marts:
        days = marts.execute(
            """select min(target_date), max(target_date), count(*) from fct_cost_projections
            where feature_id = 'total' and as_of_date = '2025-06-30' and target_period = 'day'"""
        ).fetchall()
    assert days == [(date(2025, 6, 30), date(2025, 7, 6), 7)]
    value, status, *rest = week_of_total(published, "2025-06-30", "weekly_cost_to_projection_ratio")
    # One day so far; it is compared with what was projected of that day, and not judged.
    assert value is not None
    assert [status, *rest] == ["insufficient", 1, 1, 0, 1.0, False]


def test_decisions_that_name_no_feature_are_published_where_no_cost_is_unattributed(published):
    with open_published(published) as marts:
        decisions = marts.execute("select feature_id, decision_count from fct_daily_routing_decisions").fetchall()
        metrics = marts.execute(
            "select feature_id, value from fct_daily_metrics "
            "where metric_name = 'routing_escalation_ratio' and dimension = 'all' order by 1"
        ).fetchall()
        (cost,) = marts.execute(
            "select count(*) from fct_daily_feature_costs where feature_id = 'unattributed'"
        ).fetchone()
    assert (decisions, metrics, cost) == ([("unattributed", 1)], [("total", 1.0), ("unattributed", 1.0)], 0)


def test_what_was_published_is_issued_and_read_again_as_it_was(published, tmp_path):
    as_of, lake = date.fromisoformat(odd_weeks.AS_OF_DATE), Lake(published.lake)
    assert lake.keys("issued") == [odd_weeks.AS_OF_DATE]
    folder = Path(find_build(published)["build_dir"])
    again = tmp_path / "builds" / folder.name
    shutil.copytree(folder, again)
    write_kept(again, find_issued(lake, before=as_of))
    settings = replace(published, home=tmp_path)
    analyse(settings=settings, build=find_build(settings, folder.name))
    # Of all days before it nothing is made again, and what is read together is what was published.
    assert set(pq.read_table(again / "analysis" / "projections.parquet")["as_of_date"].to_pylist()) == {as_of}
    with duckdb.connect(str(again / "warehouse.duckdb"), read_only=True) as warehouse:
        columns = [name for name, *_ in warehouse.execute("describe marts.fct_cost_projections").fetchall()]
        names = ("marts.fct_cost_projections", "raw.analysis_projections")
        one, other = (f"select {', '.join(columns)} from {name}" for name in names)
        assert warehouse.execute(f"({one}) except all ({other})").fetchall() == []
        assert warehouse.execute(f"({other}) except all ({one})").fetchall() == []
    rows = pq.read_table(lake.current("backcast")["2025-06-30"].file("projections"), partitioning=None)
    assert set(rows["is_backcast"].to_pylist()) == {True}
    assert set(rows["scenario"].to_pylist()) == {"as_is"}
