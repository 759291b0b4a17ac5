"""The exported price table, against genai-prices' own calculation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

import genai_prices
import pytest

from ai_finops.pricing import catalog
from ai_finops.pricing.catalog import catalog_version, export_prices
from ai_finops.pricing.price_table import PRICES, TOKENS_UNIT
from ai_finops.pricing.providers import span_names, split_scope

AWS = "aws.bedrock"
SONNET = "anthropic.claude-sonnet-4-20250514-v1:0"
JUNE = date(2025, 6, 5)


@cache
def rows() -> dict[tuple[str, str, str], list[dict]]:
    found: dict[tuple[str, str, str], list[dict]] = {}
    for row in export_prices().to_pylist():
        found.setdefault((row["provider_name"], row["model_id"], row["token_class"]), []).append(row)
    return found


def price(provider, model_id, token_class, *, on=JUNE, scopes=("regional", "any"), processing="on_demand", tokens=0):
    """The price that the warehouse would choose: the highest threshold passed, of the rows that hold on the day."""
    holding = [
        row
        for row in rows().get((provider, model_id, token_class), [])
        if row["region_scope"] in scopes
        and row["processing"] == processing
        and row["valid_from"] <= on
        and (row["valid_to"] is None or on < row["valid_to"])
        and (row["threshold_tokens"] == 0 or tokens > row["threshold_tokens"])
    ]
    return max(holding, key=lambda row: row["threshold_tokens"], default={}).get("price_usd_per_unit")


def cost(usage, provider, model_id, **how):
    """USD of `usage` (tokens by class) from the table."""
    tokens = sum(count for token_class, count in usage.items() if token_class != "output")
    return sum(
        count * price(provider, model_id, token_class, tokens=tokens, **how) / 1_000_000
        for token_class, count in usage.items()
    )


def oracle(usage, model_ref, *, provider_id, on=JUNE, context=None):
    """USD of the same usage as genai-prices calculates it; its input counts include cached ones."""
    cached = {name: usage.get(name, 0) for name in ("cache_read_input", "cache_write_5m_input", "cache_write_1h_input")}
    counts = {
        "input_tokens": usage.get("uncached_input", 0) + sum(cached.values()),
        "output_tokens": usage.get("output", 0),
        "cache_read_tokens": cached["cache_read_input"],
        "cache_write_tokens": cached["cache_write_5m_input"] + cached["cache_write_1h_input"],
        "cache_write_1h_tokens": cached["cache_write_1h_input"],
    }
    return genai_prices.calc_price(
        genai_prices.Usage(**counts),
        model_ref,
        provider_id=provider_id,
        genai_request_timestamp=datetime(on.year, on.month, on.day, 12, tzinfo=UTC),
        price_context=context,
    ).total_price


ALL_CLASSES = {
    "uncached_input": 1_200,
    "cache_read_input": 50_000,
    "cache_write_5m_input": 3_000,
    "cache_write_1h_input": 700,
    "output": 900,
}


@pytest.mark.parametrize(
    ("model_ref", "model_id"),
    [
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", SONNET),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "anthropic.claude-3-7-sonnet-20250219-v1:0"),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        # No price for caching of its own: a part of input, as genai-prices has it.
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("meta.llama3-3-70b-instruct-v1:0", "meta.llama3-3-70b-instruct-v1:0"),
    ],
)
def test_bedrock_costs_what_genai_prices_says(model_ref, model_id):
    assert cost(ALL_CLASSES, AWS, model_id) == oracle(ALL_CLASSES, model_ref, provider_id="aws")


@pytest.mark.parametrize(
    ("provider_id", "model_id"),
    [
        ("anthropic", "claude-opus-4-1"),
        ("openai", "gpt-4o-mini"),
        ("google", "gemini-2.5-flash"),
        # Sold for another, at the other's price; and its own where both have one.
        ("azure", "gpt-4o-mini"),
        ("azure", "claude-opus-4-1"),
        ("azure", "o1"),
        ("google", "claude-2"),
        ("google", "claude-sonnet-4-5"),
    ],
)
def test_other_providers_cost_what_genai_prices_says(provider_id, model_id):
    expected = oracle(ALL_CLASSES, model_id, provider_id=provider_id)
    for provider in span_names(provider_id):
        assert cost(ALL_CLASSES, provider, model_id) == expected


def test_what_is_sold_for_another_has_its_usual_price_alone():
    on = date(2026, 11, 1)
    assert price("openai", "gpt-4o-mini", "output", on=on, processing="batch") is not None
    assert price("azure.ai.openai", "gpt-4o-mini", "output", on=on) is not None
    assert price("azure.ai.openai", "gpt-4o-mini", "output", on=on, processing="batch") is None


def test_embeddings_have_input_only():
    assert price(AWS, "amazon.titan-embed-text-v2:0", "uncached_input") == Decimal("0.02")
    assert price(AWS, "amazon.titan-embed-text-v2:0", "output") is None


def test_worldwide_profile_has_its_own_price():
    dear, cheap = (
        price(AWS, "anthropic.claude-sonnet-4-6-v1:0", "output", scopes=(scope,)) for scope in ("regional", "global")
    )
    assert (dear, cheap) == (Decimal("16.5"), Decimal("15"))


@pytest.mark.parametrize(
    ("on", "input_usd"),
    [(date(2025, 6, 9), "10"), (date(2025, 6, 10), "2")],
    ids=["last day before", "first day after"],
)
def test_price_changes_on_its_day(on, input_usd):
    assert price("openai", "o3", "uncached_input", on=on) == Decimal(input_usd)
    usage = {"uncached_input": 1_000, "output": 10}
    assert cost(usage, "openai", "o3", on=on) == oracle(usage, "o3", provider_id="openai", on=on)


@pytest.mark.parametrize("uncached", [100_000, 100_001], ids=["at the threshold", "one token past it"])
def test_long_context_price_moves_all_tokens(uncached):
    usage = {"uncached_input": uncached, "cache_read_input": 100_000, "output": 10}
    before = date(2026, 3, 12)
    found = cost(usage, "anthropic", "claude-sonnet-4-6", on=before)
    assert found == oracle(usage, "claude-sonnet-4-6", provider_id="anthropic", on=before)
    assert (price("anthropic", "claude-sonnet-4-6", "output", on=before, tokens=uncached + 100_000) > 15) == (
        uncached > 100_000
    )


def test_batch_is_a_price_of_its_own():
    usage, on = {"uncached_input": 1_000, "output": 1_000}, date(2026, 10, 14)
    batch = cost(usage, "anthropic", "claude-opus-4-5", processing="batch", on=on)
    assert batch == oracle(usage, "claude-opus-4-5", provider_id="anthropic", on=on, context={"processing": "batch"})
    assert batch == cost(usage, "anthropic", "claude-opus-4-5", on=on) / 2


@pytest.mark.parametrize(
    ("provider", "model_id", "on"),
    # The catalog knows Anthropic's batch prices from 14 October 2026 on, and Bedrock's not at all.
    [("anthropic", "claude-opus-4-5", date(2026, 10, 13)), (AWS, SONNET, JUNE)],
)
def test_batch_without_a_price_is_not_priced_as_on_demand(provider, model_id, on):
    assert price(provider, model_id, "output", on=on) is not None
    assert price(provider, model_id, "output", on=on, processing="batch") is None


def test_unknown_model_has_no_price():
    assert price(AWS, "acme.mystery-1", "output") is None


def test_price_by_the_hour_of_the_day_is_left_out():
    assert price("deepseek", "deepseek-chat", "output") is None
    assert price("deepseek", "deepseek-reasoner", "output") is None


def test_reranker_is_paid_by_the_search_unit():
    (row,) = rows()[AWS, "cohere.rerank-v3-5:0", "search_unit"]
    assert (row["price_usd_per_unit"], row["price_unit"], row["price_usd_per_mtok"]) == (
        Decimal("0.002"),
        "search unit",
        None,
    )
    assert row["catalog"] == "overlay"


def test_table_is_typed_keyed_and_says_its_version():
    table = export_prices()
    assert table.schema == PRICES
    keys = list(zip(*(table[name].to_pylist() for name in table.column_names[:7]), strict=True))
    assert len(keys) == len(set(keys))
    catalog_rows = [row for row in table.to_pylist() if row["catalog"] == catalog.CATALOG]
    assert {row["catalog_version"] for row in catalog_rows} == {catalog_version()} == {"0.2.3"}
    assert {row["price_unit"] for row in catalog_rows} == {TOKENS_UNIT}
    assert all(row["price_usd_per_unit"] == row["price_usd_per_mtok"] > 0 for row in catalog_rows)


def test_export_is_the_same_each_time():
    assert export_prices().equals(export_prices())


@pytest.mark.parametrize(
    ("catalog_id", "provider_id", "expected"),
    [
        ("regional.amazon.nova-2-lite-v1:0", "aws", ("amazon.nova-2-lite-v1:0", "regional")),
        ("global.amazon.nova-2-lite-v1:0", "aws", ("amazon.nova-2-lite-v1:0", "global")),
        ("amazon.nova-lite-v1:0", "aws", ("amazon.nova-lite-v1:0", "any")),
        ("global.model", "openai", ("global.model", "any")),
    ],
)
def test_scope_is_split_from_bedrock_ids_only(catalog_id, provider_id, expected):
    assert split_scope(catalog_id, provider_id) == expected
