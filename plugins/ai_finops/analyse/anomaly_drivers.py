"""What drove a day above its baseline: the day against the mean of its baseline days, by the split of the weekly message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from ai_finops.analyse.anomalies import Verdict
from ai_finops.analyse.series import TOTAL
from ai_finops.analyse.spend import Spend
from ai_finops.analyse.spend_days import Days
from ai_finops.analyse.spend_split import Driver, features_by_pipeline, in_whole_micros, split

_NAMES = ("on the days before", "this day")


def drivers_of(
    verdict: Verdict, *, feature_id: str, days: Days, largest_unknown_ratio: float
) -> Iterator[tuple[str, str, int]]:
    """Yield driver, detail and whole micro-dollars, which add up to the excess over the baseline.

    Args:
        verdict: An anomaly of the feature.
        feature_id: A feature, or `total`: then a detail says whose it is.
        days: Spend by day and feature.
        largest_unknown_ratio: Calls of unknown cost that a caller may have (`known_costs.py`).
    """
    baseline_days = verdict.baseline.days
    before = Spend.sum_of(spend for day in baseline_days for spend in _spends(days, day, feature_id))
    causes = split(
        before.times(Fraction(1, len(baseline_days))),
        Spend.sum_of(_spends(days, verdict.usage_date, feature_id)),
        largest_unknown_ratio=largest_unknown_ratio,
        names=_NAMES,
        features_of_pipelines=features_by_pipeline(
            spend for day in baseline_days for spend in days.get(day, {}).values()
        ),
    )
    # The baseline is rounded to the micro-dollar, and with it the excess.
    for cause, micros in in_whole_micros(causes, total=verdict.excess_micros or 0).items():
        yield cause.driver, _detail(cause, is_total=feature_id == TOTAL), micros


def _spends(days: Days, day: date, feature_id: str) -> list[Spend]:
    of_day = days.get(day, {})
    if feature_id == TOTAL:
        return list(of_day.values())
    return [of_day[feature_id]] if feature_id in of_day else []


def _detail(cause: Driver, *, is_total: bool) -> str:
    """Name the feature, where it is one of several and the detail does not begin with it."""
    if not is_total or cause.detail.startswith(f"{cause.feature_id} calls pipeline "):
        return cause.detail
    return f"{cause.feature_id}: {cause.detail}"
