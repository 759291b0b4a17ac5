"""Each day's cost of a feature beside its baseline, the mean of days before, and the verdict.

A verdict depends on the days up to its own and on none after: it changes when the bill restates one of them, and not because
time goes by. What the verdicts are and why: docs/anomalies.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from ai_finops.analyse.anomaly_rules import SAME_WEEKDAY, TRAILING_DAYS, AnomalyRule

ANOMALIES = ("spike", "new_spend", "step")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The mean of known days before a day; micro-dollars."""

    kind: str
    days: tuple[date, ...]
    sum_micros: int
    is_enough: bool
    """Whether it is of as many days as the rule wants."""

    @property
    def exact_micros(self) -> Fraction:
        return Fraction(self.sum_micros, len(self.days))

    @property
    def micros(self) -> int:
        """The mean in whole micro-dollars, half to even."""
        return round(self.exact_micros)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a day's cost is in the light of the days before it."""

    usage_date: date
    cost_micros: int | None
    baseline: Baseline
    status: str
    reason: str | None
    anomaly_day_number: int = 0
    """Which one of a run of anomalies it is; 0 where it is none."""
    anomaly_start_date: date | None = None
    """The first day of that run."""

    @property
    def is_anomaly(self) -> bool:
        return self.status in ANOMALIES

    @property
    def excess_micros(self) -> int | None:
        """Cost above the baseline; micro-dollars, None where either is not known."""
        if self.cost_micros is None or not self.baseline.is_enough:
            return None
        return self.cost_micros - self.baseline.micros


@dataclass(slots=True)
class _Level:
    """What has been seen of the level that the series is on."""

    costs: dict[date, int] = field(default_factory=dict)
    """Known days of the level, in order; micro-dollars."""
    run: list[date] = field(default_factory=list)
    """Days in a row, up to now, whose cost was an anomaly."""
    flagged: set[date] = field(default_factory=set)

    def begin_again(self) -> None:
        """Take the days of the run for the beginning of another level."""
        self.costs = {day: micros for day, micros in self.costs.items() if day >= self.run[0]}
        self.run, self.flagged = [], set()


def judge(costs: Mapping[date, int | None], *, rule: AnomalyRule) -> Iterator[Verdict]:
    """Judge each day of a series.

    Args:
        costs: Micro-dollars by day, 0 where nothing was spent, None where too much of the cost is not known. Days of which
            nothing is known at all are left out.
        rule: What is an anomaly.
    """
    level = _Level()
    for day in sorted(costs):
        verdict = _judge_day(day, costs[day], level=level, rule=rule)
        yield verdict
        if verdict.cost_micros is None:
            continue
        level.costs[day] = verdict.cost_micros
        if not verdict.is_anomaly:
            level.run = []
            continue
        level.run.append(day)
        level.flagged.add(day)
        if verdict.status == "step":
            level.begin_again()


def _judge_day(day: date, cost: int | None, *, level: _Level, rule: AnomalyRule) -> Verdict:
    baseline = find_baseline(day, costs=level.costs, flagged=level.flagged, rule=rule)
    if cost is None:
        return Verdict(day, cost, baseline, "cost_not_known", "calls_without_bill_or_price")
    if not baseline.is_enough:
        return Verdict(day, cost, baseline, "insufficient_history", "few_known_days")
    # A mean below zero, of charges taken back, is nothing to be a multiple of.
    if cost <= rule.anomaly_ratio * max(baseline.exact_micros, 0):
        return Verdict(day, cost, baseline, "normal", None)
    if cost - baseline.exact_micros <= rule.smallest_excess_micros:
        return Verdict(day, cost, baseline, "normal", "below_floor")
    number, start = len(level.run) + 1, (level.run or [day])[0]
    if number >= rule.step_day_count:
        return Verdict(day, cost, baseline, "step", "stayed", number, start)
    if baseline.sum_micros <= 0:
        return Verdict(day, cost, baseline, "new_spend", "zero_baseline", number, start)
    return Verdict(day, cost, baseline, "spike", "above_ratio", number, start)


def find_baseline(day: date, *, costs: Mapping[date, int], flagged: set[date], rule: AnomalyRule) -> Baseline:
    """Return the mean that the day is held against: by its weekday where that is the rule and enough of them are known."""
    trailing = [day - timedelta(days=back) for back in range(rule.trailing_day_count, 0, -1)]
    if rule.baseline_kind == SAME_WEEKDAY:
        weekdays = [day - weeks * _WEEK for weeks in range(rule.same_weekday_count, 0, -1)]
        found = _mean(SAME_WEEKDAY, weekdays, costs=costs, flagged=flagged, rule=rule)
        if found.is_enough:
            return found
    return _mean(TRAILING_DAYS, trailing, costs=costs, flagged=flagged, rule=rule)


def _mean(
    kind: str, days: Sequence[date], *, costs: Mapping[date, int], flagged: set[date], rule: AnomalyRule
) -> Baseline:
    """Return the mean of the known days that were no anomaly; where those are too few, of all known days."""
    known = [day for day in days if day in costs]
    ordinary = [day for day in known if day not in flagged]
    used = ordinary if len(ordinary) >= rule.smallest_known_day_count else known
    return Baseline(
        kind, tuple(used), sum(costs[day] for day in used), is_enough=len(used) >= rule.smallest_known_day_count
    )
