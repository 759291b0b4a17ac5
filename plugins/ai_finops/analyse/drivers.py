"""Why this week cost more or less than the last: the change of each feature, split exactly, in dollars (`spend_split.py`).

Where too much of a week's cost is not known (`known_costs.py`) no cause can be told from what is: all that changed is
`cost_not_known`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

import pyarrow as pa

from ai_finops.analyse.schemas import COST_DRIVERS, micros_to_money, to_table
from ai_finops.analyse.spend import Spend
from ai_finops.analyse.spend_days import Days, read_days
from ai_finops.analyse.spend_split import Driver, in_whole_micros, split
from ai_finops.days import week_start

_NAMES = ("the week before", "this week")


def split_weeks(allocated: pa.Table, *, largest_unknown_ratio: float, call_groups: pa.Table | None = None) -> pa.Table:
    """Split the change of each week against the week before, for every feature.

    Args:
        allocated: Rows of `fct_daily_allocated_costs`; charges other than usage are left aside.
        largest_unknown_ratio: Calls of unknown cost that a caller may have in a week (`known_costs.py`).
        call_groups: Journeys and prompt versions of the calls, as for `spend_days.read_days`.
    Returns:
        Rows in the order week, feature, driver, detail; contributions of zero are left out, but for `cost_not_known`.
        Over a week they add up to the change of usage cost, as far as it is known, to the millionth of a dollar. A week
        whose week before has no rows has none.
    """
    return split_weeks_of(read_days(allocated, call_groups), largest_unknown_ratio=largest_unknown_ratio)


def split_weeks_of(days: Days, *, largest_unknown_ratio: float) -> pa.Table:
    """The same of days that are read already."""
    weeks: dict[date, list[Spend]] = defaultdict(list)
    for day, features in days.items():
        weeks[week_start(day)].extend(features.values())
    summed = {monday: Spend.sum_of(spends) for monday, spends in weeks.items()}
    rows = [
        {
            "week_start_date": monday,
            "feature_id": cause.feature_id,
            "driver": cause.driver,
            "detail": cause.detail,
            "contribution_cost_usd": micros_to_money(micros),
        }
        for monday, week in summed.items()
        if (before := summed.get(monday - timedelta(days=7))) is not None
        for cause, micros in _split_week(before, week, largest_unknown_ratio=largest_unknown_ratio)
    ]
    return to_table(sorted(rows, key=lambda row: tuple(row.values())[:4]), schema=COST_DRIVERS)


def _split_week(before: Spend, after: Spend, *, largest_unknown_ratio: float) -> Iterator[tuple[Driver, int]]:
    """Yield each driver of the week with whole micro-dollars, feature by feature."""
    by_feature: dict[str, dict[Driver, int | Fraction]] = defaultdict(dict)
    for cause, micros in split(before, after, largest_unknown_ratio=largest_unknown_ratio, names=_NAMES):
        by_feature[cause.feature_id][cause] = micros
    for causes in by_feature.values():
        # The parts are exact: together they are the feature's change, a whole number.
        yield from in_whole_micros(causes.items(), total=int(sum(causes.values()))).items()
