"""What each weekday costs beside the mean of a week, learned from the last weeks before a date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from statistics import median

FEWEST_OF_A_WEEKDAY = 4
MOST_WEEKS = 8
SMALLEST_FACTOR = 0.25
"""Days of a weekday that costs less than this share of a mean one tell nothing of the level."""
ODD_RATIO = 3.0
"""A day this many times its week's middle day away from what it would be is no part of the week's level."""
SD_PER_MEDIAN_DEVIATION = 1.4826
"""Standard deviation ÷ median absolute deviation, of a normal distribution."""
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
        """Return what an even day of it costs; unknown days are allowed for, and odd ones left out."""
        even = [usd / factors[weekday] for weekday, usd in self.usd.items() if factors[weekday] >= SMALLEST_FACTOR]
        middle = median(even) if even else 0.0
        usual = {
            weekday: usd
            for weekday, usd in self.usd.items()
            # Of a week that mostly costs nothing every day counts.
            if middle <= 0 or abs(usd - middle * factors[weekday]) <= ODD_RATIO * middle
        }
        expected = sum(factors[weekday] for weekday in usual)
        return sum(usual.values()) / expected if expected > 0 else 0.0


def weekday_factors(days: Sequence[tuple[date, float]], *, as_of: date) -> Factors | None:
    """Learn how the weekdays differ, or None where one of them is known fewer than four times.

    Weeks end on the day before `as_of`: the last four, or as many more as it takes. Each day is held against its own week,
    along its slope, and a weekday's factor is the median of its weeks: neither a step nor an odd day is
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
    last = as_of.toordinal() - 1
    for day, usd in days:
        number = day.toordinal()
        if 0 <= last - number < 7 * MOST_WEEKS:
            # The first of January of year 1, day 1, was a Monday.
            weeks[(last - number) // 7].usd[(number - 1) % 7] = usd
    counts = dict.fromkeys(range(7), 0)
    taken = []
    for week in weeks:
        if week.level(EVEN) <= 0:
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
    ratios: list[list[float]] = [[] for _ in range(7)]
    for week, level, slope in zip(weeks, levels, _slopes(weeks, levels), strict=True):
        for weekday, usd in week.usd.items():
            there = level + slope * ((weekday - first_weekday) % 7 - 3)
            if there > 0:
                ratios[weekday].append(usd / there)
    return ratios


def _slopes(weeks: Sequence[_Week], levels: Sequence[float]) -> Iterator[float]:
    """Yield how much more each day of a week costs than the one before, as far as the changes on two sides of it agree.

    The smaller of two changes, and none where they differ in sign: of a step the changes on its two sides know nothing.
    """
    changes = [
        (newer - older) / (7 * (before.number - after.number))
        for (after, before), (newer, older) in zip(pairwise(weeks), pairwise(levels), strict=True)
    ]
    for place in range(len(weeks)):
        first = min(max(place - 1, 0), len(changes) - 2)
        one, other = changes[first : first + 2]
        yield min(one, other, key=abs) if one * other > 0 else 0.0


def _beyond_chance(factors: Factors, ratios: Sequence[Sequence[float]]) -> Factors:
    """Draw the factors to 1 by the share of their differences that chance would make."""
    between = sum((factor - 1) ** 2 for factor in factors) / 6
    # By middle deviations and the middle weekday: neither an odd day nor a week with a step in it is chance.
    within = (
        SD_PER_MEDIAN_DEVIATION**2 * median((ratio - factor) ** 2 for ratio in of_weekday) / len(of_weekday)
        for factor, of_weekday in zip(factors, ratios, strict=True)
    )
    kept = max(0.0, 1 - median(within) / between) if between > 0 else 0.0
    return tuple(1 + kept * (factor - 1) for factor in factors)
