"""What planned features add to a projection, each by itself, so that each can be switched on and off.

`fct_cost_projections` has two scenarios that say it: a planned feature's rows `with_planned_features` less its rows `as_is`
are what its plans add, and all of these added to the total as it is are the total with all plans. What is projected is
symmetric about its mean and parts are added half width by half width (docs/projection.md), so highs add up as means do.

Plans on one pipeline compound in the order of their launch. Where an earlier one is switched off, a later one adds less by the
earlier one's factor. That is exact for a plan that reuses one pipeline; of one that reuses several it is not known how
much is whose, and it stays as projected, with the earlier ones on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ai_finops.ui.rows import Record

ZERO = Decimal(0)
_MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Amount:
    """A projected cost, USD."""

    mean: Decimal
    high: Decimal

    def low(self, *, floor: Decimal = ZERO) -> Decimal:
        """Return the low end: as far below the mean as the high end is above, and not below what is spent already."""
        return max(floor, 2 * self.mean - self.high)


Target = tuple[str, date]
"""`day` or `month`, and its first day."""


def increments(
    rows: Collection[Record], plans: Collection[Record], *, switched_on: Collection[str]
) -> dict[str, dict[Target, Amount]]:
    """Return what each feature of `switched_on` adds, by target.

    Args:
        rows: `fct_cost_projections` of one date of issue: scenarios `as_is` and `with_planned_features` of planned features.
        plans: `rpt_planned_features`.
        switched_on: Features whose plans count.
    """
    by_key = {(r["feature_id"], r["scenario"], r["target_period"], r["target_date"]): r for r in rows}
    added: dict[str, dict[Target, Amount]] = {feature: {} for feature in sorted(switched_on)}
    for (feature, scenario, period, day), row in sorted(by_key.items()):
        if scenario == "with_planned_features" and feature in added and row["projected_cost_usd"] is not None:
            now = by_key.get((feature, "as_is", period, day))
            divisor = _factor_off(feature, plans, switched_on=switched_on, target=(period, day))
            added[feature][period, day] = _less(row, now, divisor)
    return added


def _less(row: Record, now: Record | None, divisor: Decimal) -> Amount:
    # Without a figure as it is, the feature's history is too short for one: the plan alone is projected, on what is spent.
    spent = row["actual_cost_usd"] or ZERO
    mean = spent if now is None or now["projected_cost_usd"] is None else now["projected_cost_usd"]
    high = spent if now is None or now["high_cost_usd"] is None else now["high_cost_usd"]
    return Amount(_micro((row["projected_cost_usd"] - mean) / divisor), _micro((row["high_cost_usd"] - high) / divisor))


def _micro(usd: Decimal) -> Decimal:
    return usd.quantize(_MICRO)


def earlier_off(feature: str, plans: Collection[Record], *, switched_on: Collection[str]) -> list[Record]:
    """Return applied plans before those of `feature` on their pipelines that are switched off."""
    own = {plan["pipeline_id"]: plan["order_number"] for plan in applied(plans) if plan["feature_id"] == feature}
    return [
        plan
        for plan in applied(plans)
        if plan["feature_id"] not in switched_on and plan["order_number"] < own.get(plan["pipeline_id"], 0)
    ]


def reuses_several(feature: str, plans: Collection[Record]) -> bool:
    """Return whether the feature's applied plans reuse more than one pipeline."""
    return len({plan["pipeline_id"] for plan in applied(plans) if plan["feature_id"] == feature}) > 1


def applied(plans: Collection[Record]) -> list[Record]:
    """Return the plans that are in scenario `with_planned_features`."""
    return [plan for plan in plans if plan["plan_status"] == "applied"]


def _factor_off(feature: str, plans: Collection[Record], *, switched_on: Collection[str], target: Target) -> Decimal:
    """Return by what an increment is too high: the factors of earlier plans that are off; 1 where that is not known."""
    if reuses_several(feature, plans):
        return Decimal(1)
    factor = Decimal(1)
    for plan in earlier_off(feature, plans, switched_on=switched_on):
        factor *= Decimal(str(plan["cost_factor"]))
    return factor


def add(base: Amount, added: Collection[Amount]) -> Amount:
    """Return a projection with what is added to it; not below nothing."""
    return Amount(
        max(ZERO, base.mean + sum((each.mean for each in added), ZERO)),
        max(ZERO, base.high + sum((each.high for each in added), ZERO)),
    )
