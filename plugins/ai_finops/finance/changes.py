"""What a new version of a final month changed: by feature and charge category, before, after, and the difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

CostKey = tuple[str, str, str, str]
"""Provider, account, feature and charge category."""
_KEY = ("provider_name", "billing_account_id", "feature_id", "charge_category")


@dataclass(frozen=True, slots=True)
class Change:
    """What one feature pays otherwise, USD."""

    key: CostKey
    before_usd: Decimal | None
    """None where it paid nothing, or nobody knew what."""
    after_usd: Decimal | None

    @property
    def difference_usd(self) -> Decimal:
        """After less before; what is not known adds nothing to a total, so neither here."""
        return (self.after_usd or Decimal(0)) - (self.before_usd or Decimal(0))


def costs_by_feature(rows: Iterable[Mapping[str, object]]) -> dict[CostKey, Decimal | None]:
    """Return allocated USD by key, in order; None where no row of a key has a known cost."""
    costs: dict[CostKey, Decimal | None] = {}
    for row in rows:
        key = tuple(row[name] for name in _KEY)
        cost, known = row["allocated_cost_usd"], costs.get(key)
        costs[key] = known if cost is None else cost + (known or Decimal(0))
    return dict(sorted(costs.items()))


def list_changes(before: Mapping[CostKey, Decimal | None], after: Mapping[CostKey, Decimal | None]) -> list[Change]:
    """Return what differs between two versions, in order. The differences add up to that of the totals."""
    keys = sorted(before.keys() | after.keys())
    changes = [Change(key, before.get(key), after.get(key)) for key in keys]
    return [each for each in changes if each.before_usd != each.after_usd]


def total(costs: Mapping[CostKey, Decimal | None]) -> Decimal:
    """Return the sum of what is known."""
    return sum((cost for cost in costs.values() if cost is not None), start=Decimal(0))


def to_plain(costs: Mapping[CostKey, Decimal | None]) -> list[list[str | None]]:
    """Return costs as a manifest holds them: exact, as text."""
    return [[*key, None if cost is None else format(cost, "f")] for key, cost in costs.items()]


def from_plain(plain: Iterable[list[str | None]]) -> dict[CostKey, Decimal | None]:
    """Return costs from a manifest."""
    return {tuple(key): None if cost is None else Decimal(cost) for *key, cost in plain}
