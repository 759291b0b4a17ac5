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
    create table fct_daily_metrics as
    select
        cast(d as date) as usage_date, f as feature_id, x as dimension, m as metric_name,
        cast(n as double) as numerator, cast(b as double) as denominator, cast(n as double) / nullif(b, 0) as value,
        cast(k as bigint) as sample_count, s as status, cast(null as varchar) as validation,
        cast(h as double) as healthy_bound, cast(w as double) as warning_bound
    from (values
        ('2025-06-09', 'extract', 'task_type=extraction', 'token_amplification', 90, 100, 10, 'warning', 0.5, 0.8),
        ('2025-06-10', 'extract', 'task_type=extraction', 'token_amplification', 210, 300, 30, 'watch', 0.5, 0.8),
        ('2025-06-11', 'extract', 'task_type=extraction', 'token_amplification', 100, 100, 1, 'warning', 0.5, 0.8),
        ('2025-06-12', 'extract', 'task_type=extraction', 'token_amplification', null, 500, 9, 'watch', 0.5, 0.8),
        ('2025-06-10', 'chat', 'task_type=chat', 'token_amplification', 0, 0, 0, 'insufficient', null, null),
        ('2025-06-10', 'total', 'task_type=chat', 'token_amplification', 5, 10, 9, 'no_threshold', null, null),
        ('2025-06-16', 'chat', 'task_type=chat', 'token_amplification', 9, 1, 1, 'healthy', null, null)
    ) as v (d, f, x, m, n, b, k, s, h, w)
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


def test_metrics_are_ratios_of_the_week_s_sums(settings, publish):
    publish(statements=(METRICS,))
    # 400 / 500 = 0.80; the mean of the days' ratios would be 0.87. Of the 12th only what it is held against is known.
    assert tables.metrics(settings, date(2025, 6, 9)).splitlines() == [
        "Metrics, week of 2025-06-09",
        "",
        "Metric               Feature  Dimension             Week  Samples  Healthy  Warning  Days",
        "───────────────────  ───────  ────────────────────  ────  ───────  ───────  ───────  ──────────────────",
        "token_amplification  chat     task_type=chat           –        0        –        –  insufficient 1",
        "token_amplification  extract  task_type=extraction  0.80       50     0.50     0.80  warning 2, watch 2",
        "",
        "1 more have no threshold; they are in fct_daily_metrics",
    ]


def test_an_estimate_says_what_it_is_worth(settings, publish):
    agreement = "agreement 0.93 (n=102)"
    said = {
        "one": [agreement, agreement, None],
        "none": [agreement, "unvalidated"],
        "two": [agreement, "agreement 0.91 (n=128)"],
        "cited": ["recorded", None],
        "other": [None],
    }
    days = [(name, 9 + place, text) for name, texts in said.items() for place, text in enumerate(texts)]
    values = ", ".join(f"('{name}', date '2025-06-{day:02}', {text!r})" for name, day, text in days)
    rows = f"""insert into fct_daily_metrics
        select d, 'chat', n, 'hits', 1, 2, 0.5, 9, 'watch', v, 0.55, 0.45
        from (values {values.replace("None", "null")}) as t (n, d, v)"""
    publish(statements=(METRICS, rows))
    lines = tables.metrics(settings, date(2025, 6, 9)).splitlines()
    assert [line.split("chat")[1].split("0.50")[0].strip() for line in lines if line.startswith("hits")] == [
        "cited", "none, unvalidated", f"one, {agreement}", "other", "two, unvalidated",
    ]  # fmt: skip


def test_a_week_without_rows_has_only_a_header(settings, publish):
    publish(statements=(COSTS, METRICS))
    assert tables.feature_costs(settings, date(2025, 7, 7)).splitlines()[-1].split() == ["Total", "–", "–"]
    assert len(tables.metrics(settings, date(2025, 7, 7)).splitlines()) == 4


def test_nothing_published(settings):
    with pytest.raises(PublishError):
        tables.feature_costs(settings, date(2025, 6, 9))
