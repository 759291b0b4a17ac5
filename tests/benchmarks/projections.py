"""Measure how wrong forecasts are: each method, and the one in use as it would have been chosen, on real and on made series.

    make bench BENCH=projections                  the tables of docs/projection.md, some two minutes
    make bench BENCH=projections BENCH_DATA=…     the same of other files of these names and columns

*Clients*: real clients of an LLM service over 14 days (servegen_daily), each taken for a feature: requests times tokens at a
list price. A composite: no client was billed so. Days 4, 5, 11 and 12 are those on which most rest, so day 0 is taken for a
Tuesday. *Services*: those of a real account over 60 days as Cost Explorer told them (cost_explorer), without tax. *Made*: 40
series of 180 days drawn with a fixed seed, of levels that drift, weekends, growth, steps and spikes.

Errors are of sums of days. A method is chosen, and its intervals are widened, by origins whose days had passed before (walk
forward).
"""

from __future__ import annotations

import csv
import math
import os
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ai_finops.analyse.forecast import METHODS, DailyForecast, daily, forecast, line
from ai_finops.analyse.forecast.backtest import HORIZONS, Backtest, hold_against
from ai_finops.analyse.forecast.choice import Choices, Judged
from ai_finops.analyse.forecast.levels import Level
from ai_finops.analyse.forecast.margins import Margins
from ai_finops.analyse.forecast.weekdays import EVEN, Factors
from ai_finops.analyse.trend import Trend
from tests.benchmarks.anomalies import FIXTURES, USD_PER_MTOK

DATA = Path(os.environ.get("BENCH_DATA") or FIXTURES)
MADE_COUNT, MADE_DAYS = 40, 180

Series = Mapping[str, Mapping[date, float]]
"""USD by day, by feature."""


@dataclass(frozen=True, slots=True)
class Case:
    """Series, the dates on which they are forecast, and how far."""

    title: str
    series: Series
    origins: tuple[date, ...]
    horizons: Mapping[str, int] | None
    """Days by name; None for those of the product: 7, 14 and to month end."""
    choice_horizon: str


def main() -> None:
    """Print the tables."""
    for case in cases():
        print(f"{table(case)}\n", flush=True)
    print(f"{refinements()}\n")


def cases() -> Iterator[Case]:
    """Yield what is measured: the clients and their total, the services and theirs, and the made series."""
    clients = client_days()
    first = min(clients["total"])
    days = {"1d": 1, "3d": 3, "5d": 5}
    origins = tuple(first + timedelta(days=n) for n in range(7, 14))
    each = {name: usd for name, usd in clients.items() if name != "total"}
    steady = {name: usd for name, usd in each.items() if _variation(usd) < 0.5}
    yield Case(f"Clients, all ({len(each)})", each, origins, days, "1d")
    yield Case(f"Clients, steady ({len(steady)})", steady, origins, days, "1d")
    yield Case("Clients, total", {"total": clients["total"]}, origins, days, "1d")
    services = service_days()
    origins = tuple(sorted(services["total"]))[14:]
    each = {name: usd for name, usd in services.items() if name != "total"}
    yield Case(f"Services ({len(each)})", each, origins, {"7d": 7, "14d": 14}, "7d")
    yield Case("Services, total", {"total": services["total"]}, origins, {"7d": 7, "14d": 14}, "7d")
    yield made_case()


def made_case() -> Case:
    """Return the made series, forecast on each Monday from the third on."""
    made = made_days()
    mondays = [day for day in made["made_0"] if day.weekday() == 0][2:]
    return Case(f"Made series ({len(made)})", made, tuple(mondays), None, "7d")


def client_days() -> Series:
    """Return each client's cost by day, all scaled to one median day, and the total as it was."""
    by_client: dict[str, dict[date, float]] = defaultdict(dict)
    with (DATA / "servegen_daily" / "client_days.csv").open() as file:
        for row in csv.DictReader(file):
            prices = USD_PER_MTOK[row["model_tier"]]
            tokens = (float(row[f"{side}_tokens_per_request"]) for side in ("input", "output"))
            per_request = sum(price * count for price, count in zip(prices, tokens, strict=True)) / 1e6
            day = date(2025, 6, 3) + timedelta(days=int(row["day_number"]))
            by_client[f"{row['model_tier']} {row['client']}"][day] = int(row["request_count"]) * per_request
    total = _total(by_client)
    scaled = {
        name: {day: 40 * value / statistics.median(usd.values()) for day, value in usd.items()}
        for name, usd in by_client.items()
    }
    return scaled | {"total": total}


def service_days() -> Series:
    """Return each service's cost by day, and the total."""
    by_service: dict[str, dict[date, float]] = defaultdict(dict)
    with (DATA / "cost_explorer" / "service_days.csv").open() as file:
        for row in csv.DictReader(file):
            if row["service_name"] != "Tax":
                by_service[row["service_name"]][date.fromisoformat(row["usage_date"])] = float(
                    row["unblended_cost_usd"]
                )
    days = [date(2024, 2, 1) + timedelta(days=n) for n in range(60)]
    filled = {name: {day: usd.get(day, 0.0) for day in days} for name, usd in by_service.items()}
    return filled | {"total": _total(filled)}


def made_days() -> Series:
    """Return drawn series: 15 % noise, a level that drifts by 5 % a day, and on one day in fifty a spike."""
    return {f"made_{number}": _made(random.Random(20250106 + number)) for number in range(MADE_COUNT)}


def _made(rng: random.Random) -> dict[date, float]:
    first = date(2025, 1, 6)
    weekdays = [1.25] * 5 + [0.35, 0.4] if rng.random() < 0.6 else [1.0] * 7
    level, growth = rng.uniform(10, 300), rng.choice([0, 0, 0.003, 0.01, -0.005])
    step, size, drift = rng.randrange(40, 140), rng.choice([1, 1, 1.6, 2.5, 0.5]), 0.0
    made = {}
    for number in range(MADE_DAYS):
        drift += rng.gauss(0, 0.05)
        usd = level * math.exp(growth * number + drift + rng.gauss(0, 0.15)) * weekdays[number % 7]
        spike = rng.choice([4, 8, 0.1]) if rng.random() < 0.02 else 1
        made[first + timedelta(days=number)] = usd * spike * (size if number >= step else 1)
    return made


def table(case: Case) -> str:
    """Return WAPE, bias and coverage by method and horizon; the last column of each counts the sums."""
    head = " | ".join(f"{name}: WAPE | bias | coverage | sums" for name in _horizons(case))
    rule = "|---" * (4 * len(_horizons(case)) + 1) + "|"
    return "\n".join((f"| {case.title} | {head} |", rule, *rows_of(case, methods=METHODS, has_choice=True)))


def rows_of(case: Case, *, methods: Sequence[str], has_choice: bool) -> list[str]:
    """Return the rows of a table: what was in use, which takes all methods to know, each method, and the plain line."""
    judged = [one for name, usd in case.series.items() for one in _judged(name, usd, case, methods=methods)]
    used = [_row("in use", [one for one in judged if one.is_method_in_use], case)] if has_choice else []
    of_method = ([one for one in judged if one.backtest.method == method] for method in methods)
    rows = [_row(f"`{method}`", ones, case) for method, ones in zip(methods, of_method, strict=True)]
    plain = _backtests(case, lambda days, origin: [plain_line(days, origin)])
    return [*used, *rows, _row("plain line", [Judged(one, 1.0, is_method_in_use=False) for one in plain], case)]


def _judged(name: str, usd: Mapping[date, float], case: Case, *, methods: Sequence[str]) -> list[Judged]:
    alone = Case(case.title, {name: usd}, case.origins, case.horizons, case.choice_horizon)
    backtests = _backtests(alone, lambda days, origin: [_forecast(days, origin, method) for method in methods])
    return Choices(backtests, choice_horizon=case.choice_horizon).judged


def _horizons(case: Case) -> tuple[str, ...]:
    return HORIZONS if case.horizons is None else tuple(case.horizons)


def _forecast(days: Sequence[tuple[date, float]], origin: date, method: str) -> DailyForecast:
    return forecast(days, as_of=origin, day_count=31, method=method)


def _backtests(
    case: Case, forecasts: Callable[[Sequence[tuple[date, float]], date], Iterable[DailyForecast]]
) -> Iterator[Backtest]:
    for name, usd in case.series.items():
        end = max(usd) + timedelta(days=1)
        for origin in case.origins:
            days = [known for known in sorted(usd.items()) if known[0] < origin]
            for found in forecasts(days, origin):
                if found.margins is not None:
                    yield from hold_against(
                        found, origin=origin, feature_id=name, actual=usd, passed_before=end, horizons=case.horizons
                    )


def plain_line(days: Sequence[tuple[date, float]], as_of: date) -> DailyForecast:
    """Forecast as the product did before: least squares over 28 days, or their mean where 14 are not known."""
    points = [((day - as_of).days, usd) for day, usd in days if (as_of - day).days <= 28]
    trend = (Trend.fit if len(points) >= 14 else Trend.level)(points)
    margins = Margins(trend.margin_80(0))
    return DailyForecast("plain_line", "ok", len(points), None, tuple(trend.at(x) for x in range(31)), (), margins)


def refinements() -> str:
    """Return what each care of the line is worth on the made series, over 7 days and to month end."""
    case = made_case()
    lines = ["| `linear_trend`, made series | 7d: WAPE | 14d: WAPE | month_end: WAPE |", "|---|---|---|---|"]
    for name, changed in _variants().items():
        with changed():
            found = list(_backtests(case, lambda days, origin: [_forecast(days, origin, "linear_trend")]))
        by_horizon = ([one for one in found if one.horizon == horizon] for horizon in HORIZONS)
        lines.append(f"| {name} | {' | '.join(_percent(_wape(of_horizon)) for of_horizon in by_horizon)} |")
    return "\n".join(lines)


def _variants() -> dict[str, Callable]:
    def all_days(days: Sequence[tuple[date, float]], *, factors: Factors) -> Level:
        return Level(tuple(days), frozenset())

    return {
        "as it is": lambda: _with(line, CHANCE=line.CHANCE),
        "all days weigh the same": lambda: _with(line, HALF_LIFE_DAYS=math.inf),
        "every slope counts in full": lambda: _with(line, CHANCE=0.0),
        "no slope at all": lambda: _with(line, CHANCE=math.inf),
        "no weekday factors": lambda: _with(daily, weekday_factors=lambda days, *, as_of: EVEN),
        "no steps and spikes": lambda: _with(daily, present_level=all_days),
    }


@contextmanager
def _with(module: object, **values: object) -> Iterator[None]:
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    yield
    for name, value in before.items():
        setattr(module, name, value)


def _row(name: str, judged: Sequence[Judged], case: Case) -> str:
    cells: list[str] = []
    for horizon in _horizons(case):
        ones = [one for one in judged if one.backtest.horizon == horizon]
        tests = [one.backtest for one in ones]
        bias = sum(one.error_usd for one in tests) / sum(abs(one.actual_usd) for one in tests)
        coverage = sum(one.is_in_interval for one in ones) / len(ones)
        cells += [_percent(_wape(tests)), f"{100 * bias:+.1f} %", f"{100 * coverage:.0f} %", f"{len(ones):,}"]
    return f"| {name} | {' | '.join(cells)} |"


def _wape(tests: Sequence[Backtest]) -> float:
    return sum(abs(one.error_usd) for one in tests) / sum(abs(one.actual_usd) for one in tests)


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.1f} %"


def _variation(usd: Mapping[date, float]) -> float:
    return statistics.pstdev(usd.values()) / statistics.fmean(usd.values())


def _total(series: Series) -> dict[date, float]:
    days = sorted({day for usd in series.values() for day in usd})
    return {day: sum(usd.get(day, 0.0) for usd in series.values()) for day in days}


if __name__ == "__main__":
    main()
