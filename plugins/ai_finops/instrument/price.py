"""Prices: interim."""

from functools import lru_cache

from genai_prices import Usage, calc_price

CATALOG_VERSION = "genai-prices 0.2.3"


@lru_cache(maxsize=1000)
def _rates(model, provider):
    try:
        one = calc_price(Usage(input_tokens=1_000_000), model, provider_id=provider)
        other = calc_price(Usage(output_tokens=1_000_000), model, provider_id=provider)
    except LookupError:
        return None
    return float(one.total_price) / 1e6, float(other.total_price) / 1e6


def estimate_cost_usd(reading, *, model, day_number):
    if not reading.has_usage:
        return None, "no_usage"
    if model is None:
        return None, "no_model"
    rates = _rates(model, {"aws.bedrock": "aws"}.get(reading.provider_name, reading.provider_name))
    if rates is None:
        return None, "unknown_model"
    return (reading.input_tokens or 0) * rates[0] + (reading.output_tokens or 0) * rates[1], None
