"""What a trend has to beat: last week repeated, and the mean of the last seven days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import sqrt
from statistics import fmean

from ai_finops.analyse.forecast.margins import DRIFT_DAYS, Margins
from ai_finops.analyse.trend import t_quantile_90

WEEK_DAYS = 7
_WEEK = timedelta(days=WEEK_DAYS)

Days = Sequence[tuple[date, float]]


def last_week(days: Days, *, as_of: date, day_count: int) -> tuple[list[float], Margins]:
    """Repeat the week before `as_of`; a day of it that is not known is the newest known one of its weekday, else the mean.

    Args:
        days: Known days of the window, ascending, seven at least.
    """
    newest = {day.weekday(): usd for day, usd in days}
    mean = fmean(usd for _, usd in days[-WEEK_DAYS:])
    week = [newest.get((as_of + timedelta(days=x)).weekday(), mean) for x in range(WEEK_DAYS)]
    known = dict(days)
    changes = [usd - known[day - _WEEK] for day, usd in days if day - _WEEK in known]
    if len(changes) < WEEK_DAYS:
        # Two days of one level differ by √2 times what one is off it.
        changes = [(usd - mean) * sqrt(2) for _, usd in days]
    margin = t_quantile_90(len(changes)) * sqrt(fmean(change**2 for change in changes))
    return [week[x % WEEK_DAYS] for x in range(day_count)], Margins(margin, level_usd=margin / sqrt(DRIFT_DAYS))


def mean_7d(days: Days, *, day_count: int) -> tuple[list[float], Margins]:
    """Take the mean of the last seven of `days` for every day."""
    last = [usd for _, usd in days[-WEEK_DAYS:]]
    mean = fmean(last)
    deviation = sqrt(sum((usd - mean) ** 2 for usd in last) / (len(last) - 1))
    margin = t_quantile_90(len(last) - 1) * deviation
    return [mean] * day_count, Margins(margin, level_usd=margin / sqrt(DRIFT_DAYS))
