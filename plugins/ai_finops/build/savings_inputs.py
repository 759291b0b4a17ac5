"""What the levers read of calls and queries, summed in the warehouse: only of days that a date of issue looks back on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from ai_finops.analyse.levers.call_sums import KEYS, TOKENS
from ai_finops.errors import BuildError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_FOUND = {
    "task_type": "if(calls.task_type = 'unknown', coalesce(found.task_type, 'unknown'), calls.task_type) as task_type",
    # No left join: beside one on an empty table, DuckDB 2.0.0 cuts sums to 8 bits when it sorts them (decision 0002).
    "is_sent_on": """calls.call_id in (
            select call_id from intermediate.int_routed_calls_found where is_sent_on and usage_date >= $first - 7
        ) as is_sent_on""",
}
_KEYS = ", ".join(_FOUND.get(key, f"calls.{key}") for key in KEYS)
_CALLS = f"""
    select {_KEYS}, count(*) as call_count, {", ".join(f"sum({name})::bigint as {name}" for name in TOKENS)},
        sum(estimated_cost_usd) as estimated_cost_usd, sum(allocated_cost_usd) as allocated_cost_usd,
        sum(estimated_cost_usd) filter (where cost_status = 'billed') as billed_estimated_cost_usd,
        sum(allocated_cost_usd) filter (where cost_status = 'billed') as billed_allocated_cost_usd
    from marts.fct_llm_calls as calls
    left join intermediate.int_task_types_found as found using (feature_id, pipeline_id, operation_name)
    where estimated_cost_usd is not null and calls.usage_date >= $first and list_contains($days, calls.usage_date)
    group by all order by all"""  # noqa: S608 - names of our own
"""Calls without a price are left out: what they would cost elsewhere could be held against nothing. A call that says no task
type has the one that `routing analyze` found for its kind."""

_QUERIES = """
    with costs as (
        select links.trace_id, links.span_id, links.feature_id, sum(calls.allocated_cost_usd) as allocated_cost_usd
        from raw.analysis_query_calls as links inner join marts.fct_llm_calls as calls using (call_id)
        where links.usage_date >= $first and calls.usage_date >= $first - 7 group by all
    )
    select usage_date, feature_id, coalesce(embedder_id, 'none') as embedder_id,
        coalesce(reached_similarity, 0) as reached_similarity, is_compared, is_repeat, count(*) as query_count,
        sum(coalesce(costs.allocated_cost_usd, 0)) as allocated_cost_usd
    from raw.analysis_queries left join costs using (trace_id, span_id, feature_id)
    where is_repeat is not null and usage_date >= $first and list_contains($days, usage_date)
    group by all order by all"""

_ESCALATIONS = """
    select usage_date, feature_id, task_type, first_model_id as cheap_model_id,
        sum(escalatable_count - unknown_escalation_count)::bigint as answer_count,
        sum(escalated_count)::bigint as escalated_count
    from marts.fct_daily_routing_decisions
    where escalatable_count > 0 and usage_date >= $first and list_contains($days, usage_date)
    group by all order by all"""

_PREFIXES = """
    with answers as (
        select links.trace_id, links.span_id, links.feature_id, arg_min(
                {'provider_name': provider_name, 'region_scope': region_scope, 'processing': processing, 'model_id': model_id},
                (model_id, call_id)
            ) as answer,
            sum(coalesce(cache_read_input_tokens, 0)) as read_tokens,
            sum(coalesce(cache_write_5m_input_tokens, 0) + coalesce(cache_write_1h_input_tokens, 0)) as written_tokens,
            sum(calls.allocated_cost_usd) as allocated_cost_usd
        from raw.analysis_query_calls as links inner join marts.fct_llm_calls as calls using (call_id)
        where is_generating and links.usage_date >= $first and calls.usage_date >= $first - 7 group by all
    ),
    least as (
        select features.feature_id, coalesce(own.value, everyone.value) as tokens
        from (select distinct feature_id from raw.analysis_queries) as features
        left join seeds.lever_assumptions as own
            on own.feature_id = features.feature_id and own.assumption_name = 'prompt_cache_min_prefix_tokens'
        left join seeds.lever_assumptions as everyone
            on everyone.feature_id = '*' and everyone.assumption_name = 'prompt_cache_min_prefix_tokens'
    ),
    prompts as (
        select usage_date, feature_id, unnest(answer), least.tokens as least_tokens, prompt_block_tokens,
            if(reusable_5m_tokens >= least.tokens, reusable_5m_tokens, 0) as reusable_5m_tokens,
            if(reusable_1h_tokens >= least.tokens, reusable_1h_tokens, 0) as reusable_1h_tokens,
            read_tokens, written_tokens, allocated_cost_usd
        from raw.analysis_queries
        inner join answers using (trace_id, span_id, feature_id)
        inner join least using (feature_id)
        where prompt_block_tokens is not null and usage_date >= $first and list_contains($days, usage_date)
    )
    select usage_date, feature_id, provider_name, model_id, region_scope, processing, count(*) as prompt_count,
        count(*) filter (where prompt_block_tokens >= least_tokens) as long_prompt_count,
        sum(allocated_cost_usd) as allocated_cost_usd, sum(prompt_block_tokens)::bigint as prompt_block_tokens,
        sum(written_tokens)::bigint as written_tokens, {lifetimes}
    from prompts group by all order by all"""

_LIFETIME = """
        count(*) filter (where reusable_{0}_tokens > 0) as reused_{0}_count,
        sum(reusable_{0}_tokens)::bigint as reusable_{0}_tokens,
        sum(greatest(reusable_{0}_tokens - read_tokens, 0))::bigint as unread_{0}_tokens,
        sum(greatest(prompt_block_tokens - greatest(reusable_{0}_tokens, read_tokens) - written_tokens, 0)) filter (
            where prompt_block_tokens >= least_tokens
        )::bigint as unwritten_{0}_tokens"""


def read_inputs(warehouse: duckdb.DuckDBPyConnection, *, days: Sequence[date]) -> dict[str, pa.Table]:
    """Sum calls, compared queries and prompts of `days`.

    Args:
        warehouse: A candidate after phase 1 in which queries have been measured.
    Returns:
        `call_sums`, `query_bands`, `escalations` (what routers logged) and `prompt_prefixes`, in a fixed order.
    Raises:
        BuildError: What phase 1 or the measuring of queries makes is not there; names it.
    """
    import duckdb

    # The first day by itself, because a scan skips older days by it; calls of a query begin at most some days before it.
    params = {"days": list(days), "first": min(days, default=date.max)}
    queries = {
        "call_sums": _CALLS,
        "query_bands": _QUERIES,
        "escalations": _ESCALATIONS,
        "prompt_prefixes": _PREFIXES.replace("{lifetimes}", ",".join(map(_LIFETIME.format, ("5m", "1h")))),
    }
    tables = {}
    for name, query in queries.items():
        try:
            tables[name] = warehouse.sql(query, params=params).to_arrow_table()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise BuildError(f"the savings need {name}, which cannot be read from the warehouse: {reason}") from error
    return tables
