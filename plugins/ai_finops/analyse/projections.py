"""What features and all of them together will cost, by day and by month, in three scenarios, and how sure that is.

**Days** reach from `as_of_date`, the first day not yet seen, to the end of its month, and a week at least: a week that
crosses the end of a month is held against the seven days projected on its Monday.

**Months** are number 0, the one under way, to 6. On the first of a month number 0 is the one that begins. Of month 0 the days
so far are actual (`month_to_date.py`), and only the rest is projected. A month's interval is that of the sum of its days;
daily bounds added up would be wider.

**Scenarios.** `as_is`: what runs today goes on. `with_planned_features`: what planned features add to the pipelines that they
reuse is on top, paid by the planned feature (`planned_features.py`). `with_open_decisions`: what was decided and is not
shipped yet is off, from its date on (`open_decisions.py`).

**Series.** A covered day counts (its traces are landed, or it is on a bill), and a feature without a row on it had a zero
day. Any other day counts for nobody, and a day whose cost is not known is left out of the series of which that is true. A
feature's history begins on the first day it has a row. Negative days are taken as they are; what is projected of a day is
never below zero.

**A feature that ends**, as seed `features` says, costs nothing after its last day, and the total so much less.

**The total** is projected on the series of totals. It is not the sum of the features' projections and need not equal
it. In the other scenarios it is that, with what the features are more or less.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pyarrow as pa

from ai_finops.analyse.cost_paths import CostPath
from ai_finops.analyse.forecast import Chosen, DailyForecast, forecast
from ai_finops.analyse.month_to_date import MonthToDate
from ai_finops.analyse.open_decisions import OpenDecision, daily_savings
from ai_finops.analyse.planned_features import Extra
from ai_finops.analyse.projection_rows import ProjectionRows, month_starts
from ai_finops.analyse.series import TOTAL, CostHistory
from ai_finops.days import month_end

AS_IS = "as_is"
WITH_PLANNED_FEATURES = "with_planned_features"
WITH_OPEN_DECISIONS = "with_open_decisions"
SCENARIOS = (AS_IS, WITH_PLANNED_FEATURES, WITH_OPEN_DECISIONS)
INSUFFICIENT = "insufficient_history"

Choose = Callable[[str, date], Chosen]


@dataclass(frozen=True, slots=True)
class Series:
    """One feature's days to come, on one date of issue."""

    feature_id: str
    method: str
    status: str
    window_day_count: int
    path: CostPath | None
    """None with status `insufficient_history`."""
    chosen: Chosen
    """The method's measured errors."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is planned and decided on a date of issue."""

    extras: Sequence[Extra] = ()
    decisions: Sequence[OpenDecision] = ()
    last_dates: Mapping[str, date] = field(default_factory=dict)
    """Last day of each feature that ends."""


def linear_trend_without_errors(feature_id: str, as_of: date) -> Chosen:
    """Choose the base method for every series, with no measured error."""
    return Chosen("linear_trend", 1.0, {})


def project(
    history: CostHistory,
    *,
    as_of_dates: Collection[date],
    spent: MonthToDate,
    chosen: Choose = linear_trend_without_errors,
    own_date: date | None = None,
    changes: Changes = Changes(),
) -> pa.Table:
    """Project each feature and the total as it would have been done on each of `as_of_dates`.

    Args:
        history: Usage costs by feature and day.
        as_of_dates: Dates of issue; each sees only the days before it.
        spent: Months to date.
        chosen: Method, scale of its intervals and errors, by feature and date of issue.
        own_date: The date of issue of the build, which has all scenarios. Rows of others are `is_backcast` and as_is alone:
            what was planned then is not known now.
        changes: What is planned and decided on `own_date`.
    Returns:
        Rows as `schemas.PROJECTIONS`, in the order as_of_date, feature_id, scenario, target_period, target_date.
    """
    rows = ProjectionRows(spent)
    for as_of in sorted(set(as_of_dates)):
        last_dates = changes.last_dates if as_of == own_date else {}
        projected = project_as_is(history, as_of=as_of, chosen=chosen, last_dates=last_dates)
        if as_of != own_date:
            for series in projected.values():
                rows.add(series, scenario=AS_IS, as_of=as_of, is_backcast=True)
            continue
        scenarios = {
            AS_IS: projected,
            WITH_PLANNED_FEATURES: with_planned_features(projected, changes.extras),
            WITH_OPEN_DECISIONS: with_open_decisions(projected, changes.decisions, as_of=as_of),
        }
        for feature in sorted(set().union(*scenarios.values())):
            for scenario in SCENARIOS:
                if feature in scenarios[scenario]:
                    rows.add(scenarios[scenario][feature], scenario=scenario, as_of=as_of, is_backcast=False)
    return rows.to_table()


def day_count_from(as_of: date) -> int:
    """Return the days that are projected on `as_of`: to the end of month 6."""
    return (month_end(month_starts(as_of)[-1]) - as_of).days + 1


def project_as_is(
    history: CostHistory,
    *,
    as_of: date,
    chosen: Choose = linear_trend_without_errors,
    last_dates: Mapping[str, date] | None = None,
) -> dict[str, Series]:
    """Project every series that has begun before `as_of`, by feature in order.

    Args:
        history: Usage costs by feature and day.
        as_of: First day that is not known.
        chosen: Method, scale of its intervals and errors, by feature and date of issue.
        last_dates: Last day of each feature that ends: after it the feature costs nothing, and the total so much less.
    """
    before, day_count = as_of - timedelta(days=1), day_count_from(as_of)
    projected = {}
    for feature in history.features_before(as_of):
        choice = chosen(feature, as_of)
        days = forecast(
            history.between(feature, date.min, before),
            as_of=as_of,
            day_count=day_count,
            method=choice.method,
            interval_scale=choice.interval_scale,
        )
        projected[feature] = _series(feature, days, choice)
    return _end(projected, last_dates or {}, as_of=as_of)


def with_planned_features(projected: Mapping[str, Series], extras: Sequence[Extra]) -> dict[str, Series]:
    """Add to each planned feature, and to the total, what its plans add; all other features are as they are.

    A planned feature whose own history is none, or too short for a figure, has the method, status and window of the pipeline
    that it reuses, and no measured error: nothing was projected of it before.
    """
    added = dict(projected)
    for extra in extras:
        for feature in (extra.plan.feature_id, TOTAL):
            known = added.get(feature)
            if known is None or (known.path is None and feature != TOTAL):
                added[feature] = replace(_series(feature, extra.forecast, Chosen()), path=extra.path)
            elif known.path is not None:
                added[feature] = replace(known, path=known.path.plus(extra.path))
    return dict(sorted(added.items()))


def with_open_decisions(
    projected: Mapping[str, Series], decisions: Sequence[OpenDecision], *, as_of: date
) -> dict[str, Series]:
    """Take off each feature what its open decisions save, at most all it costs, and off the total what the features are
    less."""
    savings = daily_savings(decisions, as_of=as_of, day_count=day_count_from(as_of))
    paths = {feature: series.path for feature, series in projected.items()}
    less = {feature: paths[feature].less(savings[feature]) for feature in sorted(savings) if paths.get(feature)}
    return _with_less(projected, less)


def _end(projected: Mapping[str, Series], last_dates: Mapping[str, date], *, as_of: date) -> dict[str, Series]:
    """Take off each feature all that is projected of it after its last day, and as much off the total."""
    less = {}
    for feature in sorted(last_dates):
        path = projected[feature].path if feature in projected else None
        if path is not None:
            less[feature] = path.until((last_dates[feature] - as_of).days)
    return _with_less(projected, less)


def _with_less(projected: Mapping[str, Series], less: Mapping[str, CostPath]) -> dict[str, Series]:
    """Put lesser paths in the place of features' own, and take off the total what they are less, in the order of `less`."""
    lessened, saved = dict(projected), None
    for feature, path in less.items():
        if feature == TOTAL:
            continue
        lessened[feature] = replace(projected[feature], path=path)
        off = [was - now for was, now in zip(projected[feature].path.daily_usd, path.daily_usd, strict=True)]
        saved = off if saved is None else [one + other for one, other in zip(saved, off, strict=True)]
    total = projected.get(TOTAL)
    if saved and total and total.path:
        lessened[TOTAL] = replace(total, path=total.path.less(saved))
    return lessened


def _series(feature_id: str, days: DailyForecast, choice: Chosen) -> Series:
    path = None if days.status == INSUFFICIENT else CostPath.of(days)
    return Series(feature_id, days.method, days.status, days.window_day_count, path, choice)
