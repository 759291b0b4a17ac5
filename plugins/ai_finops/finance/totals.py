"""The sums of a month that its summary and its manifest show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ai_finops.finance.invoices import OTHER_CHARGES, ZERO

_PARTS = {
    "usage": "Usage that features pay",
    "unattributed": "Usage that no feature pays (unattributed)",
    **OTHER_CHARGES,
    "correction": "Corrections of earlier months",
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the rows of feature_costs.csv."""

    row_count: int
    billed_usd: Decimal
    parts_usd: Mapping[str, Decimal]
    """Of the billed, in words of what it is for."""
    estimated_usd: Decimal
    """Of usage that has no bill yet."""
    allocated_usd: Decimal
    """Billed and estimated."""
    unknown_row_count: int
    """Rows whose cost nobody knows."""
    unknown_call_count: int
    unknown_tokens: int

    def to_plain(self) -> dict[str, object]:
        """Return what the manifest holds of it; amounts are exact, as text."""
        return {
            "billed_cost_usd": format(self.billed_usd, "f"),
            "estimated_cost_usd": format(self.estimated_usd, "f"),
            "allocated_cost_usd": format(self.allocated_usd, "f"),
            "unknown_cost_row_count": self.unknown_row_count,
            "unknown_cost_call_count": self.unknown_call_count,
            "unknown_cost_tokens": self.unknown_tokens,
        }


def sum_up(rows: Iterable[Mapping[str, object]]) -> Totals:
    """Return the sums of a month's rows; a cost that is not known adds nothing and is counted."""
    parts = dict.fromkeys(_PARTS, ZERO)
    billed = allocated = ZERO
    row_count = unknown_rows = unknown_calls = unknown_tokens = 0
    for row in rows:
        row_count += 1
        unknown_calls += row["unknown_cost_call_count"] or 0
        unknown_tokens += row["unknown_cost_tokens"] or 0
        if row["allocated_cost_usd"] is None:
            unknown_rows += 1
            continue
        allocated += row["allocated_cost_usd"]
        billed += row["billed_cost_usd"] or ZERO
        parts[_part(row)] += row["billed_cost_usd"] or ZERO
    return Totals(
        row_count=row_count,
        billed_usd=billed,
        parts_usd={_PARTS[name]: cost for name, cost in parts.items()},
        estimated_usd=allocated - billed,
        allocated_usd=allocated,
        unknown_row_count=unknown_rows,
        unknown_call_count=unknown_calls,
        unknown_tokens=unknown_tokens,
    )


def _part(row: Mapping[str, object]) -> str:
    category = row["charge_category"]
    if category == "usage" and row["feature_id"] == "unattributed":
        return "unattributed"
    return category if category in _PARTS else "other"
