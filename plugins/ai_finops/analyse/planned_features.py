"""Planned features: what each adds to the pipelines that it reuses.

A plan multiplies the cost of a reused pipeline, whoever pays it, by 1 + share * (multiplier - 1) from its launch on. Plans on
one pipeline compound in the order of their launch, then of their feature's id. What a plan adds is paid by its own feature:
who calls pays. A plan that has launched is in the history and is not applied again (`plan_results.py`: what it came to).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.analyse.cost_paths import CostPath
from ai_finops.analyse.forecast import DailyForecast, forecast
from ai_finops.analyse.series import TOTAL, CostHistory

DEFAULT_MULTIPLIER = 2.5
UNATTRIBUTED = "unattributed"
"""Whose calls nobody knows: they may be the feature's own."""
RECENT_DAYS = 28
"""A pipeline without any cost in so many days before the date of issue is none that can be reused."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A row of seed `planned_features`: a planned feature and one of the pipelines that it reuses."""

    feature_id: str
    pipeline_id: str
    share_ratio: float
    launch_date: date
    multiplier: float
    is_default_multiplier: bool
    status: str
    """`planned`, `launched` or `cancelled`, as people say."""
    owner: str | None
    reason: str | None

    @property
    def factor(self) -> float:
        """By what the pipeline's cost is multiplied."""
        return 1 + self.share_ratio * (self.multiplier - 1)


@dataclass(frozen=True, slots=True)
class JudgedPlan:
    """A plan on a date of issue."""

    plan: Plan
    status: str
    """`applied`, or why it is not (`judge_plans`)."""
    order_number: int
    """Its place, from 1, among the plans of its pipeline that count: applied and launched ones; 0 for others."""


@dataclass(frozen=True, slots=True)
class Extra:
    """What an applied plan adds, day by day."""

    plan: Plan
    forecast: DailyForecast
    """Of the pipeline."""
    path: CostPath


def read_plans(table: pa.Table) -> list[Plan]:
    """Read seed `planned_features`, in compounding order; an empty multiplier is the default."""
    plans = [
        Plan(
            feature_id=row["feature_id"],
            pipeline_id=row["pipeline_id"],
            share_ratio=float(row["share_ratio"]),
            launch_date=row["launch_date"],
            multiplier=DEFAULT_MULTIPLIER if row["multiplier"] is None else float(row["multiplier"]),
            is_default_multiplier=row["multiplier"] is None,
            status=row["status"],
            owner=row["owner"],
            reason=row["reason"],
        )
        for row in table.to_pylist()
    ]
    return sorted(plans, key=order_of)


def read_pipelines(
    allocated_costs: pa.Table,
    plans: Sequence[Plan],
    *,
    covered_days: Collection[date],
    largest_unknown_ratio: float,
) -> dict[str, CostHistory]:
    """Return the costs of each pipeline that a plan names, by payer; its series `total` is all payers together.

    Args:
        allocated_costs: Rows of `fct_daily_allocated_costs`; usage counts.
        plans: Which pipelines; one without any usage has no entry.
        covered_days: Days of which it is known what was called.
        largest_unknown_ratio: Calls of unknown cost that a day may have.
    """
    usage = allocated_costs.filter(pc.equal(allocated_costs["charge_category"], "usage"))
    histories = {}
    for pipeline in sorted({plan.pipeline_id for plan in plans}):
        own = usage.filter(pc.equal(usage["pipeline_id"], pipeline))
        if own.num_rows:
            histories[pipeline] = CostHistory.from_table(
                own, covered_days=covered_days, largest_unknown_ratio=largest_unknown_ratio
            )
    return histories


def forecast_pipelines(
    pipelines: Mapping[str, CostHistory], *, as_of: date, day_count: int
) -> dict[str, DailyForecast]:
    """Project each pipeline's own daily cost, as a feature's."""
    before = as_of - timedelta(days=1)
    return {
        name: forecast(history.between(TOTAL, date.min, before), as_of=as_of, day_count=day_count)
        for name, history in pipelines.items()
    }


def judge_plans(
    plans: Sequence[Plan],
    pipelines: Mapping[str, CostHistory],
    *,
    forecasts: Mapping[str, DailyForecast],
    as_of: date,
    last_dates: Mapping[str, date],
) -> list[JudgedPlan]:
    """Say of each plan whether it is applied on `as_of`, or why not.

    Args:
        plans: In compounding order (`read_plans`).
        pipelines: What `read_pipelines` returned.
        forecasts: What `forecast_pipelines` returned.
        as_of: First day that is not known.
        last_dates: Last day of each feature that ends, as seed `features` says.
    Returns:
        One for each plan. Status `applied`, also where it launched on `as_of` itself; `launched`: its cost is in the history;
        `launched_ahead_of_date`; `cancelled`; `launch_date_passed`: planned for a day before `as_of`; `feature_retired`: it
        ends before the launch, or has ended; `unknown_pipeline`: no cost in the last 28 days, or of a launched plan none ever;
        `reuses_itself`: nobody known but the feature pays the pipeline;
        `insufficient_history`: too few known days of the pipeline to project it.
    """
    judged, counted = [], Counter()
    for plan in plans:
        status = _judge(plan, pipelines.get(plan.pipeline_id), as_of=as_of, last_date=last_dates.get(plan.feature_id))
        if status == "applied" and forecasts[plan.pipeline_id].status == "insufficient_history":
            status = "insufficient_history"
        counts = status in ("applied", "launched")
        counted[plan.pipeline_id] += counts
        judged.append(JudgedPlan(plan, status, counted[plan.pipeline_id] if counts else 0))
    return judged


def _judge(plan: Plan, pipeline: CostHistory | None, *, as_of: date, last_date: date | None) -> str:
    if plan.status == "cancelled":
        return "cancelled"
    if plan.status == "launched" and plan.launch_date > as_of:
        return "launched_ahead_of_date"
    if plan.status == "launched" and plan.launch_date < as_of:
        return "launched" if _payers(pipeline, first=date.min, as_of=as_of) else "unknown_pipeline"
    # Planned, or launched on the day of issue, of which nothing is seen yet.
    if plan.launch_date < as_of:
        return "launch_date_passed"
    if last_date is not None and last_date < plan.launch_date:
        return "feature_retired"
    payers = _payers(pipeline, first=as_of - timedelta(days=RECENT_DAYS), as_of=as_of)
    if not payers:
        return "unknown_pipeline"
    return "reuses_itself" if payers - {UNATTRIBUTED} == {plan.feature_id} else "applied"


def _payers(pipeline: CostHistory | None, *, first: date, as_of: date) -> set[str]:
    """Return who paid the pipeline anything from `first` on, also on days that are not known in full."""
    return {
        name
        for name, series in (pipeline.usd.items() if pipeline else ())
        if name != TOTAL and any(first <= day < as_of and usd != 0 for day, usd in series.items())
    }


def add_extras(
    judged: Sequence[JudgedPlan],
    forecasts: Mapping[str, DailyForecast],
    *,
    as_of: date,
    last_dates: Mapping[str, date] = MappingProxyType({}),
) -> list[Extra]:
    """Return what each applied plan adds, day by day from `as_of` on, in compounding order.

    On a day d the plan k of a pipeline adds P(d) * F(d) * share_k * (m_k - 1): P is the pipeline's projected cost, F the
    product of the factors of the plans before it that have launched by d. After its feature's last day it adds nothing.
    """
    extras: list[Extra] = []
    factors: dict[str, list[float]] = {}
    for plan in (each.plan for each in judged if each.status == "applied"):
        projected, launch = forecasts[plan.pipeline_id], (plan.launch_date - as_of).days
        before = factors.get(plan.pipeline_id) or [1.0] * len(projected.daily_usd)
        last = (last_dates.get(plan.feature_id, date.max) - as_of).days
        weights = [factor * (plan.factor - 1) if launch <= day <= last else 0.0 for day, factor in enumerate(before)]
        extras.append(Extra(plan, projected, CostPath.of(projected, weights)))
        factors[plan.pipeline_id] = [factor + weight for factor, weight in zip(before, weights, strict=True)]
    return extras


def order_of(plan: Plan) -> tuple[date, str, str]:
    """Return by what plans are sorted to compound."""
    return plan.launch_date, plan.feature_id, plan.pipeline_id
