"""Whether a mart reaches as far as what it is made of, no further than its build, and skips nothing on the way."""

from __future__ import annotations

_BEHIND = """
with newest as (select max(cast({period} as date)) as period from marts.{mart}),
followed as (select max(cast(date_trunc('{unit}', {followed_column}) as date)) as period from marts.{followed})
select case
    when newest.period is null then format('no {unit} at all, {followed} has {{}}', followed.period)
    when newest.period < followed.period then format('ends with {{}}, {followed} with {{}}', newest.period, followed.period)
end
from newest, followed where followed.period is not null
"""
_AHEAD = """
select format('{{}}, and the build is as of {{}}', max(cast({period} as date)), $as_of_date)
from {source} having max(cast({period} as date)) >= $as_of_date
"""
# An attempt that got nothing does not move the build's date on: nobody has anything of that day yet, or it was mistyped.
LANDED = "(select * from marts.fct_daily_extract_outcomes where status = 'loaded' or loaded_count > 0)"
_NOT_OF_THE_BUILD = """
select format('newest {{}}, and the build is as of {{}}', coalesce(cast(max({period}) as varchar), 'none'), $as_of_date)
from marts.{mart} having max({period}) is distinct from $as_of_date
"""
_LOST = """
with periods as (select distinct cast({period} as date) as period from marts.{mart}),
followed as (select distinct cast(date_trunc('{unit}', {followed_column}) as date) as period from marts.{followed})
select string_agg(cast(period as varchar), ', ' order by period)
from followed anti join periods using (period)
where
    period between (select min(period) from periods) and (select max(period) from periods)
    and period >= (
        select coalesce(max(usage_month) + interval 1 month, date '1970-01-01') from raw.closed_periods where is_frozen
    )
"""
_SOURCES = """
with landed as (
    select source, max(landing_date) as newest_date
    from marts.fct_daily_extract_outcomes where landing_date < $as_of_date group by all
)
select string_agg(
    format('{{}} last ended on {{}}, {{}} days before the build', source, newest_date, age_days), '; ' order by source
)
from (select *, date_diff('day', newest_date, $as_of_date) as age_days from landed)
where {is_told}
"""
MOST_DAYS_WITHOUT_A_LANDING = 2
"""The day before the build is landed before it; a source may be a day late before anybody is told."""
MOST_DAYS_LATE = 14
"""What has stayed away for longer is switched off, as far as anybody can tell: that is said, and warned of no more."""


def behind(mart: str, *, period: str, unit: str, followed: str, followed_column: str) -> str:
    """Return the query for the newest period of a mart where it is older than that of the mart it is made of."""
    return _BEHIND.format(mart=mart, period=period, unit=unit, followed=followed, followed_column=followed_column)


def ahead(source: str, *, period: str) -> str:
    """Return the query for a period in a table that the build cannot know yet."""
    return _AHEAD.format(source=source, period=period)


def not_of_the_build(mart: str, *, period: str) -> str:
    """Return the query for the newest date of issue where it is another than the build's."""
    return _NOT_OF_THE_BUILD.format(mart=mart, period=period)


def lost_periods(mart: str, *, period: str, unit: str, followed: str, followed_column: str) -> str:
    """Return the query for periods, between its first and its last, that a mart lacks and the mart it is made of has.

    Those of closed months stand as they were closed, whatever came later.
    """
    return _LOST.format(mart=mart, period=period, unit=unit, followed=followed, followed_column=followed_column)


def late_sources() -> str:
    """Return the query for sources that have not ended a landing lately, well or badly."""
    return _SOURCES.format(is_told=f"age_days > {MOST_DAYS_WITHOUT_A_LANDING} and age_days <= {MOST_DAYS_LATE}")


def gone_sources() -> str:
    """Return the query for sources that have been late for so long that nobody waits for them."""
    return _SOURCES.format(is_told=f"age_days > {MOST_DAYS_LATE}")
