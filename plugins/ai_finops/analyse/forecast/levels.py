"""Where a series' present level began, and which of its days are spikes.

**Not shared with `anomalies.judge`.** That one raises alarms: it knows rises alone, by a ratio and a floor in dollars that
people set per feature, and must not change a verdict by what came later. A trend is bent by a fall as much, by less than twice
the mean, at cents as at thousands of dollars, and may look back on its whole window. So here a day is odd when it is far from
the median of the level's days before it, in either direction, measured by the level's own spread. The first days, which have
none before them, are held against those after them.

- *Step*: odd on the same side on three known days in a row. The level begins anew with the first of them.
- *Excursion*: a step that was taken back within a week was none. Its days are left out and the level before it goes on. What
  stays undecidable: on the third day of a holiday nobody can tell it from a step, so from then until its end has stayed for
  three days it is taken for one.
- *Spike*: odd days that did not stay, one or two in a row, however high or low.
- *Weekends*: while weekdays have no factors, a Saturday and Sunday that are odd together, or a day that is odd like its weekday
  in another week, are a rhythm and no spikes.
- *Surges*: where more than two days and more than one in seven would be spikes, that is what the series is like: none is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median

from ai_finops.analyse.forecast.weekdays import EVEN, SD_PER_MEDIAN_DEVIATION, SMALLEST_FACTOR, Factors

STEP_DAYS = 3
LONGEST_EXCURSION_DAYS = 7
REFERENCE_DAYS = 14
FEWEST_REFERENCE_DAYS = 4
"""Of the first level; of one after a step the days that made it one."""
SPREADS = 4.0
SMALLEST_CHANGE_RATIO = 0.3
"""A change of less than this share of the level is none, however steady the series: a line takes it up."""
SD_PER_MEAN_DEVIATION = 1.2533
"""Standard deviation ÷ mean absolute deviation, of a normal distribution."""
_WEEK = timedelta(days=7)

Days = Sequence[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class Level:
    """The days of a series' present level."""

    days: tuple[tuple[date, float], ...]
    """Known days from the level's first on, without excursions; spikes are among them."""
    spikes: frozenset[date]
    before_usd: float | None = None
    """The middle day of the level before it, at an even weekday's cost; None where no step came before."""

    @property
    def is_after_step(self) -> bool:
        return self.before_usd is not None


@dataclass(slots=True)
class _Stretch:
    """Days on one level, in order, at what they would cost on an even weekday."""

    start: date
    fewest_reference_days: int
    days: list[tuple[date, float]] = field(default_factory=list)
    odd: dict[date, int] = field(default_factory=dict)
    """1 above, -1 below."""
    usual: list[float] = field(default_factory=list)
    """The costs of the days that are not odd, in order."""
    excursions: list[tuple[date, date]] = field(default_factory=list)
    """First day, and the first day after it."""

    def side_of(self, usd: float) -> int:
        """Return 1 where `usd` is odd for being above the last days, -1 below, 0 where it is not, or they are too few."""
        if len(self.usual) < self.fewest_reference_days:
            return 0
        return _side(usd, beside=self.usual[-REFERENCE_DAYS:])

    def is_excursion(self, day: date) -> bool:
        return any(first <= day < end for first, end in self.excursions)


def present_level(days: Days, *, factors: Factors) -> Level:
    """Find the level that the last of `days` are on.

    Args:
        days: Known days and their cost, USD, ascending; one at least.
        factors: By weekday; days are compared without them.
    """
    stretches = [_Stretch(days[0][0], FEWEST_REFERENCE_DAYS)]
    run: list[tuple[date, float]] = []
    for day, usd in days:
        factor = factors[day.weekday()]
        if factor < SMALLEST_FACTOR:
            continue
        now = stretches[-1]
        side = now.side_of(usd / factor)
        run = _continued(run, (day, usd / factor), side=side, odd=now.odd)
        now.days.append((day, usd / factor))
        if side:
            now.odd[day] = side
        else:
            now.usual.append(usd / factor)
        if len(run) == STEP_DAYS:
            _begin_level(stretches, run)
            run = []
    last = stretches[-1]
    before_usd = median(stretches[-2].usual[-REFERENCE_DAYS:]) if len(stretches) > 1 else _judge_first_days(last)
    kept = tuple((day, usd) for day, usd in days if day >= last.start and not last.is_excursion(day))
    return Level(kept, frozenset(_spikes(last, is_even=factors == EVEN)), before_usd)


def _continued(
    run: list[tuple[date, float]], day: tuple[date, float], *, side: int, odd: dict[date, int]
) -> list[tuple[date, float]]:
    """Return the odd days in a row on one side, up to `day`."""
    if not side:
        return []
    return [*run, day] if run and odd[run[-1][0]] == side else [day]


def _begin_level(stretches: list[_Stretch], run: list[tuple[date, float]]) -> None:
    """Let the days of `run` be another level, or go on with the one before where they return to it soon."""
    now, first = stretches[-1], run[0][0]
    now.days = [known for known in now.days if known[0] < first]
    now.odd = {day: side for day, side in now.odd.items() if day < first}
    is_short = (first - now.start).days <= LONGEST_EXCURSION_DAYS
    if len(stretches) > 1 and is_short and not stretches[-2].side_of(median(usd for _, usd in run)):
        stretches.pop()
        stretches[-1].excursions.append((now.start, first))
        stretches[-1].days.extend(run)
        stretches[-1].usual.extend(usd for _, usd in run)
        return
    stretches.append(_Stretch(first, STEP_DAYS, days=list(run), usual=[usd for _, usd in run]))


def _judge_first_days(stretch: _Stretch) -> float | None:
    """Hold the first days against those after them; return their level where they had one of their own, which is left out."""
    first, rest = stretch.days[:FEWEST_REFERENCE_DAYS], stretch.days[FEWEST_REFERENCE_DAYS:]
    beside = [usd for day, usd in rest if day not in stretch.odd][:REFERENCE_DAYS]
    if len(beside) < FEWEST_REFERENCE_DAYS:
        beside = [usd for day, usd in stretch.days if day not in stretch.odd]
    if len(beside) <= FEWEST_REFERENCE_DAYS:
        return None
    sides = {day: _side(usd, beside=beside) for day, usd in first}
    stayed = [day for day, _ in first[:STEP_DAYS] if sides[day] == sides[first[0][0]] != 0]
    if len(stayed) < STEP_DAYS:
        stretch.odd |= {day: side for day, side in sides.items() if side}
        return None
    later = [known for known in stretch.days if sides.get(known[0]) != sides[stayed[0]]]
    stretch.start, stretch.days = later[0][0], later
    return median(usd for day, usd in first if day in stayed)


def _spikes(stretch: _Stretch, *, is_even: bool) -> set[date]:
    known = {day for day, _ in stretch.days}
    spikes = {day for day, side in stretch.odd.items() if not (is_even and _is_rhythm(day, side, stretch.odd, known))}
    return spikes if len(spikes) <= max(2, len(known) // 7) else set()


def _is_rhythm(day: date, side: int, odd: dict[date, int], known: set[date]) -> bool:
    """Whether the day is odd as its weekday is: so it was in another week, or the weekend was that it is of."""
    others = [other for other in (day - _WEEK, day + _WEEK) if other in known]
    if others:
        return any(odd.get(other) == side for other in others)
    beside = {5: day + timedelta(days=1), 6: day - timedelta(days=1)}.get(day.weekday())
    return beside is not None and odd.get(beside) == side


def _side(usd: float, *, beside: Sequence[float]) -> int:
    middle = median(beside)
    bound = max(SPREADS * _spread(beside, middle=middle), SMALLEST_CHANGE_RATIO * abs(middle))
    if abs(usd - middle) <= bound:
        return 0
    return 1 if usd > middle else -1


def _spread(values: Iterable[float], *, middle: float) -> float:
    """Return about the standard deviation of `values`; where more than half of them are the same, by their mean deviation."""
    deviations = [abs(value - middle) for value in values]
    by_median = SD_PER_MEDIAN_DEVIATION * median(deviations)
    return by_median if by_median > 0 else SD_PER_MEAN_DEVIATION * sum(deviations) / len(deviations)
