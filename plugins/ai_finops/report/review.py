"""Everything that the weekly message says and draws, read from one published build in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ai_finops.config import Settings
from ai_finops.days import days_between
from ai_finops.errors import ReportError
from ai_finops.publish import open_published
from ai_finops.report.digest import WeeklyDigest, read_digest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WEEKS_DRAWN = 8
BAND = "80% interval"
"""What `low_cost_usd` and `high_cost_usd` of `fct_cost_projections` are the ends of."""
_FEED_MEMORY_DAYS = 28
"""A feed that came empty for as long is one that has nothing to say, and its silence is no news."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A row of `fct_weekly_metrics` that is not healthy, or that could not be judged."""

    metric_name: str
    feature_id: str
    dimension: str
    status: str
    verdict: str | None
    owner: str | None
    action: str | None
    value: float | None
    healthy_bound: float
    warning_bound: float
    healthy_lower_bound: float | None
    cost_at_stake_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class SpendWeek:
    """What a week cost, as far as it is known."""

    week_start_date: date
    covered_day_count: int
    cost_usd_by_feature: Mapping[str, Decimal]
    """By feature id; a feature of which nothing is known is not in it."""
    unknown_cost_call_count: int
    """Calls of which nobody knows what they cost; in no figure."""


@dataclass(frozen=True, slots=True)
class MonthProjection:
    """The month that holds the day after the week: what it has cost so far, and its end with the band; USD."""

    month_start_date: date
    actual_cost_usd: Decimal | None
    projected_cost_usd: Decimal | None
    low_cost_usd: Decimal | None
    high_cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class FeedDay:
    """A day on which a feed brought nothing; status as in `fct_daily_extract_outcomes`, or `not_landed`."""

    source: str
    status: str
    landing_date: date


@dataclass(frozen=True, slots=True)
class WeeklyReview:
    """The week's digest, and what stands beside it in the message."""

    digest: WeeklyDigest
    metrics: tuple[MetricRow, ...]
    spend: tuple[SpendWeek, ...]
    """The last weeks up to this one, oldest first; weeks before the first known one are not in it."""
    feature_names: Mapping[str, str]
    month: MonthProjection | None
    feed_days: tuple[FeedDay, ...]
    unsettled_days: tuple[date, ...]
    """Days of the week that have a bill which does not reach past their end yet; without one their cost is estimated."""
    call_count: int = 0
    """Traced calls of the week, those without usage or price among them."""


def load_review(settings: Settings, week: date) -> WeeklyReview:
    """Read the review of the week that holds the day `week`.

    Raises:
        PublishError: Nothing has been published yet.
        ReportError: The published marts do not hold that week, or cannot be read.
    """
    with open_published(settings) as connection:
        return read_review(connection, read_digest(connection, week))


def read_review(connection: DuckDBPyConnection, digest: WeeklyDigest) -> WeeklyReview:
    """Read what stands beside the digest as `load_review` does, from published marts that are open already."""
    import duckdb

    try:
        return _review(connection, digest)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ReportError(f"the published marts do not hold a readable weekly review: {reason}") from error


def _review(connection: DuckDBPyConnection, digest: WeeklyDigest) -> WeeklyReview:
    monday = digest.week_start_date
    costs = _rows(connection, _WEEKLY_COSTS, first=monday - timedelta(weeks=WEEKS_DRAWN - 1), monday=monday)
    covered = connection.execute("select week_start_date, covered_day_count from rpt_weekly_digest").fetchall()
    months = _rows(connection, _MONTH, as_of=digest.as_of_date)
    unsettled = _rows(connection, _UNSETTLED, monday=monday)
    return WeeklyReview(
        digest=digest,
        metrics=tuple(MetricRow(**row) for row in _rows(connection, _METRICS, monday=monday)),
        spend=tuple(_spend_weeks(costs, covered=dict(covered), last=monday)),
        feature_names={row["feature_id"]: row["display_name"] or row["feature_id"] for row in costs},
        month=MonthProjection(**months[0]) if months else None,
        feed_days=tuple(_silent_days(connection, monday)),
        unsettled_days=tuple(row["usage_date"] for row in unsettled),
        call_count=sum(row["call_count"] for row in costs if row["week_start_date"] == monday),
    )


def _rows(connection: DuckDBPyConnection, query: str, **days: date) -> list[dict[str, Any]]:
    found = connection.execute(query, days)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _spend_weeks(costs: list[dict[str, Any]], *, covered: Mapping[date, int], last: date) -> Iterator[SpendWeek]:
    monday = min((row["week_start_date"] for row in costs), default=last)
    while monday <= last:
        of_week = [row for row in costs if row["week_start_date"] == monday]
        yield SpendWeek(
            week_start_date=monday,
            covered_day_count=covered.get(monday, 0),
            cost_usd_by_feature={row["feature_id"]: row["cost_usd"] for row in of_week if row["cost_usd"] is not None},
            unknown_cost_call_count=sum(row["unknown_cost_call_count"] for row in of_week),
        )
        monday += timedelta(weeks=1)


def _silent_days(connection: DuckDBPyConnection, monday: date) -> Iterator[FeedDay]:
    """Yield the days of the week on which a feed brought nothing, unless it never brings anything.

    A feed that was switched off has no days here: a build takes down the outcomes of the sources that are on, and no others.
    """
    sunday = monday + timedelta(days=6)
    outcomes = _rows(connection, _OUTCOMES, first=monday - timedelta(days=_FEED_MEMORY_DAYS), sunday=sunday)
    statuses = {(row["source"], row["landing_date"]): row["status"] for row in outcomes}
    for source in sorted({row["source"] for row in outcomes if row["status"] != "empty"}):
        first = min(row["landing_date"] for row in outcomes if row["source"] == source)
        for day in days_between(max(first, monday), sunday):
            status = statuses.get((source, day), "not_landed")
            if status != "loaded":
                yield FeedDay(source, status, day)


_METRICS = f"""
    select {", ".join(field.name for field in fields(MetricRow))}
    from fct_weekly_metrics
    where week_start_date = $monday and status in ('warning', 'watch', 'insufficient')
    order by metric_name, feature_id, dimension
"""  # noqa: S608 (names of our own fields)

_WEEKLY_COSTS = """
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date,
        feature_id,
        any_value(display_name) as display_name,
        sum(allocated_cost_usd) as cost_usd,
        cast(coalesce(sum(request_count), 0) as bigint) as call_count,
        cast(coalesce(sum(unknown_cost_call_count), 0) as bigint) as unknown_cost_call_count
    from fct_daily_feature_costs
    where usage_date between $first and $monday + interval 6 day
    group by all
    order by week_start_date, feature_id
"""

_MONTH = """
    select target_date as month_start_date, actual_cost_usd, projected_cost_usd, low_cost_usd, high_cost_usd
    from fct_cost_projections
    where
        feature_id = 'total' and scenario = 'as_is' and target_period = 'month' and month_number = 0
        and as_of_date = $as_of
"""

_OUTCOMES = """
    select source, status, landing_date
    from fct_daily_extract_outcomes
    where landing_date between $first and $sunday
    order by source, landing_date
"""

_UNSETTLED = """
    select usage_date
    from fct_daily_reconciliations
    where usage_date between $monday and $monday + interval 6 day and billed_cost_usd is not null and not is_settled
    group by usage_date
    order by usage_date
"""
