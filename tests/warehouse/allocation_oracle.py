"""One cell of the bill, allocated with fractions straight from the rules: what the SQL's whole numbers have to come to.

Quantities are whole tokens or search units, or micro-dollars where the bill does not count all that it charges for. An owner
is a feature by tag, None where the bill names none; a call's feature is None where its span names none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

Feature = str | None
Caller = tuple[Feature, str]
"""Feature and pipeline."""


@dataclass(frozen=True, slots=True)
class Billed:
    """One usage line."""

    owner: Feature
    quantity: int | None
    """What the line counts; None in a unit that is neither tokens nor search units."""
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Traced:
    """One call's usage, above 0."""

    caller: Caller
    quantity: int
    estimate_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who pays a cell, in micro-dollars."""

    basis: str
    coverage: Fraction | None
    """Matched of billed usage; None where there is nothing to cover."""
    shares: dict[Caller, Fraction]
    """By trace, before rounding to whole micro-dollars; a caller that found no place on the bill is not in it."""
    remainders: dict[Feature, int]
    """What is left of each owner's part."""
    reason: str
    """Why something is left that nobody owns."""


def allocate(billed: list[Billed], traced: list[Traced], *, unit: str) -> Allocation:
    """Allocate one cell that has a bill; `unit` is what its lines count, `tokens` or `search_units`."""
    owners = {line.owner for line in billed}
    cost = {owner: _micro(sum(line.cost_usd for line in billed if line.owner == owner)) for owner in owners}
    count = {owner: sum(line.quantity or 0 for line in billed if line.owner == owner) for owner in owners}
    is_counted = sum(count.values()) > 0 and all(line.quantity is not None for line in billed if line.cost_usd)
    room = {owner: max((count if is_counted else cost)[owner], 0) for owner in owners}
    usage = _usage_by_feature(traced, is_counted=is_counted)
    filled, parts = _match(room, usage)
    weights = _weights(traced)

    shares: dict[Caller, Fraction] = defaultdict(Fraction)
    remainders = dict(cost)
    for owner in parts:
        traced_usd = _whole(Fraction(cost[owner] * filled[owner], room[owner]))
        # A caller weighs what of its feature's usage was matched here.
        here = {
            caller: weight * parts[owner][caller[0]] / usage[caller[0]]
            for caller, weight in weights.items()
            if caller[0] in parts[owner]
        }
        for caller, weight in here.items():
            shares[caller] += traced_usd * weight / sum(here.values())
        remainders[owner] -= traced_usd
    has_unplaced_callers = bool(weights.keys() - shares.keys())
    return Allocation(
        basis=unit if is_counted else "cost",
        coverage=Fraction(sum(filled.values()), sum(room.values())) if any(room.values()) else None,
        shares=dict(shares),
        remainders=remainders,
        reason="no_weight" if None not in parts and has_unplaced_callers else "no_trace",
    )


def _match(
    room: dict[Feature, int], usage: dict[Feature, int]
) -> tuple[dict[Feature, int], dict[Feature, dict[Feature, Fraction]]]:
    """Return by owner how much is matched, and in which parts the features have it.

    A feature's usage goes to its own tag, what is left to the part without an owner, and what overflows that, as far as it
    names a feature, to the tags of others.
    """
    own = {feature: min(usage.get(feature, 0), room[feature]) for feature in room if feature}
    parts = {owner: {owner: Fraction(quantity)} for owner, quantity in own.items() if quantity}
    left = {feature: quantity - own.get(feature, 0) for feature, quantity in usage.items()}
    left = {feature: quantity for feature, quantity in left.items() if quantity}
    filled = {**own, None: min(sum(left.values()), room.get(None, 0))}
    if filled[None]:
        parts[None] = {feature: Fraction(quantity) for feature, quantity in left.items()}
    named = {feature: quantity for feature, quantity in left.items() if feature}
    overflow = (sum(left.values()) - filled[None]) * sum(named.values()) // max(sum(left.values()), 1)
    for owner in sorted(own):
        landed = min(room[owner] - own[owner], overflow)
        overflow -= landed
        filled[owner] += landed
        if landed:
            others = {f: Fraction(quantity * landed, sum(named.values())) for f, quantity in named.items()}
            parts[owner] = parts.get(owner, {}) | others
    return filled, parts


def _usage_by_feature(traced: list[Traced], *, is_counted: bool) -> dict[Feature, int]:
    usage: dict[Feature, Decimal] = defaultdict(Decimal)
    for call in traced:
        usage[call.caller[0]] += call.quantity if is_counted else call.estimate_usd or 0
    return {feature: int(quantity) if is_counted else _micro(quantity) for feature, quantity in usage.items()}


def _weights(traced: list[Traced]) -> dict[Caller, Fraction]:
    """Return each caller's estimate, or its usage where a call of the cell has no price."""
    is_priced = all(call.estimate_usd is not None for call in traced)
    weights: dict[Caller, Fraction] = defaultdict(Fraction)
    for call in traced:
        weights[call.caller] += Fraction(call.estimate_usd if is_priced else call.quantity)
    return dict(weights)


def _micro(usd: Decimal) -> int:
    return int((Decimal(usd) * 1_000_000).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _whole(number: Fraction) -> int:
    """Round half away from zero."""
    whole = int(abs(number) + Fraction(1, 2))
    return whole if number >= 0 else -whole
