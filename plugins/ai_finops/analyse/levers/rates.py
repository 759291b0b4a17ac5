"""What an account pays of list prices, by model: its bill over its estimates, where both are known.

Levers compare two list prices. An account with a discount pays less of both, so that a difference of list prices is too large
by as much. A model of which nothing was billed in the window is taken to have the rate of the one in use: a discount is mostly
given on a provider's whole list, and two sides at one rate can make a lever smaller but never turn it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ai_finops.analyse.levers.call_sums import Row

LIST_PRICE = 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Share of the list price that the bill came to, by provider and model; none for what was not billed."""

    of_models: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rates:
        """Measure them over rows of sums; calls that are not billed yet, and those without a price, are on neither side."""
        billed: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row in rows:
            sums = billed[row["provider_name"], row["model_id"]]
            sums[0] += float(row["billed_allocated_cost_usd"] or 0)
            sums[1] += float(row["billed_estimated_cost_usd"] or 0)
        return cls({model: paid / listed for model, (paid, listed) in billed.items() if listed > 0 and paid > 0})

    def find(self, provider: str, model_id: str, *, current_model_id: str) -> float:
        """Return the model's own rate, else that of the model in use, else 1."""
        own = self.of_models.get((provider, model_id))
        return own or self.of_models.get((provider, current_model_id), LIST_PRICE)


def said(rate: float) -> str:
    """Say a rate in the words of evidence."""
    return "list prices" if abs(rate - LIST_PRICE) < 0.0005 else f"{rate:.1%} of list prices, as billed"
