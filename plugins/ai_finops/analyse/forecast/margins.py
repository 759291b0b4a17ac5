"""How far off a day, or a sum of days, may be: what is random from day to day, and what is wrong for all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

FORECAST_DAYS = 31
"""The longest horizon that is backtested: a Monday that is the first of a month with 31 days."""
DRIFT_DAYS = 2
"""As how many days a level is known at most: days tell how far they are off it, not how far it goes off afterwards."""


@dataclass(frozen=True, slots=True)
class Margins:
    """Half widths of 80 % intervals by what they come of, USD.

    A day is off by `day_usd` for itself, by `level_usd` as all days are, and by `slope_usd` for each day that it is away from
    the middle of the days fitted. A sum of days adds up the first in squares, the other two in full.
    """

    day_usd: float
    level_usd: float = 0.0
    slope_usd: float = 0.0
    middle_x: float = 0.0
    """The middle of the days fitted, in days after `as_of`; before it, so below 0."""

    def of_days(self, xs: Sequence[int]) -> float:
        """Return half the width of the interval of the sum of days `xs`, each in days after `as_of`; USD."""
        lever = sum(x - self.middle_x for x in xs)
        squares = len(xs) * self.day_usd**2 + (len(xs) * self.level_usd) ** 2 + (lever * self.slope_usd) ** 2
        return sqrt(squares)

    def with_level_of(self, usd: float) -> Margins:
        """Return margins whose level may be off by `usd` at least."""
        return replace(self, level_usd=max(self.level_usd, usd))

    def scaled(self, factor: float) -> Margins:
        """Return margins `factor` times as wide."""
        return Margins(self.day_usd * factor, self.level_usd * factor, self.slope_usd * factor, self.middle_x)
