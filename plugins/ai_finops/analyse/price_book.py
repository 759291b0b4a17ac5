"""What tokens would have cost on another model, from the dated price table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

CACHE_CLASSES = ("cache_read_input", "cache_write_5m_input", "cache_write_1h_input")
TOKEN_CLASSES = ("uncached_input", *CACHE_CLASSES, "output")


@dataclass(frozen=True, slots=True)
class Quote:
    """A cost on another model. `filled_in_classes` had no price of their own and were priced as other input."""

    cost_usd: float
    filled_in_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """US dollars per million tokens from one day until before another; inherited: that of a wider class."""

    valid_from: date
    valid_to: date
    price_usd_per_mtok: float
    is_inherited: bool


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices of single classes, each with the days it was valid."""

    prices: Mapping[tuple[str, ...], tuple[DatedPrice, ...]]

    @classmethod
    def from_table(cls, prices: pa.Table) -> PriceBook:
        """Read `raw.prices`; long-context prices (`threshold_tokens` above 0) are not used here."""
        found: dict[tuple[str, ...], list[DatedPrice]] = {}
        for row in prices.to_pylist():
            if row["threshold_tokens"] or row["price_usd_per_mtok"] is None:
                continue
            key = tuple(
                row[name] for name in ("provider_name", "model_id", "token_class", "region_scope", "processing")
            )
            price = DatedPrice(
                row["valid_from"] or date.min,
                row["valid_to"] or date.max,
                float(row["price_usd_per_mtok"]),
                bool(row["is_inherited"]),
            )
            found.setdefault(key, []).append(price)
        return cls({key: tuple(dated) for key, dated in found.items()})

    def find(
        self,
        provider: str,
        model_id: str,
        token_class: str,
        *,
        region_scope: str | None,
        processing: str | None,
        day: date,
    ) -> DatedPrice | None:
        """Return the price that holds on `day`: of this region scope, else of any; else None."""
        for scope in (region_scope, "any"):
            for price in self.prices.get((provider, model_id, token_class, scope, processing), ()):
                if price.valid_from <= day < price.valid_to:
                    return price
        return None

    def quote(
        self,
        provider: str,
        model_id: str,
        tokens: Mapping[str, int],
        *,
        region_scope: str | None,
        processing: str | None,
        day: date,
    ) -> Quote | None:
        """Price `tokens` by class as `day` would have; None where input or output has no price.

        A cache class without a price is taken as uncached input: a model without a prompt cache reads everything.
        """
        cost, filled_in = 0.0, []
        for token_class in TOKEN_CLASSES:
            if not (count := tokens.get(token_class, 0)):
                continue
            where = {"region_scope": region_scope, "processing": processing, "day": day}
            price = self.find(provider, model_id, token_class, **where)
            if price is None and token_class in CACHE_CLASSES:
                price = self.find(provider, model_id, "uncached_input", **where)
                filled_in.append(token_class)
            elif price is not None and price.is_inherited:
                filled_in.append(token_class)
            if price is None:
                return None
            cost += count * price.price_usd_per_mtok / 1_000_000
        return Quote(cost, tuple(filled_in))
