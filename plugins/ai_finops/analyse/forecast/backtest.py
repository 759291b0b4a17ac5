"""Forecasts of earlier Mondays, each held against what was spent afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ai_finops.analyse.forecast.daily import METHODS, DailyForecast, forecast
from ai_finops.analyse.forecast.margins import FORECAST_DAYS
from ai_finops.days import days_between, month_end, week_start

HORIZONS = ("7d", "14d", "month_end")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Backtest:
    """One forecast of a sum of days, and what the days cost; USD."""

    origin_date: date
    """The first day of the sum, and the first that the forecast did not see."""
    feature_id: str
    method: str
    horizon: str
    status: str
    horizon_day_count: int
    known_day_count: int
    """Days of it whose cost is known; the others are on neither side."""
    last_date: date
    projected_usd: float
    margin_usd: float
    """Half the width of the method's own 80 % interval, before it is scaled."""
    actual_usd: float

    @property
    def error_usd(self) -> float:
        return self.projected_usd - self.actual_usd


def origins_between(first: date, last: date) -> list[date]:
    """Return the Mondays from `first` to `last`, both included."""
    monday = week_start(first + timedelta(days=6))
    return [day for day in days_between(monday, last) if day.weekday() == 0]


def horizon_days(origin: date) -> dict[str, int]:
    """Return the days of each horizon from `origin` on."""
    return {"7d": 7, "14d": 14, "month_end": (month_end(origin) - origin).days + 1}


def first_result(origin: date) -> date:
    """Return the first day on which one of the origin's horizons has passed."""
    return origin + timedelta(days=min(horizon_days(origin).values()))


def forecast_all(days: Sequence[tuple[date, float]], *, origin: date) -> dict[str, DailyForecast]:
    """Forecast a series by each method from `origin` on, far enough for every horizon; without those of too short a history."""
    found = {method: forecast(days, as_of=origin, day_count=FORECAST_DAYS, method=method) for method in METHODS}
    return {method: one for method, one in found.items() if one.margins is not None}


def hold_against(
    found: DailyForecast,
    *,
    origin: date,
    feature_id: str,
    actual: Mapping[date, float],
    passed_before: date,
    horizons: Mapping[str, int] | None = None,
) -> Iterator[Backtest]:
    """Hold a forecast against what was spent, for each horizon whose days have passed.

    Args:
        found: With numbers, of all days of the horizons.
        origin: Its first day.
        feature_id: Whose cost it is.
        actual: Known cost by day.
        passed_before: The first day that has not passed.
        horizons: Days by name; left out, those of `horizon_days`.
    Yields:
        A horizon of which more than half of the days are known; days of negative forecasts count as 0, as projections do.
    """
    for horizon, day_count in (horizons or horizon_days(origin)).items():
        last = origin + timedelta(days=day_count - 1)
        xs = [x for x in range(day_count) if origin + timedelta(days=x) in actual]
        if last >= passed_before or 2 * len(xs) <= day_count:
            continue
        yield Backtest(
            origin_date=origin,
            feature_id=feature_id,
            method=found.method,
            horizon=horizon,
            status=found.status,
            horizon_day_count=day_count,
            known_day_count=len(xs),
            last_date=last,
            projected_usd=sum(max(found.daily_usd[x], 0.0) for x in xs),
            margin_usd=found.margins.of_days(xs),
            actual_usd=sum(actual[origin + timedelta(days=x)] for x in xs),
        )
