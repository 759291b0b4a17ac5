"""What a call cost, and what its tokens would have cost on another model; USD, by list price or the policy's own."""

from __future__ import annotations

import time

from ai_finops.instrument.price import estimate_cost_usd
from ai_finops.instrument.reading import Reading
from ai_finops.router.policy import Model, ModelPrice

_SECONDS_PER_DAY = 86_400
_PER_MTOK = 1e-6


def cost_usd(reading: Reading | None, model: Model, *, day_number: int | None = None) -> float | None:
    """Return what these tokens cost on a model; None where usage or price is not known.

    The model is the policy's and not the answer's, so the same tokens can be held against any model. Tokens are those that were
    counted: another model's tokenizer would count some per cent more or fewer.

    Args:
        day_number: Days since 1970 in UTC; today by default.
    """
    if reading is None or not reading.has_usage:
        return None
    if model.price is not None:
        return _by_own_price(reading, model.price)
    day = int(time.time() // _SECONDS_PER_DAY) if day_number is None else day_number
    by_provider = reading._replace(provider_name=model.provider_name)
    return estimate_cost_usd(by_provider, model=model.model_id, day_number=day)[0]


def _by_own_price(reading: Reading, price: ModelPrice) -> float | None:
    if reading.input_tokens is None or reading.output_tokens is None:
        return None
    cached, written = reading.cache_read_input_tokens or 0, reading.cache_write_input_tokens or 0
    plain = max(0, reading.input_tokens - cached - written)
    read_price, write_price = price.cache_read_usd_per_mtok, price.cache_write_usd_per_mtok
    return _PER_MTOK * (
        plain * price.input_usd_per_mtok
        + cached * (price.input_usd_per_mtok if read_price is None else read_price)
        + written * (price.input_usd_per_mtok if write_price is None else write_price)
        + reading.output_tokens * price.output_usd_per_mtok
    )
