"""What must hold of calls, of usage without a price, and of the landings they came from."""

from __future__ import annotations

from ai_finops.quality.gx import Check, Severity
from ai_finops.quality.kinds import Kind
from ai_finops.quality.rules import (
    has_read_columns,
    has_rows,
    is_between,
    is_filled,
    is_one_of,
    is_unique_by_grain,
    is_zero,
    rows_of,
)
from ai_finops.quality.trailing import WATCHED_DAY_COUNT

_CALLS_BY_DAY = """
with landed_spans as (
    select trace_id, operation_name, started_at from raw.traces_spans
    union all
    select trace_id, operation_name, started_at from raw.xray_spans_spans
),
call_spans as (
    select trace_id, cast(started_at as date) as usage_date
    from landed_spans
    where
        operation_name in ('chat', 'text_completion', 'generate_content', 'embeddings', 'rerank')
        and cast(started_at as date) < $as_of_date
    union all
    -- A log tells of a call without a trace.
    select null as trace_id, cast(invoked_at as date) as usage_date
    from raw.bedrock_logs_invocations
    where cast(invoked_at as date) < $as_of_date
),
traces_with_call as (
    -- A call may be spoken for by a span of another trace.
    select distinct settled.trace_id
    from intermediate.int_llm_call_candidates_settled as settled
    semi join marts.fct_llm_calls using (call_id)
    where settled.trace_id is not null
),
spans as (
    select
        usage_date,
        count(*) as span_count,
        count(distinct trace_id) filter (trace_id not in (select trace_id from traces_with_call)) as lost_trace_count
    from call_spans
    group by all
),
repeated as (
    select first_date as usage_date, sum(extra_count) as repeated_call_count
    from (
        select min(usage_date) as first_date, count(*) - 1 as extra_count
        from marts.fct_llm_calls group by call_id having count(*) > 1
    )
    group by all
),
calls as (
    select
        usage_date,
        count(*) as call_count,
        count(*) filter (call_id is null) as unnamed_call_count,
        count(*) filter (
            cost_reason is null
            and (
                estimated_cost_usd is null
                or (estimated_cost_usd = 0 and coalesce(input_tokens, 0) + coalesce(output_tokens, 0) > 0)
            )
        ) as unexplained_cost_count,
        count(*) filter (cost_reason is not null and estimated_cost_usd is not null) as contradicted_reason_count,
        count(*) filter (
            coalesce(feature_id, 'unattributed') = 'unattributed' and feature_reason is null
        ) as unexplained_feature_count,
        count(*) filter (estimated_cost_usd < 0) as negative_cost_count,
        count(*) filter (
            least(
                uncached_input_tokens, cache_read_input_tokens, cache_write_5m_input_tokens, cache_write_1h_input_tokens,
                output_tokens, input_tokens
            ) < 0
        ) as negative_token_count,
        count(*) filter (
            input_tokens <> coalesce(uncached_input_tokens, 0) + coalesce(cache_read_input_tokens, 0)
            + coalesce(cache_write_5m_input_tokens, 0) + coalesce(cache_write_1h_input_tokens, 0)
        ) as broken_token_count,
        count(*) filter (usage_date is distinct from cast(started_at as date)) as shifted_call_count
    from marts.fct_llm_calls
    group by usage_date
)
select
    usage_date,
    coalesce(span_count, 0) - coalesce(call_count, 0) as span_without_call_count,
    coalesce(lost_trace_count, 0) as lost_trace_count,
    coalesce(repeated_call_count, 0) as repeated_call_count,
    unnamed_call_count, unexplained_cost_count, contradicted_reason_count, unexplained_feature_count,
    negative_cost_count, negative_token_count, broken_token_count, shifted_call_count
from spans full join calls using (usage_date) left join repeated using (usage_date)
order by usage_date
"""

# What failed long ago was told of then, and stands in the mart; a day that nobody has data of yet is the build's own date.
_LANDED = f"""
select
    *,
    read_count - loaded_count - ignored_count - quarantined_count - duplicate_count as unaccounted_count,
    case
        when landing_date between $as_of_date - {WATCHED_DAY_COUNT} and $as_of_date then status
    end as newest_status
from marts.fct_daily_extract_outcomes
"""  # noqa: S608 - a number of our own


_UNPRICED_AGAINST_CALLS = """
with unpriced as (
    select usage_date, sum(call_count) as call_count from marts.fct_daily_unpriced_usage group by all
),
calls as (
    select usage_date, count(*) as call_count from marts.fct_llm_calls where cost_reason is not null group by all
)
select
    usage_date,
    coalesce(unpriced.call_count, 0) - coalesce(calls.call_count, 0) as difference_call_count
from unpriced full join calls using (usage_date)
order by usage_date
"""


def configure_llm_calls() -> list[Check]:
    """Calls by day, so that the check costs the same for a thousand calls a day and for a million."""
    mart = "fct_llm_calls"
    return [
        Check(mart, f"{mart}__columns", rows_of(mart, limit=0), (has_read_columns(mart),)),
        Check(
            mart,
            f"{mart}__by_day",
            _CALLS_BY_DAY,
            (
                *is_filled("usage_date", why="A call without a day is on no invoice."),
                is_zero(
                    "lost_trace_count",
                    why="A trace with call spans in the lake has a call in the mart.",
                    kind=Kind.SUMS,
                ),
                is_between(
                    "span_without_call_count",
                    0,
                    None,
                    why="A call comes from a span; more means doubled rows.",
                    kind=Kind.SUMS,
                ),
                is_zero("repeated_call_count", why="One call once: a repeated call_id is paid twice.", kind=Kind.GRAIN),
                is_zero("unnamed_call_count", why="The grain is call_id.", kind=Kind.GRAIN),
                is_zero("unexplained_cost_count", why="Unknown stays unknown: no cost needs a reason, never 0."),
                is_zero("contradicted_reason_count", why="A reason for no cost beside a cost is a contradiction."),
                is_zero("unexplained_feature_count", why="A call without a feature says why."),
                is_zero("negative_cost_count", why="Tokens times price is never negative."),
                is_zero("negative_token_count", why="Tokens are counted."),
                is_zero(
                    "broken_token_count", why="Input is what was cached, what was written to a cache, and the rest."
                ),
                is_zero("shifted_call_count", why="A call is on the UTC day on which it started."),
            ),
        ),
    ]


def configure_unpriced_usage() -> list[Check]:
    """Usage without a price is listed with its reason."""
    mart = "fct_daily_unpriced_usage"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("usage_date", "cost_reason", "call_count", why="Unknown stays unknown, and says why."),
                is_between("call_count", 1, None, why="A row stands for calls."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_calls",
            _UNPRICED_AGAINST_CALLS,
            (is_zero("difference_call_count", why="Each call without a cost is listed, and no other."),),
        ),
    ]


def configure_instrumentation_gaps() -> list[Check]:
    """Calls whose usage nobody said are listed with their library, model and reason."""
    mart = "fct_daily_instrumentation_gaps"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("usage_date", "reason", "call_count", why="A gap says where it is and why."),
                is_between("call_count", 1, None, why="A row stands for calls or for spans that hide them."),
            ),
        )
    ]


def configure_unmapped_attributes() -> list[Check]:
    """Attribute names that nobody mapped are counted by name."""
    mart = "fct_daily_unmapped_attributes"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                is_between("span_count", 1, None, why="A name is listed because spans carry it."),
            ),
        )
    ]


def configure_extract_outcomes() -> list[Check]:
    """Every landing is accounted for."""
    mart = "fct_daily_extract_outcomes"
    return [
        Check(
            mart,
            mart,
            _LANDED,
            (
                has_read_columns(mart),
                has_rows(why="A build is made of landings."),
                is_unique_by_grain(mart),
                is_zero("unaccounted_count", why="Read is loaded, ignored, quarantined or duplicate.", kind=Kind.SUMS),
                is_one_of("status", "loaded", "empty", "missing", "failed", "expired", why="Known endings."),
                is_one_of(
                    "newest_status",
                    "loaded",
                    "empty",
                    why="A source that is missing or failed is news for three days.",
                    severity=Severity.WARN,
                ),
            ),
        )
    ]
