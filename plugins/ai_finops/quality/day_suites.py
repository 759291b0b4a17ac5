"""What must hold of the list of days, which trailing sums and comparisons with the week before are counted on."""

from __future__ import annotations

from ai_finops.quality.gx import Check
from ai_finops.quality.rules import has_read_columns, has_rows, is_unique_by_grain, is_zero

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

_AGAINST_COSTS = """
select usage_date, cast(dim_days.usage_date is null as integer) as unlisted_day_count
from (select distinct usage_date from marts.fct_daily_allocated_costs) as costs
left join marts.dim_days using (usage_date)
order by usage_date
"""


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
            (is_zero("unlisted_day_count", why="What was spent on a day that is not listed is in no trailing sum."),),
        ),
    ]
