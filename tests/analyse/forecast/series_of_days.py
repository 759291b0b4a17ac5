"""Series written as lists of costs, from a Monday on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from ai_finops.analyse.forecast import LINEAR_TREND, DailyForecast, forecast

MONDAY = date(2025, 6, 2)


def days_of(costs: Sequence[float | None], *, first: date = MONDAY) -> list[tuple[date, float]]:
    """Return the known days; None is a day that is not known."""
    return [(first + timedelta(days=n), float(usd)) for n, usd in enumerate(costs) if usd is not None]


def after(
    costs: Sequence[float | None],
    *,
    method: str = LINEAR_TREND,
    day_count: int = 7,
    first: date = MONDAY,
    scale: float = 1.0,
) -> DailyForecast:
    """Forecast from the day after the last of `costs` on."""
    as_of = first + timedelta(days=len(costs))
    return forecast(days_of(costs, first=first), as_of=as_of, day_count=day_count, method=method, interval_scale=scale)
