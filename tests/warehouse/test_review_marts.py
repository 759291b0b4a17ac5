"""The marts of phase 2 over `worked_days`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest


def test_week_is_summed_beside_its_projection_driver_and_recommendation(query):
    columns = [
        "week_start_date",
        "as_of_date",
        "covered_day_count",
        "missing_days",
        "total_cost_usd",
        "top_feature_id",
        "top_feature_name",
        "top_feature_cost_usd",
        "month_to_date_cost_usd",
        "projected_month_end_cost_usd",
        "month_unknown_cost_call_count",
        "projection_status",
        "projection_error_ratio",
        "projection_error_horizon",
        "projection_missing_day_count",
        "not_compared_reason",
        "main_driver",
        "recommended_feature_name",
        "recommended_saving_usd_per_month",
        "unpriced_call_count",
        "gap_call_count",
        "quarantined_record_count",
    ]
    first, second = query(f"select {', '.join(columns)} from marts.rpt_weekly_digest order by 1")
    first, second = dict(zip(columns, first, strict=True)), dict(zip(columns, second, strict=True))
    # Four days cost something; on the 5th nothing happened but traces were asked for and answered; the 6th failed.
    assert (first["covered_day_count"], first["missing_days"]) == (4, "2025-06-06, 2025-06-07, 2025-06-08")
    # $8.60001 + $3.00 billed, $3.40 estimated.
    assert first["total_cost_usd"] == Decimal("15.000010")
    # support_chat 2.45 + 3.20, of which the estimated part is known.
    assert (first["top_feature_id"], first["top_feature_cost_usd"]) == ("support_chat", Decimal("5.650000"))
    assert (first["unpriced_call_count"], first["gap_call_count"], first["quarantined_record_count"]) == (1, 1, 2)
    assert first["projected_month_end_cost_usd"] is None
    # Seen on the 10th: both weeks so far.
    assert second["as_of_date"] == date(2025, 6, 10)
    assert second["month_to_date_cost_usd"] == Decimal("21.000010")
    # Four of the month's nine days are missing: nobody knows where the month ends.
    assert (second["month_unknown_cost_call_count"], second["projection_missing_day_count"]) == (1, 4)
    assert second["projected_month_end_cost_usd"] is None
    assert (second["projection_status"], second["projection_error_ratio"]) == ("short_history", 0.25)
    assert second["projection_error_horizon"] == "7d"
    # One day against four is no comparison, so nothing drove it.
    assert (second["not_compared_reason"], second["main_driver"]) == ("other_day_count", None)
    # Two features cost $3 each: the first by id.
    assert second["top_feature_name"] == "Document summarization"
    assert (second["recommended_feature_name"], second["recommended_saving_usd_per_month"]) == (
        "Document summarization",
        Decimal(6),
    )


def test_estimated_and_unattributed_shares_are_of_the_total(query):
    ((estimated, unattributed),) = query(
        """select estimated_share_ratio, unattributed_share_ratio
        from marts.rpt_weekly_digest where week_start_date = '2025-06-02'"""
    )
    assert estimated == pytest.approx(3.4 / 15.00001)
    assert unattributed == pytest.approx((4.8 + 3.0 + 0.2) / 15.00001)


def test_amplification_of_the_day(query):
    rows = query(
        """select feature_id, dimension, value, sample_count, status from marts.fct_daily_metrics
        where usage_date = '2025-06-02' and metric_name = 'token_amplification' order by 1, 2"""
    )
    # Only calls that tell both: support_chat 60,000 of 400,000, document_summarization 60,000 of 200,000.
    assert rows == [
        ("document_summarization", "task_type=summarization", 0.3, 1, "no_threshold"),
        ("support_chat", "task_type=chat", 0.15, 1, "no_threshold"),
        ("total", "task_type=chat", 0.15, 1, "no_threshold"),
        ("total", "task_type=summarization", 0.3, 1, "no_threshold"),
    ]


def test_routing_mix_of_calls_and_spend(query):
    rows = query(
        """select metric_name, dimension, numerator, denominator, status from marts.fct_daily_metrics
        where usage_date = '2025-06-02' and feature_id = 'support_chat' and metric_name like 'routing%' order by 1, 2"""
    )
    # One Sonnet and one Haiku call; reranks are not routed. Two calls are too few for a verdict.
    assert [row[:4] for row in rows] == [
        ("routing_mix_call_ratio", "tier=cheap", 1, 2),
        ("routing_mix_call_ratio", "tier=expensive", 1, 2),
        ("routing_mix_call_ratio", "tier=mid", 0, 2),
        ("routing_mix_call_ratio", "tier=unknown", 0, 2),
        ("routing_mix_spend_ratio", "tier=cheap", 0.4, 2.35),
        ("routing_mix_spend_ratio", "tier=expensive", 1.95, 2.35),
        ("routing_mix_spend_ratio", "tier=mid", 0, 2.35),
        ("routing_mix_spend_ratio", "tier=unknown", 0, 2.35),
    ]
    assert [row[4] for row in rows[:4]] == ["insufficient", "insufficient", "no_threshold", "no_threshold"]


def test_analyses_pass_through_unchanged(query):
    assert query(
        "select target_period, count(*), sum(projected_cost_usd) from marts.fct_cost_projections group by 1 order by 1"
    ) == [("day", 2, Decimal(21)), ("month", 1, None)]
    assert query("select plan_status, realised_multiplier, own_cost_usd from marts.rpt_planned_features") == [
        ("launched", 2.2, Decimal(6))
    ]
    assert query("select status, days_until_exceeded, most_days_until_exceeded from marts.rpt_budgets") == [
        ("will_be_exceeded", 0, 1)
    ]
    carried = "projection_status, error_horizon, wape_ratio, error_origin_count"
    assert query(f"select {carried} from marts.rpt_budgets") == [("ok", "7d", 0.1, 4)]
    errors = "select horizon, wape_ratio, bias_ratio, coverage_ratio, method_in_use from marts.fct_projection_errors"
    assert query(errors) == [("7d", 0.25, -0.25, 1.0, "mean_7d")]
    measures = "projected_cost_usd, actual_cost_usd, absolute_error_usd, is_in_interval"
    assert query(f"select {measures} from marts.fct_projection_backtests") == [
        (Decimal(12), Decimal(15), Decimal(3), True)
    ]
    assert query("select sum(contribution_cost_usd) from marts.fct_cost_drivers") == [(Decimal("-9.000010"),)]
    assert query("select opportunity_id, rank from marts.fct_savings_opportunities") == [("one", 1)]


def test_an_anomaly_is_an_alert_with_its_main_driver_and_its_owner(query):
    assert query(
        """select alert_id, status, cost_status, main_driver, main_driver_detail, owner, excess_cost_usd,
        main_driver_cost_usd, is_of_step, anomaly_start_date from marts.fct_cost_anomalies"""
    ) == [
        (
            "cost_anomaly_support_chat_2025-06-04",
            "spike",
            "estimated",
            "model_mix",
            "by hand",
            "support-lead@example.com",
            Decimal("2.9"),
            Decimal("3.4"),
            False,
            date(2025, 6, 4),
        )
    ]
    assert query("select count(*) from marts.fct_daily_cost_baselines") == [(3,)]


def test_call_groups_are_all_calls_of_a_day(query):
    rows = query(
        """select usage_date, feature_id, sum(request_count), sum(unknown_cost_call_count), sum(unknown_cost_tokens),
        sum(allocated_cost_usd) from intermediate.int_daily_call_groups_summed
        where feature_id in ('support_chat', 'ticket_triage') group by 1, 2 order by 1, 2"""
    )
    # On the 2nd four calls of $2.45, on the 4th g and h of $3.20 and the model nobody knows, of 15 tokens; e3 of three
    # micro-dollars and f, which says nothing.
    assert rows == [
        (date(2025, 6, 2), "support_chat", 4, 0, 0, Decimal("2.45")),
        (date(2025, 6, 2), "ticket_triage", 2, 0, 0, Decimal("0.000003")),
        (date(2025, 6, 4), "support_chat", 3, 1, 15, Decimal("3.2")),
        (date(2025, 6, 9), "support_chat", 1, 0, 0, Decimal("3")),
    ]
