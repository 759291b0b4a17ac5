"""A straight line or a level through daily costs, and how far off a single later day may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist

# The 0.9 quantile of Student's t for 1, 2, … 30 degrees of freedom (two-sided 80 %).
_T_90 = (
    3.0777, 1.8856, 1.6377, 1.5332, 1.4759, 1.4398, 1.4149, 1.3968, 1.3830, 1.3722,
    1.3634, 1.3562, 1.3502, 1.3450, 1.3406, 1.3368, 1.3334, 1.3304, 1.3277, 1.3253,
    1.3232, 1.3212, 1.3195, 1.3178, 1.3163, 1.3150, 1.3137, 1.3125, 1.3114, 1.3104,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trend:
    """A least-squares line, or the mean as a line without slope, with what is needed for prediction intervals."""

    slope: float
    mean_x: float
    mean_y: float
    point_count: int
    spread_x: float
    """Sum of squares about `mean_x`; infinite for a level, whose uncertainty does not grow with the distance."""
    residual_deviation: float
    degrees_of_freedom: int

    @classmethod
    def fit(cls, points: Sequence[tuple[float, float]]) -> Trend:
        """Fit the line through at least three (x, y) points with different x."""
        count = len(points)
        mean_x = sum(x for x, _ in points) / count
        mean_y = sum(y for _, y in points) / count
        spread_x = sum((x - mean_x) ** 2 for x, _ in points)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread_x
        squares = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
        return cls(slope, mean_x, mean_y, count, spread_x, sqrt(squares / (count - 2)), count - 2)

    @classmethod
    def level(cls, points: Sequence[tuple[float, float]]) -> Trend:
        """Take the mean of at least two (x, y) points for every x."""
        count = len(points)
        mean_y = sum(y for _, y in points) / count
        squares = sum((y - mean_y) ** 2 for _, y in points)
        return cls(0.0, 0.0, mean_y, count, inf, sqrt(squares / (count - 1)), count - 1)

    def at(self, x: float) -> float:
        """Return the line's value at `x`."""
        return self.mean_y + self.slope * (x - self.mean_x)

    def margin_80(self, x: float) -> float:
        """Return half the width of the 80 % prediction interval for one new point at `x`."""
        lever = 1 + 1 / self.point_count + (x - self.mean_x) ** 2 / self.spread_x
        return t_quantile_90(self.degrees_of_freedom) * self.residual_deviation * sqrt(lever)


def t_quantile_90(degrees: int) -> float:
    """Return the 0.9 quantile of Student's t; past 30 degrees of freedom the normal quantile, at most 0.03 less."""
    return _T_90[degrees - 1] if degrees <= len(_T_90) else NormalDist().inv_cdf(0.9)
