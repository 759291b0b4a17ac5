"""Daily cost to month end and for a week at least, by the method in use (docs/projection.md).

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

**The interval** is 80 % for each single day. Daily bounds added up over several days give another range than that of their sum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ai_finops.analyse.forecast import forecast
from ai_finops.analyse.forecast.choice import Choices, Chosen
from ai_finops.analyse.schemas import PROJECTIONS, to_money, to_table
from ai_finops.analyse.series import CostHistory
from ai_finops.days import days_between, month_end

FEWEST_TARGET_DAYS = 7
SCENARIO = "as_is"


def project(history: CostHistory, *, as_of_dates: Collection[date], choices: Mapping[str, Choices]) -> pa.Table:
    """Project each feature and the total, by day, as it would have been done on each of `as_of_dates`.

    Args:
        history: Usage costs by feature and day.
        as_of_dates: Dates of issue; each sees only the days before it.
        choices: By feature, which method is in use when; of one that is not in it the base method is.
    Returns:
        `raw.analysis_projections` in the order as_of_date, feature_id, target_date, for each day to month end, seven at least.
        Status `insufficient_history` is without costs.
    """
    rows = (
        row
        for as_of in sorted(set(as_of_dates))
        for feature in history.features_before(as_of)
        for row in _project_feature(history, feature, as_of=as_of, choices=choices.get(feature))
    )
    return to_table(rows, schema=PROJECTIONS)


def last_target_date(as_of: date) -> date:
    """Return the last day that is projected on `as_of`: the end of the month, or the seventh day where that is later."""
    return max(month_end(as_of), as_of + timedelta(days=FEWEST_TARGET_DAYS - 1))


def _project_feature(
    history: CostHistory, feature_id: str, *, as_of: date, choices: Choices | None
) -> Iterator[dict[str, Any]]:
    chosen = Chosen() if choices is None else choices.on(as_of)
    targets = list(days_between(as_of, last_target_date(as_of)))
    found = forecast(
        history.between(feature_id, date.min, as_of - timedelta(days=1)),
        as_of=as_of,
        day_count=len(targets),
        method=chosen.method,
        interval_scale=chosen.interval_scale,
    )
    for x, target in enumerate(targets):
        middle, margin = (found.daily_usd[x], found.daily_margin_usd[x]) if found.daily_usd else (None, None)
        yield {
            "as_of_date": as_of,
            "feature_id": feature_id,
            "scenario": SCENARIO,
            "target_date": target,
            "projected_cost_usd": _not_negative(middle),
            "low_cost_usd": None if middle is None else _not_negative(middle - margin),
            "high_cost_usd": None if middle is None else _not_negative(middle + margin),
            "method": found.method,
            "status": found.status,
            "window_day_count": found.window_day_count,
        }


def _not_negative(usd: float | None) -> Decimal | None:
    return None if usd is None else to_money(max(usd, 0.0))
