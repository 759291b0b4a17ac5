"""The line through the days of a level, with weekday factors: the base method.

It is least squares with four cares, the first two worth their numbers in docs/projection.md:

- *Later days weigh more*: a day of a line counts half as much as one a fortnight after it. Costs drift, and the end of a line
  is what is asked for. A level of few days is their mean.
- *A slope counts as far as it is beyond chance*: of a slope that is z standard errors steep, 1 - 2/z² is kept, and nothing
  below √2. A line that follows chance is wrong by a multiple of it at month end.
- *A margin allows for drift*: residuals tell how far days are off the line, not how far the line goes off afterwards. So its
  level counts as known from two days at most, and its slope as the change between two such levels a fortnight apart.
- *A slope fades where no error is known*: no backtest reaches beyond 31 days, and four weeks say little of half a year. From
  there on it is halved each further 31 days (a damped trend, after Gardner and McKenzie). Margins go on growing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log, sqrt

from ai_finops.analyse.forecast.margins import DRIFT_DAYS, FORECAST_DAYS, Margins
from ai_finops.analyse.trend import t_quantile_90

HALF_LIFE_DAYS = 14
CHANCE = 2.0
LAST_FULL_X = FORECAST_DAYS - 1
"""The last day to which a slope runs in full: errors are known of no later one."""
FADE_DAYS = 31
"""In as many days after it a slope becomes half as steep."""
_NO_MARGINS = Margins(0.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One known day: `x` days after `as_of` (before it, so below 0), the factor of its weekday, and its cost."""

    x: int
    factor: float
    usd: float


@dataclass(frozen=True, slots=True)
class Line:
    """`level_usd` at `middle_x` and `slope_usd` a day, both of an even day, and how far off it may be."""

    level_usd: float
    slope_usd: float
    middle_x: float
    margins: Margins = _NO_MARGINS

    def at(self, x: float, *, factor: float = 1.0) -> float:
        """Return the cost of a day whose weekday has `factor`; USD. Beyond `LAST_FULL_X` the slope fades."""
        return factor * (self.level_usd + self.slope_usd * (_faded(x) - self.middle_x))


def fit(points: Sequence[Point], *, has_slope: bool, spikes: Sequence[Point] = ()) -> Line:
    """Fit a line; or a level, for which all days weigh the same.

    Args:
        points: Three at least, and for a slope four with different x; of a factor above 0.
        has_slope: Whether to look for a slope.
        spikes: Days that do not bend the line, nor tell how far it goes off, and yet are what a day may cost.
    """
    weights = [0.5 ** (-point.x / HALF_LIFE_DAYS) if has_slope else 1.0 for point in points]
    of_level = [weight * point.factor for weight, point in zip(weights, points, strict=True)]
    total = _sum(of_level, (point.factor for point in points))
    middle = _sum(of_level, (point.factor * point.x for point in points)) / total
    level = _sum(of_level, (point.usd for point in points)) / total
    slope = slope_variance = 0.0
    if has_slope:
        of_slope = [weight * (point.x - middle) for weight, point in zip(of_level, points, strict=True)]
        spread = _sum(of_slope, (point.factor * (point.x - middle) for point in points))
        slope = _sum(of_slope, (point.usd for point in points)) / spread
        variance = _variance(points, weights, Line(level, slope, middle), fitted_count=2)
        slope_variance = variance * _sum(of_slope, of_slope) / spread**2
        slope = _beyond_chance(slope, slope_variance)
    line, fitted_count = Line(level, slope, middle), 2 if has_slope else 1
    variance = _variance(points, weights, line, fitted_count=fitted_count)
    level_variance = max(variance * _sum(of_level, of_level) / total**2, variance / DRIFT_DAYS)
    slope_variance = max(slope_variance, variance / DRIFT_DAYS / HALF_LIFE_DAYS**2)
    t = t_quantile_90(max(1, round(_effective_count(weights)) - fitted_count))
    # Seldom days: each tells as much of how often they come, and none of how far the level goes off.
    of_spikes = sum(_off(spike, line) ** 2 for spike in spikes) / (len(points) + len(spikes))
    margins = Margins(t * sqrt(variance + of_spikes), t * sqrt(level_variance), t * sqrt(slope_variance), middle)
    return replace(line, margins=margins)


def _faded(x: float) -> float:
    """Return how many days of the full slope lie between `as_of` and day `x`: at most 30 and 31 ÷ ln 2, 74.7."""
    if x <= LAST_FULL_X:
        return x
    return LAST_FULL_X + FADE_DAYS / log(2) * (1 - 2 ** (-(x - LAST_FULL_X) / FADE_DAYS))


def _sum(some: Iterable[float], others: Iterable[float]) -> float:
    return sum(one * other for one, other in zip(some, others, strict=True))


def _beyond_chance(slope: float, variance: float) -> float:
    """Draw a slope to 0 by the share of its square that chance would make."""
    return slope * max(0.0, 1 - CHANCE * variance / slope**2) if slope**2 > 0 else 0.0


def _off(point: Point, line: Line) -> float:
    return point.usd - line.at(point.x, factor=point.factor)


def _variance(points: Sequence[Point], weights: Sequence[float], line: Line, *, fitted_count: int) -> float:
    """Return the variance of days around the line, by their weights."""
    squares = _sum(weights, (_off(point, line) ** 2 for point in points))
    count = _effective_count(weights)
    return squares / sum(weights) * count / max(1.0, count - fitted_count)


def _effective_count(weights: Sequence[float]) -> float:
    """Return how many days of one weight tell as much as these."""
    return sum(weights) ** 2 / _sum(weights, weights)
