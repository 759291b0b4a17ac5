"""How wrong what was issued turned out, by feature, method and days added up: rolling origins, without a look ahead."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.analyse.schemas import PROJECTION_ERRORS, to_table
from ai_finops.analyse.series import CostHistory


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

    Days of scenario `as_is` count; months and other scenarios do not.

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
    is_day = pc.and_(pc.equal(projections["scenario"], "as_is"), pc.equal(projections["target_period"], "day"))
    projections = projections.filter(is_day)
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
