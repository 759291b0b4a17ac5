"""What must hold of scenarios of projections, of planned features and of budgets."""

from __future__ import annotations

from ai_finops.quality.gx import Check
from ai_finops.quality.rules import has_read_columns, is_between, is_filled, is_one_of, is_unique_by_grain, is_zero

_SCENARIOS = """
with as_is as (
    select as_of_date, feature_id, target_period, target_date, projected_cost_usd
    from marts.fct_cost_projections where scenario = 'as_is'
)
select
    others.as_of_date, others.feature_id, others.target_period, others.target_date, others.scenario,
    cast(others.is_backcast as integer) as backcast_count,
    cast(
        case others.scenario
            when 'with_planned_features' then others.projected_cost_usd < as_is.projected_cost_usd
            else others.projected_cost_usd > as_is.projected_cost_usd
        end
    as integer) as wrong_way_count
from marts.fct_cost_projections as others
left join as_is using (as_of_date, feature_id, target_period, target_date)
where others.scenario <> 'as_is'
"""

# Both say what the month of the build has cost so far. What earlier builds said stands, though the bill has settled since.
_AGAINST_COSTS = """
with costs as (
    select coalesce(feature_id, 'total') as feature_id, sum(allocated_cost_usd) as cost_usd
    from marts.fct_daily_feature_costs
    where usage_date >= date_trunc('month', $as_of_date) and usage_date < $as_of_date
    group by grouping sets ((feature_id), ())
)
select
    feature_id,
    cast((actual_cost_usd - coalesce(cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd
from marts.{mart} left join costs using (feature_id)
where as_of_date = $as_of_date and month_number = 0 and actual_cost_usd is not null
order by feature_id
"""

_PLANS = """
select
    *,
    cast((realised_multiplier is null) = (realised_status = 'measured') as integer) as unexplained_multiplier_count,
    cast((plan_status = 'applied') <> (extra_cost_usd is not null) as integer) as unexplained_extra_count
from marts.rpt_planned_features
"""

_BUDGETS = """
select
    *,
    cast(
        coalesce(low_cost_usd > projected_cost_usd or high_cost_usd < projected_cost_usd, false)
        or coalesce(earliest_exceeded_date > exceeded_date or exceeded_date > latest_exceeded_date, false)
    as integer) as broken_range_count,
    cast(
        case status
            when 'exceeded' then coalesce(actual_cost_usd <= budget_cost_usd, true)
            when 'will_be_exceeded' then exceeded_date is null
            when 'may_be_exceeded' then earliest_exceeded_date is null or exceeded_date is not null
            when 'within' then high_cost_usd is null or high_cost_usd > budget_cost_usd
            else projected_cost_usd is not null
        end
    as integer) as unexplained_status_count
from marts.rpt_budgets
"""


def configure_scenarios() -> list[Check]:
    """Plans cost more and decisions less, only builds of a date know what was planned on it, and what is spent is no guess."""
    return [
        Check(
            "fct_cost_projections",
            "fct_cost_projections__scenarios",
            _SCENARIOS,
            (
                is_zero("backcast_count", why="What was planned on a day is not known later."),
                is_zero("wrong_way_count", why="Plans add to what runs today, and decisions take off it."),
            ),
        ),
        _against_costs("fct_cost_projections"),
    ]


def configure_planned_features() -> list[Check]:
    """A plan says whether it is applied, and what came of it or why that is not known."""
    mart = "rpt_planned_features"
    return [
        Check(
            mart,
            mart,
            _PLANS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled(
                    "feature_id", "pipeline_id", "plan_status", "realised_status", why="Whose plan, and how far."
                ),
                is_between("assumed_multiplier", 1, None, why="A plan adds."),
                is_zero("unexplained_multiplier_count", why="A multiplier is measured, or a status says why not."),
                is_zero("unexplained_extra_count", why="What is applied has a cost, and nothing else has."),
            ),
        )
    ]


def configure_budgets() -> list[Check]:
    """A budget's status is what its figures say."""
    mart = "rpt_budgets"
    return [
        Check(
            mart,
            mart,
            _BUDGETS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("feature_id", "budget_month", "owner", why="Whose budget, and of which month."),
                is_one_of(
                    "status",
                    *("exceeded", "will_be_exceeded", "may_be_exceeded", "within"),
                    *("no_cost_known", "insufficient_history"),
                    why="Known states.",
                ),
                is_between("budget_cost_usd", 0.000001, None, why="A budget of nothing is none."),
                is_zero("broken_range_count", why="The figure and the day lie in their ranges."),
                is_zero("unexplained_status_count", why="A status is what the figures say."),
            ),
        ),
        _against_costs(mart),
    ]


def _against_costs(mart: str) -> Check:
    return Check(
        mart,
        f"{mart}__against_costs",
        _AGAINST_COSTS.format(mart=mart),
        (is_zero("difference_micro_usd", why="What is spent of the month is what its days cost, where it is known."),),
    )
