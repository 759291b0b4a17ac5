"""Costs of a reading on a model, worked by hand."""

from __future__ import annotations

import pytest

from ai_finops.instrument.reading import Reading
from ai_finops.router.costs import cost_usd
from ai_finops.router.policy import Model, ModelPrice

DAY = 20_454  # 2026-01-01


def model(model_id: str = "amazon.nova-lite-v1:0", price: ModelPrice | None = None) -> Model:
    return Model("m", "aws.bedrock", model_id, "cheap", 1, price)


def test_list_prices_are_the_catalogs():
    # Nova Lite: $0.06 in and $0.24 out per million tokens
    reading = Reading(input_tokens=1_000_000, output_tokens=500_000)
    assert cost_usd(reading, model(), day_number=DAY) == pytest.approx(0.06 + 0.12)


def test_the_model_is_the_policys_and_not_the_answers():
    reading = Reading("openai", "chat", "gpt-4o", "gpt-4o-2024-08-06", input_tokens=1_000_000, output_tokens=0)
    assert cost_usd(reading, model(), day_number=DAY) == pytest.approx(0.06)


def test_the_policys_own_price_counts_instead():
    price = ModelPrice("agreement", 1.0, 2.0)
    reading = Reading(input_tokens=1000, cache_read_input_tokens=400, cache_write_input_tokens=100, output_tokens=50)
    # 1,000 at $1, 50 at $2 per million
    assert cost_usd(reading, model(price=price)) == pytest.approx(0.0011)
    cached = ModelPrice("agreement", 1.0, 2.0, 0.1, 1.25)
    # 500 at $1, 400 at $0.10, 100 at $1.25, 50 at $2
    assert cost_usd(reading, model(price=cached)) == pytest.approx(0.0005 + 0.00004 + 0.000125 + 0.0001)


def test_cached_tokens_that_are_free_cost_nothing():
    free = ModelPrice("agreement", 1.0, 2.0, 0.0, 0.0)
    reading = Reading(input_tokens=1000, cache_read_input_tokens=1000, output_tokens=0)
    assert cost_usd(reading, model(price=free)) == 0


@pytest.mark.parametrize(
    ("reading", "price"),
    [
        (None, None),
        (Reading(), None),
        (Reading(input_tokens=5), ModelPrice("a", 1, 2)),
        (Reading(output_tokens=5), ModelPrice("a", 1, 2)),
    ],
)
def test_what_is_not_known_is_not_zero(reading, price):
    assert cost_usd(reading, model(price=price), day_number=DAY) is None


def test_a_model_without_a_price_has_no_cost():
    assert cost_usd(Reading(input_tokens=1, output_tokens=1), model("nobody.knows-this-v9"), day_number=DAY) is None
