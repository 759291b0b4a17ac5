"""What came of planned features: the multiplier that each turned out to have, beside the one that was assumed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from ai_finops.analyse.planned_features import RECENT_DAYS, Extra, JudgedPlan, Plan, order_of
from ai_finops.analyse.projection_rows import month_starts
from ai_finops.analyse.schemas import PLANNED_FEATURES, to_money, to_table
from ai_finops.analyse.series import TOTAL, CostHistory

FEWEST_LAUNCHED_DAYS = 7
_OF_PLAN = (
    *("feature_id", "pipeline_id", "status", "owner", "reason", "launch_date", "share_ratio", "is_default_multiplier"),
)


@dataclass(frozen=True, slots=True)
class Realised:
    """The multiplier that a launched plan turned out to have."""

    multiplier: float | None
    status: str
    """`measured`, or why not: `not_launched`, `few_days_since_launch`, `no_cost_since_launch`, `nothing_paid_by_others`."""
    day_count: int
    own_cost_usd: float | None
    others_cost_usd: float | None


def realise(judged: JudgedPlan, others: Sequence[JudgedPlan], pipeline: CostHistory | None, *, as_of: date) -> Realised:
    """Measure the multiplier of a launched plan: what its feature paid on the pipeline against what the others paid.

    m = 1 + ((own - before) ÷ (others + before)) ÷ share, over the known days since the launch. `before` is what the feature
    would have paid on them without the plan: its mean of the known days among the 28 before the launch. The others are all
    payers but those of plans that come after it in the compounding order: what these add hangs on it, and not it on them.

    Args:
        judged: The plan.
        others: All plans.
        pipeline: Costs of its pipeline by payer; None where it never had any.
        as_of: First day that is not known.
    """
    plan = judged.plan
    if plan.status != "launched" or judged.status == "launched_ahead_of_date":
        return Realised(None, "not_launched", 0, None, None)
    if pipeline is None or judged.status == "unknown_pipeline":
        return Realised(None, "no_cost_since_launch", 0, None, None)
    days = _paid(plan, pipeline, plan.launch_date, as_of, leaving_out=_later_features(plan, others))
    if len(days) < FEWEST_LAUNCHED_DAYS:
        return Realised(None, "few_days_since_launch", len(days), None, None)
    own_usd, others_usd = (sum(usd) for usd in zip(*days, strict=True))
    if own_usd <= 0:
        return Realised(None, "no_cost_since_launch", len(days), own_usd, others_usd)
    before_usd = _own_before(plan, pipeline) * len(days)
    if others_usd + before_usd <= 0:
        return Realised(None, "nothing_paid_by_others", len(days), own_usd, others_usd)
    multiplier = 1 + (own_usd - before_usd) / (others_usd + before_usd) / plan.share_ratio
    return Realised(multiplier, "measured", len(days), own_usd, others_usd)


def _later_features(plan: Plan, others: Sequence[JudgedPlan]) -> set[str]:
    later = {
        each.plan.feature_id
        for each in others
        if each.plan.pipeline_id == plan.pipeline_id and order_of(each.plan) > order_of(plan) and each.order_number
    }
    return later - {plan.feature_id}


def _own_before(plan: Plan, pipeline: CostHistory) -> float:
    """Return USD a day that the feature paid on the pipeline before the plan; 0 where no day is known."""
    own, first = pipeline.usd.get(plan.feature_id, {}), plan.launch_date - timedelta(days=RECENT_DAYS)
    days = [own.get(day, 0.0) for day in pipeline.covered_days if first <= day < plan.launch_date]
    known = [usd for usd in days if usd is not None]
    return sum(known) / len(known) if known else 0.0


def _paid(
    plan: Plan, pipeline: CostHistory, first: date, end: date, *, leaving_out: Collection[str]
) -> list[tuple[float, float]]:
    """Return USD paid by the feature and by the others, for each day from `first` to before `end` on which both are known."""
    own = pipeline.usd.get(plan.feature_id, {})
    others = [
        series
        for name, series in sorted(pipeline.usd.items())
        if name not in (TOTAL, plan.feature_id) and name not in leaving_out
    ]
    paid = []
    for day in pipeline.covered_days:
        if first <= day < end:
            by_others = [series.get(day, 0.0) for series in others]
            if own.get(day, 0.0) is not None and None not in by_others:
                paid.append((own.get(day, 0.0), sum(by_others)))
    return paid


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
