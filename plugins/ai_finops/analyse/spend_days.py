"""Days of spend by feature, from the allocated costs and, below them, the calls' own journeys and prompt versions.

Allocated costs say to the micro-dollar who pays, by feature, pipeline, service and model. What each of those is made of, by
journey and prompt version, only the calls say; their costs are finer than a micro-dollar, and of a closed month they may say
something else by now. So what is allocated is divided by what the calls say, in whole calls, tokens and micro-dollars, and
adds up to what is allocated always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

from ai_finops.analyse.factors import Usage
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

    def add(
        self, calls: int, input_tokens: int, output_tokens: int, unknown_calls: int, unknown_tokens: int, cost: int
    ) -> None:
        """Add a row's measures, in the order of `_MEASURES`."""
        self.usage.add(Usage(calls, input_tokens + output_tokens, cost))
        self.unknown_call_count += unknown_calls
        self.unknown_token_count += unknown_tokens

    def counts(self) -> CallCounts:
        return CallCounts(
            self.usage.call_count, self.usage.token_count, self.unknown_call_count, self.unknown_token_count
        )


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
    names = ("usage_date", *_KEY, "charge_category", "attribution", "unattributed_reason")
    for (day, *key, category, attribution, reason), measures in _rows(allocated, names, units=MICROS):
        if category != "usage":
            continue
        if attribution == "traced":
            traced[day, _Key(*key)].add(*measures)
        else:
            whole = _Measures()
            whole.add(*measures)
            spend, part = days[day][key[0]], _untraced(key[0], attribution, reason)
            spend.untraced_micros[part] += whole.usage.cost_micros
            spend.counts[part].add(whole.counts())
    parts = {} if call_groups is None else _read_parts(call_groups)
    for (day, key), whole in traced.items():
        _put(days[day][key.feature_id], key, whole, parts=_parts_of(parts.get(key, {}), day))
    return {day: dict(days[day]) for day in sorted(days)}


def _rows(table: pa.Table, names: Sequence[str], *, units: int) -> Iterator[tuple[tuple, tuple[int, ...]]]:
    """Yield each row's names (a key that is not known is `unknown`, any other NULL empty) and whole measures."""
    texts = (
        column if name == "usage_date" else column.fill_null("unknown" if name in _KEY else "")
        for name, column in ((name, table[name]) for name in names)
    )
    counts = (table[name].fill_null(0).to_pylist() for name in _MEASURES[:-1])
    costs = (_whole(usd, units=units) for usd in table[_MEASURES[-1]].to_pylist())
    yield from zip(
        zip(*(column.to_pylist() for column in texts), strict=True), zip(*counts, costs, strict=True), strict=True
    )


def _read_parts(call_groups: pa.Table) -> dict[_Key, dict[date, _Parts]]:
    """Sum calls by key, day, journey and prompt version."""
    parts: dict[_Key, dict[date, _Parts]] = defaultdict(lambda: defaultdict(lambda: defaultdict(_Measures)))
    names = ("usage_date", *_KEY, "journey_name", "prompt_version")
    for (day, *key, journey, prompt), measures in _rows(call_groups, names, units=_PICOS):
        parts[_Key(*key)][day][journey, prompt].add(*measures)
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
    if len(weighings[0]) == 1:
        return [total]
    for weights in weighings:
        weight = sum(weights)
        if weight > 0 and min(weights) >= 0:
            # Half up; in whole numbers, because there are many of these.
            parts = [(2 * total * each + weight) // (2 * weight) for each in weights]
            parts[parts.index(max(parts, key=abs))] += total - sum(parts)
            return parts
    return [total, *(0 for _ in weighings[0][1:])]


def _untraced(feature: str, attribution: str, reason: str) -> Untraced:
    """Say whose the usage of a row without a caller is."""
    if attribution in OWNED:
        return Untraced(feature, "untraced_usage", OWNED[attribution])
    if reason == "no_trace":
        return Untraced(feature, "untraced_usage", "cost that belongs to no feature")
    return Untraced(feature, "unattributed_usage", _UNATTRIBUTED.get(reason, f"for the reason {reason}"))


def _whole(usd: Decimal | None, *, units: int) -> int:
    return int((usd * units).to_integral_value()) if usd else 0
