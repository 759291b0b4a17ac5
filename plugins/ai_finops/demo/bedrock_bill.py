"""How AWS names Bedrock usage on a bill: product, usage type, unit and price of one model's token class.

Usage types follow AWS's documented grammar (Bedrock user guide, "Understanding your Amazon Bedrock Cost and Usage Report
data"; AWS Price List): `USE1-<Model>-input-tokens`, `-output-tokens`, `-cache-read-input-token-count`,
`-cache-write-input-token-count`, and for marketplace models `USE1-MP:USE1_<Thing>-Units`, where the model stands in the
product name alone and the unit in the third field of the description.

| family | product code | billing entity | unit of the amount |
|---|---|---|---|
| Nova, Titan | `AmazonBedrock` | AWS | 1K tokens |
| Claude Sonnet 4, 3.7 | `AmazonBedrockFoundationModels` | AWS | 1M tokens |
| Claude 3.5 Haiku | a marketplace product id | AWS Marketplace | Units: million tokens |
| Cohere Rerank 3.5 | a marketplace product id | AWS Marketplace | Units: search units |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ai_finops.demo.list_prices import RERANK_USD_PER_QUERY, billed_price_usd_per_mtok, list_price_usd_per_mtok
from ai_finops.errors import SampleError

SEARCH_UNITS = "search_units"
"""The class of what a reranker counts, beside the token classes of `list_prices`."""
_FIRST_PARTY_SUFFIX = {
    "uncached_input": "input-tokens",
    "output": "output-tokens",
    "cache_read_input": "cache-read-input-token-count",
    "cache_write_5m_input": "cache-write-input-token-count",
}
_MARKETPLACE_METER = {
    "uncached_input": ("InputTokenCount", "Million Input Tokens"),
    "output": ("OutputTokenCount", "Million Response Tokens"),
    "cache_read_input": ("CacheReadInputTokenCount", "Million Cache Read Input Tokens"),
    "cache_write_5m_input": ("CacheWriteInputTokenCount", "Million Cache Write Input Tokens"),
    SEARCH_UNITS: ("search_units", "Search Units"),
}
_COST_PLACES = Decimal("1e-10")


@dataclass(frozen=True, slots=True)
class BilledModel:
    """Where a model stands on the bill."""

    product_code: str
    product_name: str
    usage_name: str
    """Model part of a first-party usage type; empty for marketplace models."""
    units_per_mtok: int
    """How many billed units make a million tokens: 1,000 where the unit is 1K tokens, 1 where it is 1M."""

    @property
    def is_marketplace(self) -> bool:
        """Whether AWS Marketplace bills it."""
        return not self.usage_name


@dataclass(frozen=True, slots=True)
class Charge:
    """One usage line's naming and money."""

    model: BilledModel
    usage_type: str
    pricing_unit: str
    description: str
    amount: Decimal
    """In `pricing_unit`."""
    billed_cost_usd: Decimal
    list_cost_usd: Decimal


_FOUNDATION_MODELS = ("AmazonBedrockFoundationModels", "Amazon Bedrock Foundation Models")
BILLED_MODELS = {
    "amazon.nova-lite-v1:0": BilledModel("AmazonBedrock", "Amazon Bedrock", "NovaLite", 1000),
    "amazon.titan-embed-text-v2:0": BilledModel("AmazonBedrock", "Amazon Bedrock", "TitanEmbeddingV2-Text", 1000),
    "us.anthropic.claude-sonnet-4-20250514-v1:0": BilledModel(*_FOUNDATION_MODELS, "Claude4Sonnet", 1),
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0": BilledModel(*_FOUNDATION_MODELS, "Claude3.7Sonnet", 1),
    "us.anthropic.claude-3-5-haiku-20241022-v1:0": BilledModel(
        "4o7ktnlcsvunpe0e1xmqtzqtb", "Claude 3.5 Haiku (Amazon Bedrock Edition)", "", 1
    ),
    "cohere.rerank-v3-5:0": BilledModel(
        "7ks2vhbn0kd3otpzjmvbqg8xu", "Cohere Rerank v3.5 (Amazon Bedrock Edition)", "", 1
    ),
}
"""By the model id that the caller sent. The marketplace product ids are made up."""


def charge(model_id: str, token_class: str, quantity: int, *, on: date, region: str) -> Charge:
    """Return how `quantity` tokens (or search units) of a model are billed on a day.

    Raises:
        SampleError: The bill has no line for this model, or there is no price.
    """
    model = BILLED_MODELS.get(model_id)
    if model is None:
        raise SampleError(f"the sample's bill does not know model {model_id!r}; add it to BILLED_MODELS")
    if token_class == SEARCH_UNITS:
        amount, billed, listed = Decimal(quantity), RERANK_USD_PER_QUERY, RERANK_USD_PER_QUERY
        billed_cost_usd, list_cost_usd = quantity * billed, quantity * listed
        unit_price = billed
    else:
        amount = Decimal(quantity) * model.units_per_mtok / 1_000_000
        billed = billed_price_usd_per_mtok(model_id, token_class, on)
        billed_cost_usd = quantity * billed / 1_000_000
        list_cost_usd = quantity * list_price_usd_per_mtok(model_id, token_class, on) / 1_000_000
        unit_price = billed / model.units_per_mtok
    usage_type, pricing_unit, description = _names(model, token_class, unit_price=unit_price, region=region)
    return Charge(
        model=model,
        usage_type=usage_type,
        pricing_unit=pricing_unit,
        description=description,
        amount=amount,
        billed_cost_usd=billed_cost_usd.quantize(_COST_PLACES),
        list_cost_usd=list_cost_usd.quantize(_COST_PLACES),
    )


def _names(model: BilledModel, token_class: str, *, unit_price: Decimal, region: str) -> tuple[str, str, str]:
    prefix = _billing_prefix(region)
    if model.is_marketplace:
        meter, unit = _MARKETPLACE_METER[token_class]
        return f"{prefix}-MP:{prefix}_{meter}-Units", "Units", f"AWS Marketplace software usage|{region}|{unit}"
    unit = "1K tokens" if model.units_per_mtok == 1000 else "1M tokens"
    usage_type = f"{prefix}-{model.usage_name}-{_FIRST_PARTY_SUFFIX[token_class]}"
    return usage_type, unit, f"${unit_price.normalize():f} per {unit} for {usage_type}"


def _billing_prefix(region: str) -> str:
    prefixes = {"us-east-1": "USE1", "us-east-2": "USE2", "us-west-2": "USW2"}
    if region not in prefixes:
        raise SampleError(f"the sample's bill is written for {', '.join(prefixes)}, not for {region!r}; set AWS_REGION")
    return prefixes[region]
