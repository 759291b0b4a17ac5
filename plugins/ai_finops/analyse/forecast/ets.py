"""AutoETS of statsforecast: exponential smoothing, its form chosen by AICc (docs/decisions/0019-forecast-peers.md)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import date, timedelta
from math import isfinite, sqrt
from statistics import fmean

from ai_finops.analyse.forecast.margins import FORECAST_DAYS, Margins
from ai_finops.analyse.forecast.peers import WEEK_DAYS, mean_7d
from ai_finops.days import days_between

HISTORY_DAYS = 56
FEWEST_SEASONAL_DAYS = 28

Days = Sequence[tuple[date, float]]


def auto_ets(days: Days, *, as_of: date, day_count: int) -> tuple[list[float], Margins]:
    """Forecast by the form that fits the last eight weeks best, with a week's season from four weeks on.

    A series that never changes is repeated. Where no form fits with finite numbers, the mean of the last seven days stands in.

    Args:
        days: Known days, ascending, seven at least in the last four weeks.
    """
    usd = filled(days, as_of=as_of)
    if min(usd) == max(usd):
        return [usd[-1]] * day_count, Margins(0.0)
    # In terms of its largest day: the library stops its search at absolute tolerances.
    largest = max(map(abs, usd))
    found = _fit([value / largest for value in usd], day_count=day_count)
    if found is None:
        return mean_7d(days, day_count=day_count)
    means, widths = found
    return [value * largest for value in means], _margins([width * largest for width in widths])


def filled(days: Days, *, as_of: date) -> list[float]:
    """Return the cost of every day of the last eight weeks from the first known one on; USD.

    A day that is not known has the cost of its weekday the week before, else the week after, else the mean.
    """
    known = {day: usd for day, usd in days if (as_of - day).days <= HISTORY_DAYS}
    mean, week = fmean(known.values()), timedelta(days=WEEK_DAYS)
    series: dict[date, float] = {}
    for day in days_between(min(known), as_of - timedelta(days=1)):
        series[day] = known.get(day, series.get(day - week, known.get(day + week, mean)))
    return list(series.values())


def _fit(values: Sequence[float], *, day_count: int) -> tuple[list[float], list[float]] | None:
    """Return means by day and half widths of 80 % intervals of the first 31 days, None where one of them is not finite.

    Always of as many days as backtests have, so that the interval that is issued is the one that was scaled by them. The
    library draws some of its intervals, and other draws for another number of days.
    """
    # Three seconds to import, so only where it is called.
    import numpy as np
    from statsforecast.models import AutoETS

    season = WEEK_DAYS if len(values) >= FEWEST_SEASONAL_DAYS else 1
    with warnings.catch_warnings():
        # Forms with as many parameters as there are days divide by zero, and are not chosen.
        warnings.simplefilter("ignore", RuntimeWarning)
        model = AutoETS(season_length=season).fit(np.array(values, dtype=float))
        means = [float(value) for value in model.predict(h=day_count)["mean"]]
        found = model.predict(h=FORECAST_DAYS, level=[80])
    widths = [float(high - low) / 2 for high, low in zip(found["hi-80"], found["lo-80"], strict=True)]
    return (means, widths) if all(map(isfinite, [*means, *widths])) else None


def _margins(widths: Sequence[float]) -> Margins:
    """Take the first day's width for each day's own; what the last one is wider by grows from day to day, and days share it."""
    beyond = sqrt(max(0.0, widths[-1] ** 2 - widths[0] ** 2))
    return Margins(widths[0], slope_usd=beyond / (len(widths) - 1))
