"""What the sample costs, computed from its calls alone: no lake, no dbt, no code of the pipeline.

Prices are typed in here by hand: AWS's on-demand list prices of June 2025 in USD per million tokens, Nova less the account's
private 5 %, and Cohere Rerank 3.5 at $2 per 1,000 queries.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

CALLS = Path(__file__).resolve().parents[2] / "plugins" / "ai_finops" / "demo" / "sample" / "calls.parquet"
USD_PER_MTOK = {
    # request_model: (uncached input, cache read, cache write 5 min, output)
    "us.anthropic.claude-sonnet-4-20250514-v1:0": (3.00, 0.30, 3.75, 15.00),
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0": (3.00, 0.30, 3.75, 15.00),
    "us.anthropic.claude-3-5-haiku-20241022-v1:0": (0.80, 0.08, 1.00, 4.00),
    "amazon.nova-lite-v1:0": (0.06 * 0.95, 0.015 * 0.95, 0.0, 0.24 * 0.95),
    "amazon.titan-embed-text-v2:0": (0.02, 0.0, 0.0, 0.0),
    "cohere.rerank-v3-5:0": (0.0, 0.0, 0.0, 0.0),
}
USD_PER_RERANK = 0.002


def connect() -> duckdb.DuckDBPyConnection:
    """Return a connection with the view `costs`: one row per call, its cost and whether a trace tells of it."""
    connection = duckdb.connect()
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


def _one(query: str, *values: object):
    return connect().execute(query, list(values)).fetchone()[0]
