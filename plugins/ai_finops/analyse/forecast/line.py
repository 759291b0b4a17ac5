"""The line through the days of a level, with weekday factors: the base method.

It is least squares with three cares, each worth its numbers in docs/projection.md:

- *Later days weigh more*: a day counts half as much as one a fortnight after it. Costs drift, and the end of a line is what is
  asked for.
- *A slope counts as far as it is beyond chance*: of a slope that is z standard errors steep, 1 - 2/z² is kept, and nothing
  below √2. A line that follows chance is wrong by a multiple of it at month end.
- *A margin allows for drift*: residuals tell how far days are off the line, not how far the line goes off afterwards. So its
  level counts as known from two days at most, and its slope as the change between two such levels a fortnight apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from ai_finops.analyse.forecast.margins import DRIFT_DAYS, Margins
from ai_finops.analyse.trend import t_quantile_90

HALF_LIFE_DAYS = 14
CHANCE = 2.0


@dataclass(frozen=True, slots=True)
class Point:
    """One known day: `x` days after `as_of` (before it, so below 0), the factor of its weekday, and its cost."""

    x: int
    factor: float
    usd: float

    @property
    def weight(self) -> float:
        return 0.5 ** (-self.x / HALF_LIFE_DAYS)


@dataclass(frozen=True, slots=True)
class Line:
    """`level_usd` at `middle_x` and `slope_usd` a day, both of an even day, and how far off it may be."""

    level_usd: float
    slope_usd: float
    middle_x: float
    margins: Margins

    def at(self, x: float, *, factor: float = 1.0) -> float:
        """Return the cost of a day whose weekday has `factor`; USD."""
        return factor * (self.level_usd + self.slope_usd * (x - self.middle_x))


def fit(points: Sequence[Point], *, has_slope: bool) -> Line:
    """Fit a line, or a level as a line without slope.

    Args:
        points: Three at least; for a slope four with different x. One factor is above 0 at least.
        has_slope: Whether to look for a slope.
    """
    weights = [point.weight * point.factor**2 for point in points]
    total = sum(weights)
    middle = sum(weight * point.x for weight, point in zip(weights, points, strict=True)) / total
    level = sum(point.weight * point.factor * point.usd for point in points) / total
    slope = slope_variance = 0.0
    if has_slope:
        pulls = [point.weight * point.factor * (point.x - middle) for point in points]
        spread = sum(pull * point.factor * (point.x - middle) for pull, point in zip(pulls, points, strict=True))
        slope = sum(pull * point.usd for pull, point in zip(pulls, points, strict=True)) / spread
        variance = _variance(points, Line(level, slope, middle, Margins(0.0)), fitted_count=2)
        slope_variance = variance * sum(pull**2 for pull in pulls) / spread**2
        slope = _beyond_chance(slope, slope_variance)
    variance = _variance(points, Line(level, slope, middle, Margins(0.0)), fitted_count=1 + has_slope)
    level_variance = variance * sum((point.weight * point.factor) ** 2 for point in points) / total**2
    drift_variance = variance / DRIFT_DAYS
    t = t_quantile_90(max(1, round(_effective_count(points)) - 1 - has_slope))
    margins = Margins(
        day_usd=t * sqrt(variance),
        level_usd=t * sqrt(max(level_variance, drift_variance)),
        slope_usd=t * sqrt(max(slope_variance, drift_variance / HALF_LIFE_DAYS**2)),
        middle_x=middle,
    )
    return Line(level, slope, middle, margins)


def _beyond_chance(slope: float, variance: float) -> float:
    """Draw a slope to 0 by the share of its square that chance would make."""
    return slope * max(0.0, 1 - CHANCE * variance / slope**2) if slope**2 > 0 else 0.0


def _variance(points: Sequence[Point], line: Line, *, fitted_count: int) -> float:
    """Return the variance of days around the line, by their weights."""
    squares = sum(point.weight * (point.usd - line.at(point.x, factor=point.factor)) ** 2 for point in points)
    count = _effective_count(points)
    return squares / sum(point.weight for point in points) * count / max(1.0, count - fitted_count)


def _effective_count(points: Sequence[Point]) -> float:
    """Return how many days of one weight tell as much as these."""
    return sum(point.weight for point in points) ** 2 / sum(point.weight**2 for point in points)
