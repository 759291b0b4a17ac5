"""Daily costs to come: the mean, and how far off a day and a sum of days may be.

The method is the least-squares line through the last 28 days from 14 known days on, and their mean below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import sqrt

from ai_finops.analyse.trend import Trend, t_quantile_90

WINDOW_DAYS = 28
WANTED_DAYS = 14
FEWEST_DAYS = 7
LINEAR_TREND = "linear_trend"


@dataclass(frozen=True, slots=True)
class DailyForecast:
    """What a series is expected to cost on each day from `as_of` on, USD."""

    method: str
    status: str
    """`ok`, `short_history`, or `insufficient_history`: then there are no numbers."""
    window_day_count: int
    window_start_date: date | None
    daily_usd: tuple[float, ...]
    """Index 0 is `as_of`; may be below 0."""
    daily_margin_usd: tuple[float, ...]
    """Half the width of the 80 % interval of the single day."""
    trend: Trend | None = field(default=None, repr=False)
    interval_scale: float = 1.0

    def sum_margin_usd(self, first: int, last: int) -> float:
        """Return half the width of the 80 % interval of the sum of the days `first` to `last`, both included."""
        trend, count = self.trend, last - first + 1
        middle = (first + last) / 2
        variance = count + count**2 * (1 / trend.point_count + (middle - trend.mean_x) ** 2 / trend.spread_x)
        t = t_quantile_90(trend.degrees_of_freedom)
        return self.interval_scale * t * trend.residual_deviation * sqrt(variance)


@dataclass(frozen=True, slots=True)
class HorizonError:
    """What a method got wrong at one horizon, on origins that it was not chosen on."""

    origin_count: int
    wape_ratio: float | None
    bias_ratio: float | None
    coverage_ratio: float | None
    status: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The method in use for a series, and its errors by horizon: `7d`, `14d`, `month_end`."""

    method: str = LINEAR_TREND
    interval_scale: float = 1.0
    errors: Mapping[str, HorizonError] = field(default_factory=dict)


def forecast(
    days: Sequence[tuple[date, float]],
    *,
    as_of: date,
    day_count: int,
    method: str = LINEAR_TREND,
    interval_scale: float = 1.0,
) -> DailyForecast:
    """Forecast `day_count` days from `as_of` on, out of known days (day, USD) before it."""
    first = as_of - timedelta(days=WINDOW_DAYS)
    window = [(day, usd) for day, usd in days if first <= day < as_of]
    start = window[0][0] if window else None
    if len(window) < FEWEST_DAYS:
        return DailyForecast(method, "insufficient_history", len(window), start, (), ())
    is_long = len(window) >= WANTED_DAYS
    trend = (Trend.fit if is_long else Trend.level)([((day - as_of).days, usd) for day, usd in window])
    return DailyForecast(
        method,
        "ok" if is_long else "short_history",
        len(window),
        start,
        tuple(trend.at(x) for x in range(day_count)),
        tuple(interval_scale * trend.margin_80(x) for x in range(day_count)),
        trend,
        interval_scale,
    )
