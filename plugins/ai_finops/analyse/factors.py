"""The change of a cost that is a product, divided between its factors by Shapley values, to the millionth of a dollar.

Cost = calls * share of a model * tokens per call on it * cost per token on it, summed over models. Each factor gets
its effect averaged over every order in which the four could have changed, computed exactly over the 16 subsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import TypeVar

Key = TypeVar("Key")
FACTORS = ("volume", "model_mix", "tokens_per_call", "cost_per_token")


@dataclass(slots=True)
class Usage:
    """Calls of a week or a day on one model, or of an average day; cost in millionths of a US dollar."""

    call_count: int | Fraction = 0
    token_count: int | Fraction = 0
    cost_micros: int | Fraction = 0

    def add(self, other: Usage) -> None:
        """Add `other` to this."""
        self.call_count += other.call_count
        self.token_count += other.token_count
        self.cost_micros += other.cost_micros

    def times(self, factor: Fraction) -> Usage:
        """Return `factor` times as much usage."""
        return Usage(self.call_count * factor, self.token_count * factor, self.cost_micros * factor)


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """One model's factors in one week; a unit is a token, or a call where the model bills no tokens."""

    share: Fraction
    units_per_call: Fraction
    micros_per_unit: Fraction
    is_by_token: bool


def split_change(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, int]:
    """Divide the cost change between two weeks of usage by model; whole millionths of a dollar by factor.

    The values of `split_exactly`, each rounded; the largest (the first of equals) takes the remainder.
    """
    change = sum(usage.cost_micros for usage in after.values()) - sum(usage.cost_micros for usage in before.values())
    return round_to_sum(split_exactly(before, after), total=change)


def split_exactly(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, Fraction]:
    """Divide the cost change between two periods of usage by model; millionths of a dollar by factor.

    Both periods have calls on every model they name. The values add up to the change.
    """
    calls = tuple(sum(usage.call_count for usage in week.values()) for week in (before, after))
    terms = [
        model_terms(before.get(model), after.get(model), calls=calls) for model in sorted(before.keys() | after.keys())
    ]
    values = [_cost_with(subset, calls=calls, terms=terms) for subset in range(1 << len(FACTORS))]
    return {name: _shapley_value(position, values) for position, name in enumerate(FACTORS)}


def model_terms(before: Usage | None, after: Usage | None, *, calls: tuple[int, int]) -> tuple[ModelTerms, ModelTerms]:
    """Return one model's factors in both weeks.

    A model of only one week is given that week's tokens per call and price in the other, so that its coming or going is
    all a matter of its share.
    """
    first, second = before or after, after or before
    by_tokens = first.token_count > 0 and second.token_count > 0
    shares = (
        Fraction(usage.call_count if usage else 0, total) for usage, total in zip((before, after), calls, strict=True)
    )
    units = ((usage.token_count if by_tokens else usage.call_count) for usage in (first, second))
    return tuple(
        ModelTerms(share, Fraction(unit, usage.call_count), Fraction(usage.cost_micros, unit), by_tokens)
        for share, unit, usage in zip(shares, units, (first, second), strict=True)
    )


def round_to_sum(parts: Mapping[Key, Fraction], *, total: int) -> dict[Key, int]:
    """Round each part to a whole number so that they add up to `total`; the largest, of equals the first, takes the rest."""
    rounded = {name: round(part) for name, part in parts.items()}
    largest = max(rounded, key=lambda name: abs(rounded[name]))
    rounded[largest] += total - sum(rounded.values())
    return rounded


def _cost_with(subset: int, *, calls: tuple[int, int], terms: list[tuple[ModelTerms, ModelTerms]]) -> Fraction:
    """Return the cost with the factors in the bit set `subset` as after, the others as before; micro-dollars."""
    volume, mix, tokens, price = (subset >> position & 1 for position in range(len(FACTORS)))
    return calls[volume] * sum(
        (both[mix].share * both[tokens].units_per_call * both[price].micros_per_unit for both in terms), Fraction(0)
    )


def _shapley_value(position: int, values: list[Fraction]) -> Fraction:
    count = len(FACTORS)
    without = [subset for subset in range(1 << count) if not subset >> position & 1]
    return sum(
        (
            Fraction(factorial(subset.bit_count()) * factorial(count - 1 - subset.bit_count()), factorial(count))
            * (values[subset | 1 << position] - values[subset])
            for subset in without
        ),
        Fraction(0),
    )
