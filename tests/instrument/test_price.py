"""Estimates of what a call cost, beside what genai-prices itself says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version

import genai_prices
import pytest
from genai_prices import types
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.instrument import price
from ai_finops.instrument.price import CATALOG_VERSION, estimate_cost_usd
from ai_finops.instrument.rates import rates_of
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.usage import read_as
from ai_finops.pricing.providers import span_names
from tests.pricing.provider_bodies import Reading as Expected
from tests.pricing.provider_bodies import known_differences, readings

EXPECTED_ON, LATER = "2026-03-02", "2026-11-20"
"""The fixture's prices are of the first day; on the other, later prices hold."""
SONNET = "claude-sonnet-4-5-20250929"


def day_number(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def at(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)


def estimate(reading: Reading, *, model: str | None = SONNET, day: str = LATER):
    return estimate_cost_usd(reading, model=model, day_number=day_number(day))


def used(input_tokens=1_000, output_tokens=100, **said) -> Reading:
    return Reading(provider_name="anthropic", input_tokens=input_tokens, output_tokens=output_tokens)._replace(**said)


def is_same(usd: float | None, expected: Decimal | None) -> bool:
    if usd is None or expected is None:
        return usd is None and expected is None
    return abs(usd - float(expected)) <= 1e-15 + 1e-9 * float(expected)


def differences(day: str, expected: list[Decimal], of: list[Expected]) -> dict:
    found = {}
    for each, expected_usd in zip(of, expected, strict=True):
        reading = read_as(each.body, provider_name=each.provider_id, api_flavor=each.api_flavor)
        usd, gap = estimate(reading, model=each.model, day=day)
        assert (usd is None) == (gap is not None)
        if not is_same(usd, expected_usd):
            what = "no price" if usd is None else f"{Decimal(str(usd)).quantize(Decimal('1e-12')).normalize():f}"
            found[each.key] = f"{what} for {expected_usd.normalize():f}"
    return found


def priced() -> list[Expected]:
    return [each for each in readings() if each.expected_usd is not None]


def test_bodies_cost_what_genai_prices_own_tests_expect():
    of = priced()
    assert len(of) == 699
    found = differences(EXPECTED_ON, [each.expected_usd for each in of], of)
    assert found == {key: row["what"] for key, row in known_differences("price").items() if row["what"]}


def test_bodies_cost_later_what_the_installed_genai_prices_says():
    of = priced()
    found = differences(LATER, [usd_of_genai_prices(each) for each in of], of)
    assert found == {key: row["what_later"] for key, row in known_differences("price").items() if row["what_later"]}


def usd_of_genai_prices(each: Expected) -> Decimal:
    provider = next(provider for provider in get_snapshot().providers if provider.id == each.provider_id)
    _, usage = provider.extract_usage(each.body, api_flavor=each.api_flavor)
    return genai_prices.calc_price(
        usage, each.model, provider_id=each.provider_id, genai_request_timestamp=at(LATER)
    ).total_price


def models() -> Iterator[tuple[types.Provider, types.ModelInfo]]:
    for provider in get_snapshot().providers:
        yield from ((provider, model) for model in provider.models)


def constraints(model: types.ModelInfo) -> list:
    dated = model.prices if isinstance(model.prices, list) else []
    return [each.constraint for each in (*dated, *(model.price_variants or ())) if each.constraint is not None]


def is_hourly(model: types.ModelInfo) -> bool:
    return any(isinstance(each, types.TimeOfDateConstraint) for each in constraints(model))


def days_of(model: types.ModelInfo) -> list[date]:
    """A day long ago, and the days before and at each change of a price."""
    starts = [each.start_date for each in constraints(model) if isinstance(each, types.StartDateConstraint)]
    return [date(2020, 1, 1), *(start - timedelta(days=back) for start in starts for back in (1, 0))]


def sizes_of(prices: types.ModelPrice) -> list[int]:
    """Some input tokens, and those at and above each threshold."""
    tiers = [tier for each in prices.__dict__.values() if isinstance(each, types.TieredPrices) for tier in each.tiers]
    return [10_000, *(tier.start + more for tier in tiers for more in (0, 1) if tier.start >= 100)]


def usage_of(whole: int) -> types.Usage:
    return types.Usage(
        input_tokens=whole,
        cache_read_tokens=40,
        cache_write_tokens=30,
        cache_write_1h_tokens=10,
        output_tokens=500,
        output_reasoning_tokens=60,
    )


def reading_of(provider: types.Provider, whole: int, processing: str | None = None) -> Reading:
    return Reading(
        provider_name=span_names(provider.id)[-1],
        processing=processing,
        input_tokens=whole,
        cache_read_input_tokens=40,
        cache_write_input_tokens=30,
        cache_write_1h_input_tokens=10,
        output_tokens=500,
        reasoning_output_tokens=60,
    )


def expected_usd(model: types.ModelInfo, provider: types.Provider, whole: int, day: date, context=None) -> Decimal:
    when = datetime.combine(day, datetime.min.time(), UTC)
    usage = usage_of(whole)
    return model.calc_price(usage, provider, genai_request_timestamp=when, price_context=context).total_price


def test_every_model_of_the_catalog_costs_what_genai_prices_says():
    """On each day that a price changes and the day before, at each threshold and above it; what is not the same, is a gap."""
    checked = gaps = 0
    for provider, model in models():
        found = provider.find_model(model.id, all_providers=get_snapshot().providers)
        if found is not model:
            continue  # another rule of the provider reads this id
        for day in days_of(model):
            prices = model.get_prices(datetime.combine(day, datetime.min.time(), UTC))
            for whole in sizes_of(prices):
                number = (day - date(1970, 1, 1)).days
                usd, gap = estimate_cost_usd(reading_of(provider, whole), model=model.id, day_number=number)
                if usd is None:
                    lacks = prices.input_mtok is None or prices.output_mtok is None
                    assert (gap, is_hourly(model) or lacks) == ("no_price", True), model.id
                    gaps += 1
                else:
                    assert is_same(usd, expected_usd(model, provider, whole, day)), (provider.id, model.id, day, whole)
                    checked += 1
    assert checked > 2_000
    assert gaps < checked / 5


def test_every_processing_that_the_catalog_has_prices_for():
    contexts = {
        "batch": {"processing": "batch"},
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
    }
    contexts |= {"fast": {"speed": "fast"}}
    checked = dict.fromkeys(contexts, 0)
    for provider, model in models():
        if is_hourly(model) or provider.find_model(model.id, all_providers=get_snapshot().providers) is not model:
            continue
        for processing, context in contexts.items():
            is_offered = any(
                offer.when == context and (offer.constraint is None or offer.constraint.active(at(LATER)))
                for offer in model.price_variants or ()
            )
            usd, gap = estimate(reading_of(provider, 10_000, processing), model=model.id)
            if is_offered and model.get_prices(at(LATER), context).output_mtok is not None:
                day = date.fromisoformat(LATER)
                assert is_same(usd, expected_usd(model, provider, 10_000, day, context)), (model.id, processing)
                checked[processing] += 1
            elif processing != "fast":  # which is a service tier at other providers
                assert (usd, gap) == (None, "no_price")
    assert all(count > 2 for count in checked.values()), checked


# Worked by hand. Claude Sonnet 4.5, USD per million tokens: input 3, cache read 0.30, cache write 3.75, for an hour 6,
# output 15; above 200,000 input tokens 6, 0.60, 7.50, 12 and 22.50.


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        # 1,000 x 3 + 100 x 15 = 4,500
        (used(), 0.0045),
        # (1,000 - 600 - 300) x 3 + 600 x 0.30 + 300 x 3.75 + 100 x 15 = 300 + 180 + 1,125 + 1,500 = 3,105
        (used(cache_read_input_tokens=600, cache_write_input_tokens=300), 0.003105),
        # of the writes 200 for an hour: 300 + 180 + 100 x 3.75 + 200 x 6 + 1,500 = 3,555
        (used(cache_read_input_tokens=600, cache_write_input_tokens=300, cache_write_1h_input_tokens=200), 0.003555),
        # at the threshold, 200,000 x 3 + 1,500; one token above it, 200,001 x 6 + 100 x 22.50
        (used(200_000), 0.6015),
        (used(200_001), 1.202256),
        # reasoning is a part of output
        (used(reasoning_output_tokens=100), 0.0045),
        (used(0, 0), 0.0),
        # all of the input is cached, all of the writes for an hour: 600 x 0.30 + 400 x 6 + 1,500
        (used(cache_read_input_tokens=600, cache_write_input_tokens=400, cache_write_1h_input_tokens=400), 0.00408),
    ],
)
def test_worked_prices(reading, expected):
    usd, gap = estimate(reading)
    assert gap is None
    assert usd == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("reading", "model", "gap"),
    [
        (Reading(), SONNET, "no_usage"),
        (Reading(), None, "no_usage"),
        (used(input_tokens=None), SONNET, "no_usage"),
        (used(output_tokens=None), SONNET, "no_usage"),
        (used(cache_read_input_tokens=600, cache_write_input_tokens=401), SONNET, "no_usage"),  # of 1,000
        (used(cache_write_input_tokens=5, cache_write_1h_input_tokens=6), SONNET, "no_usage"),
        (used(reasoning_output_tokens=101), SONNET, "no_usage"),  # of 100
        (used(), None, "no_model"),
        (used(), "", "no_model"),
        (used(), "claude-of-tomorrow", "unknown_model"),
        (used(provider_name="acme"), SONNET, "unknown_model"),
        (used(provider_name=None), "someones-own-model", "unknown_model"),
        (used(), "x" * 10_000, "unknown_model"),
        (used(provider_name="y" * 10_000), SONNET, "unknown_model"),
        (used(processing="priority"), SONNET, "no_price"),
        (used(processing="latency_optimized"), SONNET, "no_price"),
        (Reading("cohere", "rerank", search_units=1), "rerank-v3.5", "no_price"),
        (Reading("aws.bedrock", "rerank", search_units=1), "cohere.rerank-v3-5:0", "no_price"),
        (Reading("aws.bedrock", "rerank"), "cohere.rerank-v3-5:0", "no_usage"),
        (used(provider_name="deepseek"), "deepseek-v4-flash", "no_price"),  # by the hour of the day
    ],
)
def test_what_is_not_known_is_a_gap_and_never_zero(reading, model, gap):
    assert estimate(reading, model=model) == (None, gap)


def test_an_embedding_needs_no_output():
    # text-embedding-3-small: 0.02 USD per million tokens; 8 x 0.02
    reading = Reading("openai", "embeddings", input_tokens=8)
    assert estimate(reading, model="text-embedding-3-small") == (pytest.approx(0.00000016), None)
    assert estimate(reading._replace(operation_name="chat"), model="text-embedding-3-small") == (None, "no_usage")


@pytest.mark.parametrize("processing", [None, "default", "standard", "on_demand", "standard_only", "auto"])
def test_names_of_the_usual_processing(processing):
    assert estimate(used(processing=processing)) == (pytest.approx(0.0045), None)


# On Bedrock, Sonnet 4.5 costs 3.30 and 16.50 through a region or a geography, 3 and 15 through the global profile.
REGIONAL, GLOBAL = 0.00495, 0.0045


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"anthropic.{SONNET}-v1:0", REGIONAL),
        (f"us.anthropic.{SONNET}-v1:0", REGIONAL),
        (f"eu.anthropic.{SONNET}-v1:0", REGIONAL),
        (f"au.anthropic.{SONNET}-v1:0", REGIONAL),
        (f"global.anthropic.{SONNET}-v1:0", GLOBAL),
        (f"arn:aws:bedrock:us-east-1::foundation-model/anthropic.{SONNET}-v1:0", REGIONAL),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.{SONNET}-v1:0", REGIONAL),
        (f"bedrock/us.anthropic.{SONNET}-v1:0", REGIONAL),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3", None),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3", None),
    ],
)
@pytest.mark.parametrize("provider_name", ["aws.bedrock", "aws", None])
def test_names_of_models_on_bedrock(name, expected, provider_name):
    found = estimate(used(provider_name=provider_name), model=name)
    assert found == ((None, "unknown_model") if expected is None else (pytest.approx(expected), None))


@pytest.mark.parametrize(
    ("provider_name", "model"),
    [
        ("openai", "gpt-4o-mini"),
        (None, "gpt-4o-mini"),
        (None, "gpt-4o-mini-2024-07-18"),
        (None, "openai/gpt-4o-mini"),
        (None, "azure/gpt-4o-mini"),
        ("azure.ai.openai", "gpt-4o-mini"),
        ("azure", "gpt-4o-mini"),
        ("openai", "GPT-4o-mini"),
    ],
)
def test_names_of_a_model_and_of_who_sells_it(provider_name, model):
    # 1,000 x 0.15 + 100 x 0.60 = 210
    assert estimate(used(provider_name=provider_name), model=model) == (pytest.approx(0.00021), None)


@pytest.mark.parametrize(
    ("model", "day", "expected"),
    [
        # Until 12 March 2026 above 200,000 tokens 6 and 22.50: 300,000 x 6 + 100 x 22.50; since then 3 and 15 for any size.
        ("claude-sonnet-4-6", "2026-03-12", 1.80225),
        ("claude-sonnet-4-6", "2026-03-13", 0.9015),
        # Until the end of 2026 0.75 and 3.75, then 1.50 and 7.50.
        ("gemini-3.6-flash", "2026-12-31", 0.225375),
        ("gemini-3.6-flash", "2027-01-01", 0.45075),
    ],
)
def test_prices_are_those_of_the_day(model, day, expected):
    reading = used(300_000, provider_name=None)
    assert estimate(reading, model=model, day=day) == (pytest.approx(expected), None)


@given(
    st.integers(0, 500_000), st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 9_000)
)
@settings(deadline=None, max_examples=200)
def test_any_usage_costs_what_genai_prices_says(rest, read, minutes, hour, output):
    whole = rest + read + minutes + hour
    reading = used(whole, output, cache_read_input_tokens=read, cache_write_input_tokens=minutes + hour,
                   cache_write_1h_input_tokens=hour)  # fmt: skip
    usage = types.Usage(
        input_tokens=whole,
        cache_read_tokens=read,
        cache_write_tokens=minutes + hour,
        cache_write_1h_tokens=hour,
        output_tokens=output,
    )
    expected = genai_prices.calc_price(usage, SONNET, provider_id="anthropic", genai_request_timestamp=at(LATER))
    usd, gap = estimate(reading)
    assert gap is None
    assert is_same(usd, expected.total_price)


def test_a_class_without_a_price_is_priced_as_what_it_is_part_of():
    rates = rates_of(types.ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(10)))
    assert rates.cost_usd(1_000, 500, 300, 100, 0, 0) == pytest.approx(0.002)
    rates = rates_of(types.ModelPrice(input_mtok=Decimal(2), cache_write_mtok=Decimal(4), output_mtok=Decimal(10)))
    assert rates.cost_usd(1_000, 0, 300, 100, 0, 0) == pytest.approx(0.0026)


def test_what_was_used_and_has_no_price_is_not_free():
    only_input = rates_of(types.ModelPrice(input_mtok=Decimal(2)))
    assert only_input.cost_usd(1_000, 0, 0, 0, 0, 0) == pytest.approx(0.002)
    assert only_input.cost_usd(1_000, 0, 0, 0, 1, 0) is None
    assert rates_of(types.ModelPrice(output_mtok=Decimal(2))).cost_usd(1, 0, 0, 0, 1, 0) is None
    assert rates_of(types.ModelPrice()) is None
    assert rates_of(types.ModelPrice(audio_hours=Decimal(1))) is None
    free = rates_of(types.ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0)))
    assert free.cost_usd(1_000, 0, 0, 0, 50, 0) == 0


def test_a_price_per_request_and_one_of_reasoning():
    prices = types.ModelPrice(
        input_mtok=Decimal(1), output_mtok=Decimal(5), output_reasoning_mtok=Decimal(3), requests_kcount=Decimal(6)
    )
    # 1,000 x 1 + (50 - 20) x 5 + 20 x 3 = 1,210 per million, and 0.006 a request
    assert rates_of(prices).cost_usd(1_000, 0, 0, 0, 50, 20) == pytest.approx(0.00121 + 0.006)


def test_prices_are_remembered_and_not_without_bound():
    price._prices.clear()
    for number in range(4_200):
        estimate(used(), model=f"made-up-{number}")
    assert len(price._prices) <= 4_096
    assert estimate(used()) == (pytest.approx(0.0045), None)


def test_no_network_is_asked(monkeypatch):
    def refuse(*_):
        raise AssertionError("a price is never fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    price._prices.clear()
    assert estimate(used()) == (pytest.approx(0.0045), None)
    assert version("genai-prices") == CATALOG_VERSION
