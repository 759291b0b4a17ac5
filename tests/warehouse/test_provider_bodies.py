"""Usage bodies of real providers through reading, the lake's columns and the pricing SQL, against two oracles of others.

One dbt run prices each body at each provider that has a price for its model, on two days: one on which the prices hold that
genai-prices' own tests expect, and one of later prices, where the installed genai-prices is asked. The same run reads every
spelling that the rules of genai-prices know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import genai_prices
import pytest
from genai_prices import types
from genai_prices.data_snapshot import get_snapshot

from ai_finops.pricing.providers import catalog_provider, models_sold, span_names, split_scope
from ai_finops.pricing.usage_bodies import read_usage
from tests.pricing.provider_bodies import Reading, known_differences, readings
from tests.warehouse.tiny_lake import make_raw, run_dbt, span

EXPECTED_ON, LATER = "2026-03-02", "2026-11-20"
PRICED = [reading for reading in readings() if reading.expected_usd is not None]


def call_of(reading: Reading, number: int, *, day: str) -> dict:
    """The call as an instrumentation that reads the provider's body would land it."""
    provider_name = span_names(reading.provider_id)[0]
    usage = read_usage(reading.body, provider_name=provider_name, api_flavor=reading.api_flavor)
    return span(f"{day}-{number}", f"{day} 10:00", reading.model, provider_name=provider_name, **asdict(usage))


def spellings() -> Iterator[tuple[types.Provider, str]]:
    """Yield every id of the catalog, and names that fit one clause each of its rules."""
    for provider in get_snapshot().providers:
        names = {name for _, model in models_sold(provider) for name in (model.id, *_names(model.match))}
        if provider.id == "aws":
            # There a geography comes first, and what stands behind a slash is an ARN's.
            names = {name for name in names if "/" not in name and not name.startswith("x-")}
        yield from ((provider, name) for name in sorted(names))


def _names(match: types.MatchLogic) -> Iterator[str]:
    if isinstance(match, types.ClauseOr | types.ClauseAnd):
        for clause in match.or_ if isinstance(match, types.ClauseOr) else match.and_:
            yield from _names(clause)
    elif isinstance(match, types.ClauseEquals):
        yield from (match.equals, match.equals.upper(), f"{match.equals}-x", _undashed(match.equals))
    elif isinstance(match, types.ClauseStartsWith):
        yield from (match.starts_with, f"{match.starts_with}-20250131")
    elif isinstance(match, types.ClauseEndsWith):
        yield from (match.ends_with, f"x-{match.ends_with}")
    elif isinstance(match, types.ClauseContains):
        yield from (match.contains, f"{match.contains}-x", f"{match.contains}-v9:0")
    elif (name := re.sub(r"\\d(\{\d\})?", "1", match.regex).strip("^$").replace("\\", "")) and "(" not in name:
        for digits in re.findall(r"\\d\{(\d)\}", match.regex):
            name = name.replace("1", "7" * int(digits), 1)
        yield name


def _undashed(name: str) -> str:
    return re.sub(r"-(20\d\d)-(\d\d)-(\d\d)", r"-\1\2\3", name)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Ask the warehouse of all bodies on both days, and of a call without usage for each spelling."""
    path = tmp_path_factory.mktemp("bodies") / "warehouse.duckdb"
    calls = [call_of(reading, number, day=day) for day in (EXPECTED_ON, LATER) for number, reading in enumerate(PRICED)]
    names = [
        span(f"name-{number}", f"{LATER} 10:00", name, provider_name=span_names(provider.id)[-1])
        for number, (provider, name) in enumerate(spellings())
    ]
    make_raw(path, spans=[*calls, *names])
    built = run_dbt(
        path,
        "build",
        "--select=+int_llm_call_usages_priced",
        "--exclude-resource-type=test",
        "--exclude-resource-type=unit_test",
        as_of_date="2026-11-21",
    )
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr

    def query(sql):
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return query


def costs(ask, day: str) -> list[Decimal | None]:
    """Estimated cost of each of PRICED on the day; None where a part of it has no price."""
    found = dict(
        ask(f"""
            select span_id, case when bool_and(estimated_cost_usd is not null) then sum(estimated_cost_usd) end
            from intermediate.int_llm_call_usages_priced
            inner join intermediate.int_llm_calls_resolved using (call_id)
            where int_llm_calls_resolved.usage_date = '{day}'
            group by span_id
        """)
    )
    return [found[f"{day}-{number}"] for number in range(len(PRICED))]


def differences(found: list[Decimal | None], expected: list[Decimal]) -> dict:
    """What differs, by the key of the reading."""
    return {
        reading.key: f"{'no price' if usd is None else f'{usd.normalize():f}'} for {expected_usd.normalize():f}"
        for reading, usd, expected_usd in zip(PRICED, found, expected, strict=True)
        if usd != expected_usd
    }


def test_bodies_cost_what_genai_prices_own_tests_expect(ask):
    assert len(PRICED) == 699
    found = differences(costs(ask, EXPECTED_ON), [reading.expected_usd for reading in PRICED])
    assert found == {key: row["what"] for key, row in known_differences("price").items() if row["what"]}


def test_bodies_cost_later_what_the_installed_genai_prices_says(ask):
    found = differences(costs(ask, LATER), [usd_of_genai_prices(reading) for reading in PRICED])
    assert found == {key: row["what_later"] for key, row in known_differences("price").items() if row["what_later"]}


def usd_of_genai_prices(reading: Reading) -> Decimal:
    _, usage = catalog_provider(reading.provider_id).extract_usage(reading.body, api_flavor=reading.api_flavor)
    at = datetime.combine(date.fromisoformat(LATER), datetime.min.time(), UTC)
    return genai_prices.calc_price(
        usage, reading.model, provider_id=reading.provider_id, genai_request_timestamp=at
    ).total_price


def test_names_stand_for_the_models_that_genai_prices_finds(ask):
    resolved = {
        (provider_name, name): ((model_id, region_scope) if is_known else None)
        for provider_name, name, model_id, region_scope, is_known in ask("""
            select provider_name, model_name, model_id, region_scope, is_known_model
            from intermediate.int_model_names_resolved
        """)
    }
    different, count = {}, 0
    for provider, name in spellings():
        found, expected = resolved[span_names(provider.id)[-1], name], model_of_genai_prices(provider, name)
        # Where the model has one price everywhere, the scope is the call's alone.
        if found and expected and expected[1] == "any":
            expected = (expected[0], found[1])
        count += 1
        if found != expected:
            different[provider.id, name] = (found, expected)
    assert count > 10_000
    assert {name: what for name, what in different.items() if not is_its_own_id(*name, *what)} == {}


def model_of_genai_prices(provider: types.Provider, name: str) -> tuple[str, str] | None:
    """Model id and region scope."""
    model = provider.find_model(name, all_providers=get_snapshot().providers)
    if model is None:
        return None
    catalog_id = next(catalog_id for catalog_id, sold in models_sold(provider) if sold is model)
    return split_scope(catalog_id, provider.id)


def is_its_own_id(provider_id: str, name: str, found: tuple[str, str] | None, expected: object) -> bool:
    """Some ids are no spelling of their model to genai-prices (`codestral`); here an id is a name too."""
    return expected is None and found is not None and found[0] == split_scope(name, provider_id)[0]
