"""Projections, plans and budgets of a build, out of the marts of phase 1 and what people decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import pyarrow as pa

from ai_finops.analyse.budgets import hold_budgets, read_budgets
from ai_finops.analyse.forecast import Choices, Chosen
from ai_finops.analyse.month_to_date import MonthToDate
from ai_finops.analyse.open_decisions import read_open_decisions
from ai_finops.analyse.plan_results import report_plans
from ai_finops.analyse.planned_features import (
    add_extras,
    forecast_pipelines,
    judge_plans,
    read_pipelines,
    read_plans,
)
from ai_finops.analyse.projections import (
    Changes,
    day_count_from,
    project,
    project_as_is,
)
from ai_finops.analyse.series import CostHistory


def issue_projections(
    tables: Mapping[str, pa.Table],
    history: CostHistory,
    *,
    choices: Mapping[str, Choices],
    dates: Sequence[date],
    as_of: date,
    covered_days: Collection[date],
    largest_unknown_ratio: float,
    largest_missing_ratio: float,
) -> dict[str, pa.Table]:
    """Return the tables `projections`, `planned_features` and `budgets`.

    Args:
        tables: Marts of phase 1 and seeds by name.
        history: Usage costs by feature and day.
        choices: Which method is in use when, by feature; of one that is not in it the base method is.
        dates: Dates of issue to project on: that of the build, and earlier ones of which nothing is kept.
        as_of: The build's own date.
        covered_days: Days of which it is known what was called.
        largest_unknown_ratio: Calls of unknown cost that a day or a month may have.
        largest_missing_ratio: Days that a month may be missing of those it has so far.
    """
    spent = MonthToDate.from_table(
        tables["fct_daily_feature_costs"],
        covered_days=covered_days,
        largest_unknown_ratio=largest_unknown_ratio,
        largest_missing_ratio=largest_missing_ratio,
    )
    plans = read_plans(tables["planned_features"])
    pipelines = read_pipelines(
        tables["fct_daily_allocated_costs"],
        plans,
        covered_days=covered_days,
        largest_unknown_ratio=largest_unknown_ratio,
    )
    forecasts = forecast_pipelines(pipelines, as_of=as_of, day_count=day_count_from(as_of))
    last_dates = _last_dates(tables["features"])
    judged = judge_plans(plans, pipelines, forecasts=forecasts, as_of=as_of, last_dates=last_dates)
    extras = add_extras(judged, forecasts, as_of=as_of, last_dates=last_dates)
    changes = Changes(extras, read_open_decisions(tables["optimization_decisions"], as_of=as_of), last_dates)

    def chosen(feature_id: str, day: date) -> Chosen:
        return choices[feature_id].on(day) if feature_id in choices else Chosen()

    projected = project_as_is(history, as_of=as_of, chosen=chosen, last_dates=last_dates)
    return {
        "projections": project(history, as_of_dates=dates, spent=spent, chosen=chosen, own_date=as_of, changes=changes),
        "planned_features": report_plans(judged, extras, pipelines, as_of=as_of),
        "budgets": hold_budgets(read_budgets(tables["budgets"]), projected, spent=spent, as_of=as_of),
    }


def _last_dates(features: pa.Table) -> dict[str, date]:
    ids, last = features["feature_id"].to_pylist(), features["last_date"].to_pylist()
    return {feature: day for feature, day in zip(ids, last, strict=True) if day is not None}
