"""The values of the last days, from the published marts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ai_finops.alarms.metrics import ANOMALY, BASELINE_RATIO, COST, WHOLE, DailyValue, Series
from ai_finops.alarms.rules import MOST_DAYS
from ai_finops.config import Settings
from ai_finops.errors import AlarmError
from ai_finops.publish import open_published

if TYPE_CHECKING:
    import duckdb

TOTAL = "total"
"""What both marts call all features together; it is no feature, so it has no alarm."""
_COST_COLUMNS = {
    COST: "cast(allocated_cost_usd as double)",
    BASELINE_RATIO: "cast(baseline_ratio as double)",
    ANOMALY: "case when status in ('spike', 'new_spend', 'step') then 1 when status = 'normal' then 0 end",
}
"""What each metric is of a row of `fct_daily_cost_baselines`; NULL where it is not known."""
_COSTS = " union all ".join(
    f"select '{metric}', feature_id, '', usage_date, {column} from marts.fct_daily_cost_baselines "  # noqa: S608 - our own words
    "where usage_date >= $first and feature_id != $total"
    for metric, column in _COST_COLUMNS.items()
)
_MEASURED = "feature_id != $total and healthy_bound is not null"
_METRICS = f"""
    select
        metric_name,
        feature_id,
        if(dimension = $whole, '', dimension),
        usage_date,
        if(status = 'insufficient', null, value)
    from marts.fct_daily_metrics
    where usage_date >= $first and {_MEASURED}
"""  # noqa: S608 - our own words
_SERIES = f"""
    select distinct metric_name, feature_id, if(dimension = $whole, '', dimension)
    from marts.fct_daily_metrics
    where status != 'insufficient' and value is not null and {_MEASURED}
"""  # noqa: S608 - our own words
_EARLIER = f"""
    select
        (
            select {" + ".join(f"count({column})" for column in _COST_COLUMNS.values())}
            from marts.fct_daily_cost_baselines
            where usage_date < $first and feature_id != $total
        )
        + (
            select count(value)
            from marts.fct_daily_metrics
            where usage_date < $first and status != 'insufficient' and {_MEASURED}
        )
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class PublishedValues:
    """What the published marts say for alarms."""

    as_of_date: date
    """First day that the marts do not hold."""
    values: tuple[DailyValue, ...]
    """By series and day; a value that is not known is none."""
    unknown_count: int
    """Values of these days that are not known: a cost without a price, too few days before it, too few samples."""
    earlier_count: int
    """Known values of the days before these."""
    first_days: Mapping[Series, date]
    """The first of these days that the marts speak of a series, with a value or without."""
    measured: frozenset[Series]
    """The series of `fct_daily_metrics` that had a value on any day of the history."""

    @property
    def newest_day(self) -> date:
        """The last day that the marts hold."""
        return self.as_of_date - timedelta(days=1)


def read_values(settings: Settings, *, first: date | None = None) -> PublishedValues:
    """Read the last days of every feature: its cost, the ratio to its baseline, and the metrics that have a threshold.

    Args:
        first: The day from which on; default: the last week of the marts.
    Raises:
        PublishError: Nothing is published yet, or it cannot be opened.
        AlarmError: The published build lacks a mart, or a column of it.
    """
    import duckdb

    with open_published(settings) as connection:
        try:
            as_of = connection.execute("select as_of_date from marts.dim_builds").fetchone()[0]
            first = first or as_of - timedelta(days=MOST_DAYS)
            rows = [
                *_fetch(connection, _COSTS, total=TOTAL, first=first),
                *_fetch(connection, _METRICS, whole=WHOLE, total=TOTAL, first=first),
            ]
            [(earlier_count,)] = _fetch(connection, _EARLIER, total=TOTAL, first=first)
            measured = _fetch(connection, _SERIES, whole=WHOLE, total=TOTAL)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise AlarmError(
                f"the published marts cannot be read for alarms ({str(error).splitlines()[0]}); "
                "publish a build of this version of the project"
            ) from error
    known = sorted(DailyValue(Series(*row[:3]), *row[3:]) for row in rows if row[4] is not None)
    latest_first = sorted(rows, key=lambda row: row[3], reverse=True)
    return PublishedValues(
        as_of_date=as_of,
        values=tuple(known),
        unknown_count=len(rows) - len(known),
        earlier_count=earlier_count,
        first_days={Series(*row[:3]): row[3] for row in latest_first},
        measured=frozenset(Series(*row) for row in measured),
    )


def _fetch(connection: duckdb.DuckDBPyConnection, query: str, **given: object) -> list[tuple]:
    return connection.execute(query, given).fetchall()
