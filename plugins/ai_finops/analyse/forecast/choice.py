"""Which method is in use on a date, how wide its intervals are, and how wrong what was in use has been.

Everything said of a date comes of backtests whose last day lies before it (walk forward): a method is chosen on earlier origins
and scored on later ones, and so is the width of its intervals. Why: docs/projection.md
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from math import ceil

from ai_finops.analyse.forecast.backtest import HORIZONS, Backtest
from ai_finops.analyse.forecast.daily import LINEAR_TREND, METHODS

IN_USE = "in_use"
FEWEST_ORIGINS_TO_CHOOSE = 4
BETTER_PCT = 90
FEWEST_ORIGINS_TO_SCALE = 8
CHOICE_HORIZON = "7d"
COVERAGE_PCT = 80
SMALLEST_SCALE, LARGEST_SCALE = 0.2, 10.0
"""Beyond these the few origins say more about themselves than about the days to come."""


@dataclass(frozen=True, slots=True)
class HorizonError:
    """How wrong earlier forecasts of one horizon were."""

    origin_count: int = 0
    wape_ratio: float | None = None
    """Sum of absolute errors ÷ sum of absolute actuals."""
    bias_ratio: float | None = None
    """Sum of errors, projected less actual, ÷ the same."""
    coverage_ratio: float | None = None
    """Share of the actuals that lay in their 80 % interval."""

    @property
    def status(self) -> str:
        return "insufficient_history" if self.wape_ratio is None else "measured"


NO_ERROR = HorizonError()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is in use for a feature as of a date."""

    method: str = LINEAR_TREND
    interval_scale: float = 1.0
    errors: Mapping[str, HorizonError] = field(default_factory=lambda: dict.fromkeys(HORIZONS, NO_ERROR))
    """By horizon, of whatever was in use at each origin before."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A backtest with what was chosen at its origin; USD."""

    backtest: Backtest
    interval_scale: float
    is_method_in_use: bool

    @property
    def low_usd(self) -> float:
        return max(self.backtest.projected_usd - self.interval_scale * self.backtest.margin_usd, 0.0)

    @property
    def high_usd(self) -> float:
        return self.backtest.projected_usd + self.interval_scale * self.backtest.margin_usd

    @property
    def is_in_interval(self) -> bool:
        return self.low_usd <= self.backtest.actual_usd <= self.high_usd


@dataclass(slots=True)
class _Sums:
    """Running sums over backtests in the order in which their last days passed."""

    last_dates: list[date] = field(default_factory=list)
    totals: list[tuple[float, float, float, int]] = field(default_factory=lambda: [(0.0, 0.0, 0.0, 0)])
    """Absolute errors, signed errors, absolute actuals, how many lay in their interval."""

    def add(self, one: Judged) -> None:
        error, actual = one.backtest.error_usd, one.backtest.actual_usd
        absolute, signed, spent, inside = self.totals[-1]
        self.last_dates.append(one.backtest.last_date)
        self.totals.append((absolute + abs(error), signed + error, spent + abs(actual), inside + one.is_in_interval))

    def before(self, day: date) -> HorizonError:
        """Return the errors of those whose last day lies before `day`."""
        count = bisect_left(self.last_dates, day)
        absolute, signed, spent, inside = self.totals[count]
        if spent <= 0:
            return HorizonError(count)
        return HorizonError(count, absolute / spent, signed / spent, inside / count)


class Choices:
    """The choices for one feature; made of all its backtests."""

    def __init__(self, backtests: Iterable[Backtest], *, choice_horizon: str = CHOICE_HORIZON) -> None:
        self._choice_horizon = choice_horizon
        self.judged: list[Judged] = []
        """In the order of origin, method and horizon."""
        self._by_last_date = sorted(backtests, key=lambda one: (one.last_date, *_order(one)))
        self._last_dates = [one.last_date for one in self._by_last_date]
        self._sums: dict[tuple[str, str], _Sums] = defaultdict(_Sums)
        self._scales: dict[tuple[str, int], float] = {}
        self._judge()

    def method_on(self, day: date) -> str:
        """Return the method in use: the base one, or the best of those that were clearly better over a week.

        Better is a smaller sum of absolute errors over the sums that four origins and more have told of, by a tenth at least:
        with few origins the best of four methods is often only the luckiest.
        """
        errors = {method: self._sums[method, self._choice_horizon].before(day) for method in METHODS}
        base = errors.pop(LINEAR_TREND)
        if base.origin_count < FEWEST_ORIGINS_TO_CHOOSE or base.wape_ratio is None:
            return LINEAR_TREND
        better = {
            method: error.wape_ratio
            for method, error in errors.items()
            if error.wape_ratio is not None and 100 * error.wape_ratio < BETTER_PCT * base.wape_ratio
        }
        return min(better, key=better.__getitem__, default=LINEAR_TREND)

    def scale_on(self, day: date, method: str) -> float:
        """Return how many times as wide the method's own margins have to be for four in five of its errors to lie within.

        That is the ⌈0.8 (n + 1)⌉-th smallest of n errors ÷ margins (split conformal), from 8 origins on, and the largest such
        of the horizons: one scale has to do for all of them.
        """
        count = bisect_left(self._last_dates, day)
        key = (method, count)
        if key not in self._scales:
            self._scales[key] = _scale([one for one in self._by_last_date[:count] if one.method == method])
        return self._scales[key]

    def error_on(self, day: date, method: str, horizon: str) -> HorizonError:
        """Return the error known on `day` of one of `METHODS`, or of what was `IN_USE`."""
        return self._sums[method, horizon].before(day)

    def on(self, day: date) -> Chosen:
        """Return what is in use on `day`."""
        method = self.method_on(day)
        errors = {horizon: self.error_on(day, IN_USE, horizon) for horizon in HORIZONS}
        return Chosen(method, self.scale_on(day, method), errors)

    def _judge(self) -> None:
        """Choose at each origin by what was known there.

        Of no horizon does an earlier origin's last day come after a later one's, so sums grow in the order of last days.
        """
        for origin, of_origin in groupby(sorted(self._by_last_date, key=_order), key=lambda one: one.origin_date):
            method = self.method_on(origin)
            for one in of_origin:
                judged = Judged(one, self.scale_on(origin, one.method), one.method == method)
                self.judged.append(judged)
                for name in (one.method, IN_USE) if judged.is_method_in_use else (one.method,):
                    self._sums[name, one.horizon].add(judged)


def choices_by_feature(backtests: Iterable[Backtest]) -> dict[str, Choices]:
    """Return the choices of every feature that has backtests."""
    by_feature: dict[str, list[Backtest]] = defaultdict(list)
    for one in backtests:
        by_feature[one.feature_id].append(one)
    return {feature: Choices(of_feature) for feature, of_feature in sorted(by_feature.items())}


def _scale(backtests: list[Backtest]) -> float:
    by_horizon: dict[str, list[float]] = defaultdict(list)
    for one in backtests:
        by_horizon[one.horizon].append(_ratio(one))
    scales = [_quantile(ratios) for ratios in by_horizon.values() if len(ratios) >= FEWEST_ORIGINS_TO_SCALE]
    return min(max(*scales, SMALLEST_SCALE), LARGEST_SCALE) if scales else 1.0


def _quantile(ratios: list[float]) -> float:
    # In whole numbers: 0.8 times 15 is more than 12 by its 17th place.
    place = min(ceil(COVERAGE_PCT * (len(ratios) + 1) / 100), len(ratios))
    return sorted(ratios)[place - 1]


def _ratio(one: Backtest) -> float:
    error = abs(one.error_usd)
    if one.margin_usd > 0:
        return error / one.margin_usd
    return LARGEST_SCALE if error > 0 else SMALLEST_SCALE


def _order(one: Backtest) -> tuple[date, int, int, str]:
    return one.origin_date, METHODS.index(one.method), one.horizon_day_count, one.horizon


def all_judged(choices: Mapping[str, Choices]) -> Iterator[Judged]:
    """Yield every backtest with what was chosen at its origin, by origin and feature."""
    together = (one for of_feature in choices.values() for one in of_feature.judged)
    yield from sorted(together, key=lambda one: (one.backtest.origin_date, one.backtest.feature_id))
