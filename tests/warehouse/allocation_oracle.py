"""One cell of the bill, allocated call by call straight from the rules: what the SQL's whole numbers have to be.

Quantities are whole tokens or search units, or micro-dollars where the bill does not count all that it charges for. A call's
feature is None where its span names none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

Feature = str | None
Caller = tuple[Feature, str]
"""Feature and pipeline."""
Owner = tuple[str, str] | None
"""Feature, and whether the bill names it by `tag` or by `principal`; None where it names none."""

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Billed:
    """One usage line."""

    owner: Owner
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
class Part:
    """What one owner has of a cell; money in micro-dollars."""

    billed_usd: int
    billed: int
    """What there is to cover; 0 where the bill takes back more than it charges."""
    matched: int
    traced_usd: int
    """The matched part of the cost."""
    shares: dict[Caller, int]
    """Who pays it."""
    exact_shares: dict[Caller, Fraction]
    """The same, had micro-dollars and the millionths of a weight parts of their own."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who pays a cell."""

    basis: str
    parts: dict[Owner, Part]
    disagreeing: int
    """Usage of one feature on what the bill says is another's."""
    reason: str
    """Why something is left that nobody owns."""

    @property
    def shares(self) -> dict[Caller, int]:
        """By trace; a caller that found no place on the bill is not in it."""
        total: dict[Caller, int] = defaultdict(int)
        for part in self.parts.values():
            for caller, usd in part.shares.items():
                total[caller] += usd
        return dict(total)

    @property
    def remainders(self) -> dict[Owner, int]:
        """What is left of each owner's part."""
        return {owner: part.billed_usd - sum(part.shares.values()) for owner, part in self.parts.items()}

    @property
    def coverage(self) -> Fraction | None:
        """Matched of billed usage; None where there is nothing to cover."""
        billed = sum(part.billed for part in self.parts.values())
        return Fraction(sum(part.matched for part in self.parts.values()), billed) if billed else None


def allocate(billed: list[Billed], traced: list[Traced], *, unit: str) -> Allocation:
    """Allocate one cell that has a bill; `unit` is what its lines count, `tokens` or `search_units`."""
    owners = {line.owner for line in billed}
    cost = {owner: to_micro(sum(line.cost_usd for line in billed if line.owner == owner)) for owner in owners}
    count = {owner: sum(line.quantity or 0 for line in billed if line.owner == owner) for owner in owners}
    is_counted = sum(count.values()) > 0 and all(line.quantity is not None for line in billed if line.cost_usd)
    room = {owner: max((count if is_counted else cost)[owner], 0) for owner in owners}
    usage = _usage_by_feature(traced, is_counted=is_counted)
    matches, matched, disagreeing = _match(room, usage)
    weights = _weights(traced)
    parts = {}
    for owner in owners:
        traced_usd = _whole(Fraction(cost[owner] * matched[owner], room[owner])) if matched[owner] else 0
        here = {caller: weight for caller, weight in weights.items() if caller[0] in matches[owner]}
        parts[owner] = Part(
            billed_usd=cost[owner],
            billed=room[owner],
            matched=matched[owner],
            traced_usd=traced_usd,
            # A caller weighs what of its feature's usage was matched here, and that is counted in whole millionths.
            shares=_divide(
                traced_usd,
                {
                    caller: weight * int(MICRO * matches[owner][caller[0]]) // usage[caller[0]]
                    for caller, weight in here.items()
                },
            ),
            exact_shares=_divide_exactly(
                traced_usd,
                {caller: weight * matches[owner][caller[0]] / usage[caller[0]] for caller, weight in here.items()},
            ),
        )
    placed = {caller for part in parts.values() for caller in part.shares}
    is_untraced = None not in parts or parts[None].shares or weights.keys() <= placed
    return Allocation(
        basis=unit if is_counted else "cost",
        parts=parts,
        disagreeing=disagreeing,
        reason="no_trace" if is_untraced else "no_weight",
    )


def _match(
    room: dict[Owner, int], usage: dict[Feature, int]
) -> tuple[dict[Owner, dict[Feature, Fraction]], dict[Owner, int], int]:
    """Return by owner in which parts the features have it and how much of it is matched; last, what contradicts the bill.

    A feature's usage goes to what its own tag has, then its principals; what is left to the part without an owner; and what
    overflows that, as far as it names a feature, to what others own, by their names.
    """
    left = dict(usage)
    matched = dict.fromkeys(room, 0)
    matches: dict[Owner, dict[Feature, Fraction]] = {owner: {} for owner in room}
    by_name = sorted((owner for owner in room if owner), key=lambda owner: (owner[0], owner[1] == "principal"))
    for owner in by_name:
        own = min(left.get(owner[0], 0), room[owner])
        if own:
            left[owner[0]] -= own
            matched[owner] = own
            matches[owner] = {owner[0]: Fraction(own)}
    left = {feature: quantity for feature, quantity in left.items() if quantity}
    named = {feature: quantity for feature, quantity in left.items() if feature}
    free = min(sum(left.values()), room.get(None, 0))
    if free:
        matched[None] = free
        matches[None] = {feature: Fraction(quantity) for feature, quantity in left.items()}
    overflow = (sum(left.values()) - free) * sum(named.values()) // sum(left.values()) if left else 0
    disagreeing = overflow
    for owner in by_name:
        landed = min(room[owner] - matched[owner], overflow)
        if landed:
            overflow -= landed
            matched[owner] += landed
            for feature, quantity in named.items():
                matches[owner][feature] = Fraction(quantity * landed, sum(named.values()))
    return matches, matched, disagreeing - overflow


def _divide(usd: int, weights: dict[Caller, int]) -> dict[Caller, int]:
    """Divide whole micro-dollars by whole weights; what is left goes to the largest fractions, of equal ones by name."""
    total = sum(weights.values())
    if not total:
        return {}
    shares = {caller: abs(usd) * weight // total for caller, weight in weights.items()}
    by_fraction = sorted(
        weights, key=lambda caller: (-(abs(usd) * weights[caller] % total), caller[0] or "unattributed", caller[1])
    )
    for caller in by_fraction[: abs(usd) - sum(shares.values())]:
        shares[caller] += 1
    return {caller: share if usd >= 0 else -share for caller, share in shares.items()}


def _divide_exactly(usd: int, weights: dict[Caller, Fraction]) -> dict[Caller, Fraction]:
    total = sum(weights.values())
    return {caller: usd * weight / total for caller, weight in weights.items()} if total else {}


def _usage_by_feature(traced: list[Traced], *, is_counted: bool) -> dict[Feature, int]:
    usage: dict[Feature, Decimal] = defaultdict(Decimal)
    for call in traced:
        usage[call.caller[0]] += call.quantity if is_counted else call.estimate_usd or 0
    return {feature: int(quantity) if is_counted else to_micro(quantity) for feature, quantity in usage.items()}


def _weights(traced: list[Traced]) -> dict[Caller, int]:
    """Return each caller's estimate in whole pico-dollars, or its usage where a call of the cell has no price."""
    is_priced = all(call.estimate_usd is not None for call in traced)
    weights: dict[Caller, int] = defaultdict(int)
    for call in traced:
        weights[call.caller] += int(call.estimate_usd * 10**12) if is_priced else call.quantity
    return dict(weights)


def to_micro(usd: Decimal) -> int:
    """Return whole micro-dollars, half away from zero."""
    return int((Decimal(usd) * MICRO).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _whole(number: Fraction) -> int:
    """Round half away from zero."""
    whole = int(abs(number) + Fraction(1, 2))
    return whole if number >= 0 else -whole
