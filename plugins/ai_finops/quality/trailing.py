"""The newest days of a mart against its trailing days: queries that say in words which day is off, and what it was judged by.

A day is judged by the median of the days of its kind, workdays or weekends, among the 28 before it, and only where there
are three of them: a quiet weekend is like other weekends, and a new feature or a young deployment is not judged at all.

A change that stays is told on its first day alone: a day that is off as the day before it was, of any kind or of its own, is no
news. The median follows within two or three weeks.
"""

from __future__ import annotations

WATCHED_DAY_COUNT = 3
"""Newest days that are judged: as many as are landed again each morning. A day is warned of for as long, and then no more."""
OLDEST_WATCHED_AGE_DAYS = 7
"""Days before the build that a judged day lies, at most: a bill may be days late, and what stopped is not told of for ever."""
TRAILING_DAY_COUNT = 28
SMALLEST_BASE_DAY_COUNT = 3
"""Days of its kind that a day is judged by, at least."""
LOW_RATIO, HIGH_RATIO = 0.2, 5.0
"""Below and above, a live business has a story to tell; both bounds are still in order."""

_FIRST_WATCHED = f"""greatest(
    (select max(cast({{day}} as date)) from {{source}} where {{day}} < $as_of_date) - {WATCHED_DAY_COUNT - 1},
    $as_of_date - {OLDEST_WATCHED_AGE_DAYS}
)"""  # noqa: S608 - names of our own
_DAYS = """
with values_by_day as (
    select cast({day} as date) as day, cast({by} as varchar) as what, cast({value} as double) as value
    from {source} where {where} group by all
),
judged as (
    select now.day, now.what, now.value, median(earlier.value) as base, count(earlier.value) as base_day_count
    from values_by_day as now left join values_by_day as earlier
        on earlier.what = now.what
        and earlier.day between now.day - {trailing_day_count} and now.day - 1
        and (isodow(earlier.day) > 5) = (isodow(now.day) > 5)
    where now.day >= {first_judged}
    group by now.day, now.what, now.value
)
"""
# Above its base is 1, below it -1.
_OFF = """,
directions as (
    select
        *,
        case
            when base_day_count < {smallest_base_day_count} or greatest(value, base) < {smallest} then 0
            when value > {high} * base then 1
            when value < {low} * base then -1
            else 0
        end as direction
    from judged
),
followed as (
    select
        *,
        lag(direction) over (partition by what order by day) as direction_before,
        lag(direction) over (partition by what, isodow(day) > 5 order by day) as direction_before_of_kind
    from directions
)
select string_agg(
    format('{{}}{{}}: {{}} {name}, median of {{}} days before {{}}', day, if(what = '', '', ' ' || what),
        {shown_value}, base_day_count, {shown_base}),
    '; ' order by day, what
)
from followed
where
    day >= {first_watched} and direction <> 0
    and direction is distinct from direction_before and direction is distinct from direction_before_of_kind
"""
_NO_BASE = """
select string_agg(
    format('{{}}: {{}} of {smallest_base_day_count} days of its kind', day, base_day_count), '; ' order by day
)
from judged where base_day_count < {smallest_base_day_count}
"""


def first_watched(source: str, *, day: str) -> str:
    """Return the expression for the first of the newest days of a table that are judged, NULL where it has none."""
    return _FIRST_WATCHED.format(source=source, day=day)


def off_the_median(
    source: str,
    *,
    day: str,
    name: str,
    value: str = "count(*)",
    by: str = "''",
    where: str = "true",
    smallest: float,
    low: float = LOW_RATIO,
    high: float = HIGH_RATIO,
) -> str:
    """Return the query for what is off: a value below `low` or above `high` times its base.

    Args:
        source: Table to look at.
        day: Its column, or an expression of a day.
        name: What the value is, as the sentence says it.
        value: An aggregate of a day's rows.
        by: Which rows are judged apart; none by default.
        where: Rows that count.
        smallest: Nothing is said where value and base are both below this.
        low: Smallest share of the base that is in order.
        high: Largest one.
    """
    shown = "format('{{:.6g}}', {})"
    return (_DAYS + _OFF).format(
        source=source,
        day=day,
        name=name,
        value=value,
        by=by,
        where=where,
        smallest=smallest,
        low=low,
        high=high,
        first_judged=f"{_FIRST_WATCHED_DAY} - {TRAILING_DAY_COUNT}",
        shown_value=shown.format("value"),
        shown_base=shown.format("base"),
        **_COUNTS,
    )


def no_base(source: str, *, day: str) -> str:
    """Return the query for the newest days of a table that have too few before them to be judged by."""
    return (_DAYS + _NO_BASE).format(
        source=source, day=day, value="count(*)", by="''", where="true", first_judged=_FIRST_WATCHED_DAY, **_COUNTS
    )


# Names that go while others come: a share of the day's rows under names unseen before, and a share of the trailing days' rows
# under names that the day does not have.
_RENAMED = """
with values_by_day as (
    select cast({day} as date) as day, {name_column} as what, count(*) as row_count
    from {source} where {name_column} is not null group by all
),
newest as (
    select distinct day from values_by_day where day >= {first_watched}
),
before as (
    select newest.day, earlier.what, sum(earlier.row_count) as row_count, count(*) as day_count
    from newest inner join values_by_day as earlier
        on earlier.day between newest.day - {trailing_day_count} and newest.day - 1
        and (isodow(earlier.day) > 5) = (isodow(newest.day) > 5)
    group by all
),
judged as (
    select
        newest.day,
        (select sum(row_count) from values_by_day as now where now.day = newest.day) as row_count,
        (
            select coalesce(sum(row_count), 0) from values_by_day as now
            where now.day = newest.day and not exists (from values_by_day as b where b.day < newest.day and b.what = now.what)
        ) as new_row_count,
        (select sum(row_count) from before where before.day = newest.day) as base_row_count,
        (
            select coalesce(sum(row_count), 0) from before
            where before.day = newest.day
                and not exists (from values_by_day as now where now.day = newest.day and now.what = before.what)
        ) as gone_row_count,
        (select max(day_count) from before where before.day = newest.day) as base_day_count
    from newest
)
select string_agg(
    format('{{}}: {{:.0f}} % under a {name} not seen before, and {name}s of {{:.0f}} % of the days before are gone',
        day, 100.0 * new_row_count / row_count, 100.0 * gone_row_count / base_row_count),
    '; ' order by day
)
from judged
where
    base_day_count >= {smallest_base_day_count} and row_count >= {smallest_row_count}
    and least(new_row_count / row_count, gone_row_count / base_row_count) >= {smallest_share}
"""
SMALLEST_RENAMED_ROW_COUNT = 20
SMALLEST_RENAMED_SHARE = 0.1


def renamed(source: str, *, day: str, name_column: str, name: str) -> str:
    """Return the query for days on which a name seems to have been changed: some vanish on the day that others appear."""
    return _RENAMED.format(
        source=source,
        day=day,
        name_column=name_column,
        name=name,
        smallest_row_count=SMALLEST_RENAMED_ROW_COUNT,
        smallest_share=SMALLEST_RENAMED_SHARE,
        **_COUNTS,
    )


_ISSUED = """
with totals as (
    select {day} as day, cast({value} as double) as value from {source} where {where} group by all
),
newest as (select arg_max(value, day) as value, max(day) as day from totals),
previous as (select arg_max(value, day) as value, max(day) as day from totals where day < (select day from newest))
select format('{{}}: ${{:.2f}}, on {{}} ${{:.2f}}', newest.day, newest.value, previous.day, previous.value)
from newest, previous
where
    newest.day = $as_of_date and greatest(newest.value, previous.value) >= {smallest}
    and (newest.value < {low} * previous.value or newest.value > {high} * previous.value)
"""


def off_the_previous(
    source: str, *, day: str, value: str, where: str = "true", smallest: float, low: float, high: float
) -> str:
    """Return the query for a figure of the build's date of issue below `low` or above `high` times that of the date before."""
    return _ISSUED.format(source=source, day=day, value=value, where=where, smallest=smallest, low=low, high=high)


_FIRST_WATCHED_DAY = first_watched("values_by_day", day="day")
_COUNTS = {
    "trailing_day_count": TRAILING_DAY_COUNT,
    "first_watched": _FIRST_WATCHED_DAY,
    "smallest_base_day_count": SMALLEST_BASE_DAY_COUNT,
}
