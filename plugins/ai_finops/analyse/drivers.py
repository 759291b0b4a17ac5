"""Why this week cost more or less than the last: the change of each feature, split exactly, in dollars.

What a caller (a feature in a pipeline of a service) brought or took away comes first: `new_caller`, `lost_caller`.
What callers of both weeks changed is divided between `volume`, `model_mix`, `tokens_per_call` and `cost_per_token`
(`factors.py`). Usage without a traced call is a driver of its own, `untraced_usage`, and so is what was traced or billed
and can be nobody's for another reason, `unattributed_usage`. Where too much of a week's cost is not known
(`known_costs.py`) no cause can be told from what is: all that changed is `cost_not_known`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pyarrow as pa

from ai_finops.analyse.factors import Usage, model_terms, split_change
from ai_finops.analyse.known_costs import CallCounts
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
    "unattributed_reason",
    "request_count",
    "input_tokens",
    "output_tokens",
    "unknown_cost_call_count",
    "unknown_cost_tokens",
    "allocated_cost_usd",
)


class Caller(NamedTuple):
    """Who called what: the unit that can be new or lost."""

    feature_id: str
    pipeline_id: str
    service_name: str

    def __str__(self) -> str:
        return f"{self.feature_id} calls pipeline {self.pipeline_id} from {self.service_name}"


class Untraced(NamedTuple):
    """Usage without a caller: whose it is, and why."""

    feature_id: str
    driver: str
    detail: str

    def __str__(self) -> str:
        return self.detail


ModelUsage = dict[str, Usage]
_OWNED = {
    "tag": "owned by its tag on the bill",
    "principal": "owned by its principal on the bill",
    "traced": "traced, but no call was counted",
}
_UNATTRIBUTED = {
    "no_feature": "calls that name no feature",
    "no_weight": "calls without a weight to divide it by",
    "unknown_model": "models on the bill that no seed names",
    "unknown_usage_type": "usage types on the bill that are not known",
}


@dataclass(slots=True)
class Week:
    """One week's usage: by caller and model where calls were traced, else cost in micro-dollars by whose it is."""

    calls: dict[Caller, ModelUsage] = field(default_factory=dict)
    untraced_micros: dict[Untraced, int] = field(default_factory=lambda: defaultdict(int))
    counts: dict[Caller | Untraced, CallCounts] = field(default_factory=lambda: defaultdict(CallCounts))

    def cost_micros(self, part: Caller | Untraced) -> int:
        """Return the known cost of a caller or of usage without one; micro-dollars."""
        return _cost(self.calls.get(part, {})) if isinstance(part, Caller) else self.untraced_micros.get(part, 0)


def split_weeks(allocated: pa.Table, *, largest_unknown_ratio: float) -> pa.Table:
    """Split the change of each week against the week before, for every feature.

    Args:
        allocated: Rows of `fct_daily_allocated_costs`; charges other than usage are left aside.
        largest_unknown_ratio: Calls of unknown cost that a caller may have in a week (`known_costs.py`).
    Returns:
        Rows in the order week, feature, driver, detail; contributions of zero are left out, but for `cost_not_known`.
        Over a week they add up to the change of usage cost, as far as it is known, to the millionth of a dollar. A week
        whose week before has no rows has none.
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
        for feature, driver, detail, micros in _split_week(before, week, largest_unknown_ratio=largest_unknown_ratio)
        if micros or driver == "cost_not_known"
    ]
    return to_table(sorted(rows, key=lambda row: tuple(row.values())[:4]), schema=COST_DRIVERS)


def _weeks(allocated: pa.Table) -> dict[date, Week]:
    """Sum usage by week, caller and model; what has no traced call is summed by whose it is."""
    weeks: dict[date, Week] = defaultdict(Week)
    summed: dict[tuple[date, Caller, str], Usage] = defaultdict(Usage)
    for row in allocated.select(_COLUMNS).to_pylist():
        if row["charge_category"] != "usage":
            continue
        monday = week_start(row["usage_date"])
        tokens = (row["input_tokens"] or 0) + (row["output_tokens"] or 0)
        usage = Usage(row["request_count"] or 0, tokens, _micros(row["allocated_cost_usd"]))
        if row["attribution"] == "traced":
            part = Caller(*(row[name] or "unknown" for name in Caller._fields))
            summed[monday, part, row["model_id"] or "unknown"].add(usage)
        else:
            part = _untraced(row)
            weeks[monday].untraced_micros[part] += usage.cost_micros
        weeks[monday].counts[part].add_row(row)
    for (monday, caller, model), usage in summed.items():
        if usage.call_count:
            weeks[monday].calls.setdefault(caller, {})[model] = usage
        else:
            part = Untraced(caller.feature_id, "untraced_usage", _OWNED["traced"])
            weeks[monday].untraced_micros[part] += usage.cost_micros
    return dict(weeks)


def _untraced(row: Mapping[str, Any]) -> Untraced:
    """Say whose the usage of a row without a caller is."""
    feature, attribution, reason = row["feature_id"], row["attribution"], row["unattributed_reason"]
    if attribution in _OWNED:
        return Untraced(feature, "untraced_usage", _OWNED[attribution])
    if reason == "no_trace":
        return Untraced(feature, "untraced_usage", "cost that belongs to no feature")
    return Untraced(feature, "unattributed_usage", _UNATTRIBUTED.get(reason, f"for the reason {reason}"))


def _micros(usd: Decimal | None) -> int:
    return int((Decimal(usd or 0) * MICROS).to_integral_value())


def _split_week(before: Week, after: Week, *, largest_unknown_ratio: float) -> Iterator[tuple[str, str, str, int]]:
    """Yield (feature, driver, detail, micro-dollars)."""
    parts = before.counts.keys() | after.counts.keys()
    unknown = {
        part
        for part in parts
        for week in (before, after)
        if part in week.counts and not week.counts[part].is_cost_known(largest_unknown_ratio=largest_unknown_ratio)
    }
    for part in sorted(unknown):
        change = after.cost_micros(part) - before.cost_micros(part)
        yield part.feature_id, "cost_not_known", _not_known_detail(part, before, after), change
    for caller in sorted(after.calls.keys() - before.calls.keys() - unknown):
        yield caller.feature_id, "new_caller", f"{caller}{_reuse(caller, before)}", _cost(after.calls[caller])
    for caller in sorted(before.calls.keys() - after.calls.keys() - unknown):
        yield caller.feature_id, "lost_caller", str(caller), -_cost(before.calls[caller])
    kept = (before.calls.keys() & after.calls.keys()) - unknown
    for feature in sorted({caller.feature_id for caller in kept}):
        first, second = (_pooled(week, feature=feature, callers=kept) for week in (before, after))
        for driver, micros in split_change(first, second).items():
            yield feature, driver, _detail(driver, first, second), micros
    for part in sorted((before.untraced_micros.keys() | after.untraced_micros.keys()) - unknown):
        change = after.cost_micros(part) - before.cost_micros(part)
        yield part.feature_id, part.driver, part.detail, change


def _not_known_detail(part: Caller | Untraced, before: Week, after: Week) -> str:
    """Count, in each week that has them, the calls whose cost nobody knows."""
    said = []
    for week, name in ((before, "the week before"), (after, "this week")):
        counts = week.counts.get(part, CallCounts())
        if counts.unknown_call_count:
            calls = "" if said else " calls"
            said.append(f"{counts.unknown_call_count:,} of {counts.call_count:,}{calls} {name}")
    return f"{part}, {' and '.join(said)} without bill or price"


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
