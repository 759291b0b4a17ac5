"""Measure what a new day's backtests, projections and savings take, with a history behind them.

    make bench BENCH=projection_speed

50 features over 180 days and their total: every Monday's forecasts made once and kept in a lake, then builds of the same day,
of a day with new Mondays, of a day without, and of one whose last week was restated. Each projects its own date, in all
scenarios, since earlier ones are kept. Savings are those of the newest date of `savings_speed`. What is imported on first use
is imported before.
"""

from __future__ import annotations

import math
import os
import random
import resource
import tempfile
import time
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from ai_finops.analyse.forecast import AUTO_ETS, Chosen, forecast
from ai_finops.analyse.forecast.choice import choices_by_feature
from ai_finops.analyse.forecast.tables import backtests_table, errors_table
from ai_finops.analyse.month_to_date import MonthToDate
from ai_finops.analyse.projections import project
from ai_finops.analyse.schemas import to_money
from ai_finops.analyse.series import TOTAL, CostHistory
from ai_finops.build.backtest_days import backtest
from ai_finops.days import days_between
from ai_finops.lake import Lake
from tests.benchmarks import savings_speed

FEATURE_COUNT, DAY_COUNT = 50, 180
FIRST = date(2025, 1, 6)


def main() -> None:
    """Print the CPU seconds of each step of each build."""
    _import_all()
    # July 3, a Thursday: the week of June 23 and the month of June 30 have passed since the Sunday before.
    last = FIRST + timedelta(days=DAY_COUNT - 2)
    sunday = last - timedelta(days=4)
    builds = (
        ("from nothing", _history(sunday), sunday),
        ("the same again", _history(sunday), sunday),
        ("four days on, with two new Mondays", _history(last), last),
        ("a new day", _history(last + timedelta(days=1)), last + timedelta(days=1)),
        ("a new day, the last week restated", _history(last + timedelta(days=2), restated=7), last + timedelta(days=2)),
    )
    print(f"{FEATURE_COUNT} features and their total, {DAY_COUNT} days, CPU seconds, load {os.getloadavg()[0]:.1f}\n")
    print("| Build | backtests | choices | tables | projections | savings | together |\n|---|---|---|---|---|---|---|")
    savings_s = _savings()
    with tempfile.TemporaryDirectory() as folder:
        for name, history, as_of in builds:
            times = [*_build(history, lake=Lake(Path(folder)), as_of=as_of), savings_s]
            print(f"| {name} | {' | '.join(f'{seconds:.2f}' for seconds in [*times, sum(times)])} |")
    print(f"\npeak of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def _build(history: CostHistory, *, lake: Lake, as_of: date) -> list[float]:
    mondays = [day for day in days_between(FIRST + timedelta(days=1), as_of) if day.weekday() == 0 or day == as_of]
    spent = _spent(history)
    times = [time.process_time()]
    backtests = backtest(history, lake=lake, as_of=as_of)
    times.append(time.process_time())
    choices = choices_by_feature(backtests)
    times.append(time.process_time())
    backtests_table(choices)
    errors_table(choices, history=history, as_of_dates=mondays)
    times.append(time.process_time())
    project(
        history,
        as_of_dates=[as_of],
        spent=spent,
        chosen=lambda feature, day: choices[feature].on(day) if feature in choices else Chosen(),
        own_date=as_of,
    )
    times.append(time.process_time())
    return [after - before for before, after in pairwise(times)]


def _spent(history: CostHistory) -> MonthToDate:
    counts = dict.fromkeys(("request_count", "input_tokens", "output_tokens"), 1)
    rows = [
        {"usage_date": day, "feature_id": feature, "allocated_cost_usd": to_money(usd), **counts}
        | dict.fromkeys(("unknown_cost_call_count", "unknown_cost_tokens"), 0)
        for feature, days in history.usd.items()
        if feature != TOTAL
        for day, usd in days.items()
    ]
    bounds = {"largest_unknown_ratio": 0.01, "largest_missing_ratio": 0.1}
    return MonthToDate.from_table(pa.Table.from_pylist(rows), covered_days=history.covered_days, **bounds)


def _savings() -> float:
    days = [savings_speed.FIRST + timedelta(days=number) for number in range(DAY_COUNT)]
    return savings_speed.measure(days, due=[days[-1] + timedelta(days=1)])[2]


def _history(as_of: date, *, restated: int = 0) -> CostHistory:
    """Made costs up to `as_of`: growth, weekends and surges; the last `restated` days a hundredth dearer."""
    rng = random.Random(20250106)
    days = list(days_between(FIRST, FIRST + timedelta(days=DAY_COUNT + 6)))
    usd: dict[str, dict[date, float]] = {}
    for feature in range(FEATURE_COUNT):
        weekend = 0.5 if feature % 2 else 1.0
        usd[f"feature_{feature}"] = {
            day: (10 + feature)
            * math.exp(0.002 * number)
            * (weekend if day.weekday() >= 5 else 1.0)
            * rng.lognormvariate(0, 0.15)
            * (4 if rng.random() < 1 / 30 else 1)
            * (1.01 if (as_of - day).days <= restated else 1.0)
            for number, day in enumerate(days)
        }
    usd = {name: {day: cost for day, cost in series.items() if day < as_of} for name, series in usd.items()}
    covered = tuple(day for day in days if day < as_of)
    usd[TOTAL] = {day: sum(series[day] for name, series in usd.items() if name != TOTAL) for day in covered}
    return CostHistory(covered, usd, dict.fromkeys(usd, FIRST))


def _import_all() -> None:
    days = [(FIRST + timedelta(days=number), 10.0 + number % 5) for number in range(40)]
    forecast(days, as_of=FIRST + timedelta(days=40), day_count=7, method=AUTO_ETS)


if __name__ == "__main__":
    main()
