"""Reading the review from published marts, and what it says of the data."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai_finops.report.data_notes import data_notes, review_notes
from ai_finops.report.edition import text_of
from ai_finops.report.review import FeedDay, MetricRow, MonthProjection, load_review
from tests.report.conftest import BESIDE_THE_DIGEST

MONDAY = date(2025, 6, 9)


def fill(table, *rows):
    (create,) = (sql for sql in BESIDE_THE_DIGEST if f"exists {table} " in sql)
    return create, *(f"insert into {table} by name select {row}" for row in rows)


def cost(day, feature_id, usd, unknown=0, calls=0):
    return (
        f"date '{day}' as usage_date, '{feature_id}' as feature_id, '{feature_id.title()}' as display_name, "
        f"{calls} as request_count, "
        f"{unknown} as unknown_cost_call_count, {'null' if usd is None else usd}::decimal(18, 6) as allocated_cost_usd"
    )


def test_weeks_are_summed_by_feature_and_unknown_costs_are_not_nothing(settings, publish, week):
    rows = [
        cost("2025-04-20", "docs", 999),  # the day before the eight weeks
        cost("2025-05-25", "docs", 1),
        cost("2025-06-08", "docs", None, calls=9000),
        cost("2025-06-09", "docs", 5, calls=100),
        cost("2025-06-15", "docs", 2.25, calls=20),
        cost("2025-06-10", "chat", None, unknown=70, calls=80),
        cost("2025-06-16", "docs", 999),
    ]
    publish(week(), statements=fill("fct_daily_feature_costs", *rows))
    review = load_review(settings, MONDAY)
    assert [
        (spend.week_start_date, spend.covered_day_count, spend.cost_usd_by_feature, spend.unknown_cost_call_count)
        for spend in review.spend
    ] == [
        (date(2025, 5, 19), 0, {"docs": Decimal(1)}, 0),
        (date(2025, 5, 26), 0, {}, 0),
        (date(2025, 6, 2), 0, {}, 0),
        (MONDAY, 7, {"docs": Decimal("7.25")}, 70),
    ]
    assert review.feature_names == {"docs": "Docs", "chat": "Chat"}
    assert review.call_count == 200


def test_a_first_day_of_the_eight_weeks_counts(settings, publish, week):
    publish(week(), statements=fill("fct_daily_feature_costs", cost("2025-04-21", "docs", 3)))
    review = load_review(settings, MONDAY)
    assert (len(review.spend), review.spend[0].week_start_date) == (8, date(2025, 4, 21))


def test_only_metrics_that_are_not_healthy_are_read(settings, publish, week):
    names = ("warning", "watch", "insufficient", "healthy", "no_threshold")
    rows = [f"'{name}' as status, 'm' as metric_name, date '{MONDAY}' as week_start_date" for name in names]
    rows.append("'warning' as status, 'old' as metric_name, date '2025-06-02' as week_start_date")
    publish(week(), statements=fill("fct_weekly_metrics", *rows))
    metrics = load_review(settings, MONDAY).metrics
    assert sorted(row.status for row in metrics) == ["insufficient", "warning", "watch"]
    assert isinstance(metrics[0], MetricRow)


def test_the_month_is_the_one_projected_on_the_day_after_the_week(settings, publish, week):
    def row(as_of, scenario="as_is", feature="total", month=0, usd=10):
        return (
            f"'{feature}' as feature_id, '{scenario}' as scenario, 'month' as target_period, {month} as month_number, "
            f"4 as actual_cost_usd, {usd} as projected_cost_usd, 8 as low_cost_usd, null as high_cost_usd, "
            f"date '{as_of}' as as_of_date, date '2025-06-01' as target_date"
        )

    others = [row("2025-06-15"), row("2025-06-16", "with_planned_features"), row("2025-06-16", feature="docs")]
    rows = [*others, row("2025-06-16", month=1), row("2025-06-16", usd=11)]
    publish(week(), statements=fill("fct_cost_projections", *rows))
    expected = MonthProjection(date(2025, 6, 1), Decimal(4), Decimal(11), Decimal(8), None)
    assert load_review(settings, MONDAY).month == expected


def outcome(source, status, day):
    return f"'{source}' as source, '{status}' as status, date '{day}' as landing_date"


def loaded(source, first, last):
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    return [outcome(source, "loaded", date.fromisoformat(first) + timedelta(days=n)) for n in range(days)]


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        (loaded("traces", "2025-06-02", "2025-06-15"), []),
        (
            [
                *loaded("traces", "2025-06-02", "2025-06-10"),
                outcome("traces", "empty", "2025-06-11"),
                outcome("traces", "empty", "2025-06-13"),
                outcome("traces", "failed", "2025-06-12"),
                outcome("traces", "missing", "2025-06-14"),
            ],
            [
                "feed traces came empty (June 11, June 13)",
                "feed traces could not be read (June 12)",
                "feed traces was not there to be read (June 14)",
                "feed traces was not landed (June 15)",
            ],
        ),
        # A feed that is switched on in the week has no days before it.
        (loaded("focus", "2025-06-12", "2025-06-15"), []),
        # One that always comes empty has nothing to say; 28 days before the Monday is May 12.
        ([outcome("xray_spans", "empty", date(2025, 6, day)) for day in range(2, 16)], []),
        (
            [outcome("xray_spans", "loaded", "2025-05-11")]
            + [outcome("xray_spans", "empty", date(2025, 6, day)) for day in range(9, 16)],
            [],
        ),
        (
            [outcome("xray_spans", "loaded", "2025-05-12")]
            + [outcome("xray_spans", "empty", date(2025, 6, day)) for day in range(9, 16)],
            ["feed xray_spans came empty (June 9, June 10, June 11, June 12, June 13, June 14, June 15)"],
        ),
    ],
)
def test_a_feed_that_brought_nothing_is_said(settings, publish, week, rows, notes):
    publish(week(), statements=fill("fct_daily_extract_outcomes", *rows))
    assert review_notes(load_review(settings, MONDAY)) == notes


def test_a_bill_that_may_still_grow_is_said(settings, publish, week):
    rows = [
        f"'{account}' as billing_account_id, {usd}::decimal(18, 6) as billed_cost_usd, {settled} as is_settled, "
        f"date '{day}' as usage_date"
        for day, account, usd, settled in [
            ("2025-06-08", "1", "5", "false"),
            ("2025-06-09", "1", "5", "true"),
            # Without a bill there is none to settle: the note on what is estimated tells of it.
            ("2025-06-10", "1", "null", "false"),
            ("2025-06-14", "1", "5", "true"),
            ("2025-06-14", "2", "5", "false"),
            # A cell that the bill does not have is billed 0.
            ("2025-06-15", "1", "0", "false"),
            ("2025-06-16", "1", "5", "false"),
        ]
    ]
    publish(week(), statements=fill("fct_daily_reconciliations", *rows))
    review = load_review(settings, MONDAY)
    assert review.unsettled_days == (date(2025, 6, 14), date(2025, 6, 15))
    assert review_notes(review) == ["the bill is not settled (June 14, June 15)"]


@pytest.mark.parametrize(("gaps", "notes"), [(2, []), (3, ["3 calls without usage"])])
def test_calls_without_usage_are_held_against_the_calls_of_the_week(settings, publish, week, gaps, notes):
    costs = fill(
        "fct_daily_feature_costs", cost("2025-06-09", "docs", 5, calls=150), cost("2025-06-15", "chat", 1, calls=50)
    )
    publish(week(gap_call_count=gaps), statements=costs)
    review = load_review(settings, MONDAY)
    assert data_notes(review) == notes
    assert ("without usage" in text_of(review)) == bool(notes)


def test_a_status_of_a_later_release_is_named_as_it_is(settings, publish, week):
    publish(week(), statements=fill("fct_daily_extract_outcomes", *loaded("traces", "2025-06-09", "2025-06-15")))
    review = load_review(settings, MONDAY)
    assert review.feed_days == ()
    later = replace(review, feed_days=(FeedDay("traces", "half_read", MONDAY),))
    assert review_notes(later) == ["feed traces half_read (June 9)"]
