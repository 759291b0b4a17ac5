"""The dated price table: one row per price and the days it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

import pyarrow as pa

TOKENS_UNIT = "1M tokens"
SEARCH_UNIT = "search unit"
TOKEN_CLASSES = ("uncached_input", "cache_read_input", "cache_write_5m_input", "cache_write_1h_input", "output")
PRICE_UNITS = dict.fromkeys(TOKEN_CLASSES, TOKENS_UNIT) | {"search_unit": SEARCH_UNIT}
"""What one price is for, by token class; a reranker is paid by the search unit."""
REGION_SCOPES = ("regional", "global", "any")
_LAST_DIGIT = Decimal("1e-12")
FOREVER = date(1970, 1, 1)
"""`valid_from` of a price whose first day nobody recorded."""

PRICES = pa.schema(
    [
        ("provider_name", pa.string()),
        ("model_id", pa.string()),
        ("token_class", pa.string()),
        ("region_scope", pa.string()),
        ("processing", pa.string()),
        ("threshold_tokens", pa.int64()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("price_unit", pa.string()),
        ("price_usd_per_unit", pa.decimal128(38, 12)),
        ("is_inherited", pa.bool_()),
        ("catalog", pa.string()),
        ("catalog_version", pa.string()),
        ("price_usd_per_mtok", pa.decimal128(38, 12)),
    ]
)


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of one token class costs, and when."""

    provider_name: str
    """As in spans: `aws.bedrock`, `openai`, …"""
    model_id: str
    token_class: str
    region_scope: str
    """`regional`, `global`, or `any` where the provider makes no difference."""
    processing: str
    threshold_tokens: int
    """Holds for a request of more input tokens than this (0: of any size); the highest one passed holds for all tokens."""
    valid_from: date
    valid_to: date | None
    """First day on which it no longer holds; None: open."""
    price_unit: str
    price_usd_per_unit: Decimal
    is_inherited: bool
    """The catalog has no price of this class's own and gives it that of the class it is part of."""
    catalog: str
    catalog_version: str

    @property
    def scope_key(self) -> tuple[str, str, str, str]:
        """What an overlay replaces as a whole, thresholds included; region scope aside."""
        return self.provider_name, self.model_id, self.token_class, self.processing


def to_price(usd: Decimal) -> Decimal:
    """Round a price to the 12 digits of the table, half to even; the catalog has a few that divide without an end."""
    return usd.quantize(_LAST_DIGIT, rounding=ROUND_HALF_EVEN)


def to_table(prices: Iterable[Price]) -> pa.Table:
    """Return `prices` sorted by their key; `price_usd_per_mtok` is null where the unit is not a token."""
    ordered = sorted(prices, key=lambda price: astuple(price)[:7])
    columns = {field.name: [getattr(price, field.name) for price in ordered] for field in fields(Price)}
    columns["price_usd_per_mtok"] = [p.price_usd_per_unit if p.price_unit == TOKENS_UNIT else None for p in ordered]
    return pa.table(columns, schema=PRICES)
