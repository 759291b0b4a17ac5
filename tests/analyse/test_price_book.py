"""Prices by day, region scope and class."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.price_book import PriceBook, Quote

DAY = date(2025, 6, 9)


def book(*rows):
    """Prices given as (token class, USD per million tokens, changed fields)."""
    base = {
        "provider_name": "aws.bedrock",
        "model_id": "haiku",
        "region_scope": "any",
        "processing": "on_demand",
        "threshold_tokens": 0,
        "valid_from": date(2025, 1, 1),
        "valid_to": None,
        "is_inherited": False,
    }
    return PriceBook.from_table(
        pa.Table.from_pylist(
            [base | {"token_class": name, "price_usd_per_mtok": Decimal(price)} | more for name, price, more in rows],
            schema=pa.schema(
                [(name, pa.string()) for name in ("provider_name", "model_id", "region_scope", "processing")]
                + [("threshold_tokens", pa.int64()), ("valid_from", pa.date32()), ("valid_to", pa.date32())]
                + [
                    ("token_class", pa.string()),
                    ("price_usd_per_mtok", pa.decimal128(38, 12)),
                    ("is_inherited", pa.bool_()),
                ]
            ),
        )
    )


def quote(prices, tokens, *, day=DAY, region_scope="regional", processing="on_demand"):
    return prices.quote("aws.bedrock", "haiku", tokens, region_scope=region_scope, processing=processing, day=day)


def test_each_class_has_its_price():
    prices = book(("uncached_input", "0.8", {}), ("cache_read_input", "0.08", {}), ("output", "4", {}))
    tokens = {"uncached_input": 2_000_000, "cache_read_input": 1_000_000, "output": 500_000}
    assert quote(prices, tokens) == Quote(pytest.approx(1.6 + 0.08 + 2.0), ())


@pytest.mark.parametrize("token_class", ["cache_read_input", "cache_write_5m_input", "cache_write_1h_input"])
def test_a_cache_class_without_a_price_is_taken_as_uncached_input(token_class):
    prices = book(("uncached_input", "0.8", {}))
    assert quote(prices, {token_class: 1_000_000}) == Quote(pytest.approx(0.8), (token_class,))


def test_a_price_that_the_catalog_inherits_is_used_and_named():
    prices = book(("uncached_input", "0.8", {}), ("cache_read_input", "0.8", {"is_inherited": True}))
    assert quote(prices, {"uncached_input": 1_000_000, "cache_read_input": 1_000_000}) == Quote(
        pytest.approx(1.6), ("cache_read_input",)
    )


@pytest.mark.parametrize("token_class", ["uncached_input", "output", "cache_read_input"])
def test_no_price_to_fall_back_on_gives_no_quote(token_class):
    assert quote(book(), {token_class: 1}) is None


def test_a_class_that_is_not_used_needs_no_price():
    assert quote(book(("output", "4", {})), {"output": 0, "uncached_input": 0}) == Quote(0.0, ())


def test_a_price_is_valid_from_its_first_day_until_before_its_last():
    prices = book(
        ("output", "5", {"valid_from": date(2025, 1, 1), "valid_to": DAY}), ("output", "4", {"valid_from": DAY})
    )
    assert quote(prices, {"output": 1_000_000}, day=date(2025, 6, 8)).cost_usd == 5
    assert quote(prices, {"output": 1_000_000}).cost_usd == 4
    assert quote(prices, {"output": 1_000_000}, day=date(2024, 12, 31)) is None


def test_the_region_scope_of_the_call_goes_before_any():
    prices = book(("output", "4", {}), ("output", "4.4", {"region_scope": "regional"}))
    assert quote(prices, {"output": 1_000_000}).cost_usd == pytest.approx(4.4)
    assert quote(prices, {"output": 1_000_000}, region_scope="global").cost_usd == 4


def test_another_processing_has_another_price():
    prices = book(("output", "4", {}), ("output", "2", {"processing": "batch"}))
    assert quote(prices, {"output": 1_000_000}, processing="batch").cost_usd == 2
    assert quote(prices, {"output": 1_000_000}, processing="flex") is None


def test_long_context_prices_are_not_used():
    assert quote(book(("output", "8", {"threshold_tokens": 200_000})), {"output": 1}) is None
