"""List prices of the sample's Bedrock models on a day, and the one private price the account has.

genai-prices knows all of them but the reranker, whose price is per query.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache

from genai_prices import Usage, calc_price

from ai_finops.demo.call_rows import midnight
from ai_finops.errors import SampleError

TOKEN_CLASSES = ("uncached_input", "cache_read_input", "cache_write_5m_input", "output")
RERANK_USD_PER_QUERY = Decimal("0.002")
"""Cohere Rerank 3.5 on Bedrock: $2.00 per 1,000 queries, https://aws.amazon.com/bedrock/pricing/, read 2025-06."""
NOVA_DISCOUNT = Decimal("0.05")
"""The account pays 5 % less than list for Amazon Nova, so that an estimate from list prices and the bill differ there."""
_PRICE_FIELDS = {
    "uncached_input": "input_mtok",
    "cache_read_input": "cache_read_mtok",
    "cache_write_5m_input": "cache_write_mtok",
    "output": "output_mtok",
}


@cache
def list_price_usd_per_mtok(model: str, token_class: str, on: date) -> Decimal:
    """Return the list price of one token class in USD per million tokens.

    Raises:
        SampleError: The catalog has no price for it, so the sample's bill cannot be written.
    """
    try:
        found = calc_price(Usage(), model, provider_id="aws", genai_request_timestamp=midnight(on)).model_price
    except LookupError as error:
        raise SampleError(
            f"genai-prices has no model {model!r} for provider aws; the sample cannot be billed"
        ) from error
    price = getattr(found, _PRICE_FIELDS[token_class])
    if not isinstance(price, Decimal):
        raise SampleError(
            f"genai-prices has no flat {token_class} price for {model!r} on {on}; the sample cannot be billed"
        )
    return price


def billed_price_usd_per_mtok(model: str, token_class: str, on: date) -> Decimal:
    """Return what this account pays: list price, less the private discount on Nova."""
    price = list_price_usd_per_mtok(model, token_class, on)
    return price * (1 - NOVA_DISCOUNT) if "amazon.nova" in model else price
