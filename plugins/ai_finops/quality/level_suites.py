"""What must hold of the levels of cost: each is the allocated costs seen from one side, and loses nothing of them."""

from __future__ import annotations

from ai_finops.build.marts import MARTS
from ai_finops.quality.gx import Check, Severity, expectations
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

_USAGE = "charge_category = 'usage'"
_LEVELS = {
    "rpt_daily_api_costs": ("allocated_cost_usd", "true"),
    "rpt_daily_service_costs": ("allocated_cost_usd", _USAGE),
    "rpt_daily_pipeline_costs": ("allocated_cost_usd", _USAGE),
    "fct_monthly_feature_costs": ("allocated_cost_usd", "true"),
    "rpt_feature_value": ("allocated_cost_usd", _USAGE),
    "rpt_instrumentation_coverage": ("billed_cost_usd", f"{_USAGE} and cost_status <> 'estimated'"),
}
"""Each level's cost, and the rows of the allocated costs that it is a view of."""

_SHARES = {"rpt_feature_value": ("request_share_ratio", "user_share_ratio", "named_call_ratio")}
_COST_SHARES = {
    "rpt_feature_value": ("cost_share_ratio",),
    "rpt_daily_pipeline_costs": ("pipeline_cost_share_ratio",),
    "rpt_instrumentation_coverage": ("traced_ratio",),
}

_AGAINST_ALLOCATED = """
with level as (
    select {period} as period_start_date, sum({cost}) as cost_usd, sum(request_count) as request_count
    from marts.{mart} group by all
),
allocated as (
    select
        cast(date_trunc('{unit}', usage_date) as date) as period_start_date,
        sum(allocated_cost_usd) as cost_usd,
        sum(request_count) as request_count
    from marts.fct_daily_allocated_costs where {rows} group by all
)
select
    period_start_date,
    cast((coalesce(level.cost_usd, 0) - coalesce(allocated.cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd,
    coalesce(level.request_count, 0) - coalesce(allocated.request_count, 0) as difference_request_count
from level full join allocated using (period_start_date)
order by period_start_date
"""


_JOURNEYS_AGAINST_CALLS = """
select
    (select coalesce(sum(request_count), 0) from marts.rpt_journey_costs)
    - (select count(*) from marts.fct_llm_calls) as difference_request_count
"""


# By kind of charge, a closed month with its corrections: the mart may differ by what rounding cells to micro-dollars took
# away, which the reconciliation keeps.
_FOCUS_AGAINST_BILL = """
with focus as (
    select x_ChargeKind as charge_category, sum(x_BilledCostUsd) as cost_usd from marts.rpt_focus_costs group by all
),
bill as (
    select
        coalesce(corrected_charge_category, charge_category) as charge_category,
        sum(billed_cost_usd + rounding_cost_usd) as cost_usd
    from marts.fct_daily_reconciliations where billed_cost_usd is not null group by all
)
select
    charge_category,
    cast((coalesce(focus.cost_usd, 0) - coalesce(bill.cost_usd, 0)) * 1000000000000 as bigint) as difference_pico_usd
from focus full join bill using (charge_category)
order by charge_category
"""


def configure_focus_costs() -> list[Check]:
    """The FOCUS export: its columns, its key, nothing estimated in it, and that it is the bill."""
    mart = "rpt_focus_costs"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                is_one_of(
                    "ChargeCategory",
                    *("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
                    why="The categories of the specification.",
                ),
                is_one_of("x_CostStatus", "billed", "final", why="An estimate is no charge."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_bill",
            _FOCUS_AGAINST_BILL,
            (is_zero("difference_pico_usd", why="The bill, in other columns."),),
        ),
    ]


def configure_levels() -> list[Check]:
    """Each level of cost: its columns, its grain, and that it adds up to the allocated costs."""
    return [check for mart, (cost, rows) in _LEVELS.items() for check in _configure(mart, cost=cost, rows=rows)]


def configure_journeys() -> list[Check]:
    """Journeys: every call is in one."""
    mart = "rpt_journey_costs"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled(
                    "start_month", "journey_name", "entry_feature_id", why="What began, when, and with which feature."
                ),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_calls",
            _JOURNEYS_AGAINST_CALLS,
            (is_zero("difference_request_count", why="Each call is in one journey."),),
        ),
    ]


def _configure(mart: str, *, cost: str, rows: str) -> list[Check]:
    period = MARTS[mart].grain[0]
    against = _AGAINST_ALLOCATED.format(
        mart=mart, cost=cost, rows=rows, period=period, unit="month" if period == "usage_month" else "day"
    )
    is_there = () if mart == "rpt_instrumentation_coverage" else (has_rows(why="Somebody called or was billed."),)
    return [
        Check(mart, mart, _rows(mart), (has_read_columns(mart), *is_there, is_unique_by_grain(mart), *_values(mart))),
        Check(
            mart,
            f"{mart}__against_allocated",
            against,
            (
                is_zero("difference_micro_usd", why="The same cost, seen from another side."),
                is_zero("difference_request_count", why="The same calls, seen from another side."),
            ),
        ),
    ]


def _rows(mart: str) -> str:
    """Return the query for the rows of a level, with the shares of cost that are news: of the last two months."""
    period = MARTS[mart].grain[0]
    is_news = f"{period} >= date_trunc('month', $as_of_date) - interval 1 month"
    shares = [f", if({is_news}, {column}, null) as newest_{column}" for column in _COST_SHARES.get(mart, ())]
    return f"select *{''.join(shares)} from marts.{mart}"  # noqa: S608 - names of our own


def _values(mart: str) -> list[expectations.Expectation]:
    """What the columns of a level may say."""
    return [
        *([] if mart == "rpt_instrumentation_coverage" else [is_between("request_count", 0, None, why="A count.")]),
        *(is_between(column, 0, 1, why="A share.") for column in _SHARES.get(mart, ())),
        # A refund or a correction among the usage can make another's part more than the whole.
        *(
            is_between(f"newest_{column}", 0, 1, why="A share.", severity=Severity.WARN)
            for column in _COST_SHARES.get(mart, ())
        ),
        *([is_one_of("currency_code", "USD", why="Bills are converted before.")] if "monthly" in mart else []),
    ]
