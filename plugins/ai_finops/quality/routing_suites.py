"""What must hold of what the router decided."""

from __future__ import annotations

from ai_finops.quality.gx import Check
from ai_finops.quality.rules import has_read_columns, is_between, is_filled, is_unique_by_grain, is_zero

_DECISIONS = """
select
    *,
    cast(
        escalatable_count > decision_count
        or escalated_count + unknown_escalation_count > escalatable_count
        or greatest(fallback_count, unknown_cost_count, unknown_attempt_count) > decision_count
    as integer) as impossible_count,
    cast(
        (saved_cost_usd is null) <> (unknown_cost_count = decision_count)
        or saved_cost_usd <> capable_cost_usd - estimated_cost_usd
    as integer) as broken_saving_count
from marts.fct_daily_routing_decisions
"""

_AGAINST_SPANS = """
with decisions as (
    select cast(started_at as date) as usage_date, count(distinct (trace_id, span_id)) as span_count
    from (
        select trace_id, span_id, started_at, operation_name from raw.traces_spans
        union all
        select trace_id, span_id, started_at, operation_name from raw.xray_spans_spans
    )
    where operation_name = 'routing' and cast(started_at as date) < $as_of_date
    group by all
),
counted as (
    select usage_date, cast(sum(decision_count) as bigint) as decision_count from marts.fct_daily_routing_decisions group by all
)
select usage_date, coalesce(span_count, 0) - coalesce(decision_count, 0) as lost_decision_count
from decisions full join counted using (usage_date)
order by usage_date
"""


def configure_routing_decisions() -> list[Check]:
    """Each decision in the lake is counted once, and its saving is what its two costs say."""
    mart = "fct_daily_routing_decisions"
    return [
        Check(
            mart,
            mart,
            _DECISIONS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("usage_date", "feature_id", "decision_count", why="Who asked how often, and when."),
                is_between("decision_count", 1, None, why="A row stands for decisions."),
                is_zero("impossible_count", why="A part of the decisions is never more than all."),
                is_zero(
                    "broken_saving_count", why="A saving is the difference of two known costs, and unknown is not 0."
                ),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_spans",
            _AGAINST_SPANS,
            (is_zero("lost_decision_count", why="A decision that landed, on however many days, is counted once."),),
        ),
    ]
