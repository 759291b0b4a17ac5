"""Why this week cost more or less than the last: the change of each feature, split exactly, in dollars.

What a caller (a feature in a pipeline of a service) brought or took away comes first: `new_caller`, `lost_caller`.
What callers of both weeks changed is divided between `volume`, `model_mix`, `tokens_per_call` and `cost_per_token`
(`factors.py`). Cost without a traced call is a driver of its own, `untraced_usage`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pyarrow as pa

from ai_finops.analyse.factors import Usage, model_terms, split_change
from ai_finops.analyse.schemas import COST_DRIVERS, to_money, to_table
from ai_finops.days import week_start

MICROS = 1_000_000
_COLUMNS = (
    "usage_date",
    "charge_category",
    "feature_id",
    "pipeline_id",
    "service_name",
    "model_id",
    "attribution",
    "request_count",
    "input_tokens",
    "output_tokens",
    "allocated_cost_usd",
)


class Caller(NamedTuple):
    """Who called what: the unit that can be new or lost."""

    feature_id: str
    pipeline_id: str
    service_name: str

    def __str__(self) -> str:
        return f"{self.feature_id} calls pipeline {self.pipeline_id} from {self.service_name}"


ModelUsage = dict[str, Usage]


@dataclass(slots=True)
class Week:
    """One week's usage: by caller and model where calls were traced, else cost by feature in micro-dollars."""

    calls: dict[Caller, ModelUsage] = field(default_factory=dict)
    untraced_micros: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def split_weeks(allocated: pa.Table) -> pa.Table:
    """Split the change of each week against the week before, for every feature.

    Args:
        allocated: Rows of `fct_daily_allocated_costs`; charges other than usage are left aside.
    Returns:
        Rows in the order week, feature, driver, detail; contributions of zero are left out. Over a week they add up to
        the change of usage cost to the millionth of a dollar. A week whose week before has no rows has none.
    """
    weeks = _weeks(allocated)
    rows = [
        {
            "week_start_date": monday,
            "feature_id": feature,
            "driver": driver,
            "detail": detail,
            "contribution_cost_usd": to_money(Decimal(micros) / MICROS),
        }
        for monday, week in weeks.items()
        if (before := weeks.get(monday - timedelta(days=7))) is not None
        for feature, driver, detail, micros in _split_week(before, week)
        if micros
    ]
    return to_table(sorted(rows, key=lambda row: tuple(row.values())[:4]), schema=COST_DRIVERS)


def _weeks(allocated: pa.Table) -> dict[date, Week]:
    """Sum usage by week, caller and model; what has no traced call is summed by feature."""
    summed: dict[tuple[date, Caller, str, bool], Usage] = defaultdict(Usage)
    for row in allocated.select(_COLUMNS).to_pylist():
        if row["charge_category"] != "usage":
            continue
        caller = Caller(*(row[name] or "unknown" for name in Caller._fields))
        key = (week_start(row["usage_date"]), caller, row["model_id"] or "unknown", row["attribution"] == "traced")
        tokens = (row["input_tokens"] or 0) + (row["output_tokens"] or 0)
        summed[key].add(Usage(row["request_count"] or 0, tokens, _micros(row["allocated_cost_usd"])))
    weeks: dict[date, Week] = defaultdict(Week)
    for (monday, caller, model, is_traced), usage in summed.items():
        if is_traced and usage.call_count:
            weeks[monday].calls.setdefault(caller, {})[model] = usage
        else:
            weeks[monday].untraced_micros[caller.feature_id] += usage.cost_micros
    return dict(weeks)


def _micros(usd: Decimal | None) -> int:
    return int((Decimal(usd or 0) * MICROS).to_integral_value())


def _split_week(before: Week, after: Week) -> Iterator[tuple[str, str, str, int]]:
    """Yield (feature, driver, detail, micro-dollars)."""
    for caller in sorted(after.calls.keys() - before.calls.keys()):
        yield caller.feature_id, "new_caller", f"{caller}{_reuse(caller, before)}", _cost(after.calls[caller])
    for caller in sorted(before.calls.keys() - after.calls.keys()):
        yield caller.feature_id, "lost_caller", str(caller), -_cost(before.calls[caller])
    kept = before.calls.keys() & after.calls.keys()
    for feature in sorted({caller.feature_id for caller in kept}):
        first, second = (_pooled(week, feature=feature, callers=kept) for week in (before, after))
        for driver, micros in split_change(first, second).items():
            yield feature, driver, _detail(driver, first, second), micros
    for feature in sorted(before.untraced_micros.keys() | after.untraced_micros.keys()):
        change = after.untraced_micros.get(feature, 0) - before.untraced_micros.get(feature, 0)
        yield feature, "untraced_usage", "cost that belongs to no feature", change


def _reuse(caller: Caller, before: Week) -> str:
    """Name the features that called this pipeline the week before: a new caller of an old pipeline is reuse."""
    others = sorted({known.feature_id for known in before.calls if known.pipeline_id == caller.pipeline_id})
    others = [feature for feature in others if feature != caller.feature_id]
    return f", already used by {' and '.join(others)}" if others else ""


def _cost(models: ModelUsage) -> int:
    return sum(usage.cost_micros for usage in models.values())


def _pooled(week: Week, *, feature: str, callers: set[Caller]) -> ModelUsage:
    """Sum one feature's callers of both weeks by model."""
    pooled: ModelUsage = defaultdict(Usage)
    for caller in callers:
        if caller.feature_id == feature:
            for model, usage in week.calls[caller].items():
                pooled[model].add(usage)
    return dict(pooled)


def _detail(driver: str, before: ModelUsage, after: ModelUsage) -> str:
    """Describe a factor's change by its numbers, on the model where it changed most."""
    calls = tuple(sum(usage.call_count for usage in week.values()) for week in (before, after))
    if driver == "volume":
        return f"{calls[0]:,} to {calls[1]:,} calls"
    terms = {
        model: model_terms(before.get(model), after.get(model), calls=calls)
        for model in sorted(before.keys() | after.keys())
    }
    return _DETAILS[driver](terms, {model: usage.call_count for model, usage in after.items()})


def _mix_detail(terms: dict, _calls: dict[str, int]) -> str:
    model = max(terms, key=lambda name: abs(terms[name][1].share - terms[name][0].share))
    first, second = (float(week.share) for week in terms[model])
    return f"{first:.0%} to {second:.0%} of calls on {model}"


def _tokens_detail(terms: dict, calls: dict[str, int]) -> str:
    def effect(model: str) -> Fraction:
        first, second = terms[model]
        return abs(second.units_per_call - first.units_per_call) * second.micros_per_unit * calls.get(model, 0)

    model = max(terms, key=effect)
    first, second = (float(week.units_per_call) for week in terms[model])
    return f"{first:,.0f} to {second:,.0f} tokens per call on {model}"


def _cost_per_token_detail(terms: dict, calls: dict[str, int]) -> str:
    def effect(model: str) -> Fraction:
        first, second = terms[model]
        return abs(second.micros_per_unit - first.micros_per_unit) * second.units_per_call * calls.get(model, 0)

    model = max(terms, key=effect)
    first, second = (float(week.micros_per_unit) for week in terms[model])
    # Millionths of a dollar per token are dollars per million tokens, and per call dollars per million calls.
    unit = "tokens" if terms[model][0].is_by_token else "calls"
    return f"${first:,.2f} to ${second:,.2f} per million {unit} on {model}"


_DETAILS = {"model_mix": _mix_detail, "tokens_per_call": _tokens_detail, "cost_per_token": _cost_per_token_detail}
