"""What a driver of cost says of itself: its numbers before and after, on the model where it changed most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from ai_finops.analyse.factors import ModelTerms, Usage, model_terms
from ai_finops.analyse.known_costs import CallCounts
from ai_finops.analyse.spend import MICROS, Caller, ModelUsage, Part

_Terms = Mapping[str, tuple[ModelTerms, ModelTerms]]


def not_known(part: Part, *, counts: tuple[CallCounts | None, CallCounts | None], names: tuple[str, str]) -> str:
    """Count, in each period that has them, the calls whose cost nobody knows."""
    said = []
    for of_period, name in zip(counts, names, strict=True):
        if of_period is not None and of_period.unknown_call_count:
            calls = "" if said else " calls"
            said.append(f"{of_period.unknown_call_count:,} of {of_period.call_count:,}{calls} {name}")
    return f"{part}, {' and '.join(said)} without bill or price"


def reuse(caller: Caller, features: Iterable[str]) -> str:
    """Name the features that called this pipeline before: a new caller of an old pipeline is reuse."""
    others = sorted(set(features) - {caller.feature_id})
    return f", already used by {' and '.join(others)}" if others else ""


def new_prompt(caller: Caller, version: str, *, before: Usage, after: Usage) -> str:
    """Say what calls of the caller cost before, and what those with the new prompt version cost."""
    first, second = (float(Fraction(usage.cost_micros) / usage.call_count / MICROS * 1000) for usage in (before, after))
    return f"{caller} with prompt {version}, ${first:,.2f} to ${second:,.2f} per 1,000 calls"


def factor(driver: str, before: ModelUsage, after: ModelUsage) -> str:
    """Describe a factor's change by its numbers, on the model where it changed most."""
    calls = tuple(sum(usage.call_count for usage in period.values()) for period in (before, after))
    if driver == "volume":
        return f"{_count(calls[0])} to {_count(calls[1])} calls"
    terms = {
        model: model_terms(before.get(model), after.get(model), calls=calls)
        for model in sorted(before.keys() | after.keys())
    }
    return _DETAILS[driver](terms, {model: usage.call_count for model, usage in after.items()})


def _count(calls: int | Fraction) -> str:
    """Write a count; a mean of several days may be a broken one."""
    return f"{int(calls):,}" if calls == int(calls) else f"{float(calls):,.1f}"


def _mix_detail(terms: _Terms, _calls: Mapping[str, int | Fraction]) -> str:
    model = max(terms, key=lambda name: abs(terms[name][1].share - terms[name][0].share))
    first, second = (float(period.share) for period in terms[model])
    return f"{first:.0%} to {second:.0%} of calls on {model}"


def _tokens_detail(terms: _Terms, calls: Mapping[str, int | Fraction]) -> str:
    def effect(model: str) -> Fraction:
        first, second = terms[model]
        return abs(second.units_per_call - first.units_per_call) * second.micros_per_unit * calls.get(model, 0)

    model = max(terms, key=effect)
    first, second = (float(period.units_per_call) for period in terms[model])
    return f"{first:,.0f} to {second:,.0f} tokens per call on {model}"


def _cost_per_token_detail(terms: _Terms, calls: Mapping[str, int | Fraction]) -> str:
    def effect(model: str) -> Fraction:
        first, second = terms[model]
        return abs(second.micros_per_unit - first.micros_per_unit) * second.units_per_call * calls.get(model, 0)

    model = max(terms, key=effect)
    first, second = (float(period.micros_per_unit) for period in terms[model])
    # Millionths of a dollar per token are dollars per million tokens, and per call dollars per million calls.
    unit = "tokens" if terms[model][0].is_by_token else "calls"
    return f"${first:,.2f} to ${second:,.2f} per million {unit} on {model}"


_DETAILS = {"model_mix": _mix_detail, "tokens_per_call": _tokens_detail, "cost_per_token": _cost_per_token_detail}
