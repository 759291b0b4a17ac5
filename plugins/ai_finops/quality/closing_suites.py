"""What must hold of closed months: what is read otherwise by now is listed, and every dollar of it stands in an open month."""

from __future__ import annotations

from ai_finops.quality.gx import Check
from ai_finops.quality.rules import has_read_columns, is_unique_by_grain, is_zero, rows_of

_AGAINST_CORRECTIONS = """
with restated as (
    select usage_month, provider_name, billing_account_id, sum(allocated_cost_difference_usd) as difference_usd
    from marts.fct_monthly_cost_restatements group by all
),
corrected as (
    select corrected_month as usage_month, provider_name, billing_account_id, sum(allocated_cost_usd) as corrected_usd
    from marts.fct_daily_allocated_costs where corrected_month is not null group by all
),
frozen as (
    select usage_month, provider_name, billing_account_id from raw.closed_periods where is_frozen
)
select
    usage_month, provider_name, billing_account_id,
    cast((coalesce(difference_usd, 0) - coalesce(corrected_usd, 0)) * 1000000 as bigint) as difference_micro_usd
from frozen left join restated using (usage_month, provider_name, billing_account_id)
left join corrected using (usage_month, provider_name, billing_account_id)
order by all
"""

_MONTHS_AGAINST_CLOSED = """
with stands as (
    select provider_name, billing_account_id, usage_month, feature_id, sum(allocated_cost_usd) as cost_usd
    from marts.fct_monthly_feature_costs where is_closed and corrected_month is null group by all
),
closed as (
    select
        closed_costs.provider_name, closed_costs.billing_account_id,
        cast(date_trunc('month', closed_costs.usage_date) as date) as usage_month, closed_costs.feature_id,
        sum(closed_costs.allocated_cost_usd) as cost_usd
    from raw.closed_fct_daily_allocated_costs as closed_costs semi join raw.closed_periods as frozen
        on frozen.is_frozen and frozen.provider_name = closed_costs.provider_name
        and frozen.billing_account_id = closed_costs.billing_account_id
        and frozen.usage_month = date_trunc('month', closed_costs.usage_date)
    where closed_costs.corrected_month is null
    group by all
),
frozen as (
    select provider_name, billing_account_id, usage_month from raw.closed_periods where is_frozen
)
select
    usage_month, billing_account_id, feature_id,
    cast((coalesce(stands.cost_usd, 0) - coalesce(closed.cost_usd, 0)) * 1000000 as bigint) as moved_micro_usd
from stands full join closed using (provider_name, billing_account_id, usage_month, feature_id)
semi join frozen using (provider_name, billing_account_id, usage_month)
order by all
"""


def configure_restatements() -> list[Check]:
    """Restatements of closed months: listed once each, and booked."""
    mart = "fct_monthly_cost_restatements"
    return [
        Check(mart, mart, rows_of(mart), (has_read_columns(mart), is_unique_by_grain(mart))),
        Check(
            mart,
            f"{mart}__against_corrections",
            _AGAINST_CORRECTIONS,
            (
                is_zero(
                    "difference_micro_usd",
                    why="What a closed month has too little or too much is a correction elsewhere.",
                ),
            ),
        ),
        Check(
            "fct_monthly_feature_costs",
            "fct_monthly_feature_costs__against_closed",
            _MONTHS_AGAINST_CLOSED,
            (is_zero("moved_micro_usd", why="A closed month is what it was closed as, feature by feature."),),
        ),
    ]
