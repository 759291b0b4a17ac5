"""Days on which nothing came although something always had: in a mart, and from a source.

A day is held against the five days of its kind before it, workdays or weekends: what rests at the weekend, or comes every
other day, is no dropped feed, and a workday without anything is news. Where nothing comes any more that is a warning for two
weeks, and from then on how things are, told beside the verdict.
"""

from __future__ import annotations

from ai_finops.quality.trailing import first_watched

STREAK_DAY_COUNT = 5
"""Days of its kind, one after the other, that had something before the silence; of workdays a week."""
MOST_WARNED_DAYS = 14
"""Days before the build on which a silence may have begun to be a warning still."""

_HOLES = """
with filled as (select distinct cast({day} as date) as day from marts.{mart} where {day} < $as_of_date),
listed as (
    select cast(unnest(generate_series(min(day), max(day), interval 1 day)) as date) as day from filled
),
judged as (
    select
        day, filled.day is not null as is_filled,
        count(filled.day) over (
            partition by isodow(day) > 5 order by day rows between {streak_day_count} preceding and 1 preceding
        ) as streak_day_count
    from listed left join filled using (day)
)
select string_agg(
    format('{{}}: no row, after {{}} days of its kind in a row that had some', day, streak_day_count), '; ' order by day
)
from judged where not is_filled and streak_day_count = {streak_day_count} and day >= {first_watched}
"""


def holes(mart: str, *, day: str) -> str:
    """Return the query for days between the newest ones that have no row, after five of their kind in a row that had some."""
    first = first_watched("filled", day="day")
    return _HOLES.format(mart=mart, day=day, streak_day_count=STREAK_DAY_COUNT, first_watched=first)


_LISTED_OF_MART = """
select '' as what, cast(day as date) as day, filled.day is not null as is_filled
from (
    select unnest(generate_series(min({day}), cast($as_of_date - 1 - {late_day_count} as date), interval 1 day)) as day
    from marts.{mart} where {day} < $as_of_date
) as listed
left join (select distinct {day} as day from marts.{mart}) as filled using (day)
"""
# What failed or is missing is told of as such.
_LISTED_OF_SOURCES = """
select source as what, landing_date as day, loaded_count > 0 as is_filled
from marts.fct_daily_extract_outcomes where landing_date < $as_of_date and (loaded_count > 0 or status = 'empty')
"""
_ENDED = """
with listed as ({listed}),
ends as (select what, max(day) filter (is_filled) as last_day from listed group by all),
newest_of_kind as (
    select what, isodow(day) > 5 as is_weekend, is_filled
    from listed inner join ends using (what) where day <= last_day
    qualify row_number() over (partition by what, isodow(day) > 5 order by day desc) <= {streak_day_count}
),
streaks as (
    select what, is_weekend from newest_of_kind group by all having count(*) filter (is_filled) = {streak_day_count}
),
silences as (
    select what, min(day) as first_day, max(last_day) as last_day
    from listed inner join ends using (what)
    semi join streaks on streaks.what = listed.what and streaks.is_weekend = (isodow(listed.day) > 5)
    where day > last_day group by all
)
select string_agg(
    format('{{}}nothing on {{}} nor since, the last is of {{}}', if(what = '', '', what || ': '), first_day, last_day),
    '; ' order by what
)
from silences where ($as_of_date - first_day <= {most_warned_days}) = {is_news}
"""


def ended(mart: str, *, day: str, late_day_count: int = 0, is_news: bool = True) -> str:
    """Return the query for a mart that had rows on each day of a kind and has none any more.

    Args:
        mart: Name of the mart.
        day: Its column of days.
        late_day_count: Days before the build of which rows need not be there yet, besides the build's own.
        is_news: Whether to say it of a silence that began within the last 14 days, or of an older one.
    """
    return _ended(_LISTED_OF_MART.format(mart=mart, day=day, late_day_count=late_day_count), is_news=is_news)


def silent_sources(*, is_news: bool = True) -> str:
    """Return the query for sources that had records on each day of a kind, and are asked and answer with none."""
    return _ended(_LISTED_OF_SOURCES, is_news=is_news)


def _ended(listed: str, *, is_news: bool) -> str:
    return _ENDED.format(
        listed=listed,
        streak_day_count=STREAK_DAY_COUNT,
        most_warned_days=MOST_WARNED_DAYS,
        is_news=str(is_news).lower(),
    )
