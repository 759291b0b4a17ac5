"""The week as plain text, from published marts."""

from datetime import date

import pytest

from ai_finops.errors import PublishError
from ai_finops.report import tables

COSTS = """
    create table fct_daily_feature_costs as
    select
        cast(d as date) as usage_date, f as feature_id, n as display_name, t as team, s as cost_status,
        cast(r as bigint) as request_count, cast(if(f = 'mystery', r, 0) as bigint) as unknown_cost_call_count,
        cast(i as bigint) as input_tokens, cast(o as bigint) as output_tokens,
        cast(c as decimal(18, 6)) as allocated_cost_usd
    from (values
        ('2025-06-08', 'docs', 'Documents', 'docs', 'billed', 9, 9, 9, 50),
        ('2025-06-09', 'docs', 'Documents', 'docs', 'billed', 1000, 200000, 30000, 70),
        ('2025-06-15', 'docs', 'Documents', 'docs', 'estimated', 500, 100000, 10000, 20),
        ('2025-06-10', 'chat', 'Chat', 'support', 'billed', 300, 5000, 600, 9.5),
        ('2025-06-10', 'unattributed', 'Unattributed', null, 'billed', 0, null, null, 0.5),
        ('2025-06-10', 'triage', 'Triage', 'support', 'billed', 6487, 9, 9, 0.19),
        ('2025-06-10', 'free', 'Free', 'support', 'billed', 5, 9, 9, 0),
        ('2025-06-10', 'mystery', 'Mystery', 'support', 'estimated', 5, 9, 9, null),
        ('2025-06-01', 'docs', 'Documents', 'docs', 'billed', 9, 9, 9, 1000),
        ('2025-06-16', 'docs', 'Documents', 'docs', 'billed', 9, 9, 9, 1000),
        ('2025-06-03', 'gone', 'Gone', 'docs', 'billed', 9, 9, 9, 5)
    ) as v (d, f, n, t, s, r, i, o, c)
"""

METRICS = """
    create table fct_weekly_metrics as
    select
        cast(d as date) as week_start_date, f as feature_id, x as dimension, m as metric_name, cast(v as double) as value,
        cast(k as bigint) as sample_count, s as status, cast(null as varchar) as validation, y as verdict,
        cast(c as bigint) as covered_day_count,
        cast(h as double) as healthy_bound, cast(w as double) as warning_bound
    from (values
        ('2025-06-09', 'extract', 'task_type=extraction', 'token_amplification', 0.8, 1041, 'watch', null, 7, 0.5, 0.8),
        ('2025-06-09', 'chat', 'tier=expensive', 'routing_mix_call_ratio', 0.96, 90, 'warning', 'locked', 7, 0.5, 0.9),
        ('2025-06-09', 'docs', 'tier=expensive', 'routing_mix_call_ratio', 0.6, 90, 'watch', 'steady', 7, 0.5, 0.9),
        ('2025-06-09', 'total', 'all', 'weekly_cost_to_projection_ratio', null, 6, 'insufficient', null, 7, 1.1, 1.2),
        ('2025-06-09', 'chat', 'task_type=chat', 'token_amplification', null, 0, 'no_threshold', null, 7, null, null),
        ('2025-06-16', 'chat', 'task_type=extraction', 'token_amplification', 9, 1, 'warning', null, 3, 0.5, 0.8)
    ) as v (d, f, x, m, v, k, s, y, c, h, w)
"""


def test_costs_of_the_week_beside_the_week_before(settings, publish):
    publish(statements=(COSTS,))
    assert tables.feature_costs(settings, date(2025, 6, 12)).splitlines() == [
        "Cost by feature, week of 2025-06-09",
        "",
        "Feature       Team     Requests  Tokens in  Tokens out   Cost  Share  Per request  Week before",
        "────────────  ───────  ────────  ─────────  ──────────  ─────  ─────  ───────────  ───────────",
        "Documents     docs        1,500    300,000      40,000    $90    90%      $0.0600          $50",
        "Chat          support       300      5,000         600  $9.50     9%      $0.0317            –",
        "Unattributed                  0          0           0  $0.50    <1%            –            –",
        "Triage        support     6,487          9           9  $0.19    <1%     <$0.0001            –",
        "Free          support         5          9           9  $0.00     0%      $0.0000            –",
        "Gone          docs            0          0           0      –      –            –        $5.00",
        "Mystery       support         5          9           9      –      –            –            –",
        "Total                                                    $100                              $55",
        "",
        "5 calls have neither a bill nor a price; what they cost is in no figure",
    ]


def test_a_total_of_nothing_known_is_not_nothing(settings, publish):
    unknown = "update fct_daily_feature_costs set allocated_cost_usd = null, unknown_cost_call_count = 0"
    publish(statements=(COSTS, unknown))
    assert tables.feature_costs(settings, date(2025, 6, 12)).splitlines()[-1].split() == ["Total", "–", "–"]


def test_metrics_of_the_week_with_status_and_what_the_verdict_adds(settings, publish):
    publish(statements=(METRICS,))
    assert tables.metrics(settings, date(2025, 6, 12)).splitlines() == [
        "Metrics, week of 2025-06-09",
        "",
        "Metric                           Feature  Dimension             Week  Samples  Healthy  Warning  Status",
        "───────────────────────────────  ───────  ────────────────────  ────  ───────  ───────  ───────  ───────────────",
        "routing_mix_call_ratio           chat     tier=expensive        0.96       90     0.50     0.90  warning, locked",
        "routing_mix_call_ratio           docs     tier=expensive        0.60       90     0.50     0.90  watch",
        "token_amplification              extract  task_type=extraction  0.80    1,041     0.50     0.80  watch",
        "weekly_cost_to_projection_ratio  total    all                      –        6     1.10     1.20  insufficient",
        "",
        "1 more have no threshold; they are in fct_weekly_metrics",
    ]


def test_a_week_that_is_not_over_says_so(settings, publish):
    publish(statements=(METRICS,))
    assert tables.metrics(settings, date(2025, 6, 16)).splitlines()[0] == "Metrics, week of 2025-06-16, 3 days so far"


def test_an_estimate_says_what_it_is_worth(settings, publish):
    said = {"cited": "recorded", "estimated": "agreement 0.93 (n=102)", "guessed": "unvalidated", "other": None}
    values = ", ".join(f"('{name}', {text!r})" for name, text in said.items()).replace("None", "null")
    rows = f"""insert into fct_weekly_metrics
        select date '2025-06-09', 'chat', n, 'hits', 0.5, 9, 'watch', v, null, 7, 0.55, 0.45
        from (values {values}) as t (n, v)"""
    publish(statements=(METRICS, rows))
    lines = tables.metrics(settings, date(2025, 6, 9)).splitlines()
    assert [line.split("chat")[1].split("0.50")[0].strip() for line in lines if line.startswith("hits")] == [
        "cited", "estimated, agreement 0.93 (n=102)", "guessed, unvalidated", "other",
    ]  # fmt: skip


def test_a_week_without_rows_has_only_a_header(settings, publish):
    publish(statements=(COSTS, METRICS))
    assert tables.feature_costs(settings, date(2025, 7, 7)).splitlines()[-1].split() == ["Total", "–", "–"]
    assert len(tables.metrics(settings, date(2025, 7, 7)).splitlines()) == 4


def test_nothing_published(settings):
    with pytest.raises(PublishError):
        tables.feature_costs(settings, date(2025, 6, 9))
