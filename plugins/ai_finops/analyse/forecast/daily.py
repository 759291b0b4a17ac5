"""One forecast of one series, by one method, on one date. What the methods are and how wrong: docs/projection.md"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ai_finops.analyse.forecast.ets import HISTORY_DAYS, auto_ets
from ai_finops.analyse.forecast.levels import present_level
from ai_finops.analyse.forecast.line import Point, fit
from ai_finops.analyse.forecast.margins import Margins
from ai_finops.analyse.forecast.peers import last_week, mean_7d
from ai_finops.analyse.forecast.weekdays import EVEN, SMALLEST_FACTOR, weekday_factors

WINDOW_DAYS = 28
WANTED_DAYS = 14
FEWEST_DAYS = 7
SURE_DAYS = 7
"""While fewer follow a step, it may yet be taken back: its own size is what the level may be off by."""
LINEAR_TREND, LAST_WEEK, MEAN_7D, AUTO_ETS = "linear_trend", "last_week", "mean_7d", "auto_ets"
METHODS = (LINEAR_TREND, LAST_WEEK, MEAN_7D, AUTO_ETS)
"""The base method first: it is in use where no other has been better for long enough."""

Days = Sequence[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class DailyForecast:
    """Cost by day from `as_of` on, USD; without numbers where the history is too short."""

    method: str
    status: str
    """ok · short_history · insufficient_history"""
    window_day_count: int
    """Known days that were used."""
    window_start_date: date | None
    """The first day that was used; after a level step the step's first day."""
    daily_usd: tuple[float, ...] = ()
    """The mean of each day, the first that of `as_of`; may be below 0."""
    daily_margin_usd: tuple[float, ...] = ()
    """Half the width of each single day's 80 % interval."""
    margins: Margins | None = None
    """What those come of; None without numbers."""

    def sum_margin_usd(self, first: int, last: int) -> float:
        """Return half the width of the 80 % interval of the sum of days `first` to `last`, both included, 0 being `as_of`.

        Raises:
            ValueError: There are no numbers, or not so many days.
        """
        if self.margins is None or not 0 <= first <= last < len(self.daily_usd):
            raise ValueError(f"days {first} to {last} are not in a forecast of {len(self.daily_usd)} days")
        return self.margins.of_days(range(first, last + 1))


def forecast(
    days: Days, *, as_of: date, day_count: int, method: str = LINEAR_TREND, interval_scale: float = 1.0
) -> DailyForecast:
    """Forecast a series.

    Args:
        days: Known days and their cost in USD, ascending; days from `as_of` on are not looked at.
        as_of: The first day that is forecast.
        day_count: Days to forecast, one at least.
        method: One of `METHODS`.
        interval_scale: How many times as wide as the method's own its intervals are to be (`choice.py`).
    Returns:
        Status `ok` from 14 known days on the present level in the last 28, `short_history` below, `insufficient_history` with
        fewer than 7 known days in the last 28.
    """
    last = bisect_left(days, as_of, key=_day)
    # No method looks back further, so that two histories alike in these days have one forecast.
    seen = days[bisect_left(days, as_of - timedelta(days=HISTORY_DAYS), hi=last, key=_day) : last]
    window = seen[bisect_left(seen, as_of - timedelta(days=WINDOW_DAYS), key=_day) :]
    if len(window) < FEWEST_DAYS:
        start = window[0][0] if window else None
        return DailyForecast(method, "insufficient_history", len(window), start)
    if method == LINEAR_TREND:
        used, usd, margins = _linear_trend(seen, window=window, as_of=as_of, day_count=day_count)
    elif method == LAST_WEEK:
        used, (usd, margins) = window, last_week(window, as_of=as_of, day_count=day_count)
    elif method == MEAN_7D:
        used, (usd, margins) = window, mean_7d(window, day_count=day_count)
    elif method == AUTO_ETS:
        used, (usd, margins) = window, auto_ets(seen, as_of=as_of, day_count=day_count)
    else:
        raise ValueError(f"{method!r} is no method of forecast; known are {', '.join(METHODS)}")
    margins = margins.scaled(interval_scale)
    return DailyForecast(
        method=method,
        status="ok" if len(used) >= WANTED_DAYS else "short_history",
        window_day_count=len(used),
        window_start_date=used[0][0],
        daily_usd=tuple(usd),
        daily_margin_usd=tuple(margins.of_days((x,)) for x in range(day_count)),
        margins=margins,
    )


def _linear_trend(seen: Days, *, window: Days, as_of: date, day_count: int) -> tuple[Days, list[float], Margins]:
    """Return the days of the present level, the line through them by day, and its margins."""
    factors = weekday_factors(seen, as_of=as_of) or EVEN
    if sum(factors[day.weekday()] >= SMALLEST_FACTOR for day, _ in window) < FEWEST_DAYS:
        # Cost falls on weekdays that are hardly known in the window.
        factors = EVEN
    level = present_level(window, factors=factors)
    points = {day: Point((day - as_of).days, factors[day.weekday()], usd) for day, usd in level.days}
    line = fit(
        [point for day, point in points.items() if day not in level.spikes],
        has_slope=len(level.days) >= WANTED_DAYS,
        spikes=[point for day, point in points.items() if day in level.spikes],
    )
    margins = line.margins
    if level.before_usd is not None and len(level.days) < SURE_DAYS:
        margins = margins.with_level_of(abs(level.before_usd - line.level_usd))
    weekdays = ((as_of.weekday() + x) % 7 for x in range(day_count))
    return level.days, [line.at(x, factor=factors[weekday]) for x, weekday in enumerate(weekdays)], margins


def _day(known: tuple[date, float]) -> date:
    return known[0]
