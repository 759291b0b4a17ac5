"""A series day by day from a date of issue on: what is expected, and how far off a run of days may be.

Paths add up: the means, and the half widths of their intervals, so that a sum is wider than 80 % and never narrower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ai_finops.analyse.forecast import DailyForecast


@dataclass(frozen=True, slots=True)
class CostPath:
    """Expected cost of each day, USD, index 0 the date of issue; none below 0."""

    daily_usd: tuple[float, ...]
    parts: tuple[tuple[DailyForecast, tuple[float, ...] | None], ...]
    """Forecasts that it is made of, and by what each of their days is multiplied; None: by 1."""

    @classmethod
    def of(cls, forecast: DailyForecast, weights: Sequence[float] | None = None) -> CostPath:
        """Take a forecast with numbers, its days below 0 as 0, each multiplied by its weight."""
        usd = (max(usd, 0.0) for usd in forecast.daily_usd)
        if weights is None:
            return cls(tuple(usd), ((forecast, None),))
        return cls(tuple(u * w for u, w in zip(usd, weights, strict=True)), ((forecast, tuple(weights)),))

    def plus(self, other: CostPath) -> CostPath:
        """Add another path of the same days."""
        summed = tuple(a + b for a, b in zip(self.daily_usd, other.daily_usd, strict=True))
        return CostPath(summed, (*self.parts, *other.parts))

    def less(self, daily_usd: Sequence[float]) -> CostPath:
        """Take a saving off each day, down to 0; it is as unsure as before."""
        return CostPath(tuple(max(a - b, 0.0) for a, b in zip(self.daily_usd, daily_usd, strict=True)), self.parts)

    def until(self, last: int) -> CostPath:
        """Take all off the days after day `last`, and the width of their intervals with it."""
        kept = [float(day <= last) for day in range(len(self.daily_usd))]
        daily_usd = tuple(usd * keep for usd, keep in zip(self.daily_usd, kept, strict=True))
        parts = (
            (forecast, tuple(kept if weights is None else (w * k for w, k in zip(weights, kept, strict=True))))
            for forecast, weights in self.parts
        )
        return CostPath(daily_usd, tuple(parts))

    def sum_usd(self, first: int, last: int) -> float:
        """Return the expected cost of the days `first` to `last`, both included; 0 where `last` is before `first`."""
        return sum(self.daily_usd[first : last + 1])

    def margin_usd(self, first: int, last: int) -> float:
        """Return half the width of the 80 % interval of the sum of the days `first` to `last`, both included."""
        return sum(
            weight * _margin_usd(forecast, start, end)
            for forecast, weights in self.parts
            for weight, start, end in _runs(weights, first, last)
        )


def _margin_usd(forecast: DailyForecast, first: int, last: int) -> float:
    return forecast.daily_margin_usd[first] if first == last else forecast.sum_margin_usd(first, last)


def _runs(weights: tuple[float, ...] | None, first: int, last: int) -> Iterator[tuple[float, int, int]]:
    """Yield weight, first and last day of each run of days with one weight that is not 0."""
    if last < first:
        return
    if weights is None:
        yield 1.0, first, last
        return
    for weight, days in groupby(range(first, last + 1), key=weights.__getitem__):
        run = list(days)
        if weight:
            yield weight, run[0], run[-1]
