"""Daily cost to month end and for a week at least, and how wrong earlier projections by the same method were.

**Method.** From 14 days of history a linear trend. Below that the mean of the days: a line through less than two weeks
follows the fall from Friday to Sunday, or the rise from it, to the end of the month.

**Month end** is the end of the month that holds `as_of_date`, the first day not yet seen: the month under way, and on
the first of a month the one that begins, since the month before is finished and needs no projection. Where that is less
than a week away, the days after it are projected too: a week that crosses the end of a month is held against the seven
days projected on its Monday. A sum to month end has to leave those days out.

**Days.** A covered day counts (its traces are landed, or it is on a bill), and a feature without a row
on it had a zero day. Any other day counts for nobody, whatever late row it has, and a day whose cost is not known is
left out of the series of which that is true. A feature's history begins on the first day it has a row. Negative days
are taken as they are; what is projected is never below zero.

**The total** is projected on the series of totals. It is not the sum of the features' projections and need not equal
it.

**The interval** is 80 % for each single day: residuals around the trend or mean, Student's t, the uncertainty of the
trend or mean itself included. Daily bounds added up over several days give a range that is wider than 80 %, never narrower.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa

from ai_finops.analyse.schemas import PROJECTION_ERRORS, PROJECTIONS, to_money, to_table
from ai_finops.analyse.series import CostHistory
from ai_finops.analyse.trend import Trend
from ai_finops.days import days_between, month_end

WINDOW_DAYS = 28
FEWEST_TARGET_DAYS = 7
WANTED_DAYS = 14
FEWEST_DAYS = 7
TREND_METHOD = "linear_trend"
MEAN_METHOD = "trailing_mean"
SCENARIO = "as_is"


class Projected(NamedTuple):
    """Projections and their measured errors, as `raw.analysis_projections` and `raw.analysis_projection_errors`."""

    projections: pa.Table
    errors: pa.Table


def project(history: CostHistory, *, as_of_dates: Collection[date]) -> Projected:
    """Project each feature and the total, by day, as it would have been done on each of `as_of_dates`.

    Args:
        history: Usage costs by feature and day.
        as_of_dates: Dates of issue; each sees only the days before it.
    Returns:
        Projections in the order as_of_date, feature_id, target_date, for each day to month end, seven at least. Status is `ok`
        with method `linear_trend` from 14 known days in the last 28. Below that the method is `trailing_mean`, and the status
        `short_history` from 7 days, then `insufficient_history` with null costs. And the errors (`measure_errors`).
    """
    rows = (
        row
        for as_of in sorted(set(as_of_dates))
        for feature in history.features_before(as_of)
        for row in _project_feature(history, feature, as_of=as_of)
    )
    projections = to_table(rows, schema=PROJECTIONS)
    return Projected(projections, measure_errors(projections, history))


def status_of(window_day_count: int) -> str:
    """Say what a window of so many observed days allows."""
    if window_day_count >= WANTED_DAYS:
        return "ok"
    return "short_history" if window_day_count >= FEWEST_DAYS else "insufficient_history"


def method_of(window_day_count: int) -> str:
    """Name the method that a window of so many observed days is projected by."""
    return TREND_METHOD if window_day_count >= WANTED_DAYS else MEAN_METHOD


def last_target_date(as_of: date) -> date:
    """Return the last day that is projected on `as_of`: the end of the month, or the seventh day where that is later."""
    return max(month_end(as_of), as_of + timedelta(days=FEWEST_TARGET_DAYS - 1))


def _project_feature(history: CostHistory, feature_id: str, *, as_of: date) -> Iterator[dict[str, Any]]:
    window = history.between(feature_id, as_of - timedelta(days=WINDOW_DAYS), as_of - timedelta(days=1))
    status, method = status_of(len(window)), method_of(len(window))
    fit = Trend.fit if method == TREND_METHOD else Trend.level
    # x counts days from as_of, so that the first projected day is 0.
    trend = None if len(window) < FEWEST_DAYS else fit([((day - as_of).days, usd) for day, usd in window])
    for target in days_between(as_of, last_target_date(as_of)):
        x = (target - as_of).days
        middle, margin = (None, None) if trend is None else (trend.at(x), trend.margin_80(x))
        yield {
            "as_of_date": as_of,
            "feature_id": feature_id,
            "scenario": SCENARIO,
            "target_date": target,
            "projected_cost_usd": _not_negative(middle),
            "low_cost_usd": None if middle is None else _not_negative(middle - margin),
            "high_cost_usd": None if middle is None else _not_negative(middle + margin),
            "method": method,
            "status": status,
            "window_day_count": len(window),
        }


def _not_negative(usd: float | None) -> Decimal | None:
    return None if usd is None else to_money(max(usd, 0.0))


class _Errors(NamedTuple):
    """Errors of a number of origins, added up; USD."""

    origin_count: int = 0
    absolute_usd: float = 0.0
    signed_usd: float = 0.0
    spent_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class _Origins:
    """The origins of one feature and horizon in the order in which they became known, each with all before it."""

    last_targets: list[date] = field(default_factory=list)
    running: list[_Errors] = field(default_factory=list)

    def add(self, last_target: date, *, projected_usd: float, actual_usd: float) -> None:
        """Add the origin whose last day is `last_target`; later ones only."""
        error, earlier = projected_usd - actual_usd, self.running[-1] if self.running else _Errors()
        self.last_targets.append(last_target)
        self.running.append(
            _Errors(
                earlier.origin_count + 1,
                earlier.absolute_usd + abs(error),
                earlier.signed_usd + error,
                earlier.spent_usd + abs(actual_usd),
            )
        )

    def before(self, day: date) -> _Errors:
        """Return the errors of the origins whose last day lies before `day`."""
        count = bisect_left(self.last_targets, day)
        return self.running[count - 1] if count else _Errors()


def measure_errors(projections: pa.Table, history: CostHistory) -> pa.Table:
    """Hold earlier projections against what became known before each date of issue (rolling origins).

    An origin counts for horizon h on date A when it was issued before A, projected at least h days, and all h days lie
    before A: nothing that was unknown on A is used. Its error is that of the *sum* of the h days, as a month-end figure
    is a sum; days whose cost is not known are left out of both sides. A method answers only for what it issued itself: the
    first projections by trend have no error yet, whatever the mean's was.

    Returns:
        One row per as_of_date, feature, method and horizon of the projection issued that day. `wape_ratio` is the sum
        of absolute errors over the sum of absolute actuals, `bias_ratio` the sum of signed errors (projected less
        actual) over the same; both null with status `insufficient_history` where no origin counts or nothing was
        spent.
    """
    issued: dict[tuple[str, str, date], list[tuple[date, float | None]]] = defaultdict(list)
    names = ("feature_id", "method", "as_of_date", "target_date", "projected_cost_usd")
    for feature, method, as_of, target, usd in zip(*(projections[name].to_pylist() for name in names), strict=True):
        issued[feature, method, as_of].append((target, None if usd is None else float(usd)))
    origins = _origins(history, issued)
    rows = (
        {"as_of_date": as_of, "feature_id": feature, "method": method, "horizon_days": horizon}
        | _error_of(origins[feature, method, horizon].before(as_of))
        for (feature, method, as_of), targets in sorted(issued.items(), key=lambda item: (item[0][2], item[0]))
        for horizon in range(1, len(targets) + 1)
    )
    return to_table(rows, schema=PROJECTION_ERRORS)


def _origins(history: CostHistory, issued: dict) -> dict[tuple[str, str, int], _Origins]:
    """Gather, per feature, method and horizon, every projection whose days have all passed."""
    origins: dict[tuple[str, str, int], _Origins] = defaultdict(_Origins)
    last_covered = max(history.covered_days, default=date.min)
    known = {feature: dict(history.between(feature, date.min, date.max)) for feature, _, _ in issued}
    # By date of issue, so that the last days of one horizon come in order.
    for (feature, method, _), targets in sorted(issued.items(), key=lambda item: item[0][2]):
        targets = sorted(targets)
        if targets[0][1] is None:
            continue
        actual = known[feature]
        pairs = [(usd, actual[day]) if day in actual else (0.0, 0.0) for day, usd in targets]
        projected_sums = accumulate(usd for usd, _ in pairs)
        actual_sums = accumulate(usd for _, usd in pairs)
        known_counts = accumulate(day in actual for day, _ in targets)
        sums = zip(projected_sums, actual_sums, known_counts, strict=True)
        for horizon, (projected, spent, known_count) in enumerate(sums, 1):
            last_target = targets[horizon - 1][0]
            if last_target <= last_covered and known_count:
                origins[feature, method, horizon].add(last_target, projected_usd=projected, actual_usd=spent)
    return origins


def _error_of(errors: _Errors) -> dict[str, Any]:
    is_measured = errors.spent_usd > 0
    return {
        "origin_count": errors.origin_count,
        "wape_ratio": errors.absolute_usd / errors.spent_usd if is_measured else None,
        "bias_ratio": errors.signed_usd / errors.spent_usd if is_measured else None,
        "status": "measured" if is_measured else "insufficient_history",
    }
