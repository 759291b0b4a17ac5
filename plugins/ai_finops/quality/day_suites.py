"""What must hold of the list of days, which trailing sums and comparisons with the week before are counted on."""

from __future__ import annotations

from ai_finops.quality.gx import Check
from ai_finops.quality.rules import has_read_columns, has_rows, is_empty, is_unique_by_grain, is_zero

_DAYS = """
select
    *,
    coalesce(date_diff('day', lag(usage_date) over (order by usage_date), usage_date), 1) - 1 as skipped_day_count,
    cast(
        week_start_date <> cast(date_trunc('week', usage_date) as date)
        or usage_month <> cast(date_trunc('month', usage_date) as date)
    as integer) as misplaced_day_count
from marts.dim_days
"""

LISTED_DAY_COUNT = 100_000
"""Days that `dim_days` lists at most, back from the last one."""

_AGAINST_COSTS = f"""
with ends as (select min(usage_date) as first_date, max(usage_date) as last_date from marts.dim_days)
select
    usage_date,
    case
        when dim_days.usage_date is null and costs.usage_date <= last_date - {LISTED_DAY_COUNT} then format(
            '{{}} has costs and lies {LISTED_DAY_COUNT:,} days or more before {{}}; days are listed no further back',
            usage_date, last_date
        )
        when dim_days.usage_date is null
        then format('{{}} has costs and is not among the days from {{}} to {{}}', usage_date, first_date, last_date)
    end as unlisted_day
from (select distinct usage_date from marts.fct_daily_allocated_costs) as costs
left join marts.dim_days using (usage_date) cross join ends
order by usage_date
"""  # noqa: S608 - a number of our own


def configure_days() -> list[Check]:
    """Days follow each other without a gap, in their week and month, and each with a cost is one."""
    mart = "dim_days"
    return [
        Check(
            mart,
            mart,
            _DAYS,
            (
                has_read_columns(mart),
                has_rows(why="A build is of some days."),
                is_unique_by_grain(mart),
                is_zero("skipped_day_count", why="A gap would shift every comparison with a week before."),
                is_zero("misplaced_day_count", why="A day is of its own week and month."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_costs",
            _AGAINST_COSTS,
            (is_empty("unlisted_day", why="What was spent on a day that is not listed is in no trailing sum."),),
        ),
    ]
