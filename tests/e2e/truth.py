"""What the sample costs, will cost and could save, computed from its calls alone: no lake, no dbt, no code of the pipeline.

Prices are typed in here by hand: AWS's on-demand list prices of June 2025 in USD per million tokens, Nova less the account's
private 5 %, and Cohere Rerank 3.5 at $2 per 1,000 queries.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

SAMPLE = Path(__file__).resolve().parents[2] / "plugins" / "ai_finops" / "demo" / "sample"
CALLS = SAMPLE / "calls.parquet"
SHADOW = SAMPLE / "shadow.parquet"
SONNET_4 = "us.anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU_3_5 = "us.anthropic.claude-3-5-haiku-20241022-v1:0"
USD_PER_MTOK = {
    # request_model: (uncached input, cache read, cache write 5 min, output)
    SONNET_4: (3.00, 0.30, 3.75, 15.00),
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0": (3.00, 0.30, 3.75, 15.00),
    HAIKU_3_5: (0.80, 0.08, 1.00, 4.00),
    "amazon.nova-lite-v1:0": (0.06 * 0.95, 0.015 * 0.95, 0.0, 0.24 * 0.95),
    "amazon.titan-embed-text-v2:0": (0.02, 0.0, 0.0, 0.0),
    "cohere.rerank-v3-5:0": (0.0, 0.0, 0.0, 0.0),
}
USD_PER_RERANK = 0.002


def connect() -> duckdb.DuckDBPyConnection:
    """Return a connection with the view `costs`: one row per call, its cost and whether a trace tells of it."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    connection.execute("create table prices (request_model text, u double, r double, w double, o double)")
    connection.executemany(
        "insert into prices values (?, ?, ?, ?, ?)", [(model, *prices) for model, prices in USD_PER_MTOK.items()]
    )
    connection.execute(f"""
        create view costs as
        select
            cast(calls.started_at at time zone 'UTC' as date) as usage_date,
            calls.*,
            case when calls.is_error then 0 else
                (calls.uncached_input_tokens * u + calls.cache_read_input_tokens * r
                 + calls.cache_write_5m_input_tokens * w + calls.output_tokens * o) / 1e6
                + coalesce(calls.search_units, 0) * {USD_PER_RERANK}
            end as cost_usd,
            calls.is_instrumented and calls.has_usage and not calls.is_error as is_traced
        from '{CALLS}' as calls join prices using (request_model)
    """)
    return connection


def total_usd(first: date, last: date) -> float:
    """Return what the bill charges for the days' model usage."""
    return _one("select sum(cost_usd) from costs where usage_date between ? and ?", first, last)


def traced_usd_by_feature(first: date, last: date) -> dict[str, float]:
    """Return, by feature, the billed cost of the days' calls that a trace tells of."""
    rows = connect().execute(
        "select feature_id, sum(cost_usd) from costs where is_traced and usage_date between ? and ? group by all",
        [first, last],
    )
    return dict(rows.fetchall())


def traced_call_count(first: date, last: date) -> int:
    """Return how many instrumented calls started in the days, with or without usage."""
    return _one("select count(*) from costs where is_instrumented and usage_date between ? and ?", first, last)


def month_end_usd(first: date, last: date) -> float:
    """Return the bill of the days plus a line through them, to the end of the month of `last`.

    The days are the whole history: at least 14, fewer than 28, within one month, without steps and spikes. A day weighs half as
    much as one a fortnight later, of a slope z standard errors steep 1 - 2 / z² is kept, and no day is projected below zero.
    """
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    usd = [total_usd(day, day) for day in days]
    weights = [0.5 ** ((last - day).days / 14) for day in days]
    middle = sum(w * day.day for w, day in zip(weights, days, strict=True)) / sum(weights)
    mean = sum(w * cost for w, cost in zip(weights, usd, strict=True)) / sum(weights)
    spread = sum(w * (day.day - middle) ** 2 for w, day in zip(weights, days, strict=True))
    slope = sum(w * (day.day - middle) * cost for w, day, cost in zip(weights, days, usd, strict=True)) / spread
    off = [cost - mean - slope * (day.day - middle) for day, cost in zip(days, usd, strict=True)]
    count = sum(weights) ** 2 / sum(w**2 for w in weights)
    variance = sum(w * error**2 for w, error in zip(weights, off, strict=True)) / sum(weights) * count / (count - 2)
    variance *= sum((w * (day.day - middle)) ** 2 for w, day in zip(weights, days, strict=True)) / spread**2
    slope *= max(0.0, 1 - 2 * variance / slope**2)
    month_end = (last.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    to_come = [max(mean + slope * (number - middle), 0.0) for number in range(last.day + 1, month_end.day + 1)]
    return sum(usd) + sum(to_come)


def saving_usd_per_month(feature: str, *, task_type: str, first: date, last: date) -> float:
    """Return what a feature's traced calls of a week on Sonnet 4 would have saved on Haiku 3.5, as a month's saving.

    The same tokens at Haiku's prices, and of the difference the share of shadow comparisons up to `last` in which Haiku
    was right or Sonnet wrong.
    """
    difference = _one(
        """
        select sum(calls.cost_usd - (calls.uncached_input_tokens * u + calls.cache_read_input_tokens * r
            + calls.cache_write_5m_input_tokens * w + calls.output_tokens * o) / 1e6)
        from costs as calls join prices on prices.request_model = ?
        where is_traced and calls.request_model = ? and feature_id = ? and task_type = ? and usage_date between ? and ?
        """,
        *(HAIKU_3_5, SONNET_4, feature, task_type, first, last),
    )
    agreement = _one(
        f"""
        select avg(cast(is_candidate_correct or not is_baseline_correct as integer)) from '{SHADOW}'
        where task_type = ? and baseline_model = ? and candidate_model = ?
            and cast(started_at at time zone 'UTC' as date) <= ?
        """,
        *(task_type, SONNET_4, HAIKU_3_5, last),
    )
    return difference * agreement * 365 / 12 / 7


def repeated_query_counts(feature: str, *, first: date, last: date) -> tuple[int, int]:
    """Return how many queries of a feature were asked in the days, and how many of them had been in the 24 hours before.

    A text differs from another where letters or figures differ; a query begins with the first of its calls.
    """
    rows = (
        connect()
        .execute(f"""
        select regexp_replace(lower(any_value(queries.text)), '[^a-z0-9]+', ' ', 'g') as text,
            min(least(chats.started_at, parts.started_at)) as asked_at
        from '{CALLS}' as chats
        join '{SAMPLE / "queries.parquet"}' as queries using (query_number)
        left join '{CALLS}' as parts on parts.parent_call_number = chats.call_number
        where chats.operation_name = 'chat' and chats.is_instrumented and chats.feature_id = '{feature}'
        group by chats.call_number order by asked_at, chats.call_number
    """)
        .fetchall()
    )
    seen: dict[str, datetime] = {}
    asked_count = repeated_count = 0
    for text, asked_at in rows:
        if first <= asked_at.astimezone(UTC).date() <= last:
            asked_count += 1
            repeated_count += text in seen and asked_at - seen[text] <= timedelta(hours=24)
        seen[text] = asked_at
    return asked_count, repeated_count


def _one(query: str, *values: object):
    return connect().execute(query, list(values)).fetchone()[0]
