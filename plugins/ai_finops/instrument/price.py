"""What a call cost by list price, from the prices that come with genai-prices: dated, by tier and by size of the prompt.

A price is looked up once for a provider, model, processing and day, and remembered. Nothing is fetched. What the catalog has no
price for is not known: it is never zero, and never the price of something like it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from genai_prices import types
from genai_prices.data_snapshot import get_snapshot

from ai_finops.instrument.model_names import LONGEST_NAME, catalog_provider_of
from ai_finops.instrument.rates import Rates, rates_of
from ai_finops.instrument.reading import Reading

CATALOG = "genai-prices"
CATALOG_VERSION = version(CATALOG)
"""Of the installed prices; goes with every estimate."""

NO_USAGE = "no_usage"
NO_MODEL = "no_model"
UNKNOWN_MODEL = "unknown_model"
NO_PRICE = "no_price"

_MOST_PRICES = 4096
"""Remembered; model names come from outside, and a bound is kept."""
_SECONDS_PER_DAY = 86_400
_ON_DEMAND = frozenset({None, "on_demand", "default", "standard", "standard_only", "auto"})
_CONTEXTS: dict[str, tuple[dict[str, str], ...]] = {
    "batch": ({"processing": "batch"},),
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
    "fast": ({"speed": "fast"}, {"service_tier": "fast"}),
}
"""Request contexts of genai-prices by `processing`."""

_prices: dict[tuple[str | None, str, str | None, int], Rates | str] = {}
get_snapshot()  # loads the catalog, so that no call waits for it


def estimate_cost_usd(reading: Reading, *, model: str | None, day_number: int) -> tuple[float | None, str | None]:
    """Return the estimated cost in USD, or why there is none.

    Args:
        reading: What the call used. Half a usage (output alone) has no price, nor have counts that contradict each other; an
            embedding needs no output.
        model: The model that answered, else the one that was asked.
        day_number: Days since 1970-01-01 in UTC: prices are those of that day.
    Returns:
        (USD, None), or (None, reason): `no_usage`, `no_model`, `unknown_model` (the catalog has no such model) or `no_price`
        (it has the model, and no price for what was used or how it was processed).
    """
    if not model:
        return None, NO_MODEL if reading.has_usage else NO_USAGE
    input_tokens, output_tokens = reading.input_tokens, reading.output_tokens
    if output_tokens is None and reading.operation_name == "embeddings":
        output_tokens = 0
    if input_tokens is None or output_tokens is None:
        return None, NO_PRICE if reading.search_units is not None else NO_USAGE
    key = (reading.provider_name, model, reading.processing, day_number)
    rates = _prices.get(key)
    if rates is None:
        rates = _look_up(key)
    if isinstance(rates, str):
        return None, rates
    read, written = reading.cache_read_input_tokens or 0, reading.cache_write_input_tokens or 0
    for_an_hour, reasoning = reading.cache_write_1h_input_tokens or 0, reading.reasoning_output_tokens or 0
    if read + written > input_tokens or for_an_hour > written or reasoning > output_tokens:
        return None, NO_USAGE  # a part is more than its whole
    usd = rates.cost_usd(input_tokens, read, written, for_an_hour, output_tokens, reasoning)
    return (None, NO_PRICE) if usd is None else (usd, None)


def _look_up(key: tuple[str | None, str, str | None, int]) -> Rates | str:
    provider_name, model, processing, day_number = key
    if len(model) > LONGEST_NAME or (provider_name is not None and len(provider_name) > LONGEST_NAME):
        return UNKNOWN_MODEL
    found = _find(provider_name, model, processing, day_number)
    if len(_prices) >= _MOST_PRICES:
        _prices.clear()
    _prices[key] = found
    return found


def _find(provider_name: str | None, model: str, processing: str | None, day_number: int) -> Rates | str:
    provider = catalog_provider_of(provider_name, model)
    info = _model_sold_by(provider, model) if provider else None
    if provider is None or info is None:
        return UNKNOWN_MODEL
    if _depends_on_time_of_day(info):
        return NO_PRICE
    day = datetime.fromtimestamp(day_number * _SECONDS_PER_DAY, UTC)
    if processing in _ON_DEMAND:
        return rates_of(info.get_prices(day)) or NO_PRICE
    is_own = any(info is own for own in provider.models)
    for context in _CONTEXTS.get(processing, ()) if processing and is_own else ():
        if any(offer.when == context and _holds(offer, day) for offer in info.price_variants or ()):
            return rates_of(info.get_prices(day, context)) or NO_PRICE
    return NO_PRICE


def _model_sold_by(provider: types.Provider, model: str) -> types.ModelInfo | None:
    """Return the catalog's model, by the whole name or by what stands behind its first slash.

    Before the slash libraries put the provider (`bedrock/…`), and an ARN says what it names; one that names a profile of the
    account's own, or throughput that it bought, hides the model, and is not known.
    """
    providers = get_snapshot().providers
    found = provider.find_model(model.lower(), all_providers=providers)
    before, slash, rest = model.partition("/")
    is_hidden = before.startswith("arn:") and not before.endswith((":foundation-model", ":inference-profile"))
    if found is None and slash and not is_hidden:
        found = provider.find_model(rest.lower(), all_providers=providers)
    return found


def _holds(offer: types.PriceVariant, day: datetime) -> bool:
    return offer.constraint is None or offer.constraint.active(day)


def _depends_on_time_of_day(info: types.ModelInfo) -> bool:
    dated = info.prices if isinstance(info.prices, list) else []
    return any(
        isinstance(each.constraint, types.TimeOfDateConstraint) for each in (*dated, *(info.price_variants or ()))
    )
