"""What each weekday costs beside the mean of a week, learned from the last weeks before a date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from statistics import median

FEWEST_OF_A_WEEKDAY = 4
MOST_WEEKS = 8
_ROUNDS = 3

Factors = tuple[float, ...]
"""By `date.weekday()`, Monday first; 1.0 on average."""
EVEN: Factors = (1.0,) * 7


@dataclass(slots=True)
class _Week:
    """Seven days in a row of which some are known: USD by weekday."""

    number: int
    """Weeks before the last one."""
    usd: dict[int, float] = field(default_factory=dict)

    def level(self, factors: Factors) -> float:
        """Return what an even day of it costs; its unknown days are allowed for."""
        expected = sum(factors[weekday] for weekday in self.usd)
        return sum(self.usd.values()) / expected if expected > 0 else 0.0


def weekday_factors(days: Sequence[tuple[date, float]], *, as_of: date) -> Factors | None:
    """Learn how the weekdays differ, or None where one of them is known fewer than four times.

    Weeks end on the day before `as_of`: the last four, or as many more as it takes. Each day is held against its own week,
    along the slope that weeks usually have, and a weekday's factor is the median of its weeks: neither a step nor an odd day is
    taken for a pattern. Weeks that cost nothing tell of none. A factor differs from 1 as far as it does beyond chance.
    """
    weeks = _weeks(days, as_of=as_of)
    if weeks is None:
        return None
    first = as_of.weekday()
    factors = EVEN
    for _ in range(_ROUNDS):
        ratios = _ratios(weeks, factors, first_weekday=first)
        if min(map(len, ratios)) < FEWEST_OF_A_WEEKDAY:
            return None
        middles = [max(median(of_weekday), 0.0) for of_weekday in ratios]
        total = sum(middles)
        if total <= 0:
            return None
        factors = tuple(7 * middle / total for middle in middles)
    return _beyond_chance(factors, ratios)


def _weeks(days: Sequence[tuple[date, float]], *, as_of: date) -> list[_Week] | None:
    """Return the last weeks, newest first, until each weekday is known often enough."""
    weeks = [_Week(number) for number in range(MOST_WEEKS)]
    for day, usd in days:
        back = ((as_of - day).days - 1) // 7
        if 0 <= back < MOST_WEEKS:
            weeks[back].usd[day.weekday()] = usd
    counts = dict.fromkeys(range(7), 0)
    taken = []
    for week in weeks:
        if sum(week.usd.values()) <= 0:
            continue
        taken.append(week)
        for weekday in week.usd:
            counts[weekday] += 1
        if min(counts.values()) >= FEWEST_OF_A_WEEKDAY:
            return taken
    return None


def _ratios(weeks: Sequence[_Week], factors: Factors, *, first_weekday: int) -> list[list[float]]:
    """Return, by weekday, cost ÷ what an even day of that week cost there."""
    levels = [week.level(factors) for week in weeks]
    slopes = [
        (levels[place] - levels[place + 1]) / (7 * (older.number - newer.number))
        for place, (newer, older) in enumerate(pairwise(weeks))
    ]
    # Of one step the middle slope knows nothing.
    slope = median(slopes)
    ratios: list[list[float]] = [[] for _ in range(7)]
    for week, level in zip(weeks, levels, strict=True):
        for weekday, usd in week.usd.items():
            there = level + slope * ((weekday - first_weekday) % 7 - 3)
            if there > 0:
                ratios[weekday].append(usd / there)
    return ratios


def _beyond_chance(factors: Factors, ratios: Sequence[Sequence[float]]) -> Factors:
    """Draw the factors to 1 by the share of their differences that chance would make."""
    between = sum((factor - 1) ** 2 for factor in factors) / 6
    within = (
        sum((ratio - factor) ** 2 for ratio in of_weekday) / (len(of_weekday) - 1) / len(of_weekday)
        for factor, of_weekday in zip(factors, ratios, strict=True)
    )
    # The middle one: an odd day widens that of its own weekday.
    kept = max(0.0, 1 - median(within) / between) if between > 0 else 0.0
    return tuple(1 + kept * (factor - 1) for factor in factors)
