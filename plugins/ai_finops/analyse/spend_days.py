"""Days of spend by feature, from the allocated costs and, below them, the calls' own journeys and prompt versions.

Allocated costs say to the micro-dollar who pays, by feature, pipeline, service and model. What each of those is made of, by
journey and prompt version, only the calls say; their costs are finer than a micro-dollar, and of a closed month they may say
something else by now. So what is allocated is divided by what the calls say, in whole calls, tokens and micro-dollars, and
adds up to what is allocated always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pyarrow as pa

from ai_finops.analyse.factors import Usage, round_to_sum
from ai_finops.analyse.known_costs import CallCounts
from ai_finops.analyse.spend import MICROS, Caller, Group, Spend, Untraced

DAYS_BACK = 7
"""A batch is billed up to so many days after its calls: then it is divided as they were."""
_PICOS = 1_000_000_000_000
_MEASURES = (
    "request_count",
    "input_tokens",
    "output_tokens",
    "unknown_cost_call_count",
    "unknown_cost_tokens",
    "allocated_cost_usd",
)
_KEY = ("feature_id", "pipeline_id", "service_name", "model_id")
_ALLOCATED = ("usage_date", "charge_category", *_KEY, "attribution", "unattributed_reason", *_MEASURES)
_CALL_GROUPS = ("usage_date", *_KEY, "journey_name", "prompt_version", *_MEASURES)
OWNED = {
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
Days = dict[date, dict[str, Spend]]
"""Spend by day and feature."""


class _Key(NamedTuple):
    """What allocated costs and calls have in common."""

    feature_id: str
    pipeline_id: str
    service_name: str
    model_id: str


@dataclass(slots=True)
class _Measures:
    """Measures of a key or of a part of it; cost in micro-dollars, of calls in pico-dollars."""

    usage: Usage = field(default_factory=Usage)
    unknown_call_count: int = 0
    unknown_token_count: int = 0

    def add_row(self, row: Mapping[str, Any], *, units: int) -> None:
        tokens = (row["input_tokens"] or 0) + (row["output_tokens"] or 0)
        self.usage.add(Usage(row["request_count"] or 0, tokens, _whole(row["allocated_cost_usd"], units=units)))
        self.unknown_call_count += row["unknown_cost_call_count"] or 0
        self.unknown_token_count += row["unknown_cost_tokens"] or 0


_Parts = dict[tuple[str, str], _Measures]


def read_days(allocated: pa.Table, call_groups: pa.Table | None = None) -> Days:
    """Read the usage of each day and feature.

    Args:
        allocated: Rows of `fct_daily_allocated_costs`; charges other than usage are left aside.
        call_groups: Rows of `int_daily_call_groups_summed`; without them no journey and prompt version is known.
    Returns:
        Spend by day and feature, days in order. A day's spends add up to the usage in `allocated`, to the micro-dollar.
    """
    days: dict[date, dict[str, Spend]] = defaultdict(lambda: defaultdict(Spend))
    traced: dict[tuple[date, _Key], _Measures] = defaultdict(_Measures)
    for row in allocated.select(_ALLOCATED).to_pylist():
        if row["charge_category"] != "usage":
            continue
        if row["attribution"] == "traced":
            traced[row["usage_date"], _key(row)].add_row(row, units=MICROS)
        else:
            spend, part = days[row["usage_date"]][row["feature_id"]], _untraced(row)
            spend.untraced_micros[part] += _whole(row["allocated_cost_usd"], units=MICROS)
            spend.counts[part].add_row(row)
    parts = _read_parts(call_groups)
    for (day, key), measures in traced.items():
        _put(days[day][key.feature_id], key, measures, parts=_parts_of(parts.get(key, {}), day))
    return {day: dict(days[day]) for day in sorted(days)}


def _read_parts(call_groups: pa.Table | None) -> dict[_Key, dict[date, _Parts]]:
    """Sum calls by key, day, journey and prompt version."""
    parts: dict[_Key, dict[date, _Parts]] = {}
    for row in [] if call_groups is None else call_groups.select(_CALL_GROUPS).to_pylist():
        of_day = parts.setdefault(_key(row), {}).setdefault(row["usage_date"], {})
        name = row["journey_name"] or "", row["prompt_version"] or ""
        of_day.setdefault(name, _Measures()).add_row(row, units=_PICOS)
    return parts


def _parts_of(days: Mapping[date, _Parts], day: date) -> _Parts:
    """Return the parts of the day, or of the nearest day before that may be billed on it."""
    for distance in range(DAYS_BACK + 1):
        if found := days.get(day - timedelta(days=distance)):
            return found
    return {("", ""): _Measures()}


def _put(spend: Spend, key: _Key, whole: _Measures, *, parts: _Parts) -> None:
    """Divide what is allocated to one key between its journeys and prompt versions."""
    names = sorted(parts)
    calls, tokens, costs = (
        [getattr(parts[name].usage, measure) for name in names]
        for measure in ("call_count", "token_count", "cost_micros")
    )
    unknown_calls, unknown_tokens = (
        [getattr(parts[name], measure) for name in names] for measure in ("unknown_call_count", "unknown_token_count")
    )
    divided = zip(
        names,
        divide(whole.usage.call_count, calls),
        divide(whole.usage.token_count, tokens, calls),
        divide(whole.usage.cost_micros, costs, tokens, calls),
        divide(whole.unknown_call_count, unknown_calls, calls),
        divide(whole.unknown_token_count, unknown_tokens, tokens, calls),
        strict=True,
    )
    for (journey, prompt), call_count, token_count, cost, unknown_call_count, unknown_token_count in divided:
        caller = Caller(key.feature_id, key.pipeline_id, key.service_name, journey)
        spend.usage[Group(caller, prompt, key.model_id)].add(Usage(call_count, token_count, cost))
        spend.counts[caller].add(CallCounts(call_count, token_count, unknown_call_count, unknown_token_count))


def divide(total: int, *weighings: Sequence[int]) -> list[int]:
    """Divide a whole number in proportion to the first weighing that can weigh: none of it negative, not all of it zero.

    Returns:
        Whole numbers that add up to `total`; the largest takes the remainder. Without any weight the first has it all.
    """
    for weights in weighings:
        weight = sum(weights)
        if weight > 0 and min(weights) >= 0:
            if weight == total:
                return list(weights)
            exact = {place: Fraction(total * each, weight) for place, each in enumerate(weights)}
            return list(round_to_sum(exact, total=total).values())
    return [total, *(0 for _ in weighings[0][1:])]


def _key(row: Mapping[str, Any]) -> _Key:
    return _Key(*(row[name] or "unknown" for name in _Key._fields))


def _untraced(row: Mapping[str, Any]) -> Untraced:
    """Say whose the usage of a row without a caller is."""
    feature, attribution, reason = row["feature_id"], row["attribution"], row["unattributed_reason"]
    if attribution in OWNED:
        return Untraced(feature, "untraced_usage", OWNED[attribution])
    if reason == "no_trace":
        return Untraced(feature, "untraced_usage", "cost that belongs to no feature")
    return Untraced(feature, "unattributed_usage", _UNATTRIBUTED.get(reason, f"for the reason {reason}"))


def _whole(usd: Decimal | None, *, units: int) -> int:
    return int((Decimal(usd or 0) * units).to_integral_value())
