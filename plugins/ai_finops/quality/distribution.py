"""Costs far out of what costs have been: queries for the outliers of the newest days, and for shapes that have changed."""

from __future__ import annotations

from ai_finops.quality.trailing import (
    OLDEST_WATCHED_AGE_DAYS,
    SMALLEST_BASE_DAY_COUNT,
    TRAILING_DAY_COUNT,
    first_watched,
)

OUTLIER_RATIO = 20
"""Times the dearest one of the trailing days; at the bound it is still in order."""

_OUTLIERS = """
with values_by_day as (
    select cast({day} as date) as day, cast({by} as varchar) as what, max(cast({cost} as double)) as dearest
    from {source} where {where} group by all
),
judged as (
    select now.day, now.what, now.dearest, max(earlier.dearest) as base, count(distinct earlier.day) as base_day_count
    from values_by_day as now left join values_by_day as earlier
        on earlier.what = now.what and earlier.day between now.day - {trailing_day_count} and now.day - 1
    where now.day >= {first_watched}
    group by now.day, now.what, now.dearest
)
select string_agg(
    format('{{}}{{}}: ${{:.2f}}, at most ${{:.2f}} on the days before', day, if(what = '', '', ' ' || what), dearest, base),
    '; ' order by day, what
)
from judged
where
    base_day_count >= {smallest_base_day_count} and dearest >= {smallest_cost_usd} and dearest > {outlier_ratio} * base
"""


def outliers(source: str, *, day: str, cost: str, by: str = "''", where: str = "true", smallest_cost_usd: float) -> str:
    """Return the query for days whose dearest row costs more than 20 times the dearest of the 28 days before.

    Args:
        source: Table to look at.
        day: Its column of days.
        cost: Its column of money, USD.
        by: Which rows are judged apart; none by default.
        where: Rows that count.
        smallest_cost_usd: Nothing is said of rows that cost less.
    """
    return _OUTLIERS.format(
        source=source,
        day=day,
        cost=cost,
        by=by,
        where=where,
        smallest_cost_usd=smallest_cost_usd,
        trailing_day_count=TRAILING_DAY_COUNT,
        first_watched=first_watched("values_by_day", day="day"),
        smallest_base_day_count=SMALLEST_BASE_DAY_COUNT,
        outlier_ratio=OUTLIER_RATIO,
    )


LARGEST_STABILITY_INDEX = 0.5
"""Textbooks call 0.25 a shift; the days of the sample differ from those before them by at most 0.16."""
SMALLEST_CALL_COUNT = 200
MOST_SHIFTED_DAYS, SHIFTED_DAY_COUNT = 3, 14
"""Days of the last two weeks on which a shift is news: then calls that moved to another model are how it is."""

# Cost in buckets of half a power of ten. A bucket that one side lacks counts as half a call there. The days of two weeks are
# held against those before them as the newest is, so that it is known how many of them had shifted.
_STABILITY = """
with buckets as (
    select
        usage_date as day, feature_id,
        coalesce(cast(floor(2 * log10(nullif(cast(estimated_cost_usd as double), 0))) as bigint), -99) as bucket,
        count(*) as call_count
    from marts.fct_llm_calls
    where
        estimated_cost_usd >= 0
        and usage_date >= $as_of_date - {oldest_age_days} - {shifted_day_count} - {trailing_day_count}
    group by all
),
newest as (select max(day) as day from buckets where day >= $as_of_date - {oldest_age_days}),
days as (select day, feature_id, sum(call_count) as call_count from buckets group by all),
judged_days as (
    select now.day, now.feature_id
    from days as now inner join days as earlier
        on earlier.feature_id = now.feature_id
        and earlier.day between now.day - {trailing_day_count} and now.day - 1
        and (isodow(earlier.day) > 5) = (isodow(now.day) > 5)
    where now.call_count >= {smallest_call_count} and now.day >= (select day from newest) - {shifted_day_count}
    group by now.day, now.feature_id
    having count(*) >= {smallest_base_day_count} and sum(earlier.call_count) >= {smallest_call_count}
),
sides as (
    select
        judged_days.day, judged_days.feature_id, buckets.bucket,
        coalesce(sum(buckets.call_count) filter (buckets.day = judged_days.day), 0) as now_count,
        coalesce(sum(buckets.call_count) filter (buckets.day < judged_days.day), 0) as before_count
    from judged_days inner join buckets
        on buckets.feature_id = judged_days.feature_id
        and buckets.day between judged_days.day - {trailing_day_count} and judged_days.day
        and (isodow(buckets.day) > 5) = (isodow(judged_days.day) > 5)
    group by all
),
shares as (
    select
        day, feature_id,
        greatest(now_count, 0.5) / sum(now_count) over (partition by day, feature_id) as now_share,
        greatest(before_count, 0.5) / sum(before_count) over (partition by day, feature_id) as before_share
    from sides
),
judged as (
    select day, feature_id, sum((now_share - before_share) * ln(now_share / before_share)) as stability_index
    from shares group by all
),
shifted as (
    select *, row_number() over (partition by feature_id order by day) as shifted_day_number from judged
    where stability_index > {largest_index}
)
select string_agg(
    format('{{}} {{}}: stability index {{:.2f}}', day, feature_id, stability_index), '; ' order by feature_id
)
from shifted semi join newest using (day) where shifted_day_number <= {most_shifted_days}
"""


def shifted_call_costs() -> str:
    """Return the query for features whose calls of the newest day cost otherwise than before, by population stability index.

    Before are the trailing days of its kind, workdays or weekends, three at least. Nothing is said of what has shifted on three
    days of the last two weeks already.
    """
    return _STABILITY.format(
        trailing_day_count=TRAILING_DAY_COUNT,
        oldest_age_days=OLDEST_WATCHED_AGE_DAYS,
        smallest_base_day_count=SMALLEST_BASE_DAY_COUNT,
        smallest_call_count=SMALLEST_CALL_COUNT,
        largest_index=LARGEST_STABILITY_INDEX,
        most_shifted_days=MOST_SHIFTED_DAYS,
        shifted_day_count=SHIFTED_DAY_COUNT,
    )


_BEYOND = """
with dearest as (
    select feature_id, max(allocated_cost_usd) as cost_usd from marts.fct_daily_feature_costs group by all
),
projected as (
    select feature_id, max(projected_cost_usd) as cost_usd from marts.fct_cost_projections
    where as_of_date = $as_of_date and scenario = 'as_is' and target_period = 'day' group by all
)
select string_agg(
    format('{{}}: ${{:.2f}} in a day, at most ${{:.2f}} so far', feature_id, cast(projected.cost_usd as double),
        cast(dearest.cost_usd as double)),
    '; ' order by feature_id
)
from projected inner join dearest using (feature_id)
where projected.cost_usd >= {smallest_cost_usd} and projected.cost_usd > {outlier_ratio} * dearest.cost_usd
"""


def beyond_the_dearest_day() -> str:
    """Return the query for features of which a day is projected at more than 20 times their dearest, and at $10 or more."""
    return _BEYOND.format(smallest_cost_usd=10, outlier_ratio=OUTLIER_RATIO)
