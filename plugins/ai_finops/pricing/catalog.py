"""Export genai-prices to the dated price table, with the deployment's own prices laid over it.

Only what is in the installed wheel is read; nothing is fetched. Dates, request contexts and "which price holds now" are
asked of genai-prices itself, day by day of change, so that the table says what its `calc_price` would.

Left out, so that usage of them stays unpriced instead of wrongly priced: models whose price depends on the time of day, and
contexts that no span carries (speed, route, search type).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
from genai_prices import types
from genai_prices.data_snapshot import get_snapshot

from ai_finops.config import Settings
from ai_finops.pricing.overlay import lay_over, read_overlay
from ai_finops.pricing.price_table import FOREVER, TOKENS_UNIT, Price, to_price, to_table
from ai_finops.pricing.providers import models_sold, span_names, split_scope

CATALOG = "genai-prices"
CONTEXTS = {
    "on_demand": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""Request context of genai-prices by `processing`."""
PRICE_FIELDS = {
    "uncached_input": ("input_mtok",),
    "cache_read_input": ("cache_read_mtok", "input_mtok"),
    "cache_write_5m_input": ("cache_write_mtok", "input_mtok"),
    "cache_write_1h_input": ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
    "output": ("output_mtok",),
}
"""Where a token class finds its price: its own field, else the class it is part of, as genai-prices does."""


@cache
def catalog_version() -> str:
    """Return the version of the installed catalog."""
    return version(CATALOG)


def export_prices(*, overlay: Path | None = None) -> pa.Table:
    """Return the dated price table (`price_table.PRICES`), overlay applied; USD, the same rows on every call.

    Args:
        overlay: The overlay file; default `seeds/price_overlay.csv` of the configured dbt project.
    Raises:
        SettingsError: The overlay cannot be read; the message names the file and the line.
    """
    overlay = overlay or Settings.from_env().dbt_project / "seeds" / "price_overlay.csv"
    return to_table(lay_over(catalog_prices(), read_overlay(overlay)))


def catalog_prices() -> list[Price]:
    """Return the catalog's own prices, in its order, under each name that spans carry for their provider."""
    prices = [
        price
        for provider in get_snapshot().providers
        for model in dict(reversed(models_sold(provider))).values()
        if not _depends_on_time_of_day(model)
        for price in _model_prices(provider, model)
    ]
    return [replace(price, provider_name=name) for price in prices for name in span_names(price.provider_name)]


def _model_prices(provider: types.Provider, model: types.ModelInfo) -> Iterator[Price]:
    model_id, region_scope = split_scope(model.id, provider.id)
    is_own = any(model is own for own in provider.models)
    for processing, context in CONTEXTS.items():
        if context and not is_own:
            continue  # genai-prices knows the usual price alone of what a provider sells for another
        for token_class in PRICE_FIELDS:
            for valid_from, valid_to, price, is_inherited in _periods(model, context, token_class):
                for threshold_tokens, usd in _thresholds(price):
                    yield Price(
                        provider_name=provider.id,
                        model_id=model_id,
                        token_class=token_class,
                        region_scope=region_scope,
                        processing=processing,
                        threshold_tokens=threshold_tokens,
                        valid_from=valid_from,
                        valid_to=valid_to,
                        price_unit=TOKENS_UNIT,
                        price_usd_per_unit=to_price(usd),
                        is_inherited=is_inherited,
                        catalog=CATALOG,
                        catalog_version=catalog_version(),
                    )


def _periods(model: types.ModelInfo, context: dict[str, str], token_class: str) -> Iterator[tuple]:
    """Yield (first day, day after the last, price, is inherited) of one token class; days without a price are left out."""
    changes = [(FOREVER, _price_on(model, FOREVER, context, token_class))]
    for day in sorted(_change_dates(model)):
        found = _price_on(model, day, context, token_class)
        if found != changes[-1][1]:
            changes.append((day, found))
    for (valid_from, (price, is_inherited)), (valid_to, _) in pairwise([*changes, (None, None)]):
        if price is not None:
            yield valid_from, valid_to, price, is_inherited


def _price_on(
    model: types.ModelInfo, day: date, context: dict[str, str], token_class: str
) -> tuple[Decimal | types.TieredPrices | None, bool]:
    midnight = datetime.combine(day, time(), UTC)
    if context and not _is_offered(model, midnight, context):
        return None, False
    prices = model.get_prices(midnight, context)
    for field in PRICE_FIELDS[token_class]:
        if (price := getattr(prices, field)) is not None:
            return price, field != PRICE_FIELDS[token_class][0]
    return None, False


def _is_offered(model: types.ModelInfo, at: datetime, context: dict[str, str]) -> bool:
    """Whether the catalog has prices for this context; genai-prices itself falls back to the usual ones, which is a guess."""
    return any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(at))
        for variant in model.price_variants or ()
    )


def _thresholds(price: Decimal | types.TieredPrices) -> Iterator[tuple[int, Decimal]]:
    if isinstance(price, types.TieredPrices):
        yield 0, price.base
        yield from ((tier.start, tier.price) for tier in price.tiers)
    else:
        yield 0, price


def _constraints(model: types.ModelInfo) -> Iterator[types.StartDateConstraint | types.TimeOfDateConstraint]:
    conditional = model.prices if isinstance(model.prices, list) else []
    for price in [*conditional, *(model.price_variants or ())]:
        if price.constraint is not None:
            yield price.constraint


def _change_dates(model: types.ModelInfo) -> set[date]:
    return {c.start_date for c in _constraints(model) if isinstance(c, types.StartDateConstraint)}


def _depends_on_time_of_day(model: types.ModelInfo) -> bool:
    return any(isinstance(c, types.TimeOfDateConstraint) for c in _constraints(model))
