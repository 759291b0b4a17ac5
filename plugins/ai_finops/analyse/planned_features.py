"""Planned features: what each adds to the pipelines that it reuses, and once launched, how much it really did.

A plan multiplies the cost of a reused pipeline, whoever pays it, by 1 + share * (multiplier - 1) from its launch on. Plans on
one pipeline compound in the order of their launch, then of their feature's id. What a plan adds is paid by its own feature:
who calls pays. A plan that has launched is in the history and is not applied again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.analyse.cost_paths import CostPath
from ai_finops.analyse.forecast import DailyForecast, forecast
from ai_finops.analyse.projection_rows import month_starts
from ai_finops.analyse.schemas import PLANNED_FEATURES, to_money, to_table
from ai_finops.analyse.series import TOTAL, CostHistory

DEFAULT_MULTIPLIER = 2.5
RECENT_DAYS = 28
"""A pipeline without any cost in so many days before the date of issue is none that can be reused."""
FEWEST_LAUNCHED_DAYS = 7
_OF_PLAN = (
    *("feature_id", "pipeline_id", "status", "owner", "reason", "launch_date", "share_ratio", "is_default_multiplier"),
)


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


@dataclass(frozen=True, slots=True)
class Realised:
    """The multiplier that a launched plan turned out to have."""

    multiplier: float | None
    status: str
    """`measured`, or why not: `not_launched`, `few_days_since_launch`, `nothing_paid_by_others`."""
    day_count: int
    own_cost_usd: float | None
    others_cost_usd: float | None


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
    return sorted(plans, key=_order)


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
        One for each plan. Status `applied`; `launched` (its cost is in the history) and `launched_ahead_of_date`; `cancelled`;
        `launch_date_passed`: planned for a day before `as_of`; `feature_retired`: it ends before the launch, or has ended;
        `unknown_pipeline`: no cost in the last 28 days; `reuses_itself`: nobody but the feature pays the pipeline;
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
    if plan.status == "launched":
        return "launched" if plan.launch_date < as_of else "launched_ahead_of_date"
    if plan.launch_date < as_of:
        return "launch_date_passed"
    if last_date is not None and last_date < plan.launch_date:
        return "feature_retired"
    payers = _recent_payers(pipeline, as_of=as_of) if pipeline else set()
    if not payers:
        return "unknown_pipeline"
    return "reuses_itself" if payers == {plan.feature_id} else "applied"


def _recent_payers(pipeline: CostHistory, *, as_of: date) -> set[str]:
    """Return who paid the pipeline anything in the last 28 days, also on days that are not known in full."""
    first = as_of - timedelta(days=RECENT_DAYS)
    return {
        name
        for name, series in pipeline.usd.items()
        if name != TOTAL and any(first <= day < as_of and usd != 0 for day, usd in series.items())
    }


def add_extras(judged: Sequence[JudgedPlan], forecasts: Mapping[str, DailyForecast], *, as_of: date) -> list[Extra]:
    """Return what each applied plan adds, day by day from `as_of` on, in compounding order.

    On a day d the plan k of a pipeline adds P(d) * F(d) * share_k * (m_k - 1): P is the pipeline's projected cost, F the
    product of the factors of the plans before it that have launched by d.
    """
    extras: list[Extra] = []
    factors: dict[str, list[float]] = {}
    for plan in (each.plan for each in judged if each.status == "applied"):
        projected, launch = forecasts[plan.pipeline_id], (plan.launch_date - as_of).days
        before = factors.get(plan.pipeline_id) or [1.0] * len(projected.daily_usd)
        weights = [factor * (plan.factor - 1) if day >= launch else 0.0 for day, factor in enumerate(before)]
        extras.append(Extra(plan, projected, CostPath.of(projected, weights)))
        factors[plan.pipeline_id] = [factor + weight for factor, weight in zip(before, weights, strict=True)]
    return extras


def realise(judged: JudgedPlan, others: Sequence[JudgedPlan], pipeline: CostHistory | None, *, as_of: date) -> Realised:
    """Measure the multiplier of a launched plan: what its feature paid on the pipeline against what the others paid.

    m = 1 + (own ÷ others) ÷ share, over the known days since the launch. The others are all payers but those of plans that come
    after it in the compounding order: what these add hangs on it, and not it on them.

    Args:
        judged: The plan.
        others: All plans.
        pipeline: Costs of its pipeline by payer; None where it never had any.
        as_of: First day that is not known.
    """
    plan = judged.plan
    if judged.status != "launched":
        return Realised(None, "not_launched", 0, None, None)
    later = {
        each.plan.feature_id
        for each in others
        if each.plan.pipeline_id == plan.pipeline_id and _order(each.plan) > _order(plan) and each.order_number
    }
    days = _paid_since(plan, pipeline, leaving_out=later - {plan.feature_id}, as_of=as_of) if pipeline else []
    if len(days) < FEWEST_LAUNCHED_DAYS:
        return Realised(None, "few_days_since_launch", len(days), None, None)
    own_usd, others_usd = (sum(usd) for usd in zip(*days, strict=True))
    if others_usd <= 0:
        return Realised(None, "nothing_paid_by_others", len(days), own_usd, others_usd)
    multiplier = 1 + own_usd / others_usd / plan.share_ratio
    return Realised(multiplier, "measured", len(days), own_usd, others_usd)


def _paid_since(
    plan: Plan, pipeline: CostHistory, *, leaving_out: Collection[str], as_of: date
) -> list[tuple[float, float]]:
    """Return USD paid by the feature and by the others, for each day since the launch on which both are known."""
    own = pipeline.usd.get(plan.feature_id, {})
    others = [
        series
        for name, series in sorted(pipeline.usd.items())
        if name not in (TOTAL, plan.feature_id) and name not in leaving_out
    ]
    paid = []
    for day in pipeline.covered_days:
        if plan.launch_date <= day < as_of:
            by_others = [series.get(day, 0.0) for series in others]
            if own.get(day, 0.0) is not None and None not in by_others:
                paid.append((own.get(day, 0.0), sum(by_others)))
    return paid


def _order(plan: Plan) -> tuple[date, str, str]:
    return plan.launch_date, plan.feature_id, plan.pipeline_id


def report_plans(
    judged: Sequence[JudgedPlan], extras: Sequence[Extra], pipelines: Mapping[str, CostHistory], *, as_of: date
) -> pa.Table:
    """Return the plans as `schemas.PLANNED_FEATURES`: what is assumed of each, and what came of it where it has launched.

    `extra_cost_usd` is what an applied plan adds in the last month that is projected.
    """
    added = {(extra.plan.feature_id, extra.plan.pipeline_id): extra.path for extra in extras}
    first = (month_starts(as_of)[-1] - as_of).days
    rows = []
    for each in judged:
        plan, path = each.plan, added.get((each.plan.feature_id, each.plan.pipeline_id))
        realised = realise(each, judged, pipelines.get(plan.pipeline_id), as_of=as_of)
        rows.append(
            {
                "as_of_date": as_of,
                "plan_status": each.status,
                "assumed_multiplier": plan.multiplier,
                "cost_factor": plan.factor,
                "order_number": each.order_number or None,
                "extra_cost_usd": path and to_money(path.sum_usd(first, len(path.daily_usd) - 1)),
                "realised_multiplier": realised.multiplier,
                "realised_status": realised.status,
                "realised_day_count": realised.day_count,
                "own_cost_usd": None if realised.own_cost_usd is None else to_money(realised.own_cost_usd),
                "others_cost_usd": None if realised.others_cost_usd is None else to_money(realised.others_cost_usd),
                **{name: getattr(plan, name) for name in _OF_PLAN},
            }
        )
    return to_table(rows, schema=PLANNED_FEATURES)
