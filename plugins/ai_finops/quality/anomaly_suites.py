"""What must hold of baselines, anomalies and what drove them."""

from __future__ import annotations

from ai_finops.quality.gx import Check
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

_BASELINES = """
select
    *,
    cast(
        (status in ('normal', 'spike', 'new_spend', 'step')) <> (excess_cost_usd is not null)
        or is_anomaly <> (status in ('spike', 'new_spend', 'step'))
        or is_anomaly and excess_cost_usd <= 0
        or excess_cost_usd is distinct from allocated_cost_usd - baseline_cost_usd
    as integer) as broken_verdict_count
from marts.fct_daily_cost_baselines
"""

_BASELINES_AGAINST_COSTS = """
with costs as (
    select usage_date, feature_id, allocated_cost_usd from marts.fct_daily_feature_costs
    union all
    select usage_date, 'total', sum(allocated_cost_usd) from marts.fct_daily_feature_costs group by usage_date
)
select
    usage_date,
    feature_id,
    cast((baselines.allocated_cost_usd - coalesce(costs.allocated_cost_usd, 0)) * 1000000 as bigint)
        as difference_micro_usd
from marts.fct_daily_cost_baselines as baselines left join costs using (usage_date, feature_id)
where baselines.allocated_cost_usd is not null
order by usage_date, feature_id
"""

_ANOMALIES = """
select
    coalesce(anomalies.usage_date, baselines.usage_date) as usage_date,
    coalesce(anomalies.feature_id, baselines.feature_id) as feature_id,
    anomalies.* exclude (usage_date, feature_id),
    cast(
        anomalies.excess_cost_usd is distinct from baselines.excess_cost_usd
        or anomalies.status is distinct from baselines.status
    as integer) as other_verdict_count
from marts.fct_cost_anomalies as anomalies
full join (from marts.fct_daily_cost_baselines where is_anomaly) as baselines using (usage_date, feature_id)
order by usage_date, feature_id
"""

_DRIVERS_BY_DAY = """
with drivers as (
    select usage_date, feature_id, sum(contribution_cost_usd) as explained_cost_usd
    from marts.fct_cost_anomaly_drivers group by all
)
select
    usage_date,
    feature_id,
    cast((coalesce(explained_cost_usd, 0) - coalesce(excess_cost_usd, 0)) * 1000000 as bigint) as unexplained_micro_usd
from marts.fct_cost_anomalies full join drivers using (usage_date, feature_id)
order by usage_date, feature_id
"""


def configure_baselines() -> list[Check]:
    """Each covered day of a feature has a verdict, and says what it is made of."""
    mart = "fct_daily_cost_baselines"
    return [
        Check(
            mart,
            mart,
            _BASELINES,
            (
                has_read_columns(mart),
                has_rows(why="Days are covered, so there are verdicts."),
                is_unique_by_grain(mart),
                *is_filled(
                    "baseline_kind", "status", "baseline_day_count", "is_anomaly", why="What was judged, and how."
                ),
                is_one_of(
                    "status",
                    *("normal", "spike", "new_spend", "step", "insufficient_history", "cost_not_known"),
                    why="Known verdicts.",
                ),
                is_zero("broken_verdict_count", why="Excess is cost less baseline, and an anomaly is one above it."),
                is_between("baseline_day_count", 0, None, why="A count."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_costs",
            _BASELINES_AGAINST_COSTS,
            (is_zero("difference_micro_usd", why="What is judged is what the feature cost that day."),),
        ),
    ]


def configure_anomalies() -> list[Check]:
    """An alert is of a day that the verdict says stands out, and has somebody who answers for it."""
    mart = "fct_cost_anomalies"
    return [
        Check(
            mart,
            mart,
            _ANOMALIES,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("alert_id", "owner", why="Which alert, and whose."),
                is_zero(
                    "other_verdict_count",
                    why="Each anomaly of fct_daily_cost_baselines is an alert, and no other day is.",
                    kind=Kind.REFERENCES,
                ),
            ),
        )
    ]


def configure_anomaly_drivers() -> list[Check]:
    """What drove an anomaly adds up to its excess."""
    mart = "fct_cost_anomaly_drivers"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("driver", "detail", "contribution_cost_usd", why="What drove it, by how much."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_excess",
            _DRIVERS_BY_DAY,
            (is_zero("unexplained_micro_usd", why="The parts add up to the excess over the baseline exactly."),),
        ),
    ]
