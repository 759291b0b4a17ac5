"""Units and currencies gone wrong: rates of the bill against the price table, and prices of a token against the weeks before.

Only what no business does stops a build. A token may become free or cease to be: a free tier is used up, a credit cancels a
line, a batch of cache hits becomes answers on demand. So a rate is only ever too high, and a price is held against days that
were paid for and against the list price too, where there is one.
"""

from __future__ import annotations

from ai_finops.quality.trailing import SMALLEST_BASE_DAY_COUNT, TRAILING_DAY_COUNT, first_watched

WRONG_UNIT_RATIO = 50
"""No premium is as large: cents, another currency, or a price per token instead of per million."""
SMALLEST_WRONG_UNIT_COST_USD = 1

_BY_CELL = """
select string_agg(
    format('{{}} {{}} {{}}: billed ${{:.6g}} where the price is ${{:.6g}}', usage_date, model_id, token_class,
        cast(billed_usd_per_unit as double), cast(price_usd_per_unit as double)),
    '; ' order by usage_date, model_id, token_class, region_scope, processing
)
from marts.fct_daily_price_differences as cells
where
    billed_usd_per_unit > 0 and price_usd_per_unit > 0 and usage_date >= {first_day}
    and greatest(billed_cost_usd, billed_cost_usd - difference_cost_usd) >= {smallest_cost_usd}
    and {is_off}
"""


def wrong_units() -> str:
    """Return the query for rates of the bill, of the last four weeks, that are more than 50 times the price."""
    return _BY_CELL.format(
        first_day=f"$as_of_date - {TRAILING_DAY_COUNT}",
        smallest_cost_usd=SMALLEST_WRONG_UNIT_COST_USD,
        is_off=f"billed_usd_per_unit > {WRONG_UNIT_RATIO} * price_usd_per_unit",
    )


def far_below_price() -> str:
    """Return the query for rates of the newest days that are less than a fiftieth of the price, unless they were so before.

    What costs nothing has no rate to be wrong.
    """
    first_day = first_watched("marts.fct_daily_price_differences", day="usage_date")
    is_low = f"billed_usd_per_unit * {WRONG_UNIT_RATIO} < price_usd_per_unit"
    is_new = f"""not exists (
        from marts.fct_daily_price_differences as earlier
        where
            usage_date >= $as_of_date - {TRAILING_DAY_COUNT} and usage_date < {first_day} and {is_low}
            and earlier.provider_name = cells.provider_name and earlier.billing_account_id = cells.billing_account_id
            and earlier.model_id = cells.model_id and earlier.token_class = cells.token_class
    )"""
    return _BY_CELL.format(
        first_day=first_day, smallest_cost_usd=SMALLEST_WRONG_UNIT_COST_USD, is_off=f"{is_low} and {is_new}"
    )


TOKEN_PRICE_RATIO = 50
"""Times the median price of a token."""
SMALLEST_COST_RATIO, SMALLEST_LIST_PRICE_RATIO = 5, 5
"""A token is dear in earnest only where the model's day is, too (else tokens got lost), and dearer than by the price table."""
SMALLEST_TOKEN_COUNT = 100_000
"""Tokens of a day from which a price of one says something."""

# A day that costs nothing is no base. Tokens whose cost is not known are on neither side.
_DEAR_DAYS = """
with sums as (
    select
        usage_date as day, model_id as what, sum(cast(allocated_cost_usd as double)) as cost_usd,
        sum(input_tokens + output_tokens) - sum(unknown_cost_tokens) as tokens,
        sum(cast(estimated_cost_usd as double)) / nullif(
            sum(input_tokens + output_tokens) filter (estimated_cost_usd is not null), 0
        ) as list_price
    from marts.fct_daily_allocated_costs where charge_category = 'usage' group by all
),
values_by_day as (
    select *, cost_usd / tokens as price from sums where tokens >= {smallest_token_count} and cost_usd > 0
),
judged as (
    select
        now.day, now.what, now.price, now.cost_usd, now.list_price,
        median(earlier.price) as base, median(earlier.cost_usd) as base_cost_usd, count(earlier.price) as base_day_count
    from values_by_day as now left join values_by_day as earlier
        on earlier.what = now.what
        and earlier.day between now.day - {trailing_day_count} and now.day - 1
        and (isodow(earlier.day) > 5) = (isodow(now.day) > 5)
    where now.day >= {first_watched}
    group by all
)
select string_agg(
    format('{{}} {{}}: {{:.6g}} USD a token, median of {{}} days before {{:.6g}}', day, what, price, base_day_count, base),
    '; ' order by day, what
)
from judged
where
    base_day_count >= {smallest_base_day_count} and price > {ratio} * base
    and cost_usd > {smallest_cost_ratio} * base_cost_usd
    and price > {smallest_list_price_ratio} * coalesce(list_price, 0)
"""


def token_price_off() -> str:
    """Return the query for models of whose tokens one is more than 50 times as dear as on the days of its kind before."""
    return _DEAR_DAYS.format(
        smallest_token_count=SMALLEST_TOKEN_COUNT,
        trailing_day_count=TRAILING_DAY_COUNT,
        smallest_base_day_count=SMALLEST_BASE_DAY_COUNT,
        first_watched=first_watched("values_by_day", day="day"),
        ratio=TOKEN_PRICE_RATIO,
        smallest_cost_ratio=SMALLEST_COST_RATIO,
        smallest_list_price_ratio=SMALLEST_LIST_PRICE_RATIO,
    )
